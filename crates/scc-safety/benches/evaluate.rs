//! Judging texts of growing length, and commands as executed. Fails where a text takes too long.

use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::BytesCount;
use scc_safety::{Policy, Unknown, evaluate_argv, evaluate_shell};

fn main() {
    divan::main();
    // As a test it is built without optimization.
    if std::env::args().any(|word| word == "--bench") {
        check_limits();
    }
}

/// What a command of 100 characters may take.
const LIMIT: Duration = Duration::from_micros(100);
/// How many times as long as one KiB the longest text, of 32 KiB, may take. It is 32 where time grows
/// with the length exactly; the rest is what machines make of it.
const GROWTH: u32 = 48;

fn check_limits() {
    let short = median(COMMAND);
    assert!(short < LIMIT, "100 characters take {short:?}");
    let (one, longest) = (
        median(&kilobytes_of_text(1)),
        median(&kilobytes_of_text(32)),
    );
    assert!(
        longest <= one * GROWTH,
        "1 KiB takes {one:?}, 32 KiB {longest:?}"
    );
}

fn median(text: &str) -> Duration {
    let policy = Policy::default();
    let mut times: Vec<Duration> = (0..51)
        .map(|_| {
            let start = Instant::now();
            divan::black_box(evaluate_shell(divan::black_box(text), &Unknown, &policy));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// The same command over and over, one a line.
fn kilobytes_of_text(kilobytes: usize) -> String {
    let lines = kilobytes * 1024 / (COMMAND.len() + 1);
    vec![COMMAND; lines].join("\n")
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

#[divan::bench(args = [1, 2, 4, 8, 16, 32], sample_count = 20)]
fn shell_kilobytes(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let text = kilobytes_of_text(kilobytes);
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
