//! Parts of plugins that the agent would not take: it says so on its own screen only.

use std::collections::BTreeSet;

use scc_provider::{ExtensionKind, Plugin, Undelivered};
use serde_json::Value;

use crate::extensions::MANIFEST;

/// What is loaded without being named.
const USUAL_FILE: &str = "hooks/hooks.json";
/// What a manifest may name at a place of its own, beside hooks.
const PARTS: [&str; 3] = ["agents", "commands", "skills"];

/// Hooks that would not run, and parts that only a manifest for another agent names.
pub(crate) fn lost(plugin: &Plugin) -> Vec<Undelivered> {
    let hooks = lost_hooks(plugin).into_iter();
    let hooks = hooks.map(|reason| plugin.undelivered(ExtensionKind::PluginHooks, reason));
    let foreign = foreign_manifest(plugin);
    let parts = foreign.into_iter().flat_map(|(path, manifest)| {
        let named = PARTS
            .into_iter()
            .filter(move |part| manifest.get(part).is_some());
        named.map(move |part| {
            let reason = format!("its {part} that `{path}` names, which is made for another agent");
            plugin.undelivered(ExtensionKind::PluginPart, reason)
        })
    });
    hooks.chain(parts).collect()
}

fn lost_hooks(plugin: &Plugin) -> Vec<String> {
    let mut lost = Vec::new();
    if let Some((path, manifest)) = foreign_manifest(plugin)
        && manifest
            .get("hooks")
            .is_some_and(|hooks| !names_usual(hooks))
    {
        lost.push(format!(
            "its hooks that `{path}` names, which is made for another agent"
        ));
    }
    let manifest = plugin.json(MANIFEST).unwrap_or_default();
    let named = [manifest.get("hooks"), plugin.entry.get("hooks")];
    let mut paths = BTreeSet::from([USUAL_FILE.to_owned()]);
    for value in named.into_iter().flatten().flat_map(each) {
        match value {
            Value::String(path) => {
                paths.insert(plain(path));
            }
            inline if is_hooks(inline) => {}
            _ => lost.push("its hooks are not what hooks should be".to_owned()),
        }
    }
    lost.extend(paths.iter().filter_map(|path| lost_file(plugin, path)));
    lost
}

fn lost_file(plugin: &Plugin, path: &str) -> Option<String> {
    match (plugin.files.contains_key(path), plugin.json(path)) {
        (false, _) if path == USUAL_FILE => None,
        (false, _) => Some(format!("its hooks in `{path}`, which is not there")),
        (true, Some(hooks)) if is_hooks(&hooks) => None,
        (true, _) => Some(format!(
            "its hooks in `{path}`, which are not what hooks should be"
        )),
    }
}

/// The manifest of a plugin that has none for this agent.
fn foreign_manifest(plugin: &Plugin) -> Option<(&str, Value)> {
    if plugin.files.contains_key(MANIFEST) {
        return None;
    }
    let is_manifest = |path: &&String| {
        let folder = path.strip_suffix("-plugin/plugin.json");
        folder.is_some_and(|name| name.starts_with('.') && !name.contains('/'))
    };
    let path = plugin.files.keys().find(is_manifest)?;
    // What cannot be read names nothing that could be missed.
    Some((path, plugin.json(path).unwrap_or_default()))
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

fn names_usual(hooks: &Value) -> bool {
    let is_usual = |one: &Value| one.as_str().is_some_and(|path| plain(path) == USUAL_FILE);
    each(hooks).iter().all(is_usual)
}

fn plain(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}

/// Groups by their event, each with a list of hooks.
fn is_hooks(value: &Value) -> bool {
    let has_hooks = |group: &Value| group.get("hooks").is_some_and(Value::is_array);
    let is_list = |groups: &Value| {
        let groups = groups.as_array();
        groups.is_some_and(|groups| groups.iter().all(has_hooks))
    };
    let events = value.get("hooks").unwrap_or(value).as_object();
    events.is_some_and(|events| events.values().all(is_list))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Map, json};

    use super::*;

    fn plugin(files: &[(&str, Value)], entry: &Value) -> Plugin {
        let files = files.iter();
        let files: BTreeMap<_, _> = files
            .map(|(path, content)| ((*path).to_owned(), content.to_string().into()))
            .collect();
        let entry: Map<_, _> = entry.as_object().cloned().unwrap();
        Plugin {
            name: "p".to_owned(),
            marketplace: "m".to_owned(),
            entry,
            files,
        }
    }

    fn reasons(files: &[(&str, Value)], entry: &Value) -> Vec<String> {
        let all = lost(&plugin(files, entry)).into_iter();
        all.map(|one| format!("{:?}: {}", one.kind, one.reason))
            .collect()
    }

    fn sound() -> Value {
        json!({ "hooks": { "PreToolUse": [{ "hooks": [{ "type": "command", "command": "x" }] }] } })
    }

    #[test]
    fn hooks_that_run_are_not_named() {
        let none: [String; 0] = [];
        assert_eq!(reasons(&[], &json!({})), none);
        assert_eq!(reasons(&[(USUAL_FILE, sound())], &json!({})), none);
        let own = json!({ "hooks": "./h.json" });
        let files = [(MANIFEST, own), ("h.json", sound())];
        assert_eq!(reasons(&files, &json!({ "hooks": sound() })), none);
        let foreign = json!({ "hooks": "./hooks/hooks.json" });
        let files = [(".x-plugin/plugin.json", foreign), (USUAL_FILE, sound())];
        assert_eq!(reasons(&files, &json!({})), none);
    }

    #[test]
    fn hooks_that_do_not_run_are_named() {
        for broken in [
            json!("nonsense"),
            json!({ "hooks": { "PreToolUse": "nonsense" } }),
            json!({ "hooks": { "PreToolUse": [{}] } }),
        ] {
            assert_eq!(
                reasons(&[(USUAL_FILE, broken)], &json!({})),
                [
                    "PluginHooks: its hooks in `hooks/hooks.json`, which are not what hooks should be"
                ]
            );
        }
        assert_eq!(
            reasons(&[], &json!({ "hooks": ["./gone.json", 1] })),
            [
                "PluginHooks: its hooks are not what hooks should be",
                "PluginHooks: its hooks in `gone.json`, which is not there",
            ]
        );
    }

    #[test]
    fn what_only_another_agents_manifest_names_is_named() {
        let manifest = json!({ "hooks": "./guard.json", "skills": "./more" });
        let files = [(".x-plugin/plugin.json", manifest), ("guard.json", sound())];
        assert_eq!(
            reasons(&files, &json!({})),
            [
                "PluginHooks: its hooks that `.x-plugin/plugin.json` names, which is made for another \
                 agent",
                "PluginPart: its skills that `.x-plugin/plugin.json` names, which is made for another \
                 agent",
            ]
        );
        let both = [files[0].clone(), (MANIFEST, json!({ "name": "p" }))];
        assert_eq!(reasons(&both, &json!({})), [""; 0]);
    }
}
