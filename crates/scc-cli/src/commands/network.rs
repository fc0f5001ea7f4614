pub(crate) mod allow;
pub(crate) mod explain;
mod log;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;

/// Explain what sandboxes may reach, add a host for a while, and show what they have asked for
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Allow(allow::Args),
    Explain(explain::Args),
    Log(log::Args),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Allow(args) => args.json,
            Command::Explain(args) => args.json,
            Command::Log(args) => args.json,
        }
    }
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::Allow(args) => allow::run(args, context).await,
        Command::Explain(args) => explain::run(args, context),
        Command::Log(args) => log::run(args, context).await,
    }
}
