use std::path::PathBuf;

use jiff::Timestamp;
use scc_config::{HostPattern, NetworkPolicy};
use scc_policy::{Reach, WEB_PORTS};
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::exceptions::Until;
use crate::commands::{team_of, wanted};
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Effective, Rules};

use super::explain::destinations;

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
    let team = team_of(&view, &state)?;
    let asked = || Asked {
        workspace: view.workspace.clone().map(PathBuf::from),
        team: team.clone(),
        ..Asked::default()
    };
    let listed = || listed(&host, view.provider.as_deref(), asked(), context);
    if args.withdraw {
        // Before the rules are read: a host is taken away also where they cannot be.
        launcher.withdraw_host(&view, host.name()).await?;
        let now = Timestamp::now();
        let said = match listed() {
            Ok(Some(why)) => format!("{host} can still be reached: {why}"),
            Ok(None) => format!("{host} cannot be reached any more"),
            Err(error) => format!("{host} was taken away; the rules cannot be read: {error}"),
        };
        return Ok(report(&host, &view.container, now, &said, context));
    }
    if let Some(why) = listed()? {
        return Err(CliError::Failed {
            message: format!("the rules let {host} through already: {why}"),
            hint:
                "a sandbox keeps the list that it was started with; where that is older: scc start \
                   --fresh"
                    .to_owned(),
        });
    }
    let rules = Rules::open(context, asked())?;
    let governance = rules.governance()?;
    let policy = rules.policy(&governance, context)?;
    if policy.network_policy.value != NetworkPolicy::WebEgressEnforced {
        let policy = &policy.network_policy;
        return Err(CliError::Refused {
            message: format!(
                "under `{}` ({}) no host is added",
                policy.value, policy.origin
            ),
            hint: "see what is reached here: scc network explain".to_owned(),
        });
    }
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

/// The rule that lets the host through whatever is added, where one does.
fn listed(
    host: &HostPattern,
    provider: Option<&str>,
    asked: Asked,
    context: &Context,
) -> Result<Option<String>, CliError> {
    let Some(provider) = provider else {
        return Ok(None);
    };
    let effective = Effective::load(context, asked)?;
    if effective.policy.network_policy.value != NetworkPolicy::WebEgressEnforced {
        return Ok(None);
    }
    let destinations = destinations(provider, &effective, context)?;
    Ok(match destinations.find(host, WEB_PORTS[1]) {
        Reach::Allowed(entry) => Some(format!("{} ({})", entry.cause, entry.origin)),
        _ => None,
    })
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
