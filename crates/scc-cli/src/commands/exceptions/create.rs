use serde_json::json;

use super::{Stores, Until, Wanted, record};
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};

/// Make an exception; it lifts missing delegation and allowlists, never a block
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A plugin, or a pattern of plugins; may be repeated
    #[arg(long, value_name = "PATTERN", required_unless_present = "mcp")]
    allow_plugin: Vec<String>,
    /// An MCP server, or a pattern of servers; may be repeated
    #[arg(long = "allow-mcp", value_name = "PATTERN", id = "mcp")]
    allow_mcp: Vec<String>,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    until: Until,
    /// Its id; made up where it is left out
    #[arg(long)]
    id: Option<String>,
    /// Share it with everybody who works in this repository; they have to accept it
    #[arg(long)]
    shared: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let workspace = workspace_root(None).ok();
    let asked = Asked {
        workspace: workspace.clone(),
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let governance = rules.governance()?;
    for pattern in args.allow_plugin.iter().chain(&args.allow_mcp) {
        let read = scc_config::Pattern::try_from(pattern.clone());
        read.map_err(|message| CliError::Usage {
            message,
            hint: String::new(),
        })?;
    }
    let wanted = Wanted {
        plugins: args.allow_plugin.clone(),
        mcp_servers: args.allow_mcp.clone(),
        reason: args.reason.clone(),
        expires_at: args.until.resolve(&governance, rules.now())?,
        id: args.id.clone(),
        shared: args.shared,
    };
    let stores = Stores::open(context, &rules.state, workspace);
    let exception = record(wanted, &stores, &rules.state, rules.now())?;
    context
        .printer
        .data("ExceptionCreate", &json!(exception), &[]);
    context.printer.note(&format!(
        "exception {} holds until {}; see what it changes: scc config explain",
        exception.id, exception.expires_at
    ));
    Ok(0)
}
