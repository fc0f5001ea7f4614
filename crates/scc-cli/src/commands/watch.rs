use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use tokio::signal::unix::{SignalKind, signal};

use crate::context::Context;
use crate::error::CliError;

/// Stop a sandbox when its time is over
///
/// `scc start` starts this for a session with a time limit; it goes on when the terminal is gone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The engine's identifier of the sandbox
    sandbox: String,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    // Listening replaces what the signal does by itself.
    let _hangup = signal(SignalKind::hangup()).map_err(CliError::Terminal)?;
    let runtime = context.engine().await?;
    let state = context.state()?;
    context
        .launcher(&runtime, &state)
        .watch(&args.sandbox)
        .await?;
    Ok(0)
}

/// Starts the watcher of a sandbox, which outlives this scc and its terminal.
pub(crate) fn spawn(sandbox: &str) -> Result<(), CliError> {
    let own = std::env::current_exe().map_err(CliError::Runtime)?;
    Command::new(own)
        .args(["watch", sandbox])
        // Not in the workspace, which may be removed while it waits.
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(CliError::Runtime)?;
    Ok(())
}
