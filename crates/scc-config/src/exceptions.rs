//! Time-limited exceptions that an organization makes from its own rules.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Pattern, values};

/// An exception for some plugins or MCP servers; it lifts blocks, missing delegation and missing
/// entries of an allowlist until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyException {
    /// The name by which it is recorded.
    #[serde(deserialize_with = "values::name")]
    pub id: String,
    /// Why it is made.
    #[serde(deserialize_with = "values::name")]
    pub reason: String,
    /// From when on it has no effect, such as `2030-01-31T12:00:00Z`.
    #[serde(deserialize_with = "timestamp")]
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// What it is for.
    pub allow: ExceptionTargets,
}

/// What an exception is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExceptionTargets {
    /// Plugins, by the same patterns as elsewhere.
    pub plugins: Vec<Pattern>,
    /// MCP servers, by the same patterns as elsewhere.
    pub mcp_servers: Vec<Pattern>,
}

fn timestamp<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        let text = text.escape_debug();
        serde::de::Error::custom(format!(
            "`{text}` is not a time such as `2030-01-31T12:00:00Z`"
        ))
    })
}
