//! The `scc` command: arguments, settings, prompts, output. What it does is in the crates below;
//! this one reads the environment, talks to the person, and turns outcomes into exit codes.

mod cli;
mod commands;
mod context;
mod dashboard;
mod environment;
mod error;
mod explanation;
mod extensions;
mod findings;
mod governance;
mod host;
mod output;
mod packages;
mod program;
mod progress;
mod prompt;
pub mod providers;
mod question;
mod resume;
pub mod schemas;
mod secrets;
mod terminal;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use scc_provider::Registry;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CliError;

/// Runs the command with the process's arguments and environment.
#[must_use]
pub fn run(registry: Registry) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_usage(&error),
    };
    // What is said on stderr would be written over the dashboard.
    if !(cli.is_fullscreen() && std::io::stderr().is_terminal()) {
        init_tracing(cli.loudness());
    }
    let printer = output::Printer::new(cli.wants_json(), cli.quiet);
    let outcome = run_command(cli, registry, printer);
    match outcome {
        Ok(0) if output::was_lost() => ExitCode::FAILURE,
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Help and version are results; anything else is an error, which programs get in their envelope.
fn refuse_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        let error = CliError::Usage {
            message: message.trim_start_matches("error: ").to_owned(),
            hint: "see the command's --help".to_owned(),
        };
        output::Printer::new(true, false).error(&error);
        return ExitCode::from(error.exit_code());
    }
    // Nothing is left to tell that printing failed.
    let _ = error.print();
    ExitCode::from(u8::from(error.use_stderr()) * 2)
}

fn run_command(cli: Cli, registry: Registry, printer: output::Printer) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Runtime)?;
    let context = Context::load(registry, printer)?;
    let outcome = runtime.block_on(commands::run(cli.command, &context));
    context.report_last_warnings();
    // A thread may still be reading standard input; it must not hold the process up.
    runtime.shutdown_background();
    outcome
}

fn init_tracing(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "scc=debug,scc_launch=debug,scc_runtime=debug",
        _ => "debug",
    };
    tracing_subscriber::fmt()
        .with_env_filter(level)
        .with_writer(std::io::stderr)
        .init();
}
