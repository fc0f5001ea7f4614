use std::path::PathBuf;

use scc_config::{HostPattern, NetworkPolicy};
use scc_launch::provider_endpoints;
use scc_policy::{Destination, Destinations, EffectivePolicy, Reach, Sourced};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::extensions::would_start;
use crate::governance::{Asked, Effective, workspace_root};
use crate::output::table;

/// Show what a sandbox may reach here and why, or whether it may reach one host
///
/// Ends with 6 where the host may not be reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A host, with its port where that is not 443
    #[arg(value_name = "HOST[:PORT]")]
    host: Option<String>,
    /// For this agent instead of the one that would start
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// The workspace instead of the current directory
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// As if you worked in this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Use copies of documents only
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let workspace = workspace_root(args.workspace.as_deref())?;
    let asked = Asked {
        workspace: Some(workspace.clone()),
        team: args.team.clone(),
        offline: args.offline,
        ..Asked::default()
    };
    let effective = Effective::load(context, asked)?;
    let provider = would_start(args.provider.as_deref(), &effective, &workspace, context)?;
    let destinations = destinations(&provider, &effective, context)?;
    let view = View {
        policy: &effective.policy,
        provider: &provider,
        destinations: &destinations,
    };
    match &args.host {
        Some(text) => Ok(view.show_one(text, context)?),
        None => {
            view.show_all(context);
            Ok(0)
        }
    }
}

/// What an agent's sandbox may reach by the rules.
pub(super) fn destinations(
    id: &str,
    effective: &Effective,
    context: &Context,
) -> Result<Destinations, CliError> {
    let provider = context.known_provider(id)?;
    let settings = context.planned_settings(id, &effective.config);
    let (endpoints, _) = provider_endpoints(provider, &settings)?;
    let request = context.egress(&effective.policy)?;
    Ok(scc_launch::destinations(
        &effective.policy,
        id,
        &endpoints,
        &request,
    ))
}

struct View<'a> {
    policy: &'a EffectivePolicy,
    provider: &'a str,
    destinations: &'a Destinations,
}

impl View<'_> {
    fn is_enforced(&self) -> bool {
        self.policy.network_policy.value == NetworkPolicy::WebEgressEnforced
    }

    fn heading(&self) -> String {
        let policy = &self.policy.network_policy;
        let means = match policy.value {
            NetworkPolicy::Open => "everything that this machine reaches is reached",
            NetworkPolicy::WebEgressEnforced => "only these hosts are reached, through a proxy",
            NetworkPolicy::LockedDownWeb => "nothing is reached",
        };
        format!("{} ({}): {means}", policy.value, policy.origin)
    }

    fn show_all(&self, context: &Context) {
        let all = Shown::All(self.destinations);
        context
            .printer
            .data("NetworkExplain", &self.report(all), &[]);
        let mut text = vec![self.heading()];
        if self.is_enforced() {
            let rows = self.destinations.hosts.iter().map(row).collect();
            text.push(table(&["HOST", "PORTS", "WHY", "SAID BY"], rows));
            text.extend(self.destinations.unresolved.iter().map(|set| {
                format!(
                    "the set `{}` ({}) adds nothing: its package manager is not set up here",
                    set.value, set.origin
                )
            }));
        }
        context.printer.result(&text.join("\n"));
    }

    fn report<'a>(&'a self, shown: Shown<'a>) -> ExplainReport<'a> {
        ExplainReport {
            network_policy: &self.policy.network_policy,
            provider: self.provider,
            shown,
        }
    }

    /// The exit code says whether the host is reached.
    fn show_one(&self, text: &str, context: &Context) -> Result<u8, CliError> {
        let (name, port) = target(text)?;
        let answer = self.answer(name, port);
        let one = Shown::One {
            host: name,
            port,
            answer: &answer,
        };
        context
            .printer
            .data("NetworkExplain", &self.report(one), &[]);
        let word = if answer.allowed { "allowed" } else { "denied" };
        let text = format!("{name}:{port} is {word}: {}", answer.reason);
        context.printer.result(&text);
        if !answer.allowed && self.is_enforced() {
            context.printer.note(&self.way(name));
        }
        Ok(if answer.allowed { 0 } else { 6 })
    }

    /// How a host that is refused can be had.
    fn way(&self, name: &str) -> String {
        match self.policy.network.allow_requests {
            true => format!("let a running sandbox reach it for a while: scc network allow {name}"),
            false => format!(
                "ask whoever keeps the organization's rules for `{name}` in `allowed_hosts`"
            ),
        }
    }

    fn answer(&self, name: &str, port: u16) -> Answer<'_> {
        let policy = &self.policy.network_policy;
        let say = |allowed, reason: String| Answer {
            allowed,
            reason,
            rule: None,
        };
        match policy.value {
            NetworkPolicy::Open => {
                return say(true, format!("the policy is `open` ({})", policy.origin));
            }
            NetworkPolicy::LockedDownWeb => {
                let reason = format!("the policy is `locked-down-web` ({})", policy.origin);
                return say(false, reason);
            }
            NetworkPolicy::WebEgressEnforced => {}
        }
        let host: HostPattern = match name.parse() {
            Ok(host) => host,
            Err(error) => return say(false, format!("only names are let through; {error}")),
        };
        match self.destinations.find(&host, port) {
            Reach::Allowed(entry) => Answer {
                allowed: true,
                reason: format!("{} ({})", entry.cause, entry.origin),
                rule: Some(entry),
            },
            Reach::OtherPort(entry) => Answer {
                allowed: false,
                reason: format!("only the ports {} are let through", ports(entry)),
                rule: Some(entry),
            },
            Reach::NotListed => say(
                false,
                format!(
                    "it is not on the list of `{}` ({})",
                    policy.value, policy.origin
                ),
            ),
        }
    }
}

