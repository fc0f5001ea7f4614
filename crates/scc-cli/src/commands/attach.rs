use crate::commands::start::attended_status;
use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::{self, Ended, Stop, Target};
use scc_runtime::SandboxRuntime as _;

/// Return to an agent that is running
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: this workspace's, else the only
    /// one that runs)
    name: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    if terminal::size().is_none() {
        return Err(CliError::Usage {
            message: "there is no terminal to return to the agent with".to_owned(),
            hint: "see what it says: scc logs -f".to_owned(),
        });
    }
    to(args.name, context).await
}

/// Attends a running agent until it ends; its status is ours.
pub(crate) async fn to(name: Option<String>, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find_running(&wanted(name.as_deref())).await?;
    let attachment = runtime.attach(&view.id).await?;
    let name = view.name.as_ref().unwrap_or(&view.container);
    context.printer.note(&format!(
        "attached to {name}; what it said before: scc logs {name}; Ctrl-P, Ctrl-Q leave it"
    ));
    let size = terminal::size();
    if let Some(size) = size {
        // A change of size makes a full-screen agent draw itself again.
        // One that has just ended has no size any more.
        let _ = runtime.resize(&view.id, size).await;
    }
    let target = Target::Sandbox(&view.id);
    let ended = terminal::hand_over(&launcher, target, attachment, size.is_some()).await?;
    match ended {
        Ended::By(stop @ Stop::Hangup) => return Ok(stop.status()),
        Ended::Left => {
            terminal::note_left(name, context.printer);
            return Ok(0);
        }
        _ => {}
    }
    let session = view.session_id.unwrap_or_default();
    let rest = launcher.finish(&session, &view.id);
    let end = terminal::finish(rest).await?;
    Ok(attended_status(ended, end, context))
}
