//! Teams, as the organization's document describes them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::network::TeamNetwork;
use crate::session::{DevEnvironment, NetworkPolicy, Session};
use crate::user::ProviderSection;
use crate::{ConfigSource, McpServer, Pattern, values};

/// One team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// What the team does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Plugins in addition to the organization's.
    pub additional_plugins: Vec<String>,
    /// MCP servers.
    pub additional_mcp_servers: Vec<McpServer>,
    /// What the team's sandboxes may reach; may only be stricter than the organization's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// The hosts that enforced egress lets through for this team.
    pub network: TeamNetwork,
    /// Providers that the team may use, of those that the organization allows.
    #[serde(
        deserialize_with = "values::provider_ids",
        skip_serializing_if = "Option::is_none"
    )]
    pub allowed_providers: Option<Vec<String>>,
    /// Settings of single providers for this team, by provider id; they win over the organization's.
    #[serde(
        deserialize_with = "values::providers",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub providers: BTreeMap<String, ProviderSection>,
    /// Length and resumption of sessions; may only be shorter than the organization's.
    pub session: Session,
    /// Commands that developers start on their machine.
    pub dev_environment: DevEnvironment,
    /// What the team passes on to its projects.
    pub delegation: ProfileDelegation,
    /// Where the team keeps its own document; such a team is called federated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_source: Option<ConfigSource>,
    /// What the team's own document may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// Bundles of governed artifacts that the team gets.
    pub enabled_bundles: Vec<String>,
}

/// What a team passes on to its projects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileDelegation {
    /// Projects may add what the team may.
    pub allow_project_overrides: bool,
}

/// What the document of a federated team may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// The team sees the organization's marketplaces.
    pub inherit_org_marketplaces: bool,
    /// The team may add marketplaces.
    pub allow_additional_marketplaces: bool,
    /// Where those may come from: host and path, where `*` stays in one part of the path and `**`
    /// does not. Empty: nowhere.
    pub marketplace_source_patterns: Vec<Pattern>,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            inherit_org_marketplaces: true,
            allow_additional_marketplaces: false,
            marketplace_source_patterns: Vec::new(),
        }
    }
}