/// Whether a host is reached, and why.
#[derive(Serialize, JsonSchema)]
struct Answer<'a> {
    allowed: bool,
    reason: String,
    rule: Option<&'a Destination>,
}

/// What a sandbox may reach.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExplainReport<'a> {
    network_policy: &'a Sourced<NetworkPolicy>,
    /// The agent that it counts for.
    provider: &'a str,
    #[serde(flatten)]
    shown: Shown<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Shown<'a> {
    All(&'a Destinations),
    One {
        host: &'a str,
        port: u16,
        #[serde(flatten)]
        answer: &'a Answer<'a>,
    },
}

fn row(entry: &Destination) -> Vec<String> {
    let internal = if entry.internal { ", internal" } else { "" };
    vec![
        entry.host.to_string(),
        ports(entry),
        format!("{}{internal}", entry.cause),
        entry.origin.to_string(),
    ]
}

fn ports(entry: &Destination) -> String {
    let all = scc_policy::WEB_PORTS.iter().chain(&entry.ports);
    let all: Vec<_> = all.map(u16::to_string).collect();
    all.join(", ")
}

/// Host and port of what was typed, which may be an address of the web.
fn target(text: &str) -> Result<(&str, u16), CliError> {
    let (rest, default) = match text.split_once("://") {
        Some(("http", rest)) => (rest, 80),
        Some(("ftp", rest)) => (rest, 21),
        Some(("git", rest)) => (rest, 9418),
        Some((scheme, rest)) if scheme.contains("ssh") => (rest, 22),
        Some((_, rest)) => (rest, 443),
        None => (text, 443),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    match authority.rsplit_once(':') {
        // As git writes a place that is reached by ssh: `git@HOST:PATH`.
        Some((host, _)) if user.is_some() && !text.contains("://") => Ok((host, 22)),
        Some((host, port)) if !host.contains(':') => {
            let port = port.parse().map_err(|_| CliError::Usage {
                message: format!("`{port}` is no port"),
                hint: format!("give a number from 1 to 65535: {host}:443"),
            })?;
            Ok((host, port))
        }
        _ => Ok((authority, default)),
    }
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn what_is_typed_may_be_an_address_of_the_web() {
        for (text, expected) in [
            ("a.example", ("a.example", 443)),
            ("a.example:8443", ("a.example", 8443)),
            ("http://a.example/x", ("a.example", 80)),
            ("https://u@a.example:1/x", ("a.example", 1)),
            ("::1", ("::1", 443)),
            ("git@a.example:o/r.git", ("a.example", 22)),
            ("ssh://git@a.example/o/r", ("a.example", 22)),
        ] {
            assert_eq!(target(text).unwrap(), expected, "{text}");
        }
        for text in ["a.example:99999", "a.example:abc", "a.example:"] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
