//! Which bundles of governed artifacts are enabled, and which of their artifacts are handed out.

use std::collections::BTreeMap;

use scc_config::{
    Artifact, ArtifactKind, BareName, Binding, GovernedArtifacts, InstallIntent, McpCandidates,
    McpServer, McpTransport, NetworkPolicy, PluginRef, pointer_token,
};

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason};
use crate::effective::{EffectiveArtifact, EffectiveBundle, Sourced};
use crate::error::PolicyError;
use crate::exceptions::Exceptions;
use crate::judge::{Judge, List, Ruling, allowed};
use crate::layers::Layers;
use crate::servers::{stdio_gate, unreachable};

/// Bundles, and the artifacts in them that nothing stands against.
pub(crate) type Resolved = (Vec<EffectiveBundle>, BTreeMap<String, EffectiveArtifact>);

/// What stands against an artifact for single agents, by the provider's id.
type Refused = BTreeMap<String, Decision>;

/// The bundles that the organization requires of everybody, then those of the team. Security applies
/// to each artifact as it does to plugins and servers, whatever the kind of the artifact says.
pub(crate) fn resolve(
    layers: &Layers<'_>,
    exceptions: &Exceptions<'_>,
    network_policy: &Sourced<NetworkPolicy>,
    decisions: &mut Vec<Decision>,
) -> Result<Resolved, PolicyError> {
    let Some(org) = layers.org() else {
        return Ok(Resolved::default());
    };
    let catalog = &org.governed_artifacts;
    let mut enabled: Vec<EffectiveBundle> = Vec::new();
    for (asked, required) in asked_for(layers, catalog) {
        match refusal(catalog, &asked, &enabled) {
            Some((reason, message)) => {
                decisions.push(asked.decide(Outcome::Ignored, reason, message.to_owned()));
            }
            None => {
                decisions.push(allowed(&asked, None));
                enabled.push(EffectiveBundle {
                    name: asked.item,
                    artifacts: Vec::new(),
                    required,
                    origin: asked.origin,
                });
            }
        }
    }
    if enabled.is_empty() {
        return Ok(Resolved::default());
    }
    let gate = Gate::new(layers, exceptions, network_policy);
    let mut artifacts = BTreeMap::new();
    for bundle in &mut enabled {
        gate.fill(bundle, catalog, &mut artifacts, decisions)?;
    }
    Ok((enabled, artifacts))
}

/// Every bundle that is asked for, and whether the organization requires it.
fn asked_for(layers: &Layers<'_>, catalog: &GovernedArtifacts) -> Vec<(Asked, bool)> {
    let bundles = catalog.bundles.iter();
    let required = bundles.filter(|(_, bundle)| bundle.install_intent == InstallIntent::Required);
    let required = required.map(|(name, _)| {
        let pointer = format!("/governed_artifacts/bundles/{}", pointer_token(name));
        let origin = layers.org_origin(Layer::Organization, &pointer);
        (Asked::new(ItemKind::Bundle, name, origin), true)
    });
    let mut all: Vec<_> = required.collect();
    if let Some(team) = layers.team {
        let names = team.profile.enabled_bundles.iter().enumerate();
        all.extend(names.map(|(number, name)| {
            let origin = layers.team_origin(team, &format!("/enabled_bundles/{number}"));
            (Asked::new(ItemKind::Bundle, name, origin), false)
        }));
    }
    all
}

fn refusal(
    catalog: &GovernedArtifacts,
    asked: &Asked,
    enabled: &[EffectiveBundle],
) -> Option<(Reason, &'static str)> {
    match catalog.bundles.get(&asked.item) {
        None => Some((Reason::Unknown, "there is no such bundle")),
        Some(bundle) => {
            let withheld = withheld(bundle.install_intent).map(|why| (Reason::Disabled, why));
            let there = enabled.iter().any(|earlier| earlier.name == asked.item);
            let twice = there.then_some((Reason::Duplicate, "it is enabled already"));
            withheld.or(twice)
        }
    }
}

/// Why the organization gives something to nobody.
fn withheld(intent: InstallIntent) -> Option<&'static str> {
    match intent {
        InstallIntent::Required | InstallIntent::Available => None,
        InstallIntent::Disabled => Some("the organization has disabled it"),
        InstallIntent::RequestOnly => Some("the organization gives it on request only"),
    }
}

