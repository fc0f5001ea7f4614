//! A plugin's hooks as managed hooks, which run without a person's review and cannot be switched
//! off.

use scc_provider::Plugin;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::plugins;

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
        let Some(events) = written.get("hooks").unwrap_or(&written).as_object() else {
            hooks.left_out.push("its hooks are no object".to_owned());
            continue;
        };
        for (event, groups) in events {
            if !EVENTS.contains(&event.as_str()) {
                let reason = format!("Codex has no event `{event}` for its hooks");
                hooks.left_out.push(reason);
                continue;
            }
            let Some(groups) = groups.as_array() else {
                let reason = format!("its hooks for `{event}` are no list");
                hooks.left_out.push(reason);
                continue;
            };
            let mut managed = Vec::new();
            for group in groups {
                match managed_group(group, plugin, root, &mut hooks.left_out) {
                    Ok(group) => managed.extend(group),
                    Err(why) => hooks.left_out.push(format!("hooks for `{event}`: {why}")),
                }
            }
            hooks.managed.push((event.clone(), managed));
        }
    }
    hooks.managed.retain(|(_, groups)| !groups.is_empty());
    hooks
}

/// The usual file, and what the manifest and the catalog's entry name or hold.
fn sources(plugin: &Plugin, left_out: &mut Vec<String>) -> Vec<Json> {
    let manifest = manifest(plugin, left_out);
    let named = [
        manifest.as_ref().and_then(|m| m.get("hooks")),
        plugin.entry.get("hooks"),
    ];
    let mut paths = vec![USUAL_FILE.to_owned()];
    let mut all = Vec::new();
    for value in named.into_iter().flatten() {
        let list = match value {
            Json::Null => &[],
            Json::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in list {
            match value {
                Json::String(path) => paths.push(plain(path)),
                inline => all.push(inline.clone()),
            }
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

fn manifest(plugin: &Plugin, left_out: &mut Vec<String>) -> Option<Json> {
    let path = plugins::manifest(plugin)?;
    let manifest = plugin.json(path);
    if manifest.is_none() {
        left_out.push(format!("its manifest `{path}` cannot be read"));
    }
    manifest
}

fn plain(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}

/// `None` where nothing in it can be run; an error where it is not what a group should be.
fn managed_group(
    group: &Json,
    plugin: &Plugin,
    root: &str,
    left_out: &mut Vec<String>,
) -> Result<Option<Value>, &'static str> {
    let hooks = group.get("hooks").and_then(Json::as_array);
    let hooks = hooks.ok_or("a group has no list `hooks`")?;
    let matcher = match group.get("matcher") {
        None | Some(Json::Null) => None,
        Some(Json::String(matcher)) => Some(matcher.as_str()),
        // Without it the hook would be for every tool.
        Some(_) => return Err("a `matcher` is no text"),
    };
    let mut commands: Vec<Value> = Vec::new();
    for hook in hooks {
        match managed_hook(hook, plugin, root) {
            Ok(command) => commands.push(command),
            Err(why) => left_out.push(why),
        }
    }
    if commands.is_empty() {
        return Ok(None);
    }
    let mut managed = Table::new();
    if let Some(matcher) = matcher {
        managed.insert("matcher".to_owned(), matcher.into());
    }
    managed.insert("hooks".to_owned(), commands.into());
    Ok(Some(managed.into()))
}

fn managed_hook(hook: &Json, plugin: &Plugin, root: &str) -> Result<Value, String> {
    let kind = hook.get("type").and_then(Json::as_str);
    if kind != Some("command") {
        let kind = kind.unwrap_or("unknown");
        return Err(format!("Codex runs no hooks of type `{kind}`"));
    }
    let command = hook.get("command").and_then(Json::as_str);
    let command = command.ok_or("a hook has no `command`")?;
    let timeout = hook.get("timeout").and_then(Json::as_i64);
    let table = Table::from_iter([
        ("type".to_owned(), "command".into()),
        (
            "command".to_owned(),
            in_folder(command, plugin, root).into(),
        ),
        ("timeout".to_owned(), timeout.unwrap_or(TIMEOUT).into()),
    ]);
    Ok(table.into())
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
    use crate::plugins::MANIFEST;

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

    #[test]
    fn the_agents_own_manifest_counts_and_no_nested_one() {
        let manifest = |command: &str| json!({ "name": "p", "hooks": { "Stop": hook(command) } });
        let mut files = vec![
            ("templates/.a-plugin/plugin.json", manifest("nested")),
            ("a-plugin/plugin.json", manifest("no manifest")),
        ];
        let found = |files: &[(&str, Json)]| {
            let hooks = of(&plugin(&json!({}), files), "/r");
            assert_eq!(hooks.left_out, Vec::<String>::new());
            let found = commands(&hooks).into_iter();
            found.map(|(_, command)| command).collect::<Vec<_>>()
        };
        assert_eq!(found(&files), Vec::<String>::new());
        files.push((".any-plugin/plugin.json", manifest("other")));
        assert_eq!(found(&files), ["other"]);
        files.push((MANIFEST, manifest("own")));
        assert_eq!(found(&files), ["own"]);
    }

    #[test]
    fn a_list_holds_hooks_and_files_of_them() {
        let more = json!({ "hooks": { "Stop": hook("b") } });
        let list = json!({ "hooks": ["./more.json", { "hooks": { "SessionStart": hook("a") } }] });
        let hooks = of(&plugin(&list, &[("more.json", more)]), "/r");
        let found: Vec<_> = commands(&hooks).into_iter().map(|(_, c)| c).collect();
        assert_eq!(found, ["a", "b"]);
        assert_eq!(hooks.left_out, Vec::<String>::new());
    }

    #[test]
    fn what_is_malformed_is_named() {
        let command = json!({ "type": "command", "command": "a" });
        for (hooks, reason) in [
            (json!(7), "its hooks are no object"),
            (json!([7]), "its hooks are no object"),
            (json!({ "hooks": [] }), "its hooks are no object"),
            (json!({ "Stop": {} }), "its hooks for `Stop` are no list"),
            (
                json!({ "Stop": [command] }),
                "hooks for `Stop`: a group has no list `hooks`",
            ),
            (
                json!({ "Stop": [7] }),
                "hooks for `Stop`: a group has no list `hooks`",
            ),
            (
                json!({ "Stop": [{ "matcher": ["a"], "hooks": [command] }] }),
                "hooks for `Stop`: a `matcher` is no text",
            ),
            (
                json!({ "Stop": [{ "hooks": [{ "type": "command" }] }] }),
                "a hook has no `command`",
            ),
            (
                json!({ "Stop": [{ "hooks": ["a"] }] }),
                "Codex runs no hooks of type `unknown`",
            ),
        ] {
            let found = of(&plugin(&json!({ "hooks": hooks }), &[]), "/r");
            assert!(found.managed.is_empty(), "{hooks}");
            assert_eq!(found.left_out, [reason], "{hooks}");
        }
        let mut broken = plugin(&json!({}), &[]);
        broken.files.insert(MANIFEST.to_owned(), "{".into());
        let reason = format!("its manifest `{MANIFEST}` cannot be read");
        assert_eq!(of(&broken, "/r").left_out, [reason]);
    }
}
