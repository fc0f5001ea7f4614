//! What a launch starts from: values, read by the caller.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use scc_config::UserConfig;
use scc_policy::EffectivePolicy;
use scc_provider::ProviderSettings;

use crate::{Delivery, EgressRequest, Resumed};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct LaunchRequest<'a> {
    /// The workspace as typed, or the current directory.
    pub workspace: PathBuf,
    /// The provider that was chosen, by whichever rule.
    pub provider: String,
    /// Why that provider.
    pub provider_reason: String,
    /// A name for the session.
    pub session_name: Option<String>,
    /// The session whose conversation goes on; a new one begins where there is none.
    pub resumed: Option<Resumed>,
    /// Whether the workspace's dependencies are installed in the sandbox before the agent starts.
    pub install_dependencies: bool,
    /// Arguments for the agent.
    pub args: Vec<String>,
    /// Start although the workspace looks like a mistake.
    pub allow_suspicious: bool,
    /// Whether the provider's volume held a sign-in when it was last looked into. The launch looks
    /// again; a plan has nothing else to go by.
    pub signed_in: bool,
    /// The rules that apply.
    pub policy: &'a EffectivePolicy,
    /// The plugins and MCP servers that the rules allow.
    pub delivery: &'a Delivery,
    /// The current time.
    pub now: Timestamp,
    /// How long an hour of a session is; one hour, but for tests.
    pub session_hour: SignedDuration,
    /// The user's settings.
    pub config: &'a UserConfig,
    /// The provider's settings, with its key resolved.
    pub settings: ProviderSettings,
    /// Certificate authorities to trust in images and sandboxes: file name to PEM text.
    pub certificates: BTreeMap<String, Vec<u8>>,
    /// A package registry that the host's npm is configured to use, if it is not npm's default.
    pub npm_registry: Option<String>,
    /// How egress is enforced, where the rules want it.
    pub egress: EgressRequest,
    /// This machine and its user.
    pub host: HostFacts,
}

/// This machine and its user, as far as a launch depends on them.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// Effective user id of scc.
    pub uid: u32,
    /// Effective group id of scc.
    pub gid: u32,
    /// `SUDO_UID` and `SUDO_GID`, when scc was started through sudo.
    pub sudo: Option<(u32, u32)>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `TERM`, `COLORTERM`, `LANG`, `LC_*` and `TZ`, as far as they are set.
    pub environment: BTreeMap<String, String>,
    /// Where scc's own settings, records and copies are, and the engine's socket: what governs an
    /// agent, and must not be in its reach.
    pub private: Vec<PathBuf>,
    /// The user's git configuration files, least important first.
    pub git_config: Vec<PathBuf>,
}
