//! Plugins, MCP servers and artifacts of bundles in a plan: what the agent gets of them, and what it does not.

use scc_policy::Origin;
use scc_provider::{
    AgentProvider, Conversation, ExtensionKind, LaunchContext, McpEndpoint, ProviderSettings,
    Undelivered,
};
use scc_runtime::{SealedDirectory, SealedFile};
use schemars::JsonSchema;
use serde::Serialize;

use crate::extensions::LAUNCHERS;
use crate::{ArtifactPlan, Blocker, Decision, Delivery, LaunchError, PluginFacts};

/// A plugin of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PluginPlan {
    /// What it is and where it comes from.
    #[serde(flatten)]
    pub facts: PluginFacts,
    /// Whether the agent gets it.
    pub delivered: bool,
    /// What of it the agent does not get, and why.
    pub left_out: Vec<String>,
}

/// An MCP server of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServerPlan {
    /// Its name in the sandbox.
    pub name: String,
    /// Its name in the document that asks for it.
    pub asked_as: String,
    /// The artifact of a bundle that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// `http`, `sse` or `stdio`.
    pub transport: &'static str,
    /// The layer that asked for it.
    pub origin: Origin,
    /// Whether the agent gets it.
    pub delivered: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// All of them, in the order of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionsPlan {
    /// The plugins that the rules allow.
    pub plugins: Vec<PluginPlan>,
    /// The MCP servers that the rules allow.
    pub servers: Vec<ServerPlan>,
    /// The artifacts of bundles, of which some are among the plugins and servers.
    pub artifacts: Vec<ArtifactPlan>,
    /// What stands against the launch by the artifacts.
    pub(crate) blockers: Vec<Blocker>,
}

impl ExtensionsPlan {
    /// What a launch of this agent with these settings would hand over.
    ///
    /// # Errors
    /// When the agent cannot express a setting or a plugin.
    pub fn of(
        delivery: &Delivery,
        provider: &dyn AgentProvider,
        settings: &ProviderSettings,
    ) -> Result<Self, LaunchError> {
        let launch = provider.launch(&LaunchContext {
            workspace: "/",
            conversation: Conversation::New(""),
            settings,
            args: &[],
            agent_is_root: false,
            command_hook: None,
            extensions: &delivery.extensions,
        })?;
        let agent = provider.display_name();
        Ok(Self::new(delivery, &launch.undelivered, agent))
    }

