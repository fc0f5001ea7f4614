//! Judges the text in the first argument, or with `--` the words behind it:
//!
//! ```console
//! $ cargo run -p scc-safety --example judge 'git fetch && git reset --hard origin/main'
//! $ cargo run -p scc-safety --example judge -- -- git push --force
//! ```

use std::process::ExitCode;

use scc_safety::{Policy, Unknown, evaluate_argv, evaluate_shell};

#[expect(clippy::print_stdout, reason = "an example prints")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let policy = Policy::default();
    let verdict = match args.split_first() {
        Some((dashes, words)) if dashes == "--" => evaluate_argv(words, &Unknown, &policy),
        _ => evaluate_shell(&args.join(" "), &Unknown, &policy),
    };
    for finding in &verdict.findings {
        println!("{}: {}", finding.rule, finding.reason);
        if let Some(alternative) = &finding.alternative {
            println!("  instead: {alternative}");
        }
    }
    if verdict.is_refused() {
        return ExitCode::FAILURE;
    }
    println!("allowed");
    ExitCode::SUCCESS
}
