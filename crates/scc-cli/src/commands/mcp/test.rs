//! Trying a server where the agent would use it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::{team_of, wanted};
use crate::context::Context;
use crate::error::CliError;
use crate::extensions::{Found, Where};
use crate::output::one_line;

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
    /// By the rules of this team (default: the one in which the sandbox was started)
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
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
    /// What happened. Control characters that a server wrote are shown as escapes.
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
    let own = team_of(&view, &state)?;
    if args.team.is_some() && args.team != own {
        let own = match &own {
            Some(own) => format!("in the team {own}: it has that team's"),
            None => "without a team: it has the organization's".to_owned(),
        };
        context
            .printer
            .warning(&format!("the sandbox was started {own} servers and hosts"));
    }
    let team = args.team.clone().or(own);
    let place = Where::of(workspace, view.provider.clone(), team);
    let found = Found::find(&place, context)?;
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
    let reached = trial.reached;
    // The server may have written it.
    let detail = &one_line(&trial.detail);
    let report = TestReport {
        server: &args.name,
        sandbox: &view.container,
        reached,
        detail,
    };
    let said = format!("{}: {detail}", args.name);
    let failed: Vec<_> = (!reached).then(|| said.clone()).into_iter().collect();
    context
        .printer
        .data_with_errors("McpTest", &report, &failed);
    match reached {
        true => context.printer.result(&said),
        false => context.printer.warning(&said),
    }
    Ok(u8::from(!reached))
}
