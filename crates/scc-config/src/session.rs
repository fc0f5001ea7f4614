//! What several layers may set: the network policy, the session, and commands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values;

/// What a sandbox may reach; the later, the stricter.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkPolicy {
    /// Everything that the engine's default network reaches.
    #[default]
    Open,
    /// Allowed hosts only, by a proxy.
    WebEgressEnforced,
    /// Nothing.
    LockedDownWeb,
}

impl NetworkPolicy {
    /// The word in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::WebEgressEnforced => "web-egress-enforced",
            Self::LockedDownWeb => "locked-down-web",
        }
    }
}

impl std::fmt::Display for NetworkPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Length and resumption of sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// After how many hours a sandbox is stopped, 1 to 24.
    #[serde(
        deserialize_with = "values::timeout_hours",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 1, max = 24))]
    pub timeout_hours: Option<u32>,
    /// The last session is offered for resumption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_resume: Option<bool>,
}

/// Commands that developers start on their machine, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DevEnvironment {
    /// Commands to run.
    pub commands: BTreeMap<String, DevAction>,
    /// Commands that show logs.
    pub logs: BTreeMap<String, DevAction>,
    /// Commands that tell whether something works.
    pub health_checks: BTreeMap<String, DevAction>,
}

impl DevEnvironment {
    /// The sections with their keys.
    pub fn sections(&self) -> [(&'static str, &BTreeMap<String, DevAction>); 3] {
        [
            ("commands", &self.commands),
            ("logs", &self.logs),
            ("health_checks", &self.health_checks),
        ]
    }
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DevAction {
    /// The program and its arguments; no shell is involved.
    #[serde(deserialize_with = "values::command_words")]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub argv: Vec<String>,
    /// The directory, relative to the workspace.
    #[serde(default = "here")]
    pub working_directory: String,
    /// After how many seconds it is ended, 1 to 3600.
    #[serde(default = "two_minutes", deserialize_with = "values::timeout_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: u32,
    /// What it is for.
    #[serde(default)]
    pub description: String,
}

fn here() -> String {
    ".".to_owned()
}

fn two_minutes() -> u32 {
    120
}