/// What stands between an artifact and a session.
struct Gate<'a, 'b> {
    layers: &'b Layers<'a>,
    network_policy: &'b Sourced<NetworkPolicy>,
    plugins: Judge<'a, PluginRef>,
    servers: Judge<'a, McpCandidates>,
}

impl<'a, 'b> Gate<'a, 'b> {
    fn new(
        layers: &'b Layers<'a>,
        exceptions: &Exceptions<'a>,
        network_policy: &'b Sourced<NetworkPolicy>,
    ) -> Self {
        let security = layers.security();
        let plugins = security.map(|security| security.blocked_plugins.as_slice());
        let plugins = List::new("security.blocked_plugins", plugins.unwrap_or_default());
        let servers = security.map(|security| security.blocked_mcp_servers.as_slice());
        let servers = List::new("security.blocked_mcp_servers", servers.unwrap_or_default());
        let lifts = (exceptions.policy.as_slice(), exceptions.local.as_slice());
        Self {
            layers,
            network_policy,
            plugins: Judge::new(*layers, plugins, None, lifts, |lift| lift.plugins),
            servers: Judge::new(*layers, servers, None, lifts, |lift| lift.mcp_servers),
        }
    }

    /// Puts the artifacts of a bundle into it that nothing stands against.
    fn fill(
        &self,
        bundle: &mut EffectiveBundle,
        catalog: &GovernedArtifacts,
        artifacts: &mut BTreeMap<String, EffectiveArtifact>,
        decisions: &mut Vec<Decision>,
    ) -> Result<(), PolicyError> {
        let names = catalog.bundles.get(&bundle.name);
        for name in names.into_iter().flat_map(|bundle| &bundle.artifacts) {
            if artifacts.contains_key(name) {
                bundle.artifacts.push(name.clone());
                continue;
            }
            let asked = Asked::new(ItemKind::Artifact, name, bundle.origin.clone());
            let Some(artifact) = catalog.artifacts.get(name) else {
                let message = "there is no such artifact".to_owned();
                decisions.push(asked.decide(Outcome::Ignored, Reason::Unknown, message));
                continue;
            };
            let (decision, refused) = self.decide(&asked, artifact);
            let is_in = decision.outcome == Outcome::Allowed;
            let required = artifact.install_intent == InstallIntent::Required;
            if required && matches!(decision.outcome, Outcome::Blocked | Outcome::Denied) {
                return Err(PolicyError::RequiredArtifact {
                    artifact: name.clone(),
                    bundle: bundle.name.clone(),
                    reason: decision.message,
                });
            }
            decisions.push(decision);
            if is_in {
                bundle.artifacts.push(name.clone());
                let entry = effective(artifact, &refused, bundle.origin.clone());
                artifacts.insert(name.clone(), entry);
                decisions.extend(refused.into_iter().map(|(id, one)| one.only_for(id)));
            }
        }
        Ok(())
    }

    /// What is decided about an artifact, and about the agents that do not get it though others do.
    fn decide(&self, asked: &Asked, artifact: &Artifact) -> (Decision, Refused) {
        if let Some(message) = withheld(artifact.install_intent) {
            let message = message.to_owned();
            let decision = asked.decide(Outcome::Ignored, Reason::Disabled, message);
            return (decision, Refused::new());
        }
        let mut lifted = match self.artifact(asked, artifact) {
            Ruling::Refused(decision) => return (*decision, Refused::new()),
            Ruling::Free(rule) => rule,
        };
        let mut refused = Refused::new();
        for binding in &artifact.bindings {
            match self.binding(asked, artifact.kind, binding) {
                Ruling::Free(rule) => lifted = lifted.or(rule),
                Ruling::Refused(decision) => {
                    let id = binding.provider_id();
                    refused.entry(id).or_insert(*decision);
                }
            }
        }
        let view = artifact.view(&asked.item);
        let gets = |binding: &Binding| {
            let id = binding.provider_id();
            !refused.contains_key(&id) && view.render(&id).is_ok()
        };
        if !artifact.bindings.iter().any(gets)
            && let Some((_, decision)) = refused.pop_first()
        {
            return (decision, Refused::new());
        }
        (allowed(asked, lifted), refused)
    }

