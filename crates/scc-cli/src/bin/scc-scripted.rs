//! `scc` with a scripted shell agent beside the real ones, for tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    scc_cli::run(scc_cli::providers::with_script())
}
