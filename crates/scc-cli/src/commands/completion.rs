use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CliError;

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scc", &mut script);
    context.printer.result(&String::from_utf8_lossy(&script));
    Ok(0)
}
