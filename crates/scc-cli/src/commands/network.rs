pub(crate) mod explain;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;

/// Explain what sandboxes may reach
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Args),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Explain(args) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::Explain(args) => explain::run(args, context),
    }
}
