use scc_launch::SessionView;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;

/// Stop a sandbox
///
/// The session can be seen in `scc sessions`, and the stopped sandbox in `scc list` until the next
/// start replaces it or `scc prune` removes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: the only one that runs)
    #[arg(conflicts_with = "all")]
    name: Option<String>,
    /// All of them
    #[arg(short, long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let views: Vec<SessionView> = if args.all {
        let views = launcher.settled_sandboxes().await?;
        views.into_iter().filter(SessionView::is_running).collect()
    } else {
        vec![launcher.find(args.name.as_deref()).await?]
    };
    for view in &views {
        launcher.stop(view).await?;
        context.printer.note(&format!("stopped {}", view.container));
    }
    if views.is_empty() {
        context.printer.note("nothing is running");
    }
    let names: Vec<_> = views.iter().map(|view| &view.container).collect();
    context
        .printer
        .data("Stop", &json!({ "stopped": names }), &[]);
    Ok(0)
}
