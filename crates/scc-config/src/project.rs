//! `.scc.yaml`, the document in a workspace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::McpServer;
use crate::session::{DevEnvironment, NetworkPolicy, Session};

/// What a project adds, as far as its team and organization let it. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectConfig {
    /// Plugins.
    pub additional_plugins: Vec<String>,
    /// MCP servers.
    pub additional_mcp_servers: Vec<McpServer>,
    /// What the sandbox may reach; may only be stricter than what applies anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// Length and resumption of sessions; may only be shorter than what applies anyway.
    pub session: Session,
    /// Commands that developers start on their machine.
    pub dev_environment: DevEnvironment,
}
