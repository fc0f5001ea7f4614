//! What is to be stopped: the policy file.

use serde::{Deserialize, Serialize};

use crate::verdict::Group;

/// The newest schema that this version reads, and the one that it writes.
pub const SCHEMA: u32 = 1;

/// What is to be stopped. The host writes it as JSON; the guard and the hooks read it with
/// [`Policy::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The version of the format: [`SCHEMA`].
    pub schema: u32,
    /// What happens to a destructive command.
    pub action: Action,
    /// Which groups of rules are on.
    #[serde(default)]
    pub switches: Switches,
    /// Network tools that may run.
    #[serde(default)]
    pub allowed_network_tools: Vec<NetworkTool>,
    /// Absolute paths of folders: in a work tree that is one of them, or below one, uncommitted
    /// work may be discarded (`reset --hard`, `checkout`, `restore`, `clean`). Asked through
    /// [`World::worktree`](crate::World::worktree); where that is not known, nothing is allowed.
    #[serde(default)]
    pub disposable_worktrees: Vec<String>,
}

impl Default for Policy {
    /// Everything is stopped.
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            action: Action::Block,
            switches: Switches::default(),
            allowed_network_tools: Vec::new(),
            disposable_worktrees: Vec::new(),
        }
    }
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// When it is not a JSON object of this schema: unknown keys, missing `schema` or `action`,
    /// another schema. The caller then refuses every command that it guards.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let Version { schema } = serde_json::from_slice(bytes).map_err(PolicyError::Malformed)?;
        if schema != SCHEMA {
            return Err(PolicyError::Schema(schema));
        }
        serde_json::from_slice(bytes).map_err(PolicyError::Malformed)
    }

    /// The rules of this group apply.
    #[must_use]
    pub fn is_on(&self, group: Group) -> bool {
        self.action != Action::Allow && self.switches.is_on(group)
    }
}

/// What happens to a destructive command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is refused.
    Block,
    /// It runs, after a warning.
    Warn,
    /// It runs; nothing is judged.
    Allow,
}

/// Which groups of rules are on. All are, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one switch a group, as in the organization's document"
)]
pub struct Switches {
    /// [`Group::ForcePush`].
    pub block_force_push: bool,
    /// [`Group::ResetHard`].
    pub block_reset_hard: bool,
    /// [`Group::BranchForceDelete`].
    pub block_branch_force_delete: bool,
    /// [`Group::CheckoutRestore`].
    pub block_checkout_restore: bool,
    /// [`Group::Clean`].
    pub block_clean: bool,
    /// [`Group::StashDestructive`].
    pub block_stash_destructive: bool,
    /// [`Group::HistoryRewrite`].
    pub block_history_rewrite: bool,
    /// [`Group::RemoteDelete`].
    pub block_remote_delete: bool,
    /// [`Group::ReflogGc`].
    pub block_reflog_gc: bool,
    /// [`Group::NetworkTools`].
    pub block_network_tools: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self::all(true)
    }
}

impl Switches {
    /// Every switch in one position.
    #[must_use]
    pub const fn all(on: bool) -> Self {
        Self {
            block_force_push: on,
            block_reset_hard: on,
            block_branch_force_delete: on,
            block_checkout_restore: on,
            block_clean: on,
            block_stash_destructive: on,
            block_history_rewrite: on,
            block_remote_delete: on,
            block_reflog_gc: on,
            block_network_tools: on,
        }
    }

    /// The switch of a group. [`Group::Unjudged`] has none of its own: it is on while any other is.
    #[must_use]
    pub fn is_on(&self, group: Group) -> bool {
        match group {
            Group::ForcePush => self.block_force_push,
            Group::ResetHard => self.block_reset_hard,
            Group::BranchForceDelete => self.block_branch_force_delete,
            Group::CheckoutRestore => self.block_checkout_restore,
            Group::Clean => self.block_clean,
            Group::StashDestructive => self.block_stash_destructive,
            Group::HistoryRewrite => self.block_history_rewrite,
            Group::RemoteDelete => self.block_remote_delete,
            Group::ReflogGc => self.block_reflog_gc,
            Group::NetworkTools => self.block_network_tools,
            Group::Unjudged => *self != Self::all(false),
        }
    }
}

/// A program that reaches the network by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkTool {
    /// `curl`
    Curl,
    /// `wget`
    Wget,
    /// `ssh`
    Ssh,
    /// `scp`
    Scp,
    /// `sftp`
    Sftp,
    /// `rsync`
    Rsync,
}

impl NetworkTool {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Curl,
        Self::Wget,
        Self::Ssh,
        Self::Scp,
        Self::Sftp,
        Self::Rsync,
    ];

    /// The program's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Wget => "wget",
            Self::Ssh => "ssh",
            Self::Scp => "scp",
            Self::Sftp => "sftp",
            Self::Rsync => "rsync",
        }
    }

    /// The tool of this name, without its folder.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is not a policy.
    #[error("the policy cannot be read: {0}")]
    Malformed(serde_json::Error),
    /// It was written for another version.
    #[error("the policy has schema {0}, and this version reads schema {SCHEMA}")]
    Schema(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_writes_is_read_back() {
        let policy = Policy {
            action: Action::Warn,
            allowed_network_tools: vec![NetworkTool::Curl],
            ..Policy::default()
        };
        let bytes = serde_json::to_vec(&policy).unwrap();
        assert_eq!(Policy::parse(&bytes).unwrap(), policy);
    }

    #[test]
    fn what_is_left_out_is_on() {
        let policy = Policy::parse(br#"{"schema": 1, "action": "block"}"#).unwrap();
        assert_eq!(policy, Policy::default());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"schema": 1}"#,
            r#"{"action": "block"}"#,
            r#"{"schema": 2, "action": "block"}"#,
            r#"{"schema": 0, "action": "block"}"#,
            r#"{"schema": 1, "action": "off"}"#,
            r#"{"schema": 1, "action": "block", "rules": {}}"#,
            r#"{"schema": 1, "action": "block", "switches": {"block_all": false}}"#,
            r#"{"schema": 1, "action": "block", "allowed_network_tools": ["nc"]}"#,
        ] {
            assert!(Policy::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
