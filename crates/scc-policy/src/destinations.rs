//! Where an enforced sandbox may go: one list of hosts, each with whoever wants it there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use scc_config::{HostPattern, NetworkPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Layer, Origin};
use crate::effective::{EffectivePolicy, Sourced};

/// The hosts of GitHub: the site, its API, archives, and what is downloaded from it.
const GITHUB: [&str; 5] = [
    "github.com",
    "api.github.com",
    "codeload.github.com",
    "uploads.github.com",
    "*.githubusercontent.com",
];

/// The ports of the web, which every destination has.
pub const WEB_PORTS: [u16; 2] = [80, 443];

/// A host, with its port where that is not one of the web's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The host, or all below one.
    pub host: HostPattern,
    /// A port beside those of the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// What the list is made from, beside the policy.
#[derive(Debug, Clone, Copy)]
pub struct DestinationInput<'a> {
    /// The id of the provider whose agent runs.
    pub provider: &'a str,
    /// What that provider needs, or the gateway that stands in for it.
    pub provider_endpoints: &'a [Endpoint],
    /// What the sets stand for that depend on this machine, such as `npm`. A set that is not here
    /// adds nothing.
    pub sets: &'a BTreeMap<String, Vec<Endpoint>>,
}

/// Why a host is on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum Cause {
    /// The provider's agent needs it, or it is the gateway that stands in for the vendor.
    Provider(String),
    /// An MCP server is there.
    McpServer(String),
    /// It belongs to a set.
    DestinationSet(String),
    /// It is listed by name.
    AllowedHost,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(id) => write!(f, "needed by the agent `{id}`"),
            Self::McpServer(name) => write!(f, "the MCP server `{name}`"),
            Self::DestinationSet(name) => write!(f, "in the set `{name}`"),
            Self::AllowedHost => f.write_str("listed in `allowed_hosts`"),
        }
    }
}

/// A host that an enforced sandbox may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Destination {
    /// The host, or all below one.
    pub host: HostPattern,
    /// Ports beside those of the web.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<u16>,
    /// The name may resolve to a private address.
    pub internal: bool,
    /// Why it is on the list.
    pub cause: Cause,
    /// Who said so.
    pub origin: Origin,
}

/// The list, in alphabetical order. No host is on it twice, and none that a wildcard includes,
/// unless there is more to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Destinations {
    /// The hosts.
    pub hosts: Vec<Destination>,
    /// Sets that mean nothing on this machine, and so add nothing.
    pub unresolved: Vec<Sourced<String>>,
}

/// Whether a host may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach<'a> {
    /// Yes, by this entry of the list.
    Allowed(&'a Destination),
    /// The host may be reached at other ports only.
    OtherPort(&'a Destination),
    /// It is not on the list.
    NotListed,
}

impl Destinations {
    /// Makes the list. It is empty where the policy lets nothing through.
    pub fn compile(policy: &EffectivePolicy, input: &DestinationInput<'_>) -> Self {
        let mut draft = Draft::default();
        if policy.network_policy.value == NetworkPolicy::LockedDownWeb {
            return draft.finish();
        }
        draft.provider(policy, input);
        draft.policy(policy);
        draft.servers(policy, input.provider);
        for set in &policy.network.destination_sets {
            draft.set(set, input.sets);
        }
        draft.finish()
    }

    /// What the list says about a host and port.
    pub fn find(&self, host: &HostPattern, port: u16) -> Reach<'_> {
        let fits = |entry: &&Destination| entry.host.includes(host);
        let open = |entry: &&Destination| WEB_PORTS.contains(&port) || entry.ports.contains(&port);
        let mut fitting = self.hosts.iter().filter(fits);
        match (self.hosts.iter().filter(fits).find(open), fitting.next()) {
            (Some(entry), _) => Reach::Allowed(entry),
            (None, Some(entry)) => Reach::OtherPort(entry),
            (None, None) => Reach::NotListed,
        }
    }
}

#[derive(Default)]
struct Draft {
    hosts: Vec<Destination>,
    unresolved: Vec<Sourced<String>>,
}

impl Draft {
    fn add(&mut self, endpoint: &Endpoint, internal: bool, cause: Cause, origin: Origin) {
        let port = endpoint.port.filter(|port| !WEB_PORTS.contains(port));
        self.hosts.push(Destination {
            host: endpoint.host.clone(),
            ports: port.into_iter().collect(),
            internal,
            cause,
            origin,
        });
    }

