pub(crate) mod test;

use clap::Subcommand;
use scc_config::ArtifactKind;
use scc_launch::{ArtifactPlan, ServerPlan};
use scc_policy::{Decision, ItemKind, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::extensions::{Found, Where, artifact_state, artifacts, refusals};
use crate::output::table;

/// Show the MCP servers that an agent gets here, and why; try one from inside a sandbox
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the servers that somebody asked for, and whether the agent gets them
    List(Where),
    Why(WhyArgs),
    Test(test::Args),
}

/// Explain what was decided about an MCP server or an artifact of a bundle, and by which rule
///
/// Ends with 6 where the agent does not get it.
#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// The server
    name: String,
    #[command(flatten)]
    place: Where,
}

/// The MCP servers of an agent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListReport<'a> {
    /// The agent.
    provider: &'a str,
    /// What the rules allow, and whether the agent gets it.
    servers: &'a [ServerPlan],
    /// The artifacts of bundles that are servers; those that the agent is offered are among the
    /// servers.
    artifacts: Vec<&'a ArtifactPlan>,
    /// What a layer asked for and the rules do not let in.
    refused: Vec<&'a Decision>,
}

/// What was decided about an MCP server.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WhyReport<'a> {
    /// The agent.
    provider: &'a str,
    /// A decision for each time that a layer asked for it.
    decisions: Vec<&'a Decision>,
    /// What the agent gets, where the rules allow it.
    server: Option<&'a ServerPlan>,
    /// The artifact of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<&'a ArtifactPlan>,
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::List(place) => place.json,
            Command::Why(args) => args.place.json,
            Command::Test(args) => args.json,
        }
    }
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::List(place) => list(place, context),
        Command::Why(args) => why(args, context),
        Command::Test(args) => test::run(args, context).await,
    }
}

fn list(place: &Where, context: &Context) -> Result<u8, CliError> {
    let found = Found::find(place, context)?;
    let refused = found.refused(ItemKind::McpServer);
    let bundled = found.plan.artifacts.iter();
    let bundled = bundled.filter(|one| one.facts.kind == ArtifactKind::McpServer);
    let bundled: Vec<_> = bundled.collect();
    let mut text = match found.plan.servers.is_empty() {
        true => format!("{} gets no MCP servers", found.provider),
        false => {
            let rows = found.plan.servers.iter().map(row).collect();
            let agent = found.provider.to_uppercase();
            table(&["SERVER", "TYPE", "ASKED FOR BY", &agent], rows)
        }
    };
    for more in [
        artifacts(bundled.iter().copied(), &found.provider),
        refusals(&refused),
    ] {
        if !more.is_empty() {
            text.push('\n');
            text.push_str(&more);
        }
    }
    let report = ListReport {
        provider: &found.provider,
        servers: &found.plan.servers,
        artifacts: bundled,
        refused,
    };
    context.printer.data("McpList", &report, &[]);
    context.printer.result(&text);
    Ok(0)
}

fn why(args: &WhyArgs, context: &Context) -> Result<u8, CliError> {
    let found = Found::find(&args.place, context)?;
    let decisions = found.about(ItemKind::McpServer, &args.name)?;
    let allowed = decisions.iter().find(|one| one.outcome == Outcome::Allowed);
    let artifact = found.artifact(&args.name);
    let artifact = artifact.filter(|one| one.facts.kind == ArtifactKind::McpServer);
    let server = allowed.and_then(|one| found.plan.server_of(&one.item));
    let mut lines: Vec<_> = artifact
        .map(|one| format!("{}: {}", one.facts.artifact, artifact_state(one)))
        .into_iter()
        .collect();
    if let (Some(one), Some(server)) = (allowed, server) {
        lines.push(format!(
            "{} ({}): {}",
            one.item,
            server.transport,
            state(server)
        ));
        lines.push(format!("{}: {}", server.origin, one.message));
    }
    let refused = decisions.iter().copied();
    let refused: Vec<_> = refused
        .filter(|one| one.outcome != Outcome::Allowed)
        .collect();
    lines.push(refusals(&refused));
    lines.retain(|line| !line.is_empty());
    let report = WhyReport {
        provider: &found.provider,
        decisions,
        server,
        artifact,
    };
    let gets = server.is_some_and(|server| server.delivered);
    let printer = context.printer;
    printer.data_with_errors("McpWhy", &report, &found.lack(gets, &args.name));
    context.printer.result(&lines.join("\n"));
    Ok(if gets { 0 } else { 6 })
}

fn row(server: &ServerPlan) -> Vec<String> {
    vec![
        server.name.clone(),
        server.transport.to_owned(),
        server.origin.to_string(),
        state(server),
    ]
}

fn state(server: &ServerPlan) -> String {
    match &server.reason {
        None => "gets it".to_owned(),
        Some(reason) => format!("does not get it: {reason}"),
    }
}
