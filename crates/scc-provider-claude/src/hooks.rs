//! The hook that judges shell commands, as the agent's managed settings have it.

use scc_provider::CommandHook;
use serde_json::{Value, json};

/// The agent's name for its shell.
const SHELL_TOOL: &str = "Bash";

/// What runs before the shell does.
pub(crate) fn hooks(hook: CommandHook<'_>) -> Value {
    json!([{
        "matcher": SHELL_TOOL,
        "hooks": [{
            "type": "command",
            "command": hook.command,
            "timeout": hook.timeout_seconds,
        }],
    }])
}
