//! Trying a server where the agent would use it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;
use crate::extensions::{Found, Where};

/// Try an MCP server from inside a running sandbox
///
/// A program is started and asked for its first answer; a server of the network has to take a
/// connection, where egress is enforced through the proxy, and gets no headers and no secrets. Ends with
/// 1 where the server is not reached, and with 6 where the agent does not get it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server
    name: String,
    /// Session name, container, session id or workspace of the sandbox (default: this workspace's,
    /// else the only one that runs)
    sandbox: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What came of trying a server.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TestReport<'a> {
    /// The server.
    server: &'a str,
    /// The sandbox's container.
    sandbox: &'a str,
    /// Whether it was reached.
    reached: bool,
    /// What happened.
    detail: &'a str,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher
        .find_running(&wanted(args.sandbox.as_deref()))
        .await?;
    let workspace = view.workspace.as_ref().map(PathBuf::from);
    let found = Found::find(&Where::of(workspace, view.provider.clone()), context)?;
    let refused = || CliError::Refused {
        message: format!(
            "{} does not get the MCP server `{}`",
            found.provider, args.name
        ),
        hint: format!("see why: scc mcp why {}", args.name),
    };
    let planned = found.plan.server_of(&args.name);
    let planned = planned.filter(|server| server.delivered);
    let name = &planned.ok_or_else(refused)?.asked_as;
    let trial = launcher
        .try_server(&view.id, (&found.policy, &found.provider), name)
        .await?;
    let trial = trial.ok_or_else(refused)?;
    let report = TestReport {
        server: &args.name,
        sandbox: &view.container,
        reached: trial.reached,
        detail: &trial.detail,
    };
    let failed = (!trial.reached).then(|| format!("{}: {}", args.name, trial.detail));
    let failed: Vec<_> = failed.into_iter().collect();
    context
        .printer
        .data_with_errors("McpTest", &report, &failed);
    match failed.first() {
        None => context
            .printer
            .result(&format!("{}: {}", args.name, trial.detail)),
        Some(failure) => context.printer.warning(failure),
    }
    Ok(u8::from(!trial.reached))
}
