//! The document of a federated team.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Marketplace, Pattern, SchemaVersion};

/// What a federated team decides itself; everything else stays in the organization's document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamConfig {
    /// The JSON Schema that an editor checks this file with.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The version of this format.
    pub schema_version: SchemaVersion,
    /// Plugins in addition to the organization's.
    #[serde(default)]
    pub enabled_plugins: Vec<String>,
    /// Which of these, and of what the team's profile adds, are left out again; never the
    /// organization's own.
    #[serde(default)]
    pub disabled_plugins: Vec<Pattern>,
    /// Marketplaces of the team, as far as the organization trusts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marketplaces: BTreeMap<String, Marketplace>,
}
