//! What nobody may loosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Pattern, values};

/// What nobody may loosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Plugins that nobody gets: `name`, in any marketplace, or `name@marketplace`.
    pub blocked_plugins: Vec<Pattern>,
    /// MCP servers that nobody gets, by name, address, host or program.
    pub blocked_mcp_servers: Vec<Pattern>,
    /// MCP servers may be programs in the sandbox.
    pub allow_stdio_mcp: bool,
    /// Folders that such programs may lie in; empty: any absolute path.
    #[serde(deserialize_with = "values::path_prefixes")]
    pub allowed_stdio_prefixes: Vec<String>,
    /// Paths of the workspace that the agent does not see.
    pub workspace_shields: Vec<Pattern>,
    /// The interception of destructive commands.
    pub safety_net: SafetyNet,
}

/// The interception of destructive commands: what happens, and which groups of rules are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyNet {
    /// What happens to a destructive command.
    pub action: SafetyAction,
    /// Overwriting a remote branch.
    pub block_force_push: bool,
    /// `git reset --hard` and the like.
    pub block_reset_hard: bool,
    /// Deleting or moving a branch with unmerged work.
    pub block_branch_force_delete: bool,
    /// Overwriting files with `git checkout`, `switch` or `restore`.
    pub block_checkout_restore: bool,
    /// `git clean -f`.
    pub block_clean: bool,
    /// `git stash drop` and `clear`.
    pub block_stash_destructive: bool,
    /// Rewriting history and references.
    pub block_history_rewrite: bool,
    /// Deleting remote branches.
    pub block_remote_delete: bool,
    /// Expiring the reflog and pruning objects.
    pub block_reflog_gc: bool,
    /// Programs that reach the network.
    pub block_network_tools: bool,
    /// Those of them that are let through.
    pub allowed_network_tools: Vec<NetworkTool>,
    /// Folders in the sandbox, by absolute path: in a work tree that is one of them, or below one,
    /// uncommitted work may be discarded.
    #[serde(deserialize_with = "values::path_prefixes")]
    pub disposable_worktrees: Vec<String>,
}

impl Default for SafetyNet {
    fn default() -> Self {
        Self {
            action: SafetyAction::Block,
            block_force_push: true,
            block_reset_hard: true,
            block_branch_force_delete: true,
            block_checkout_restore: true,
            block_clean: true,
            block_stash_destructive: true,
            block_history_rewrite: true,
            block_remote_delete: true,
            block_reflog_gc: true,
            block_network_tools: true,
            allowed_network_tools: Vec::new(),
            disposable_worktrees: Vec::new(),
        }
    }
}

/// What happens to a destructive command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SafetyAction {
    /// It is refused.
    #[default]
    Block,
    /// It runs, with a warning.
    Warn,
    /// It runs.
    Allow,
}

/// A program that reaches the network by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
