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
        Some(bundle) if bundle.install_intent == InstallIntent::Disabled => {
            Some((Reason::Disabled, "the organization has disabled it"))
        }
        Some(bundle) if bundle.install_intent == InstallIntent::RequestOnly => Some((
            Reason::Disabled,
            "the organization gives it on request only",
        )),
        Some(_) if enabled.iter().any(|earlier| earlier.name == asked.item) => {
            Some((Reason::Duplicate, "it is enabled already"))
        }
        Some(_) => None,
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
            let decision = self.decide(&asked, artifact);
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
                let entry = effective(artifact, required, bundle.origin.clone());
                artifacts.insert(name.clone(), entry);
            }
        }
        Ok(())
    }

    fn decide(&self, asked: &Asked, artifact: &Artifact) -> Decision {
        let ignored = match artifact.install_intent {
            InstallIntent::Required | InstallIntent::Available => None,
            InstallIntent::Disabled => Some("the organization has disabled it"),
            InstallIntent::RequestOnly => Some("the organization gives it on request only"),
        };
        if let Some(message) = ignored {
            return asked.decide(Outcome::Ignored, Reason::Disabled, message.to_owned());
        }
        let mut lifted = None;
        for plugin in plugins(&asked.item, artifact) {
            match self.plugins.baseline(asked, &plugin) {
                Ruling::Refused(decision) => return *decision,
                Ruling::Free(rule) => lifted = lifted.or(rule),
            }
        }
        for server in servers(&asked.item, artifact) {
            match self.servers.baseline(asked, &server.candidates()) {
                Ruling::Refused(decision) => return *decision,
                Ruling::Free(rule) => lifted = lifted.or(rule),
            }
            if artifact.kind == ArtifactKind::McpServer
                && let Some(decision) = self.server_gates(asked, &server)
            {
                return decision;
            }
        }
        allowed(asked, lifted)
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

fn effective(artifact: &Artifact, required: bool, origin: Origin) -> EffectiveArtifact {
    EffectiveArtifact {
        kind: artifact.kind,
        version: artifact.version.clone(),
        pinned: artifact.pinned,
        required,
        source: artifact.source.clone(),
        bindings: artifact.bindings.clone(),
        origin,
    }
}

/// An artifact by each name that it has, as a plugin.
fn plugins(name: &str, artifact: &Artifact) -> Vec<PluginRef> {
    let native = artifact.bindings.iter();
    let native = native.filter_map(|binding| binding.native_ref.as_deref());
    let names = std::iter::once(name).chain(native);
    // A name that no pattern spells takes the marketplace's place.
    let read = names.map(|name| PluginRef::parse(name, BareName::Of("-")));
    read.filter_map(Result::ok).collect()
}

/// An artifact by each name and address that it has, as a server.
fn servers(name: &str, artifact: &Artifact) -> Vec<McpServer> {
    let url = artifact.source.url.clone();
    let own = server(name, McpTransport::Http, url, None);
    let bindings = artifact.bindings.iter().flat_map(|binding| {
        let native = binding.native_ref.as_deref();
        let names = [Some(name), native].into_iter().flatten();
        names.map(|name| bound(name, binding))
    });
    std::iter::once(own).chain(bindings).collect()
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
