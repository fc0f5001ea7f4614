//! Every row of the table, judged.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[expect(dead_code, reason = "the table is shared, and each test uses a part")]
mod rows;

use rows::{ARGV, Row, SHELL, rows, words};
use scc_safety::{Policy, Unknown, Verdict, evaluate_argv, evaluate_shell};

fn check(row: &Row, verdict: &Verdict) -> Option<String> {
    let found: Vec<&str> = verdict
        .findings
        .iter()
        .map(|found| found.rule.as_str())
        .collect();
    let right =
        verdict.is_refused() == row.refuse && row.rule.is_none_or(|rule| found.contains(&rule));
    (!right).then(|| format!("{}: {} -> {found:?}", row.line, row.command))
}

fn report(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn commands_as_executed() {
    let policy = Policy::default();
    let wrong = rows(ARGV)
        .into_iter()
        .filter_map(|row| check(&row, &evaluate_argv(&words(row.command), &Unknown, &policy)));
    report(&wrong.collect::<Vec<_>>());
}

#[test]
fn texts_for_a_shell() {
    let policy = Policy::default();
    let wrong = rows(SHELL).into_iter().filter_map(|row| {
        let text = row.command.replace('␤', "\n");
        check(&row, &evaluate_shell(&text, &Unknown, &policy))
    });
    report(&wrong.collect::<Vec<_>>());
}
