//! What the user has enabled in the agent itself: `claude plugin install`, `claude mcp add`, `/mcp`.

use std::collections::BTreeMap;

use scc_provider::{OwnEndpoint, OwnExtensions, OwnServer, VolumeFiles};
use serde_json::{Map, Value};

/// The plugins.
const SETTINGS: &str = "settings.json";
/// The servers: the user's, and those of each folder.
const STATE: &str = ".claude.json";

pub(crate) const FILES: &[&str] = &[SETTINGS, STATE];

/// What is enabled for work in this folder.
pub(crate) fn extensions(files: &VolumeFiles, workspace: &str) -> OwnExtensions {
    let mut own = OwnExtensions::default();
    let mut read = |name: &str| -> Value {
        let Some(bytes) = files.get(name) else {
            return Value::Null;
        };
        serde_json::from_slice(bytes).unwrap_or_else(|_| {
            own.left_out
                .push(format!("`{name}` of the agent is no JSON"));
            Value::Null
        })
    };
    let (settings, state) = (read(SETTINGS), read(STATE));
    own.plugins = plugins(&settings);
    for (name, entry) in servers(&state, workspace) {
        match endpoint(entry) {
            Some(endpoint) => own.mcp_servers.push(OwnServer { name, endpoint }),
            None => own.left_out.push(format!(
                "MCP server `{name}` of the agent is written in a way that is not known"
            )),
        }
    }
    own
}

fn plugins(settings: &Value) -> Vec<String> {
    let enabled = object(settings.get("enabledPlugins"));
    let enabled = enabled.filter(|(_, value)| **value == Value::Bool(true));
    enabled.map(|(name, _)| name.clone()).collect()
}

/// Those of the folder stand before the user's own of the same name.
fn servers<'a>(state: &'a Value, workspace: &str) -> BTreeMap<String, &'a Value> {
    let folder = state.get("projects").and_then(|all| all.get(workspace));
    let of_folder = object(folder.and_then(|folder| folder.get("mcpServers")));
    let all = object(state.get("mcpServers")).chain(of_folder);
    let mut all: BTreeMap<_, _> = all.map(|(name, entry)| (name.clone(), entry)).collect();
    let off = folder.and_then(|folder| folder.get("disabledMcpServers"));
    let off = off.and_then(Value::as_array).into_iter().flatten();
    for name in off.filter_map(Value::as_str) {
        all.remove(name);
    }
    all
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn endpoint(entry: &Value) -> Option<OwnEndpoint> {
    let entry = entry.as_object()?;
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    match entry.get("type").map_or(Some("stdio"), Value::as_str)? {
        "http" => Some(OwnEndpoint::Http(text("url")?, texts(entry, "headers")?)),
        "sse" => Some(OwnEndpoint::Sse(text("url")?, texts(entry, "headers")?)),
        "stdio" => {
            let args = match entry.get("args") {
                None => Vec::new(),
                Some(args) => {
                    let words = args.as_array()?.iter();
                    let words = words.map(|word| word.as_str().map(str::to_owned));
                    words.collect::<Option<_>>()?
                }
            };
            Some(OwnEndpoint::Program {
                command: text("command")?,
                args,
                env: texts(entry, "env")?,
            })
        }
        _ => None,
    }
}

/// A map of texts, which may be missing.
fn texts(entry: &Map<String, Value>, key: &str) -> Option<BTreeMap<String, String>> {
    let Some(map) = entry.get(key) else {
        return Some(BTreeMap::new());
    };
    let map = map.as_object()?.iter();
    map.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own(settings: &Value, state: &Value) -> OwnExtensions {
        let files = [(SETTINGS, settings), (STATE, state)];
        let files = files.map(|(name, value)| (name.to_owned(), value.to_string().into_bytes()));
        extensions(&files.into(), "/w")
    }

    #[test]
    fn what_is_enabled_for_the_folder_is_found() {
        let settings = json!({ "enabledPlugins": { "a@m": true, "b@m": false, "c@m": ["1.0"] } });
        let state = json!({
            "mcpServers": {
                "web": { "type": "http", "url": "https://user.example" },
                "files": { "command": "/bin/files", "args": ["-x"], "env": { "K": "${V}" } },
                "quiet": { "type": "sse", "url": "https://quiet.example" },
                "odd": { "type": "ws", "url": "wss://odd.example" },
            },
            "projects": {
                "/w": {
                    "mcpServers": { "web": { "type": "http", "url": "https://folder.example" } },
                    "disabledMcpServers": ["quiet"],
                },
                "/other": { "mcpServers": { "theirs": { "command": "/bin/theirs" } } },
            },
        });
        let found = own(&settings, &state);
        assert_eq!(found.plugins, ["a@m"]);
        let names: Vec<_> = found
            .mcp_servers
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["files", "web"]);
        assert!(matches!(&found.mcp_servers[1].endpoint,
            OwnEndpoint::Http(url, _) if url == "https://folder.example"));
        assert!(matches!(&found.mcp_servers[0].endpoint,
            OwnEndpoint::Program { args, env, .. } if args == &["-x"] && env["K"] == "${V}"));
        assert_eq!(found.left_out.len(), 1);
        assert!(found.left_out[0].contains("`odd`"), "{found:?}");
    }

    #[test]
    fn whatever_stands_there_is_survived() {
        for odd in [
            json!(null),
            json!([]),
            json!({ "mcpServers": 1, "projects": [] }),
        ] {
            assert_eq!(own(&odd, &odd), OwnExtensions::default(), "{odd}");
        }
        let broken = VolumeFiles::from([(STATE.to_owned(), b"{".to_vec())]);
        let found = extensions(&broken, "/w");
        assert_eq!(found.left_out, ["`.claude.json` of the agent is no JSON"]);
    }
}
