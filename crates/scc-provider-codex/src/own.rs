//! What the user has enabled in the agent itself: `codex plugin add`, `codex mcp add`.

use std::collections::BTreeMap;

use scc_provider::{OwnEndpoint, OwnExtensions, OwnServer, VolumeFiles};
use toml::{Table, Value};

const CONFIG: &str = "config.toml";

pub(crate) const FILES: &[&str] = &[CONFIG];

/// What is enabled, in every folder.
pub(crate) fn extensions(files: &VolumeFiles) -> OwnExtensions {
    let mut own = OwnExtensions::default();
    let Some(bytes) = files.get(CONFIG) else {
        return own;
    };
    let text = std::str::from_utf8(bytes).ok();
    let Some(config) = text.and_then(|text| text.parse::<Table>().ok()) else {
        own.left_out
            .push(format!("`{CONFIG}` of the agent is no TOML"));
        return own;
    };
    let plugins = tables(&config, "plugins").filter(|(_, entry)| is_enabled(entry));
    own.plugins = plugins.map(|(name, _)| name.clone()).collect();
    for (name, entry) in tables(&config, "mcp_servers").filter(|(_, entry)| is_enabled(entry)) {
        let name = name.clone();
        match endpoint(entry) {
            Some(endpoint) => own.mcp_servers.push(OwnServer { name, endpoint }),
            None => own.left_out.push(format!(
                "MCP server `{name}` of the agent is written in a way that is not known"
            )),
        }
    }
    own
}

fn tables<'a>(config: &'a Table, key: &str) -> impl Iterator<Item = (&'a String, &'a Table)> {
    let all = config.get(key).and_then(Value::as_table);
    let all = all.into_iter().flatten();
    all.filter_map(|(name, entry)| Some((name, entry.as_table()?)))
}

fn is_enabled(entry: &Table) -> bool {
    entry
        .get("enabled")
        .and_then(Value::as_bool)
        .unwrap_or(true)
}

fn endpoint(entry: &Table) -> Option<OwnEndpoint> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(url) = text("url") {
        return Some(OwnEndpoint::Http(url, headers(entry)?));
    }
    let mut env = texts(entry, "env")?;
    env.extend(
        words(entry, "env_vars")?
            .into_iter()
            .map(|name| (name.clone(), variable(&name))),
    );
    Some(OwnEndpoint::Program {
        command: text("command")?,
        args: words(entry, "args")?,
        env,
    })
}

/// Headers, with those that the agent takes from its environment as variables.
fn headers(entry: &Table) -> Option<BTreeMap<String, String>> {
    let mut headers = texts(entry, "http_headers")?;
    let from_environment = texts(entry, "env_http_headers")?.into_iter();
    headers.extend(from_environment.map(|(header, name)| (header, variable(&name))));
    if let Some(name) = entry.get("bearer_token_env_var") {
        let value = format!("Bearer {}", variable(name.as_str()?));
        headers.insert("Authorization".to_owned(), value);
    }
    Some(headers)
}

fn variable(name: &str) -> String {
    format!("${{{name}}}")
}

fn words(entry: &Table, key: &str) -> Option<Vec<String>> {
    let Some(list) = entry.get(key) else {
        return Some(Vec::new());
    };
    let list = list.as_array()?.iter();
    list.map(|word| word.as_str().map(str::to_owned)).collect()
}

fn texts(entry: &Table, key: &str) -> Option<BTreeMap<String, String>> {
    let Some(map) = entry.get(key) else {
        return Some(BTreeMap::new());
    };
    let map = map.as_table()?.iter();
    map.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> OwnExtensions {
        extensions(&VolumeFiles::from([(CONFIG.to_owned(), text.into())]))
    }

    #[test]
    fn what_is_enabled_is_found() {
        let found = own(r#"
            [plugins."a@m"]
            enabled = true
            [plugins."b@m"]
            enabled = false
            [mcp_servers.files]
            command = "/bin/files"
            args = ["-x"]
            env_vars = ["KEY"]
            [mcp_servers.off]
            command = "/bin/off"
            enabled = false
            [mcp_servers.web]
            url = "https://web.example"
            bearer_token_env_var = "TOKEN"
            http_headers = { "X-A" = "1" }
            [mcp_servers.odd]
            args = []
        "#);
        assert_eq!(found.plugins, ["a@m"]);
        let names: Vec<_> = found
            .mcp_servers
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["files", "web"]);
        assert!(matches!(&found.mcp_servers[0].endpoint,
            OwnEndpoint::Program { args, env, .. } if args == &["-x"] && env["KEY"] == "${KEY}"));
        assert!(matches!(&found.mcp_servers[1].endpoint,
            OwnEndpoint::Http(url, headers) if url == "https://web.example"
                && headers["Authorization"] == "Bearer ${TOKEN}" && headers["X-A"] == "1"));
        assert!(found.left_out[0].contains("`odd`"), "{found:?}");
    }

    #[test]
    fn whatever_stands_there_is_survived() {
        assert_eq!(own(""), OwnExtensions::default());
        assert_eq!(
            own("plugins = 1\nmcp_servers = []"),
            OwnExtensions::default()
        );
        assert_eq!(own("[").left_out, ["`config.toml` of the agent is no TOML"]);
    }
}
