//! `scc config explain`, the whole command, for organizations of growing size.

#![expect(clippy::expect_used, reason = "the bench's own machine is in order")]

#[path = "../../scc-policy/benches/document/mod.rs"]
mod document;

use std::path::Path;
use std::process::Stdio;

use divan::Bencher;
use document::{Shape, document};
use scc_testkit::context::TestContext;

const TEAMS: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

/// A machine whose user is in the last team of an organization.
fn machine(teams: usize, file: &str, text: &str) -> TestContext {
    let context = TestContext::new();
    let home = context.path("home/.config/scc");
    std::fs::write(home.join(file), text).expect("a file");
    let settings = format!(
        r#"{{"organization": {{"source": "{file}"}}, "team": "team-{}"}}"#,
        teams - 1
    );
    std::fs::write(home.join("config.json"), settings).expect("a file");
    context
}

fn explain(bencher: Bencher<'_, '_>, context: &TestContext) {
    bencher.bench(|| {
        let mut command = context.command(Path::new(env!("CARGO_BIN_EXE_scc")));
        command.args(["config", "explain"]).stdin(Stdio::null());
        command.current_dir(context.workspace());
        let output = command.output().expect("the command runs");
        assert!(output.status.success(), "{output:?}");
        output
    });
}

#[divan::bench(args = TEAMS, sample_count = 20)]
fn json(bencher: Bencher<'_, '_>, teams: usize) {
    let text = document(teams, Shape::Plain);
    explain(bencher, &machine(teams, "org.json", &text));
}

#[divan::bench(args = TEAMS, sample_count = 20)]
fn yaml(bencher: Bencher<'_, '_>, teams: usize) {
    let text = format!("# YAML\n{}", document(teams, Shape::Plain));
    explain(bencher, &machine(teams, "org.yaml", &text));
}

#[divan::bench(args = [Shape::Plain, Shape::Infix, Shape::Shared, Shape::Marketplaces], sample_count = 20)]
fn a_thousand_teams(bencher: Bencher<'_, '_>, shape: Shape) {
    let text = document(1_000, shape);
    explain(bencher, &machine(1_000, "org.json", &text));
}
