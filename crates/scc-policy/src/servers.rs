//! Which MCP servers are offered to the agent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use scc_config::{HostPattern, McpCandidates, McpServer, NetworkPolicy};

use crate::decision::{Asked, Decision, Layer, Origin, Outcome, Reason, Rule};
use crate::delegation::Addition;
use crate::destinations::{WEB_PORTS, is_organizations};
use crate::effective::{EffectiveServer, Sourced};
use crate::exceptions::Exceptions;
use crate::hosts;
use crate::judge::{Judge, List, Ruling, allowed};
use crate::layers::{Layers, origin};
use crate::variables;

/// `network_policy` is the final one: what a later layer tightened counts for the servers of an
/// earlier layer too. `bundled` has the names that servers of bundles have, with the artifact.
pub(crate) fn resolve(
    layers: &Layers<'_>,
    exceptions: &Exceptions<'_>,
    network_policy: &Sourced<NetworkPolicy>,
    bundled: &BTreeMap<String, &str>,
    decisions: &mut Vec<Decision>,
) -> Vec<EffectiveServer> {
    let blocked = layers
        .security()
        .map(|security| security.blocked_mcp_servers.as_slice());
    let blocked = List::new("security.blocked_mcp_servers", blocked.unwrap_or_default());
    let defaults = layers.defaults();
    let allowlist = defaults.and_then(|defaults| defaults.allowed_mcp_servers.as_deref());
    let allowlist = allowlist.map(|patterns| List::new("defaults.allowed_mcp_servers", patterns));
    let lifts = (exceptions.policy.as_slice(), exceptions.local.as_slice());
    let judge = Judge::new(*layers, blocked, allowlist, lifts, |lift| lift.mcp_servers);
    let mut offered: BTreeMap<String, EffectiveServer> = BTreeMap::new();
    for (server, origin) in asked_for(layers) {
        let asked = Asked::server(server, origin);
        let candidates: McpCandidates = server.candidates();
        let delegated = layers.may_add(asked.origin.layer, Addition::McpServers);
        let mut lifted = match judge.addition(&asked, &candidates, delegated) {
            Ruling::Refused(decision) => {
                decisions.push(*decision);
                continue;
            }
            Ruling::Free(lifted) => lifted,
        };
        if asked.origin.layer == Layer::Workspace && takes_host_values(server) {
            match judge.host_values(&asked, &candidates) {
                Ok(rule) => lifted = lifted.or(Some(rule)),
                Err(decision) => {
                    decisions.push(*decision);
                    continue;
                }
            }
        }
        let key = server.name.trim().to_lowercase();
        let refused = malformed(&asked, server)
            .or_else(|| stdio_gate(layers, &asked, server))
            .or_else(|| variables::refusal(&asked, server))
            .or_else(|| unreachable(layers, &asked, server, network_policy))
            .or_else(|| duplicate(&asked, offered.get(&key)))
            .or_else(|| of_a_bundle(&asked, bundled.get(&key)));
        decisions.push(refused.unwrap_or_else(|| {
            let entry = EffectiveServer {
                server: plain(server),
                origin: asked.origin.clone(),
            };
            offered.insert(key, entry);
            allowed(&asked, lifted)
        }));
    }
    offered.into_values().collect()
}

/// Every server of every layer, in the order of the layers; within a layer in an order that does
/// not depend on how the list is written.
fn asked_for<'a>(layers: &Layers<'a>) -> Vec<(&'a McpServer, Origin)> {
    let mut all: Vec<(&McpServer, Origin)> = Vec::new();
    let mut add = |servers: &'a [McpServer], place: &dyn Fn(usize) -> Origin| {
        let mut servers: Vec<_> = servers.iter().enumerate().collect();
        servers.sort_by_cached_key(|(_, server)| (server.name.to_lowercase(), content(server)));
        all.extend(
            servers
                .into_iter()
                .map(|(number, server)| (server, place(number))),
        );
    };
    if let Some(team) = layers.team {
        add(&team.profile.additional_mcp_servers, &|number| {
            layers.team_origin(team, &format!("/additional_mcp_servers/{number}"))
        });
    }
    if let Some(personal) = layers.input.personal {
        add(personal.mcp_servers, &|_| Origin {
            layer: Layer::Personal,
            file: Some(personal.file.display().to_string()),
            line: None,
        });
    }
    if let Some(project) = layers.input.project {
        add(&project.value().additional_mcp_servers, &|number| {
            let pointer = format!("/additional_mcp_servers/{number}");
            origin(Layer::Workspace, project, &pointer)
        });
    }
    all
}

