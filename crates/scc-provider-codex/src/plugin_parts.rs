//! The parts of a plugin that the agent has no place for, whether they lie at their usual place or the
//! manifest or the catalog names another.

use scc_provider::Plugin;
use serde_json::Value as Json;

use crate::plugins;

/// What is named under this key or lies here is nothing to the agent. The third is what it is called.
const NOWHERE: [(&str, &str, &str); 6] = [
    ("agents", "agents/", "agents"),
    ("apps", ".app.json", "apps"),
    ("lspServers", ".lsp.json", "lspServers"),
    ("monitors", "monitors/", "monitors"),
    ("outputStyles", "output-styles/", "output-styles"),
    ("themes", "themes/", "themes"),
];
const SERVERS: (&str, &str) = ("mcpServers", ".mcp.json");
const COMMANDS: &str = "commands";

/// What of a plugin the agent does not get, hooks apart: a fragment in lower case each.
pub(crate) fn left_out(plugin: &Plugin) -> Vec<String> {
    let parts = Parts {
        plugin,
        // That one cannot be read is said with the hooks.
        manifest: plugins::manifest(plugin).and_then(|path| plugin.json(path)),
    };
    let mut left_out = Vec::new();
    for (key, place, shown) in NOWHERE {
        if parts.has(key, place) {
            left_out.push(format!("Codex has no place for its `{shown}`"));
        }
    }
    if parts.has(SERVERS.0, SERVERS.1) {
        left_out.push(
            "its own MCP servers are not started; whoever keeps the rules can add them as \
             `additional_mcp_servers`"
                .to_owned(),
        );
    }
    left_out.extend(parts.commands());
    left_out.extend(parts.skills());
    left_out
}

struct Parts<'a> {
    plugin: &'a Plugin,
    manifest: Option<Json>,
}

impl Parts<'_> {
    fn has(&self, key: &str, place: &str) -> bool {
        let mut files = self.plugin.files.keys();
        let lies_there = files.any(|path| match place.ends_with('/') {
            true => path.starts_with(place),
            false => path == place,
        });
        lies_there || self.named(key).next().is_some()
    }

    /// What the manifest and the catalog's entry have under a key.
    fn named(&self, key: &str) -> impl Iterator<Item = &Json> {
        let manifest = self.manifest.as_ref().and_then(|all| all.get(key));
        let entry = self.plugin.entry.get(key);
        let named = [manifest, entry].into_iter().flatten();
        named.filter(|value| match value {
            Json::Null => false,
            Json::Array(list) => !list.is_empty(),
            Json::Object(map) => !map.is_empty(),
            _ => true,
        })
    }

    /// Commands that are not taken: those elsewhere than in the usual folder, and what is no text.
    fn commands(&self) -> Vec<String> {
        let files = self.plugin.files.iter();
        let broken = files.filter(|(path, file)| {
            let is_command = path.starts_with("commands/") && path.ends_with(".md");
            is_command && std::str::from_utf8(&file.content).is_err()
        });
        let broken = broken.map(|(path, _)| format!("its `{path}` is no text in UTF-8"));
        broken
            .chain(self.named(COMMANDS).flat_map(elsewhere))
            .collect()
    }

    /// Skills that are named and not found: all of the plugin's folder is searched, but for what is
    /// hidden.
    fn skills(&self) -> Vec<String> {
        let named = self.named("skills").flat_map(list);
        let reasons = named.filter_map(|value| {
            let Some(path) = value.as_str().map(plain) else {
                return Some("a path of its `skills` is no text".to_owned());
            };
            let shown = shown(path);
            if path.split('/').any(|part| part.starts_with('.')) {
                return Some(format!("Codex looks for no skills in `{shown}`"));
            }
            let below = match path.is_empty() {
                true => String::new(),
                false => format!("{path}/"),
            };
            let mut files = self.plugin.files.keys();
            let found = files.any(|file| {
                let rest = file.strip_prefix(&below);
                rest.is_some_and(|rest| rest == "SKILL.md" || rest.ends_with("/SKILL.md"))
            });
            (!found).then(|| format!("there are no skills in `{shown}`, where it says so"))
        });
        reasons.collect()
    }
}