    /// A gateway of the organization's or the team's stands in for all hosts of the provider.
    fn provider(&mut self, policy: &EffectivePolicy, input: &DestinationInput<'_>) {
        let gateway = policy.gateways.get(input.provider);
        let origin = gateway.map_or_else(Origin::default_value, |url| url.origin.clone());
        for endpoint in input.provider_endpoints {
            let cause = Cause::Provider(input.provider.to_owned());
            self.add(endpoint, false, cause, origin.clone());
        }
    }

    /// The hosts of the documents; those of servers among them are added with their ports after.
    fn policy(&mut self, policy: &EffectivePolicy) {
        for entry in &policy.network.allowed_hosts {
            let server = policy.mcp_servers.iter().find(|server| {
                server.origin == entry.origin
                    && server.server.host().as_deref() == Some(entry.host.name())
            });
            let cause = match server {
                Some(server) => Cause::McpServer(server.server.name.clone()),
                None => Cause::AllowedHost,
            };
            let endpoint = Endpoint {
                host: entry.host.clone(),
                port: None,
            };
            self.add(&endpoint, entry.internal, cause, entry.origin.clone());
        }
    }

    /// Also those of artifacts, of which each agent gets its own.
    fn servers(&mut self, policy: &EffectivePolicy, provider: &str) {
        let bundled = policy.artifacts.iter();
        let bundled = bundled.filter_map(|(name, artifact)| artifact.server(name, provider));
        let bundled: Vec<_> = bundled.collect();
        let all = policy.mcp_servers.iter().chain(&bundled);
        for entry in all.filter(|entry| entry.server.transport.is_network()) {
            let host = entry.server.host().and_then(|host| host.parse().ok());
            if let Some(host) = host {
                let port = entry.server.port();
                let cause = Cause::McpServer(entry.server.name.clone());
                self.add(&Endpoint { host, port }, false, cause, entry.origin.clone());
            }
        }
    }

    fn set(&mut self, set: &Sourced<String>, resolved: &BTreeMap<String, Vec<Endpoint>>) {
        let github = || {
            let hosts = GITHUB.iter().filter_map(|host| host.parse().ok());
            let endpoint = |host| Endpoint { host, port: None };
            hosts.map(endpoint).collect::<Vec<_>>()
        };
        let endpoints = match set.value.as_str() {
            "github" => Some(github()),
            name => resolved
                .get(name)
                .filter(|hosts| !hosts.is_empty())
                .cloned(),
        };
        let Some(endpoints) = endpoints else {
            self.unresolved.push(set.clone());
            return;
        };
        for endpoint in &endpoints {
            let cause = Cause::DestinationSet(set.value.clone());
            self.add(endpoint, false, cause, set.origin.clone());
        }
    }

    fn finish(self) -> Destinations {
        Destinations {
            hosts: without_included(merged(self.hosts)),
            unresolved: self.unresolved,
        }
    }
}

/// Each host once, in alphabetical order, with the ports of all its entries. The first that wanted
/// it is named, unless a later one makes it internal.
///
/// Whoever marks a host as internal lets the sandbox reach that service, not whatever else a
/// machine of the internal network listens for: its further ports are the organization's to open.
fn merged(mut hosts: Vec<Destination>) -> Vec<Destination> {
    hosts.sort_by(|a, b| a.host.cmp(&b.host));
    let mut once: Vec<Destination> = Vec::with_capacity(hosts.len());
    for same in hosts.chunk_by_mut(|a, b| a.host == b.host) {
        let internal = same.iter().find(|entry| entry.internal);
        let Some(named) = internal.or(same.first()) else {
            continue;
        };
        let opens = |entry: &&Destination| !named.internal || is_organizations(&entry.origin);
        let ports = same.iter().filter(opens).flat_map(|entry| &entry.ports);
        once.push(Destination {
            ports: ports.copied().collect(),
            ..named.clone()
        });
    }
    once
}

/// Whether the organization's document says it.
pub(crate) fn is_organizations(origin: &Origin) -> bool {
    matches!(origin.layer, Layer::Organization | Layer::Team)
}

/// Without the hosts to which an entry with a wildcard gives all that their own entry does.
fn without_included(hosts: Vec<Destination>) -> Vec<Destination> {
    let gives_all = |wide: &Destination, host: &Destination| {
        wide.host != host.host
            && wide.host.includes(&host.host)
            && wide.ports.is_superset(&host.ports)
            && !host.internal
    };
    let is_included = |host: &Destination| hosts.iter().any(|wide| gives_all(wide, host));
    let stays: Vec<bool> = hosts.iter().map(|host| !is_included(host)).collect();
    let with_mark = hosts.into_iter().zip(stays);
    with_mark
        .filter_map(|(host, stays)| stays.then_some(host))
        .collect()
}
