//! A plugin's hooks as managed hooks, which run without a person's review and cannot be switched
//! off.

use scc_provider::Plugin;
use serde_json::Value as Json;
use toml::{Table, Value};

/// The events that the agent has.
const EVENTS: [&str; 11] = [
    "PermissionRequest",
    "PostCompact",
    "PostToolUse",
    "PreCompact",
    "PreToolUse",
    "SessionEnd",
    "SessionStart",
    "Stop",
    "SubagentStart",
    "SubagentStop",
    "UserPromptSubmit",
];
const USUAL_FILE: &str = "hooks/hooks.json";
/// Seconds, where a hook names no limit.
const TIMEOUT: i64 = 60;

/// The hooks of a plugin.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Event and its groups.
    pub(crate) managed: Vec<(String, Vec<Value>)>,
    /// What could not be taken over, and why.
    pub(crate) left_out: Vec<String>,
}

/// The hooks of a plugin whose folder is `root` in the sandbox.
pub(crate) fn of(plugin: &Plugin, root: &str) -> Hooks {
    let mut hooks = Hooks::default();
    for written in sources(plugin, &mut hooks.left_out) {
        let events = written.get("hooks").unwrap_or(&written);
        for (event, groups) in events.as_object().into_iter().flatten() {
            if !EVENTS.contains(&event.as_str()) {
                let reason = format!("Codex has no event `{event}` for its hooks");
                hooks.left_out.push(reason);
                continue;
            }
            let groups = groups.as_array().into_iter().flatten();
            let groups =
                groups.filter_map(|group| managed_group(group, plugin, root, &mut hooks.left_out));
            let groups: Vec<_> = groups.collect();
            hooks.managed.push((event.clone(), groups));
        }
    }
    hooks.managed.retain(|(_, groups)| !groups.is_empty());
    hooks
}

/// The usual file, and what the manifest and the catalog's entry name or hold.
fn sources(plugin: &Plugin, left_out: &mut Vec<String>) -> Vec<Json> {
    let manifests = plugin
        .files
        .keys()
        .filter(|path| path.ends_with("-plugin/plugin.json"));
    let manifest = manifests.filter_map(|path| plugin.json(path)).next();
    let named = [
        manifest.as_ref().and_then(|m| m.get("hooks")),
        plugin.entry.get("hooks"),
    ];
    let mut paths = vec![USUAL_FILE.to_owned()];
    let mut all = Vec::new();
    for value in named.into_iter().flatten() {
        match value {
            Json::String(path) => paths.push(plain(path)),
            Json::Array(list) => paths.extend(list.iter().filter_map(Json::as_str).map(plain)),
            inline => all.push(inline.clone()),
        }
    }
    paths.sort();
    paths.dedup();
    for path in paths {
        match (plugin.files.get(&path), plugin.json(&path)) {
            (_, Some(json)) => all.push(json),
            (None, None) if path == USUAL_FILE => {}
            _ => left_out.push(format!("its hooks in `{path}` cannot be read")),
        }
    }
    all
}

fn plain(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}

fn managed_group(
    group: &Json,
    plugin: &Plugin,
    root: &str,
    left_out: &mut Vec<String>,
) -> Option<Value> {
    let mut commands: Vec<Value> = Vec::new();
    for hook in group
        .get("hooks")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let command = hook.get("command").and_then(Json::as_str);
        match (hook.get("type").and_then(Json::as_str), command) {
            (Some("command"), Some(command)) => {
                let timeout = hook
                    .get("timeout")
                    .and_then(Json::as_i64)
                    .unwrap_or(TIMEOUT);
                let table = Table::from_iter([
                    ("type".to_owned(), "command".into()),
                    (
                        "command".to_owned(),
                        in_folder(command, plugin, root).into(),
                    ),
                    ("timeout".to_owned(), timeout.into()),
                ]);
                commands.push(table.into());
            }
            (kind, _) => {
                let kind = kind.unwrap_or("unknown");
                left_out.push(format!("Codex runs no hooks of type `{kind}`"));
            }
        }
    }
    if commands.is_empty() {
        return None;
    }
    let mut managed = Table::new();
    if let Some(matcher) = group.get("matcher").and_then(Json::as_str) {
        managed.insert("matcher".to_owned(), matcher.into());
    }
    managed.insert("hooks".to_owned(), commands.into());
    Some(managed.into())
}