/// The commands of a value that are not in the usual folder.
fn elsewhere(value: &Json) -> Vec<String> {
    let at = |path: &str| {
        let path = plain(path);
        let is_usual = path == COMMANDS || path.starts_with("commands/");
        let shown = shown(path);
        (!is_usual)
            .then(|| format!("its commands in `{shown}` are not taken, as those in `commands` are"))
    };
    let inline = |name: &str| {
        let shown = name.escape_debug();
        format!("its command `{shown}` is not taken, as those in `commands` are")
    };
    match value {
        Json::Object(commands) => {
            let commands = commands.iter();
            let reasons = commands.filter_map(|(name, command)| {
                let source = command.get("source").and_then(Json::as_str);
                source.map_or_else(|| Some(inline(name)), at)
            });
            reasons.collect()
        }
        value => {
            let paths = list(value).iter();
            let reasons = paths.filter_map(|path| match path.as_str() {
                Some(path) => at(path),
                None => Some("a path of its `commands` is no text".to_owned()),
            });
            reasons.collect()
        }
    }
}

/// One value, or each of a list.
fn list(value: &Json) -> &[Json] {
    match value {
        Json::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

/// Without the marks of this folder; empty for the plugin's own.
fn plain(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." { "" } else { path }
}

fn shown(path: &str) -> String {
    let path = if path.is_empty() { "." } else { path };
    path.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reasons(manifest: &Json, entry: &Json, files: &[&str]) -> Vec<String> {
        let files = files.iter().copied().chain([".other-plugin/plugin.json"]);
        let files = files.map(|path| {
            let content = match path.ends_with("plugin.json") {
                true => manifest.to_string(),
                false => String::new(),
            };
            (path.to_owned(), content.into())
        });
        left_out(&Plugin {
            name: "p".to_owned(),
            marketplace: "m".to_owned(),
            entry: entry.as_object().cloned().unwrap_or_default(),
            files: files.collect(),
        })
    }

    #[test]
    fn what_is_named_or_lies_there_is_left_out() {
        let nothing = json!({});
        for (key, place, shown) in NOWHERE {
            let expected = [format!("Codex has no place for its `{shown}`")];
            let named = json!({ key: "./elsewhere" });
            assert_eq!(reasons(&named, &nothing, &[]), expected);
            assert_eq!(reasons(&nothing, &named, &[]), expected);
            let file = match place.ends_with('/') {
                true => format!("{place}x"),
                false => place.to_owned(),
            };
            assert_eq!(reasons(&named, &nothing, &[&file]), expected);
            let empty = json!({ key: [], "mcpServers": {}, "commands": null });
            assert!(reasons(&empty, &nothing, &[]).is_empty());
        }
        let servers = json!({ "mcpServers": { "a": { "command": "x" } } });
        for found in [
            reasons(&servers, &nothing, &[]),
            reasons(&nothing, &servers, &[]),
            reasons(&nothing, &nothing, &[".mcp.json"]),
            reasons(
                &json!({ "mcpServers": "./servers.json" }),
                &servers,
                &[".mcp.json"],
            ),
        ] {
            let [reason] = found.as_slice() else {
                panic!("{found:?}")
            };
            assert!(reason.starts_with("its own MCP servers"), "{reason}");
        }
        assert!(reasons(&nothing, &nothing, &["skills/a/SKILL.md", "x/agents/a"]).is_empty());
    }

    #[test]
    fn commands_are_those_of_the_usual_folder() {
        let found = |commands: Json| reasons(&json!({ "commands": commands }), &json!({}), &[]);
        assert!(found(json!("./commands/")).is_empty());
        assert!(found(json!(["./commands/a.md", "commands/b/c.md"])).is_empty());
        assert_eq!(
            found(json!(["./commands", "./more/", "./", 7])),
            [
                "its commands in `more` are not taken, as those in `commands` are",
                "its commands in `.` are not taken, as those in `commands` are",
                "a path of its `commands` is no text",
            ]
        );
        let map = json!({
            "a": { "source": "./commands/a.md" }, "b": { "source": "./b.md" },
            "c": { "content": "Do it." },
        });
        assert_eq!(
            found(map),
            [
                "its commands in `b.md` are not taken, as those in `commands` are",
                "its command `c` is not taken, as those in `commands` are",
            ]
        );
    }

    #[test]
    fn skills_are_found_wherever_they_are_named() {
        let found =
            |skills: Json, files: &[&str]| reasons(&json!({ "skills": skills }), &json!({}), files);
        let files = ["more/a/SKILL.md", "one/SKILL.md", ".hidden/b/SKILL.md"];
        assert!(found(json!(["./more/", "./one", "./"]), &files).is_empty());
        assert_eq!(
            found(json!(["./gone", "mor", ".hidden"]), &files),
            [
                "there are no skills in `gone`, where it says so",
                "there are no skills in `mor`, where it says so",
                "Codex looks for no skills in `.hidden`",
            ]
        );
    }
}
