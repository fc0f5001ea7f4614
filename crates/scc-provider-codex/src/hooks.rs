//! The hook that judges shell commands, as the agent's requirements have it.

use scc_provider::CommandHook;
use toml::{Table, Value, toml};

/// Shell commands go by this name, whatever the tool of the moment is called.
const SHELL_TOOL: &str = "^Bash$";

/// Adds the hook to the requirements. Without the feature, which they pin, the user could turn
/// managed hooks off.
pub(crate) fn require(hook: CommandHook<'_>, requirements: &mut Table) {
    let mut command = toml! { type = "command" };
    command.insert("command".to_owned(), hook.command.into());
    command.insert("timeout".to_owned(), hook.timeout_seconds.into());
    let mut entry = Table::from_iter([("matcher".to_owned(), SHELL_TOOL.into())]);
    entry.insert("hooks".to_owned(), Value::Array(vec![command.into()]));
    let before = Value::Array(vec![entry.into()]);
    let hooks = Table::from_iter([("PreToolUse".to_owned(), before)]);
    requirements.insert("hooks".to_owned(), hooks.into());
    let features = toml! { hooks = true };
    requirements.insert("features".to_owned(), features.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_is_required_and_cannot_be_turned_off() {
        let mut requirements = Table::new();
        let hook = CommandHook {
            command: "judge || exit 2",
            timeout_seconds: 9,
        };
        require(hook, &mut requirements);
        let text = requirements.to_string();
        let read: Table = text.parse().unwrap();
        assert_eq!(read["features"]["hooks"].as_bool(), Some(true));
        let entry = &read["hooks"]["PreToolUse"][0];
        assert_eq!(entry["matcher"].as_str(), Some("^Bash$"));
        assert_eq!(entry["hooks"][0]["type"].as_str(), Some("command"));
        assert_eq!(
            entry["hooks"][0]["command"].as_str(),
            Some("judge || exit 2")
        );
        assert_eq!(entry["hooks"][0]["timeout"].as_integer(), Some(9));
    }
}
