//! The tasks of this repository: `cargo xtask try`, `cargo xtask test`.

#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a task runner talks to the person and reads the environment"
)]

mod base;
mod bench;
mod engine;
mod run;
mod schema;
mod test;
mod tryout;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run a real agent in a sandbox, against a scripted model: no account is needed
    Try {
        /// The agent
        #[arg(long, default_value = "claude", value_parser = ["claude", "codex"])]
        provider: String,
    },
    /// Run every test, those on a real container engine included
    Test {
        /// Leave out the tests that need a container engine
        #[arg(long)]
        quick: bool,
        /// Only tests whose names contain one of these
        filters: Vec<String>,
    },
    /// Measure: medians of common commands, of the way to an agent's first output, and the like
    Bench(bench::Args),
    Schema(schema::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Try { provider } => tryout::run(&provider),
        Task::Test { quick, filters } => test::run(quick, &filters),
        Task::Bench(args) => bench::run(&args),
        Task::Schema(args) => schema::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
