//! One exception: what it allows, why, and until when.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A time-bounded permission, as it stands in an exceptions file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Exception {
    /// Unique in its file, such as `local-20261124-09af`.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first moment at which it no longer holds.
    pub expires_at: Timestamp,
    /// Why it was made.
    pub reason: String,
    /// What it may lift.
    pub scope: ExceptionScope,
    /// What it allows.
    #[serde(default)]
    pub allow: Allowance,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// The machine on which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<String>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The ticket in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Fields that this scc does not know; they are written back as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What an exception may lift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExceptionScope {
    /// Denials by delegation and allowlists.
    Local,
    /// Security blocks too. It counts only in the organization's own document, never in the files
    /// of this crate, which the user can write.
    Policy,
}

/// What an exception allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Allowance {
    /// Plugins, as `name@marketplace` or patterns of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// Names of MCP servers or patterns of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp_servers: Vec<String>,
    /// Fields that this scc does not know; they are written back as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Exception {
    /// Whether it holds at this moment.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// A new id, `local-YYYYMMDD-xxxx`: the date of `now` (UTC) and four hex digits, starting from
    /// `seed` and counting on past those that `existing` has. It gets longer when a day has used
    /// them all up.
    pub fn new_id(now: Timestamp, seed: u16, existing: &[Exception]) -> String {
        let day = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
        let taken = |id: &str| existing.iter().any(|exception| exception.id == id);
        let mut number = u32::from(seed);
        for _ in 0..=u16::MAX {
            let id = format!("local-{day}-{:04x}", number & 0xffff);
            if !taken(&id) {
                return id;
            }
            number += 1;
        }
        loop {
            let id = format!("local-{day}-{number:05x}");
            if !taken(&id) {
                return id;
            }
            number += 1;
        }
    }
}
