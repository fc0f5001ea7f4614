use futures_util::TryStreamExt as _;
use scc_launch::{EgressEntry, EgressReader, LaunchError, proxy_ended};
use scc_runtime::{OutputStream, SandboxRuntime as _, SandboxState};
use tokio::io::AsyncWriteExt as _;

use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;

/// Show what a running sandbox with enforced egress has asked for
///
/// A refusal is shown at once, a tunnel when it is closed. `scc audit egress` shows what ended
/// sessions have asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: this workspace's, else the only
    /// one that runs)
    name: Option<String>,
    /// Go on until the sandbox ends
    #[arg(short, long)]
    follow: bool,
    /// Print JSON; with --follow one document a line
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find_running(&wanted(args.name.as_deref())).await?;
    let Some(proxy) = launcher.proxy_of(&view.container).await? else {
        let name = view.container;
        return Err(LaunchError::NoProxy { name }.into());
    };
    let mut warnings = Vec::new();
    if proxy.state != SandboxState::Running {
        warnings.push(proxy_ended(&view.container));
    }
    if args.follow {
        warn(&warnings, context);
        let output = runtime.logs(&proxy.id, true).await?;
        return follow(output, context).await;
    }
    let log = launcher.egress_of(&proxy).await?;
    if !log.is_whole {
        warnings.push("so much was asked for that the first requests are not kept".to_owned());
    }
    warn(&warnings, context);
    context.printer.data("NetworkLog", &log.entries, &warnings);
    let lines: Vec<_> = log.entries.iter().map(line).collect();
    context.printer.result(&lines.join("\n"));
    Ok(0)
}

fn warn(warnings: &[String], context: &Context) {
    for warning in warnings {
        context.printer.warning(warning);
    }
}

/// Prints each request when it is there.
async fn follow(
    mut output: impl futures_util::TryStream<
        Ok = scc_runtime::OutputChunk,
        Error = scc_runtime::EngineError,
    > + Unpin,
    context: &Context,
) -> Result<u8, CliError> {
    let mut stdout = tokio::io::stdout();
    let mut rest = Vec::new();
    let mut reader = EgressReader::default();
    while let Some(chunk) = output.try_next().await? {
        if chunk.stream == OutputStream::Stderr {
            continue;
        }
        rest.extend_from_slice(&chunk.bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let whole: Vec<u8> = rest.drain(..=end).collect();
            let Some(entry) = reader.read(String::from_utf8_lossy(&whole).trim_end()) else {
                continue;
            };
            let text = match context.printer.line("NetworkLog", &[&entry]) {
                Some(document) => document + "\n",
                None => line(&entry) + "\n",
            };
            let written = stdout.write_all(text.as_bytes()).await;
            // Whoever read this has seen enough.
            if written.is_err() || stdout.flush().await.is_err() {
                return Ok(0);
            }
        }
    }
    Ok(0)
}

fn line(entry: &EgressEntry) -> String {
    let word = if entry.allowed { "allowed" } else { "denied " };
    let what = match &entry.reason {
        Some(reason) => reason.clone(),
        None => format!("{} B sent, {} B received", entry.sent, entry.received),
    };
    format!(
        "{} {word} {}:{}  {what}",
        entry.time, entry.host, entry.port
    )
}
