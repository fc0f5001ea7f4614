//! Enforced egress: a proxy of its own for each session, as the only way out of the sandbox.

pub(crate) mod checks;
mod environment;
mod requests;
mod run;
mod squid;
mod sweep;

pub use requests::{EGRESS_EVENT, EgressEntry, EgressLog, EgressReader, EgressSum, egress_facts};
pub use sweep::proxy_ended;

use std::collections::BTreeMap;
use std::net::IpAddr;

use scc_config::NetworkPolicy;
use scc_policy::{DestinationInput, Destinations, EffectivePolicy, Endpoint, Reach};
use scc_provider::{AgentProvider, ProviderSettings, url_port};
use scc_runtime::egress::{Topology, WayOut};
use scc_runtime::{EnvValue, SandboxSpec, SealedDirectory, labels};
use schemars::JsonSchema;
use serde::Serialize;

use crate::images::{ImagePlan, plan_proxy_image};
use crate::{Blocker, BlockerKind, Decision, LaunchError, ManagerSettings, PackageHosts};

/// How egress is to be enforced on this machine, where it has to be.
#[derive(Debug, Clone, Default)]
pub struct EgressRequest {
    /// How a sandbox is joined to its proxy.
    pub topology: Topology,
    /// How a proxy gets out.
    pub way_out: WayOut,
    /// The addresses of this machine.
    pub machine: Vec<IpAddr>,
    /// What the sets of hosts that depend on this machine stand for, as far as the rules use them.
    pub packages: BTreeMap<String, PackageHosts>,
}

/// What enforces the egress of a launch.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EgressPlan {
    /// How the sandbox is joined to its proxy.
    pub topology: Topology,
    /// The proxy's image.
    pub image: String,
    /// Where the agent may go.
    #[serde(flatten)]
    pub destinations: Destinations,
    #[serde(skip)]
    images: ImagePlan,
    #[serde(skip)]
    way_out: WayOut,
    #[serde(skip)]
    machine: Vec<IpAddr>,
    #[serde(skip)]
    policy: SealedDirectory,
}

/// What a plan of egress is made from.
pub(crate) struct EgressDraft<'a> {
    pub(crate) policy: &'a EffectivePolicy,
    pub(crate) request: &'a EgressRequest,
    pub(crate) provider: &'a dyn AgentProvider,
    pub(crate) settings: &'a ProviderSettings,
    /// The image below everything, which scc does not build.
    pub(crate) base: &'a str,
    pub(crate) certificates: &'a BTreeMap<String, Vec<u8>>,
}

impl EgressDraft<'_> {
    /// The plan, where the rules want one; what stands against it is added to `blockers`.
    pub(crate) fn plan(
        &self,
        blockers: &mut Vec<Blocker>,
    ) -> Result<Option<EgressPlan>, LaunchError> {
        if self.policy.network_policy.value != NetworkPolicy::WebEgressEnforced {
            return Ok(None);
        }
        let (endpoints, unnamed) = provider_endpoints(self.provider, self.settings)?;
        let id = self.provider.id();
        blockers.extend(unnamed.iter().map(|host| without_name(id, host)));
        let destinations = destinations(self.policy, id, &endpoints, self.request);
        blockers.extend(closed(id, &endpoints, &destinations));
        let images = plan_proxy_image(self.base, self.certificates);
        Ok(Some(EgressPlan {
            topology: self.request.topology,
            image: images.reference.clone(),
            policy: squid::sealed(&destinations, &self.request.machine),
            destinations,
            images,
            way_out: self.request.way_out.clone(),
            machine: self.request.machine.clone(),
        }))
    }
}

/// What a provider's agent needs to reach, and which hosts among that have no name.
///
/// # Errors
/// When its gateway is no address of the web.
pub fn provider_endpoints(
    provider: &dyn AgentProvider,
    settings: &ProviderSettings,
) -> Result<(Vec<Endpoint>, Vec<String>), LaunchError> {
    let port = url_port(settings);
    let (mut endpoints, mut unnamed) = (Vec::new(), Vec::new());
    for host in provider.egress_hosts(settings)? {
        match host.parse() {
            Ok(host) => endpoints.push(Endpoint { host, port }),
            Err(_) => unnamed.push(host),
        }
    }
    Ok((endpoints, unnamed))
}

fn without_name(provider: &str, host: &str) -> Blocker {
    Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "the gateway `{host}` is an address, and `web-egress-enforced` lets only names through"
        ),
        hint: format!("write `providers.{provider}.base_url` with the gateway's name"),
    }
}

/// What stands against a launch whose gateway has a port that only the organization could open.
fn closed(provider: &str, endpoints: &[Endpoint], destinations: &Destinations) -> Option<Blocker> {
    let is_closed = |endpoint: &&Endpoint| {
        let reach = |port| destinations.find(&endpoint.host, port);
        let port = endpoint.port.map(reach);
        port.is_some_and(|reach| !matches!(reach, Reach::Allowed(_)))
    };
    let endpoint = endpoints.iter().find(is_closed)?;
    let (host, port) = (&endpoint.host, endpoint.port.unwrap_or_default());
    Some(Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "the gateway `{host}` is internal: only the organization opens its port {port}"
        ),
        hint: format!("ask for `providers.{provider}.base_url` in the organization's document"),
    })
}

/// Where an agent of this provider may go under these rules.
#[must_use]
pub fn destinations(
    policy: &EffectivePolicy,
    provider: &str,
    provider_endpoints: &[Endpoint],
    request: &EgressRequest,
) -> Destinations {
    let endpoints = |hosts: &PackageHosts| hosts.endpoints.clone();
    let sets = request
        .packages
        .iter()
        .map(|(name, hosts)| (name.clone(), endpoints(hosts)))
        .collect();
    Destinations::compile(
        policy,
        &DestinationInput {
            provider,
            provider_endpoints,
            sets: &sets,
        },
    )
}

impl EgressRequest {
    fn managers(&self) -> Vec<&ManagerSettings> {
        self.packages
            .values()
            .map(|hosts| &hosts.settings)
            .collect()
    }

    /// Adds to a sandbox what tells its tools about the proxy. What the agent itself needs stays.
    pub(crate) fn instruct(&self, spec: &mut SandboxSpec) {
        let managers = self.managers();
        for (name, value) in environment::variables(&managers) {
            spec.env.entry(name).or_insert(EnvValue::Plain(value));
        }
        spec.sealed.extend(environment::sealed(&managers));
        let topology = self.topology.as_str().to_owned();
        spec.labels.insert(labels::EGRESS.to_owned(), topology);
    }
}

impl EgressPlan {
    /// Whether sandbox and proxy share a volume.
    pub(crate) fn shares_volume(&self) -> bool {
        self.topology == Topology::Socket
    }

    /// For people, in the plan.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let hosts = self.destinations.hosts.len();
        let mut decisions = vec![Decision {
            subject: "egress",
            value: format!("{hosts} hosts, through a proxy"),
            reason: format!("joined by {}", self.topology.as_str()),
        }];
        let unresolved = self.destinations.unresolved.iter();
        decisions.extend(unresolved.map(|set| Decision {
            subject: "egress",
            value: format!("`{}` adds no hosts", set.value),
            reason: "its package manager is not set up on this machine".to_owned(),
        }));
        decisions
    }
}
