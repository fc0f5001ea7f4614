//! The policy that applies.

use std::collections::BTreeMap;

use scc_config::{
    ArtifactKind, ArtifactSource, Binding, DevAction, HostPattern, Marketplace, McpServer,
    NetworkPolicy, PluginRef, ResourcesSection, SafetyNet,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::decision::{Decision, Origin};

/// A value, and who said it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who said it.
    pub origin: Origin,
}

/// What applies to a session, with the origin of every value. The names of the fields are stable
/// when serialized.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EffectivePolicy {
    /// The organization's id; `None` when standalone.
    pub organization: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// Nobody's rules apply.
    pub standalone: bool,
    /// The plugins, in alphabetical order.
    pub plugins: Vec<EffectivePlugin>,
    /// The MCP servers, in alphabetical order.
    pub mcp_servers: Vec<EffectiveServer>,
    /// The bundles of governed artifacts.
    pub bundles: Vec<EffectiveBundle>,
    /// The artifacts of these bundles that nothing stands against, by name.
    pub artifacts: BTreeMap<String, EffectiveArtifact>,
    /// The marketplaces, by name.
    pub marketplaces: BTreeMap<String, EffectiveMarketplace>,
    /// What the sandbox may reach.
    pub network_policy: Sourced<NetworkPolicy>,
    /// What enforced egress lets through, without the hosts of providers.
    pub network: EffectiveNetwork,
    /// Length and resumption of sessions.
    pub session: EffectiveSession,
    /// Limits of the sandbox, by the organization.
    pub resources: Sourced<ResourcesSection>,
    /// The interception of destructive commands.
    pub safety_net: Sourced<SafetyNet>,
    /// Paths of the workspace that the agent does not see.
    pub workspace_shields: Vec<Sourced<String>>,
    /// The ids of the providers that exist and may be used.
    pub allowed_providers: Vec<String>,
    /// The gateways that the organization or the team points providers at, by the provider's id.
    pub gateways: BTreeMap<String, Sourced<String>>,
    /// Commands that developers start on their machine.
    pub dev_environment: EffectiveDevEnvironment,
    /// What was decided about everything that a layer asked for.
    pub decisions: Vec<Decision>,
}

/// A plugin that is enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectivePlugin {
    /// The plugin.
    pub plugin: PluginRef,
    /// Who added it first.
    pub origin: Origin,
}

/// An MCP server that is offered to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveServer {
    /// The server; keys that its transport does not use are empty. Serialized without the values
    /// of `env` and `headers`, unless they are only a `${VARIABLE}`.
    #[serde(serialize_with = "without_secrets")]
    pub server: McpServer,
    /// Who added it.
    pub origin: Origin,
}

/// A bundle of governed artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveBundle {
    /// Its name.
    pub name: String,
    /// The names of its artifacts that nothing stands against.
    pub artifacts: Vec<String>,
    /// The organization requires it of everybody.
    pub required: bool,
    /// Who enabled it.
    pub origin: Origin,
}

/// A governed artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveArtifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// Its version.
    pub version: Option<String>,
    /// It must not change.
    pub pinned: bool,
    /// A session must not go on without it.
    pub required: bool,
    /// Where it comes from.
    pub source: ArtifactSource,
    /// What it is called for each provider.
    pub bindings: Vec<Binding>,
    /// What stands against it for single agents, by the provider's id in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
    /// Who enabled the bundle that it is in.
    pub origin: Origin,
}

/// A marketplace that plugins may come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveMarketplace {
    /// Where it is; serialized without headers.
    #[serde(serialize_with = "without_headers")]
    pub marketplace: Marketplace,
    /// Who added it.
    pub origin: Origin,
}

/// What enforced egress lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveNetwork {
    /// The hosts, in alphabetical order, none included in another.
    pub allowed_hosts: Vec<EffectiveHost>,
    /// The sets that scc has to look up itself, such as `npm`.
    pub destination_sets: Vec<Sourced<String>>,
    /// A developer may ask for a host that is not allowed.
    pub allow_requests: bool,
}

impl Eq for Sourced<String> {}

/// A host that enforced egress lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveHost {
    /// The host, or all below one.
    pub host: HostPattern,
    /// The name may resolve to a private address.
    pub internal: bool,
    /// Who allowed it, or the server that needs it.
    pub origin: Origin,
}

/// Length and resumption of sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct EffectiveSession {
    /// After how many hours the sandbox is stopped; `None`: never.
    pub timeout_hours: Option<Sourced<u32>>,
    /// The last session is offered for resumption.
    pub auto_resume: Option<Sourced<bool>>,
}

/// Commands that developers start on their machine, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct EffectiveDevEnvironment {
    /// Commands to run.
    pub commands: BTreeMap<String, Sourced<DevAction>>,
    /// Commands that show logs.
    pub logs: BTreeMap<String, Sourced<DevAction>>,
    /// Commands that tell whether something works.
    pub health_checks: BTreeMap<String, Sourced<DevAction>>,
}

/// What stands where a value may be a secret.
const HIDDEN: &str = "[hidden]";

fn without_secrets<S: Serializer>(server: &McpServer, serializer: S) -> Result<S::Ok, S::Error> {
    let mut shown = server.clone();
    for value in shown.env.values_mut().chain(shown.headers.values_mut()) {
        if !is_variable(value) {
            HIDDEN.clone_into(value);
        }
    }
    shown.serialize(serializer)
}

/// `${NAME}` and nothing else.
fn is_variable(value: &str) -> bool {
    let name = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}

fn without_headers<S: Serializer>(
    marketplace: &Marketplace,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut shown = marketplace.clone();
    match &mut shown {
        Marketplace::Github(source) => source.headers.clear(),
        Marketplace::Url(source) => source.headers.clear(),
        Marketplace::Git(_) | Marketplace::Directory(_) => {}
    }
    shown.serialize(serializer)
}
