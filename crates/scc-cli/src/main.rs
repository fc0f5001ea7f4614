//! The `scc` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    scc_cli::run(scc_cli::providers::all())
}