/// The command with the folders that plugins ask for. The names in them are checked, so that none
/// has to be quoted.
fn in_folder(command: &str, plugin: &Plugin, root: &str) -> String {
    let data = format!(
        "${{CODEX_HOME:-$HOME/.codex}}/plugins/data/{}-{}",
        plugin.name, plugin.marketplace
    );
    let command = command.replace("${CLAUDE_PLUGIN_ROOT}", root);
    format!(
        "CLAUDE_PLUGIN_ROOT={root}; CLAUDE_PLUGIN_DATA=\"{data}\"; export CLAUDE_PLUGIN_ROOT \
         CLAUDE_PLUGIN_DATA; {command}"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn plugin(entry: &Json, files: &[(&str, Json)]) -> Plugin {
        let files = files
            .iter()
            .map(|(path, json)| ((*path).to_owned(), json.to_string().into()));
        Plugin {
            name: "p".to_owned(),
            marketplace: "m".to_owned(),
            entry: entry.as_object().cloned().unwrap_or_default(),
            files: files.collect::<BTreeMap<_, _>>(),
        }
    }

    fn hook(command: &str) -> Json {
        json!([{ "matcher": "Bash", "hooks": [{ "type": "command", "command": command }] }])
    }

    /// Events and commands, without what stands before every command.
    fn commands(hooks: &Hooks) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (event, groups) in &hooks.managed {
            for group in groups {
                let command = group["hooks"][0]["command"].as_str().unwrap();
                let (head, command) = command.split_once("CLAUDE_PLUGIN_DATA; ").unwrap();
                assert!(head.starts_with("CLAUDE_PLUGIN_ROOT=/r; "), "{head}");
                all.push((event.clone(), command.to_owned()));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn every_place_of_hooks_counts() {
        let usual = json!({ "hooks": { "PreToolUse": hook("'${CLAUDE_PLUGIN_ROOT}/a'") } });
        let files = [
            ("hooks/hooks.json", usual),
            ("more.json", json!({ "hooks": { "Stop": hook("b") } })),
            (
                ".any-plugin/plugin.json",
                json!({ "name": "p", "hooks": "./more.json" }),
            ),
        ];
        let plugin = plugin(&json!({ "hooks": { "SessionStart": hook("c") } }), &files);
        let hooks = of(&plugin, "/r");
        let pair = |event: &str, command: &str| (event.to_owned(), command.to_owned());
        let expected = [
            pair("PreToolUse", "'/r/a'"),
            pair("SessionStart", "c"),
            pair("Stop", "b"),
        ];
        assert_eq!(commands(&hooks), expected);
        assert_eq!(hooks.left_out, Vec::<String>::new());
    }

    #[test]
    fn what_the_agent_does_not_run_is_named() {
        let prompt = json!([{ "hooks": [{ "type": "prompt", "prompt": "?" }] }]);
        let usual = json!({ "hooks": { "Notification": hook("a"), "Stop": prompt } });
        let plugin = plugin(
            &json!({ "hooks": "gone.json" }),
            &[("hooks/hooks.json", usual)],
        );
        let hooks = of(&plugin, "/r");
        assert!(hooks.managed.is_empty());
        let mut left_out = hooks.left_out;
        left_out.sort();
        let expected = [
            "Codex has no event",
            "Codex runs no hooks",
            "its hooks in `gone.json`",
        ];
        for (reason, start) in left_out.iter().zip(expected) {
            assert!(reason.starts_with(start), "{reason}");
        }
        assert_eq!(left_out.len(), 3);
    }
}
