use std::path::PathBuf;

use jiff::Timestamp;
use scc_config::HostPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::exceptions::Until;
use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules};

/// Let a running sandbox reach one more host for a while
///
/// Only where the organization delegates it (`defaults.network.allow_requests`). It is recorded, and
/// counts for this session only. When the time is over, open connections to the host are cut.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The host, by its whole name
    #[arg(value_name = "HOST")]
    host: String,
    /// Session name, container, session id or workspace (default: this workspace's, else the only
    /// one that runs)
    name: Option<String>,
    #[command(flatten)]
    until: Until,
    /// Take it away again, and cut its open connections
    #[arg(long, conflicts_with_all = ["ttl", "expires_at", "until"])]
    withdraw: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A host that was added, or taken away: then `until` is now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AllowReport<'a> {
    /// The host.
    host: &'a str,
    /// The container that can reach it.
    container: &'a str,
    /// Until when it can.
    until: Timestamp,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let host = whole_name(&args.host)?;
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find_running(&wanted(args.name.as_deref())).await?;
    if args.withdraw {
        launcher.withdraw_host(&view, host.name()).await?;
        let now = Timestamp::now();
        let said = format!("{host} was taken away");
        return Ok(report(&host, &view.container, now, &said, context));
    }
    let asked = Asked {
        workspace: view.workspace.clone().map(PathBuf::from),
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let governance = rules.governance()?;
    let policy = rules.policy(&governance, context)?;
    if !policy.network.allow_requests {
        return Err(CliError::Refused {
            message: "the rules do not let developers add hosts".to_owned(),
            hint: format!(
                "ask the organization for `{host}` in `allowed_hosts`, or for `allow_requests`"
            ),
        });
    }
    let now = rules.now();
    let end = args.until.resolve(&governance, now)?;
    let seconds = u64::try_from(end.duration_since(now).as_secs()).unwrap_or_default();
    launcher.allow_host(&view, host.name(), seconds).await?;
    let said = format!("{host} can be reached until {end}");
    Ok(report(&host, &view.container, end, &said, context))
}

fn report(
    host: &HostPattern,
    container: &str,
    until: Timestamp,
    said: &str,
    context: &Context,
) -> u8 {
    let report = AllowReport {
        host: host.name(),
        container,
        until,
    };
    context.printer.data("NetworkAllow", &report, &[]);
    context.printer.result(said);
    0
}

fn whole_name(text: &str) -> Result<HostPattern, CliError> {
    let usage = |message| CliError::Usage {
        message,
        hint: "give one name, such as docs.corp.example".to_owned(),
    };
    let host: HostPattern = text.parse().map_err(usage)?;
    match host.is_wildcard() {
        true => Err(usage(format!("`{host}` is more than one host"))),
        false => Ok(host),
    }
}
