use scc_launch::SessionView;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;

/// Stop a sandbox
///
/// The session can be seen in `scc sessions`, and the stopped sandbox in `scc list` until the next
/// start replaces it or `scc prune` removes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: this workspace's, else the only
    /// one that runs)
    #[arg(conflicts_with = "all")]
    name: Option<String>,
    /// All of them
    #[arg(short, long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct StopReport<'a> {
    /// The containers.
    stopped: Vec<&'a String>,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let views: Vec<SessionView> = if args.all {
        let views = launcher.settled_sandboxes().await?;
        views.into_iter().filter(SessionView::is_running).collect()
    } else {
        vec![launcher.find(&wanted(args.name.as_deref())).await?]
    };
    let (mut stopped, mut failed) = (Vec::new(), None);
    for view in &views {
        match launcher.stop(view).await {
            Ok(()) => {
                context.printer.note(&format!("stopped {}", view.container));
                stopped.push(&view.container);
            }
            // The others are to end all the same.
            Err(error) => {
                context
                    .printer
                    .warning(&format!("{}: {error}", view.container));
                failed = Some(error);
            }
        }
    }
    if views.is_empty() {
        context.printer.note("nothing is running");
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    context.printer.data("Stop", &StopReport { stopped }, &[]);
    Ok(0)
}
