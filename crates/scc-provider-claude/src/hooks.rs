//! The hook that judges shell commands, as the agent's managed settings have it.

use scc_provider::CommandHook;
use serde_json::{Value, json};

/// The agent's name for its shell.
const SHELL_TOOL: &str = "Bash";

/// The value of `hooks`. Managed hooks run whatever the user's and the workspace's settings say.
pub(crate) fn hooks(hook: CommandHook<'_>) -> Value {
    json!({
        "PreToolUse": [{
            "matcher": SHELL_TOOL,
            "hooks": [{
                "type": "command",
                "command": hook.command,
                "timeout": hook.timeout_seconds,
            }],
        }],
    })
}
