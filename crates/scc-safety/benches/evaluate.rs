//! Judging texts of growing length, and commands as executed.

use divan::Bencher;
use divan::counter::BytesCount;
use scc_safety::{Policy, Unknown, evaluate_argv, evaluate_shell};

fn main() {
    divan::main();
}

/// A command of 100 characters, with the kinds of words that are common.
const COMMAND: &str = "cd \"$HOME/src\" && git fetch origin main | tail -n 5; \
                       git commit -m 'fix: a parser (now)' && git push";

#[divan::bench]
fn shell_100_characters(bencher: Bencher<'_, '_>) {
    assert_eq!(COMMAND.len(), 100);
    let policy = Policy::default();
    bencher.bench(|| evaluate_shell(divan::black_box(COMMAND), &Unknown, &policy));
}

#[divan::bench]
fn shell_100_characters_refused(bencher: Bencher<'_, '_>) {
    let text = COMMAND.replace("git push", "git push -f");
    let policy = Policy::default();
    bencher.bench(|| evaluate_shell(divan::black_box(&text), &Unknown, &policy));
}

/// The same command over and over, one a line.
#[divan::bench(args = [1, 2, 4, 8, 16, 32], sample_count = 20)]
fn shell_kilobytes(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let lines = kilobytes * 1024 / (COMMAND.len() + 1);
    let text = vec![COMMAND; lines].join("\n");
    let policy = Policy::default();
    assert!(!evaluate_shell(&text, &Unknown, &policy).is_refused());
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| evaluate_shell(divan::black_box(&text), &Unknown, &policy));
}

#[divan::bench(args = ["git status", "git commit -m x", "git push origin HEAD", "git push --force"])]
fn argv(bencher: Bencher<'_, '_>, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let policy = Policy::default();
    bencher.bench(|| evaluate_argv(divan::black_box(&words), &Unknown, &policy));
}