    /// The server that a document calls `name`.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&ServerPlan> {
        let mut servers = self.servers.iter();
        servers.find(|server| server.asked_as.eq_ignore_ascii_case(name))
    }

    /// The server that a document calls `name`, or that the artifact of this name is.
    #[must_use]
    pub fn server_of(&self, name: &str) -> Option<&ServerPlan> {
        let is_it = |server: &&ServerPlan| {
            let artifact = server.artifact.as_ref();
            artifact.is_some_and(|artifact| artifact.eq_ignore_ascii_case(name))
        };
        self.server(name)
            .or_else(|| self.servers.iter().find(is_it))
    }

    /// `agent` is the product's name.
    pub(crate) fn new(delivery: &Delivery, undelivered: &[Undelivered], agent: &str) -> Self {
        let reasons = |kind: ExtensionKind, name: &str| {
            let left = undelivered.iter();
            let left = left.filter(move |left| left.kind == kind && left.name == name);
            left.map(|left| left.reason.clone()).collect::<Vec<_>>()
        };
        let plugins = delivery.plugins.iter().map(|facts| {
            let whole = reasons(ExtensionKind::Plugin, &facts.plugin);
            let failed = delivery.failures.iter();
            let failed = failed.filter(|(plugin, _)| *plugin == facts.plugin);
            let failed: Vec<_> = failed.map(|(_, error)| error.to_string()).collect();
            PluginPlan {
                facts: facts.clone(),
                delivered: whole.is_empty() && failed.is_empty(),
                left_out: [
                    failed,
                    whole,
                    reasons(ExtensionKind::PluginHooks, &facts.plugin),
                    reasons(ExtensionKind::PluginPart, &facts.plugin),
                ]
                .concat(),
            }
        });
        let artifacts = delivery.artifacts.iter();
        let (artifacts, blockers): (Vec<_>, Vec<_>) = artifacts
            .map(|artifact| ArtifactPlan::of(artifact, delivery, undelivered, agent))
            .unzip();
        Self {
            plugins: plugins.collect(),
            servers: servers(delivery, undelivered),
            artifacts,
            blockers: blockers.into_iter().flatten().collect(),
        }
    }

    /// One line a plugin, server and artifact, and one for each part that is left out.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for plugin in &self.plugins {
            let facts = &plugin.facts;
            let version = facts.marketplace.as_ref();
            let version = version.map(|version| format!(" at {}", version.short()));
            let version = version.unwrap_or_default();
            if plugin.delivered {
                decisions.push(Decision {
                    subject: "plugin",
                    value: format!("{}{version}", facts.plugin),
                    reason: facts.origin.to_string(),
                });
            }
            for reason in &plugin.left_out {
                let what = if plugin.delivered {
                    "not all of it"
                } else {
                    "not delivered"
                };
                decisions.push(Decision {
                    subject: "plugin",
                    value: format!("{}: {what}", facts.plugin),
                    reason: reason.clone(),
                });
            }
        }
        for server in &self.servers {
            decisions.push(match &server.reason {
                None => Decision {
                    subject: "MCP server",
                    value: format!("{} ({})", server.name, server.transport),
                    reason: server.origin.to_string(),
                },
                Some(reason) => Decision {
                    subject: "MCP server",
                    value: format!("{}: not delivered", server.name),
                    reason: reason.clone(),
                },
            });
        }
        let artifacts = self.artifacts.iter();
        decisions.extend(artifacts.flat_map(ArtifactPlan::decisions));
        decisions
    }

    /// The plugins of the audit log.
    pub(crate) fn facts(plugins: &[PluginPlan]) -> Vec<serde_json::Value> {
        let delivered = plugins.iter().filter(|plugin| plugin.delivered);
        delivered
            .map(|plugin| {
                let version = plugin.facts.marketplace.as_ref();
                serde_json::json!({
                    "plugin": plugin.facts.plugin,
                    "commit": version.and_then(|version| version.commit.as_ref()),
                    "digest": version.map(|version| &version.digest),
                })
            })
            .collect()
    }
}

fn servers(delivery: &Delivery, undelivered: &[Undelivered]) -> Vec<ServerPlan> {
    let servers = delivery.extensions.mcp_servers.iter();
    let servers = servers.zip(&delivery.servers).map(|(server, facts)| {
        let mut left = undelivered.iter();
        let left =
            left.find(|left| left.kind == ExtensionKind::McpServer && left.name == server.name);
        ServerPlan {
            name: server.name.clone(),
            asked_as: facts.asked_as.clone(),
            artifact: facts.artifact.clone(),
            transport: match server.endpoint {
                McpEndpoint::Http(_) => "http",
                McpEndpoint::Sse(_) => "sse",
                McpEndpoint::Program(_) => "stdio",
            },
            origin: facts.origin.clone(),
            delivered: left.is_none(),
            reason: left.map(|left| left.reason.clone()),
        }
    });
    servers.collect()
}

/// The sealed directories of a sandbox: the agent's, and the scripts that start MCP servers.
pub(crate) fn sealed(
    agent: Vec<scc_provider::SealedDirectory>,
    delivery: &Delivery,
) -> Vec<SealedDirectory> {
    let launchers = scc_provider::SealedDirectory {
        path: LAUNCHERS.to_owned(),
        files: delivery.launchers.clone(),
    };
    let all = agent.into_iter().chain(std::iter::once(launchers));
    let all = all.filter(|directory| !directory.files.is_empty());
    all.map(|directory| SealedDirectory {
        path: directory.path,
        files: directory
            .files
            .into_iter()
            .map(|(path, file)| {
                let file = SealedFile {
                    content: file.content,
                    executable: file.executable,
                };
                (path, file)
            })
            .collect(),
    })
    .collect()
}