fn content(server: &McpServer) -> String {
    format!("{server:?}")
}

/// Whether a value of it is to be replaced by one of the host's environment.
fn takes_host_values(server: &McpServer) -> bool {
    let values = server.env.values().chain(server.headers.values());
    let values = values
        .chain(&server.args)
        .chain(&server.url)
        .chain(&server.command);
    values.into_iter().any(|value| value.contains("${"))
}

/// The server without the keys that its transport does not use: an agent that looks at the wrong
/// one must not find anything.
pub(crate) fn plain(server: &McpServer) -> McpServer {
    let mut plain = server.clone();
    plain.name = server.name.trim().to_owned();
    if server.transport.is_network() {
        plain.command = None;
        plain.args.clear();
        plain.env.clear();
    } else {
        plain.url = None;
        plain.headers.clear();
    }
    plain
}

/// Why a server of the organization's own cannot be told apart or handed over.
pub(crate) fn flaw(asked: &Asked, server: &McpServer) -> Option<Decision> {
    malformed(asked, server).or_else(|| variables::refusal(asked, server))
}

fn malformed(asked: &Asked, server: &McpServer) -> Option<Decision> {
    let deny = |message: String| Some(asked.decide(Outcome::Denied, Reason::Malformed, message));
    if let Some(key) = server.missing_identifier() {
        let kind = server.transport.as_str();
        return deny(format!("a server of type `{kind}` needs the key `{key}`"));
    }
    // Documents of the first versions may have any name; what a developer or an agent adds may not.
    let own = is_organizations(&asked.origin);
    if !own && !server.has_plain_name() {
        let message = "its name has other characters than letters, digits, `.`, `_` and `-`";
        return deny(message.to_owned());
    }
    let complaint = server.address_complaint();
    if let Some(why) = complaint.or_else(|| server.authority_complaint()) {
        return deny(format!("its address {why}"));
    }
    if !server.transport.is_network() {
        return None;
    }
    let url = server.url.as_deref().unwrap_or_default().trim();
    let web = ["http://", "https://"].iter().any(|scheme| {
        let start = url.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    match web && (host_name(server).is_some() || address(server).is_some()) {
        true => None,
        // A `${VARIABLE}` in the place of the host would get past every rule.
        false => deny("its address does not have a host that can be checked".to_owned()),
    }
}

/// The host, where it is a name.
pub(crate) fn host_name(server: &McpServer) -> Option<HostPattern> {
    let host: HostPattern = server.host()?.parse().ok()?;
    (!host.is_wildcard()).then_some(host)
}

fn address(server: &McpServer) -> Option<IpAddr> {
    let host = server.host()?;
    host.trim_matches(['[', ']']).parse().ok()
}

pub(crate) fn stdio_gate(
    layers: &Layers<'_>,
    asked: &Asked,
    server: &McpServer,
) -> Option<Decision> {
    if server.transport.is_network() {
        return None;
    }
    let command = server.command.as_deref().unwrap_or_default().trim();
    let deny = |reason, message: String, key: &str| {
        let pointer = format!("/{}", key.replace('.', "/"));
        let rule = Rule::new(key, layers.org_origin(Layer::Organization, &pointer));
        let step = format!("ask {}", layers.contact());
        let rule = layers.org().map(|_| rule);
        Some(
            asked
                .decide(Outcome::Denied, reason, message)
                .by(rule)
                .then(step),
        )
    };
    if layers
        .security()
        .is_some_and(|security| !security.allow_stdio_mcp)
    {
        let message = "the organization allows no servers that are programs".to_owned();
        return deny(Reason::StdioNotAllowed, message, "security.allow_stdio_mcp");
    }
    let key = "security.allowed_stdio_prefixes";
    let steps_up = command.split('/').any(|part| part == "..");
    if !command.starts_with('/') || steps_up || command.contains(['$', '\0']) {
        let message = "its program is not an absolute path without `..` and variables".to_owned();
        return deny(Reason::StdioPath, message, key);
    }
    let prefixes = layers
        .security()
        .map(|security| security.allowed_stdio_prefixes.as_slice());
    let prefixes = prefixes.unwrap_or_default();
    if !prefixes.is_empty() && !prefixes.iter().any(|prefix| lies_in(command, prefix)) {
        let message = "its program lies in no allowed folder".to_owned();
        return deny(Reason::StdioPath, message, key);
    }
    if !prefixes.is_empty()
        && let Some(variable) = server.loader_variable()
    {
        let message = format!("with `{variable}`, its program would run others");
        return deny(Reason::StdioPath, message, key);
    }
    None
}

/// Whether a path is below a folder, by whole parts of the path.
fn lies_in(path: &str, folder: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        parts.map(ToOwned::to_owned).collect()
    };
    parts(path).starts_with(&parts(folder))
}

pub(crate) fn unreachable(
    layers: &Layers<'_>,
    asked: &Asked,
    server: &McpServer,
    network_policy: &Sourced<NetworkPolicy>,
) -> Option<Decision> {
    if !server.transport.is_network() {
        return None;
    }
    let policy = network_policy.value;
    let message = match policy {
        NetworkPolicy::Open => return None,
        NetworkPolicy::WebEgressEnforced if host_name(server).is_some() => {
            return closed_port(layers, asked, server);
        }
        NetworkPolicy::WebEgressEnforced => {
            format!("the network policy `{policy}` lets no addresses through, only names")
        }
        NetworkPolicy::LockedDownWeb => format!("the network policy is `{policy}`"),
    };
    let rule = Rule::new(
        format!("network_policy: {policy}"),
        network_policy.origin.clone(),
    );
    Some(
        asked
            .decide(Outcome::Blocked, Reason::NetworkPolicy, message)
            .by(rule),
    )
}

/// A port that nobody but the organization opens: what is internal has more ports than those that it
/// is listed for.
fn closed_port(layers: &Layers<'_>, asked: &Asked, server: &McpServer) -> Option<Decision> {
    let port = server.port().filter(|port| !WEB_PORTS.contains(port))?;
    let host = host_name(server)?;
    if is_organizations(&asked.origin) || !hosts::is_internal(layers, &host) {
        return None;
    }
    let message = format!("`{host}` is internal: only the organization opens its port {port}");
    let decision = asked.decide(Outcome::Blocked, Reason::NetworkPolicy, message);
    Some(decision.then(format!("ask {}", layers.contact())))
}

fn duplicate(asked: &Asked, earlier: Option<&EffectiveServer>) -> Option<Decision> {
    let earlier = earlier?;
    let message = format!(
        "a server of this name is there already, by {}",
        earlier.origin
    );
    Some(asked.decide(Outcome::Ignored, Reason::Duplicate, message))
}

/// What a person or a workspace adds takes no name from a server that the organization hands out,
/// whichever agent that is for. Two such names in the organization's own document are its mistake,
/// which it has to hear of.
fn of_a_bundle(asked: &Asked, artifact: Option<&&str>) -> Option<Decision> {
    let artifact = artifact.filter(|_| !is_organizations(&asked.origin))?;
    let message = format!("a server of this name is there already, by the artifact `{artifact}`");
    Some(asked.decide(Outcome::Ignored, Reason::Duplicate, message))
}
