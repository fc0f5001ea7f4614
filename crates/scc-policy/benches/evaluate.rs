//! Reading, checking and evaluating organizations of growing size: each step alone, and all of them
//! for one team. Time has to grow with the document and no faster, whatever its shape.

#![expect(
    clippy::expect_used,
    reason = "the bench's own document is well-formed"
)]

mod document;

use std::path::Path;

use divan::Bencher;
use document::{Shape, document};
use scc_config::{Document, OrgConfig};
use scc_policy::{EffectivePolicy, PolicyInput, evaluate};

const TEAMS: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

fn read(text: &str) -> Document<OrgConfig> {
    Document::parse(text, Path::new("org.json")).expect("a well-formed document")
}

fn of_last_team(document: &Document<OrgConfig>, teams: usize) -> EffectivePolicy {
    let team = format!("team-{}", teams - 1);
    let now = "2030-01-01T00:00:00Z".parse().expect("a time");
    let input = PolicyInput {
        org: Some(document),
        team: Some(&team),
        ..PolicyInput::at(now)
    };
    evaluate(&input).expect("the team is known")
}

fn whole(bencher: Bencher<'_, '_>, text: &str, file: &str, teams: usize) {
    bencher
        .counter(divan::counter::BytesCount::of_str(text))
        .bench(|| {
            let document = Document::parse(text, Path::new(file)).expect("a well-formed document");
            assert!(document.check().is_empty());
            of_last_team(&document, teams)
        });
}

#[divan::bench(args = TEAMS, sample_count = 10)]
fn parse(bencher: Bencher<'_, '_>, teams: usize) {
    let text = document(teams, Shape::Plain);
    bencher
        .counter(divan::counter::BytesCount::of_str(&text))
        .bench(|| read(&text));
}

#[divan::bench(args = TEAMS, sample_count = 10)]
fn check(bencher: Bencher<'_, '_>, teams: usize) {
    let document = read(&document(teams, Shape::Plain));
    bencher.bench(|| document.check());
}

#[divan::bench(args = TEAMS, sample_count = 10)]
fn evaluate_one_team(bencher: Bencher<'_, '_>, teams: usize) {
    let document = read(&document(teams, Shape::Plain));
    bencher.bench(|| of_last_team(&document, teams));
}

#[divan::bench(args = TEAMS, sample_count = 5)]
fn whole_path(bencher: Bencher<'_, '_>, teams: usize) {
    whole(bencher, &document(teams, Shape::Plain), "org.json", teams);
}

#[divan::bench(args = TEAMS, sample_count = 5)]
fn whole_path_yaml(bencher: Bencher<'_, '_>, teams: usize) {
    let text = format!("# YAML\n{}", document(teams, Shape::Plain));
    whole(bencher, &text, "org.yaml", teams);
}

#[divan::bench(args = TEAMS, sample_count = 5)]
fn whole_path_one_line(bencher: Bencher<'_, '_>, teams: usize) {
    let text = document(teams, Shape::Plain).replace('\n', "");
    whole(bencher, &text, "org.json", teams);
}

#[divan::bench(args = TEAMS, sample_count = 5)]
fn whole_path_infix_rules(bencher: Bencher<'_, '_>, teams: usize) {
    whole(bencher, &document(teams, Shape::Infix), "org.json", teams);
}

#[divan::bench(args = TEAMS, sample_count = 5)]
fn whole_path_rules_that_start_alike(bencher: Bencher<'_, '_>, teams: usize) {
    whole(bencher, &document(teams, Shape::Shared), "org.json", teams);
}

#[divan::bench(args = TEAMS, sample_count = 5)]
fn whole_path_many_marketplaces(bencher: Bencher<'_, '_>, teams: usize) {
    let text = document(teams, Shape::Marketplaces);
    whole(bencher, &text, "org.json", teams);
}
