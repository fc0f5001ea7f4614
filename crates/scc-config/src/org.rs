//! The organization's document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artifacts::GovernedArtifacts;
use crate::exceptions::PolicyException;
use crate::network::OrgNetwork;
use crate::profile::Profile;
use crate::security::Security;
use crate::session::{DevEnvironment, NetworkPolicy, Session};
use crate::user::{ProviderSection, ResourcesSection};
use crate::{Marketplace, Pattern, values};

/// The rules of an organization, in one closed document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgConfig {
    /// The JSON Schema that an editor checks this file with.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The version of this format.
    pub schema_version: SchemaVersion,
    /// The oldest scc that may be used, such as `1.4.0`.
    #[serde(
        default,
        deserialize_with = "values::cli_version",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub min_cli_version: Option<String>,
    /// Who the rules come from.
    pub organization: Organization,
    /// Where plugins come from, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marketplaces: BTreeMap<String, Marketplace>,
    /// What nobody may loosen.
    #[serde(default)]
    pub security: Security,
    /// What applies with or without a team.
    #[serde(default)]
    pub defaults: Defaults,
    /// Who may add what.
    #[serde(default)]
    pub delegation: Delegation,
    /// The teams, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Profile>,
    /// Time-limited exceptions from these rules; only these may lift a block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<PolicyException>,
    /// Settings of single providers, by provider id.
    #[serde(
        default,
        deserialize_with = "values::providers",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub providers: BTreeMap<String, OrgProvider>,
    /// Certificate authorities that images and sandboxes trust in addition: PEM text, or paths of
    /// PEM files on the developers' machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca_certificates: Vec<String>,
    /// Who has to have signed this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// Skills, servers and integrations that the organization hands out.
    #[serde(default)]
    pub governed_artifacts: GovernedArtifacts,
    /// What is recorded about use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<Stats>,
}

/// The version of a document's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SchemaVersion {
    /// The only one so far.
    #[default]
    #[serde(rename = "1.0.0")]
    V1,
}

/// Who the rules come from. The first version of the format lets this section have any other key;
/// nobody reads those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// The name that people read.
    #[serde(deserialize_with = "values::name")]
    #[schemars(length(min = 1))]
    pub name: String,
    /// Lower-case letters, digits and `-`.
    #[serde(deserialize_with = "values::organization_id")]
    #[schemars(regex(pattern = r"^[a-z0-9-]+$"))]
    pub id: String,
    /// Whom to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// What applies with or without a team.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Plugins that may be added; left out: all, empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_plugins: Option<Vec<Pattern>>,
    /// MCP servers that may be added; left out: all, empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_mcp_servers: Option<Vec<Pattern>>,
    /// Providers that may be used; left out: all, empty: none.
    #[serde(
        deserialize_with = "values::provider_ids",
        skip_serializing_if = "Option::is_none"
    )]
    pub allowed_providers: Option<Vec<String>>,
    /// Plugins that everybody gets.
    pub enabled_plugins: Vec<String>,
    /// Which of those are left out again.
    pub disabled_plugins: Vec<Pattern>,
    /// Marketplaces of the agent itself that are shown in addition.
    pub extra_marketplaces: Vec<String>,
    /// How long a fetched copy of this document is fresh, 1 to 168 hours.
    #[serde(
        deserialize_with = "values::cache_ttl_hours",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 168))]
    pub cache_ttl_hours: Option<u32>,
    /// What a sandbox may reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// The hosts that enforced egress lets through.
    pub network: OrgNetwork,
    /// Limits of a sandbox.
    pub resources: ResourcesSection,
    /// Length and resumption of sessions.
    pub session: Session,
    /// Commands that developers start on their machine.
    pub dev_environment: DevEnvironment,
}

/// Who may add what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Delegation {
    /// To teams.
    pub teams: TeamDelegation,
    /// To projects.
    pub projects: ProjectDelegation,
    /// To persons.
    pub personal: PersonalDelegation,
    /// Of exceptions that developers make themselves.
    pub exceptions: ExceptionDelegation,
}

/// Which teams may add what; the patterns are matched with the names of teams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeamDelegation {
    /// Teams that may add plugins.
    pub allow_additional_plugins: Vec<Pattern>,
    /// Teams that may add MCP servers.
    pub allow_additional_mcp_servers: Vec<Pattern>,
    /// Teams that may add commands.
    pub allow_dev_environment_commands: Vec<Pattern>,
}

/// What projects may add.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectDelegation {
    /// Projects may add what their team may, where the team allows it too.
    pub inherit_team_delegation: bool,
}

/// What persons may add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonalDelegation {
    /// Personal profiles have an effect.
    pub allow: bool,
}

impl Default for PersonalDelegation {
    fn default() -> Self {
        Self { allow: true }
    }
}

/// Exceptions that developers make themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExceptionDelegation {
    /// How long one may last at most, 1 to 168 hours; 24 where it is left out.
    #[serde(
        deserialize_with = "values::max_ttl_hours",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 168))]
    pub max_ttl_hours: Option<u32>,
}

impl ExceptionDelegation {
    /// The longest that a developer's own exception may last, in hours.
    pub fn longest_hours(&self) -> u32 {
        self.max_ttl_hours.unwrap_or(24)
    }
}

/// Settings of one provider for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrgProvider {
    /// The agent's version to install instead of the adapter's own choice.
    #[serde(
        deserialize_with = "values::version",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// The base URL of a gateway, `http://` or `https://` with a host.
    #[serde(
        deserialize_with = "values::base_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub base_url: Option<String>,
    /// Where the API key comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<crate::SecretSource>,
    /// The model to ask for, in the provider's own spelling.
    #[serde(
        deserialize_with = "values::word",
        skip_serializing_if = "Option::is_none"
    )]
    pub model: Option<String>,
    /// The certificate authority of the gateway: PEM text, or the path of a PEM file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl OrgProvider {
    /// The part that a user may set too.
    pub fn section(&self) -> ProviderSection {
        ProviderSection {
            version: self.version.clone(),
            base_url: self.base_url.clone(),
            api_key: self.api_key.clone(),
            model: self.model.clone(),
        }
    }
}

/// Who has to have signed a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Signing {
    /// Public keys, of which one is enough.
    pub public_keys: Vec<String>,
    /// Documents without a valid signature are refused.
    pub required: bool,
}

/// What is recorded about use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stats {
    /// Sessions are recorded.
    pub enabled: bool,
    /// How the person is recorded.
    pub user_identity_mode: IdentityMode,
    /// How long records are kept, 1 to 365 days.
    #[serde(
        deserialize_with = "values::retention_days",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 365))]
    pub retention_days: Option<u32>,
}

/// How a person is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdentityMode {
    /// As a salted hash.
    #[default]
    Hash,
    /// By name.
    Clear,
    /// Not at all.
    Anonymous,
}
