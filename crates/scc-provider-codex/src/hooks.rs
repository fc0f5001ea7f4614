//! The hook that judges shell commands, as the agent's requirements have it.

use scc_provider::CommandHook;
use toml::{Table, Value, toml};

/// Shell commands go by this name, whatever the tool of the moment is called.
const SHELL_TOOL: &str = "^Bash$";

/// What runs before the shell does.
pub(crate) fn hooks(hook: CommandHook<'_>) -> Value {
    let mut command = toml! { type = "command" };
    command.insert("command".to_owned(), hook.command.into());
    command.insert("timeout".to_owned(), hook.timeout_seconds.into());
    let mut entry = Table::from_iter([("matcher".to_owned(), SHELL_TOOL.into())]);
    entry.insert("hooks".to_owned(), Value::Array(vec![command.into()]));
    Value::Array(vec![entry.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_is_for_the_shell() {
        let hook = CommandHook {
            command: "judge || exit 2",
            timeout_seconds: 9,
        };
        let entry = &hooks(hook)[0];
        assert_eq!(entry["matcher"].as_str(), Some("^Bash$"));
        assert_eq!(entry["hooks"][0]["type"].as_str(), Some("command"));
        assert_eq!(
            entry["hooks"][0]["command"].as_str(),
            Some("judge || exit 2")
        );
        assert_eq!(entry["hooks"][0]["timeout"].as_integer(), Some(9));
    }
}
