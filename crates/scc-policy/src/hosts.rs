//! The hosts that enforced egress lets through.

use std::collections::HashSet;

use scc_config::{AllowedHost, HostPattern, NetworkPolicy, pointer_token};

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason};
use crate::effective::{EffectiveHost, EffectiveNetwork, EffectiveServer, Sourced};
use crate::layers::Layers;
use crate::servers::host_name;

/// The hosts of the organization, the team and the servers, and the sets that scc looks up itself.
/// Nothing where the network policy lets nothing through.
pub(crate) fn compile(
    layers: &Layers<'_>,
    policy: NetworkPolicy,
    servers: &[EffectiveServer],
    decisions: &mut Vec<Decision>,
) -> EffectiveNetwork {
    let mut hosts = Hosts::default();
    if let Some(defaults) = layers.defaults() {
        let network = &defaults.network;
        let at = |key: &str, number: usize| {
            let pointer = format!("/defaults/network/{key}/{number}");
            layers.org_origin(Layer::Organization, &pointer)
        };
        hosts.add(&network.allowed_hosts, &|number| {
            at("allowed_hosts", number)
        });
        for (number, name) in network.use_destination_sets.iter().enumerate() {
            hosts.add_set(layers, name, at("use_destination_sets", number), decisions);
        }
    }
    if let Some(team) = layers.team {
        let network = &team.profile.network;
        let at = |key: &str, number: usize| {
            layers.team_origin(team, &format!("/network/{key}/{number}"))
        };
        hosts.add(&network.allowed_hosts, &|number| {
            at("allowed_hosts", number)
        });
        for (number, name) in network.destination_sets.iter().enumerate() {
            hosts.add_set(layers, name, at("destination_sets", number), decisions);
        }
    }
    for entry in servers {
        if let Some(host) = host_name(&entry.server).filter(|_| entry.server.transport.is_network())
        {
            hosts.all.push(EffectiveHost {
                host,
                internal: false,
                origin: entry.origin.clone(),
            });
        }
    }
    if policy == NetworkPolicy::LockedDownWeb {
        return EffectiveNetwork::default();
    }
    EffectiveNetwork {
        allowed_hosts: merge(hosts.all),
        destination_sets: hosts.sets,
        allow_requests: layers
            .defaults()
            .is_some_and(|defaults| defaults.network.allow_requests),
    }
}

/// Whether the organization or the team marks a host as internal.
pub(crate) fn is_internal(layers: &Layers<'_>, host: &HostPattern) -> bool {
    let network = layers.defaults().map(|defaults| &defaults.network);
    let team = layers.team.map(|team| &team.profile.network);
    let own = network
        .into_iter()
        .flat_map(|network| &network.allowed_hosts);
    let own = own.chain(team.into_iter().flat_map(|network| &network.allowed_hosts));
    let used = network
        .into_iter()
        .flat_map(|network| &network.use_destination_sets);
    let used = used.chain(
        team.into_iter()
            .flat_map(|network| &network.destination_sets),
    );
    let sets = used.filter_map(|name| network?.destination_sets.get(name));
    let mut all = own.chain(sets.flatten());
    all.any(|entry| entry.internal && entry.host == *host)
}

#[derive(Default)]
struct Hosts {
    all: Vec<EffectiveHost>,
    sets: Vec<Sourced<String>>,
}

impl Hosts {
    fn add(&mut self, hosts: &[AllowedHost], place: &dyn Fn(usize) -> Origin) {
        let hosts = hosts.iter().enumerate();
        self.all.extend(hosts.map(|(number, host)| EffectiveHost {
            host: host.host.clone(),
            internal: host.internal,
            origin: place(number),
        }));
    }

    fn add_set(
        &mut self,
        layers: &Layers<'_>,
        name: &str,
        origin: Origin,
        decisions: &mut Vec<Decision>,
    ) {
        let defined = layers
            .defaults()
            .map(|defaults| &defaults.network.destination_sets);
        let asked = Asked::new(ItemKind::DestinationSet, name, origin.clone());
        if scc_config::BUILT_IN_DESTINATION_SETS.contains(&name) {
            if self.sets.iter().all(|set| set.value != name) {
                let value = name.to_owned();
                self.sets.push(Sourced { value, origin });
            }
        } else if let Some(hosts) = defined.and_then(|defined| defined.get(name)) {
            let key = pointer_token(name);
            self.add(hosts, &|number| {
                let pointer = format!("/defaults/network/destination_sets/{key}/{number}");
                layers.org_origin(Layer::Organization, &pointer)
            });
        } else {
            let message = "there is no such set of hosts".to_owned();
            decisions.push(asked.decide(Outcome::Ignored, Reason::Unknown, message));
        }
    }
}

/// Each host once, without those that a wildcard includes; in alphabetical order. A host that may
/// be internal stays, as no wildcard makes it so.
fn merge(mut hosts: Vec<EffectiveHost>) -> Vec<EffectiveHost> {
    // Stable, so that the first layer that allowed a host stays its origin.
    hosts.sort_by(|a, b| a.host.cmp(&b.host));
    let mut once: Vec<EffectiveHost> = Vec::with_capacity(hosts.len());
    for host in hosts {
        match once.last_mut() {
            Some(last) if last.host == host.host => {
                if host.internal && !last.internal {
                    (last.internal, last.origin) = (true, host.origin);
                }
            }
            _ => once.push(host),
        }
    }
    let wildcards = once.iter().filter(|entry| entry.host.is_wildcard());
    let wildcards: HashSet<String> = wildcards.map(|e| e.host.name().to_owned()).collect();
    once.retain(|entry| entry.internal || !parents(&entry.host).any(|n| wildcards.contains(n)));
    once
}

/// The names above a host's.
fn parents(host: &HostPattern) -> impl Iterator<Item = &str> {
    let dots = host.name().match_indices('.');
    dots.map(|(dot, _)| &host.name()[dot + 1..])
}