    /// The rules for what it is for every agent: its own name and the address that it comes from.
    fn artifact(&self, asked: &Asked, artifact: &Artifact) -> Ruling {
        let url = artifact.source.url.clone();
        let server = server(&asked.item, McpTransport::Http, url, None);
        self.blocks(asked, [asked.item.as_str()], &[server])
    }

    /// The rules for what a binding makes of it for its agent.
    fn binding(&self, asked: &Asked, kind: ArtifactKind, binding: &Binding) -> Ruling {
        let native = binding.native_ref.as_deref();
        let names = [Some(asked.item.as_str()), native].into_iter().flatten();
        let servers: Vec<_> = names.clone().map(|name| bound(name, binding)).collect();
        let ruling = self.blocks(asked, names, &servers);
        if kind != ArtifactKind::McpServer || matches!(ruling, Ruling::Refused(_)) {
            return ruling;
        }
        let mut servers = servers.iter();
        match servers.find_map(|server| self.server_gates(asked, server)) {
            Some(decision) => Ruling::Refused(Box::new(decision)),
            None => ruling,
        }
    }

    /// What security blocks, by names of plugins and by names and addresses of servers.
    fn blocks<'n>(
        &self,
        asked: &Asked,
        names: impl IntoIterator<Item = &'n str>,
        servers: &[McpServer],
    ) -> Ruling {
        // A name that no pattern spells takes the marketplace's place.
        let names = names.into_iter();
        let plugins = names.filter_map(|name| PluginRef::parse(name, BareName::Of("-")).ok());
        let by_name = plugins.map(|plugin| self.plugins.baseline(asked, &plugin));
        let servers = servers.iter();
        let by_server = servers.map(|server| self.servers.baseline(asked, &server.candidates()));
        let mut lifted = None;
        for ruling in by_name.chain(by_server) {
            match ruling {
                Ruling::Refused(decision) => return Ruling::Refused(decision),
                Ruling::Free(rule) => lifted = lifted.or(rule),
            }
        }
        Ruling::Free(lifted)
    }

    /// The rules for servers, as far as the binding says what the server is.
    fn server_gates(&self, asked: &Asked, server: &McpServer) -> Option<Decision> {
        if server.missing_identifier().is_some() {
            return None;
        }
        let denied = stdio_gate(self.layers, asked, server);
        denied.or_else(|| unreachable(self.layers, asked, server, self.network_policy))
    }
}

fn effective(artifact: &Artifact, refused: &Refused, origin: Origin) -> EffectiveArtifact {
    let reason = |(id, decision): (&String, &Decision)| (id.clone(), decision.message.clone());
    EffectiveArtifact {
        kind: artifact.kind,
        version: artifact.version.clone(),
        pinned: artifact.pinned,
        required: artifact.install_intent == InstallIntent::Required,
        source: artifact.source.clone(),
        bindings: artifact.bindings.clone(),
        refused: refused.iter().map(reason).collect(),
        origin,
    }
}

/// The server that a binding describes; where it describes none and so nobody gets it, what it
/// names all the same.
fn bound(name: &str, binding: &Binding) -> McpServer {
    if let Ok(server) = binding.server(name) {
        return server;
    }
    let setting = |key: &str| binding.native_config.get(key).cloned();
    let (url, command) = (setting("url"), setting("command"));
    let word = binding.transport_type.as_deref().unwrap_or_default();
    let transport = match word.trim().to_ascii_lowercase().as_str() {
        "sse" => McpTransport::Sse,
        "http" => McpTransport::Http,
        "stdio" => McpTransport::Stdio,
        // What it is has to show in what it names; a program is the stricter reading.
        _ if command.is_some() => McpTransport::Stdio,
        _ => McpTransport::Http,
    };
    server(name, transport, url, command)
}

fn server(
    name: &str,
    transport: McpTransport,
    url: Option<String>,
    command: Option<String>,
) -> McpServer {
    McpServer {
        name: name.to_owned(),
        transport,
        url,
        command,
        args: Vec::new(),
        env: BTreeMap::new(),
        headers: BTreeMap::new(),
    }
}
