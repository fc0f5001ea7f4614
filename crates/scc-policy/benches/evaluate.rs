//! Reading and evaluating organizations of growing size: five rules a team, half of them with
//! wildcards.

#![expect(
    clippy::expect_used,
    reason = "the bench's own document is well-formed"
)]

use std::fmt::Write as _;
use std::path::Path;

use divan::Bencher;
use scc_config::{Document, OrgConfig};
use scc_policy::{PolicyInput, evaluate};

const TEAMS: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

/// An organization's document in JSON.
fn document(teams: usize) -> String {
    let mut text = String::from(
        r#"{"schema_version": "1.0.0", "organization": {"name": "Corp", "id": "corp"},
"marketplaces": {"internal": {"source": "github", "owner": "corp", "repo": "plugins"}},
"delegation": {"teams": {"allow_additional_plugins": ["team-*"], "allow_additional_mcp_servers": ["team-*"]}},
"defaults": {"network_policy": "web-egress-enforced", "enabled_plugins": ["base@internal"],
  "allowed_plugins": ["*@internal"]},
"security": {"blocked_plugins": ["#,
    );
    for rule in 0..teams * 5 {
        let comma = if rule == 0 { "" } else { "," };
        let _ = match rule % 4 {
            0 => write!(text, "{comma}\n  \"bad-{rule}\""),
            1 => write!(text, "{comma}\n  \"bad-{rule}@internal\""),
            2 => write!(text, "{comma}\n  \"bad-{rule}-*\""),
            _ => write!(text, "{comma}\n  \"*-{rule}@evil-{rule}\""),
        };
    }
    text.push_str("]},\n\"profiles\": {");
    for team in 0..teams {
        let comma = if team == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n  \"team-{team}\": {{\"description\": \"Team {team}\",\n    \"additional_plugins\": ["
        );
        for plugin in 0..10 {
            let comma = if plugin == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}\"tool-{team}-{plugin}@internal\"");
        }
        let _ = write!(
            text,
            "],\n    \"additional_mcp_servers\": [{{\"name\": \"mcp-{team}\", \"type\": \"http\", \
             \"url\": \"https://mcp-{team}.corp.example/mcp\"}}],\n    \
             \"session\": {{\"timeout_hours\": 8}}}}"
        );
    }
    text.push_str("}}\n");
    text
}

fn read(text: &str) -> Document<OrgConfig> {
    Document::parse(text, Path::new("org.json")).expect("a well-formed document")
}

#[divan::bench(args = TEAMS, sample_count = 20)]
fn parse(bencher: Bencher<'_, '_>, teams: usize) {
    let text = document(teams);
    bencher
        .counter(divan::counter::BytesCount::of_str(&text))
        .bench(|| read(&text));
}

#[divan::bench(args = TEAMS, sample_count = 50)]
fn evaluate_one_team(bencher: Bencher<'_, '_>, teams: usize) {
    let document = read(&document(teams));
    let team = format!("team-{}", teams - 1);
    let now = "2030-01-01T00:00:00Z".parse().expect("a time");
    let input = PolicyInput {
        org: Some(&document),
        team: Some(&team),
        ..PolicyInput::at(now)
    };
    bencher.bench(|| evaluate(&input).expect("the team is known"));
}

#[divan::bench(args = TEAMS, sample_count = 10)]
fn check(bencher: Bencher<'_, '_>, teams: usize) {
    let document = read(&document(teams));
    bencher.bench(|| document.check());
}

#[divan::bench(args = [100, 1_000], sample_count = 10)]
fn parse_yaml(bencher: Bencher<'_, '_>, teams: usize) {
    let text = format!("# YAML\n{}", document(teams));
    bencher.bench(|| read(&text));
}
