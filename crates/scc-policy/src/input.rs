//! What a policy is made from.

use std::path::Path;

use jiff::Timestamp;
use scc_config::{Document, McpServer, OrgConfig, Pattern, ProjectConfig, TeamConfig};

/// Everything a policy depends on.
#[derive(Debug, Clone, Copy)]
pub struct PolicyInput<'a> {
    /// The organization's document; `None` in the standalone state that setup recorded. A document
    /// that cannot be read is not `None`: such a launch is refused before.
    pub org: Option<&'a Document<OrgConfig>>,
    /// The team's name, as in the organization's document.
    pub team: Option<&'a str>,
    /// The own document of a federated team. It always comes from elsewhere.
    pub team_document: Option<&'a Document<TeamConfig>>,
    /// The personal profile for this repository.
    pub personal: Option<&'a PersonalProfile<'a>>,
    /// The document in the workspace.
    pub project: Option<&'a Document<ProjectConfig>>,
    /// The developer's own exceptions.
    pub exceptions: &'a [LocalException<'a>],
    /// The ids of the providers that exist.
    pub providers: &'a [&'a str],
    /// The marketplaces that agents bring along. A plugin without a marketplace belongs to the
    /// first where the organization has none of its own.
    pub implicit_marketplaces: &'a [&'a str],
    /// The variables of the host that servers of the workspace's document may be given.
    pub workspace_variables: &'a [String],
    /// The time at which the policy has to hold.
    pub now: Timestamp,
}

impl PolicyInput<'_> {
    /// Nothing but the time: standalone, without any document.
    pub fn at(now: Timestamp) -> Self {
        Self {
            org: None,
            team: None,
            team_document: None,
            personal: None,
            project: None,
            exceptions: &[],
            providers: &[],
            implicit_marketplaces: &[],
            workspace_variables: &[],
            now,
        }
    }
}

/// One person's additions for one repository.
#[derive(Debug, Clone, Copy)]
pub struct PersonalProfile<'a> {
    /// The file that holds them.
    pub file: &'a Path,
    /// Plugins.
    pub plugins: &'a [String],
    /// MCP servers.
    pub mcp_servers: &'a [McpServer],
}

/// A developer's own exception; it lifts missing delegation and missing entries of an allowlist,
/// never a block.
#[derive(Debug, Clone, Copy)]
pub struct LocalException<'a> {
    /// The id by which it is recorded.
    pub id: &'a str,
    /// Where it is kept.
    pub store: ExceptionStore,
    /// The file that holds it.
    pub file: &'a Path,
    /// From when on it has no effect.
    pub expires_at: Timestamp,
    /// The plugins it is for.
    pub plugins: &'a [Pattern],
    /// The MCP servers it is for.
    pub mcp_servers: &'a [Pattern],
}

/// Where a developer's own exception is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExceptionStore {
    /// With the user's settings: for every repository.
    User,
    /// With the repository.
    Repository,
}

impl ExceptionStore {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Repository => "repository",
        }
    }
}
