use crate::commands::start::report_end;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::{self, Ended, Target};
use scc_runtime::SandboxRuntime as _;

/// Return to an agent that is running
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: the only one that runs)
    name: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find_running(args.name.as_deref()).await?;
    let attachment = runtime.attach(&view.id).await?;
    let size = terminal::size();
    if let Some(size) = size {
        // A change of size makes a full-screen agent draw itself again.
        runtime.resize(&view.id, size).await?;
    }
    let target = Target::Sandbox(&view.id);
    let ended = terminal::hand_over(&launcher, target, attachment, size.is_some()).await?;
    if ended == Ended::TerminalGone {
        return Ok(129);
    }
    let session = view.session_id.unwrap_or_default();
    let end = launcher.finish(&session, &view.id).await?;
    Ok(report_end(end, context))
}
