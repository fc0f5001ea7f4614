use futures_util::TryStreamExt as _;
use scc_runtime::{OutputStream, SandboxRuntime as _};
use tokio::io::AsyncWriteExt as _;

use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;

/// Show what an agent has printed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: this workspace's, else the only
    /// one that runs)
    name: Option<String>,
    /// Go on until the agent ends
    #[arg(short, long)]
    follow: bool,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let view = context
        .launcher(&runtime, &state)
        .find(&wanted(args.name.as_deref()))
        .await?;
    let mut logs = runtime.logs(&view.id, args.follow).await?;
    let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
    while let Some(chunk) = logs.try_next().await? {
        let written = match chunk.stream {
            OutputStream::Stdout => write(&mut stdout, &chunk.bytes).await,
            OutputStream::Stderr => write(&mut stderr, &chunk.bytes).await,
        };
        // Whoever read this has seen enough.
        if written.is_err() {
            break;
        }
    }
    Ok(0)
}

async fn write(
    stream: &mut (impl tokio::io::AsyncWrite + Unpin),
    bytes: &[u8],
) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
