use crate::commands::start;
use crate::context::Context;
use crate::error::CliError;

/// Go on with the latest session of this workspace, or with another one
///
/// The same as `scc start --resume`, which has more options.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name, identifier, or six characters of it (default: the latest)
    name: Option<String>,
    /// Arguments for the agent
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    start::run(start::Args::resuming(args.name, args.args), context).await
}
