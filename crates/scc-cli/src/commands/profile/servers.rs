//! The MCP servers of a profile: read, checked, and shown without what may be a secret.

use std::collections::{BTreeMap, BTreeSet};

use scc_config::{BareName, McpServer, McpTransport, PluginRef, PluginRefError};
use scc_state::PersonalProfile;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{literals, masking};
use crate::error::CliError;

/// A server as it is shown: its address or program, without arguments, headers and environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ServerReport {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) transport: &'static str,
    pub(super) target: String,
}

/// The servers of a profile that can be read.
pub(super) fn reports(profile: &PersonalProfile) -> Vec<ServerReport> {
    let servers = profile.mcp_servers.iter().filter_map(read);
    servers.map(|server| report(&server)).collect()
}

fn report(server: &McpServer) -> ServerReport {
    let target = match server.transport.is_network() {
        true => server.host(),
        false => server.command.clone(),
    };
    ServerReport {
        name: server.name.clone(),
        transport: server.transport.as_str(),
        target: target.unwrap_or_default(),
    }
}

/// What somebody has to know before a server is taken: where it is, what it is started with, and
/// which values of this machine it takes. Values that may be secrets are left out.
pub(in crate::commands) fn details(server: &McpServer) -> Vec<String> {
    let kind = server.transport.as_str();
    let mut details = vec![match literals::target(server) {
        Some(target) => format!("{kind} {target}"),
        None => format!("{kind}, at an address that cannot be read"),
    }];
    if !server.args.is_empty() {
        let args = masking::masked(&server.args).join(" ");
        details.push(format!("arguments: {args}"));
    }
    let names = |what: &str, map: &BTreeMap<String, String>| {
        let names: Vec<_> = map.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    };
    details.extend(names("environment", &server.env));
    details.extend(names("headers", &server.headers));
    let taken: Vec<_> = variables(server).into_iter().collect();
    if !taken.is_empty() {
        details.push(format!("takes from this machine: {}", taken.join(", ")));
    }
    details
}

/// The names of the variables of this machine that a server's values ask for.
pub(super) fn variables(server: &McpServer) -> BTreeSet<String> {
    let all = server.url.iter().chain(&server.command).chain(&server.args);
    let all = all
        .chain(server.env.values())
        .chain(server.headers.values());
    let names = all.flat_map(|text| text.split("${").skip(1));
    let names = names.filter_map(|rest| rest.split('}').next());
    names.map(str::to_owned).collect()
}

pub(super) fn read(value: &Value) -> Option<McpServer> {
    serde_json::from_value(value.clone()).ok()
}

/// A profile whose plugins and servers are what they should be, with the plugins in one spelling.
pub(super) fn checked(mut profile: PersonalProfile) -> Result<PersonalProfile, CliError> {
    let mut plugins = Vec::new();
    for text in &profile.plugins {
        let plugin = plugin(text)?;
        if !plugins.contains(&plugin) {
            plugins.push(plugin);
        }
    }
    profile.plugins = plugins;
    let mut names = BTreeSet::new();
    for (number, value) in profile.mcp_servers.iter().enumerate() {
        // The reason is left out: it may quote a secret.
        let server =
            read(value).ok_or_else(|| bad(format!("MCP server {} cannot be read", number + 1)))?;
        let name = &server.name;
        if let Some(key) = server.missing_identifier() {
            return Err(bad(format!("MCP server `{name}` needs the key `{key}`")));
        }
        if !names.insert(name.to_lowercase()) {
            return Err(bad(format!("MCP server `{name}` appears twice")));
        }
    }
    Ok(profile)
}

fn plugin(text: &str) -> Result<String, CliError> {
    match PluginRef::parse(text, BareName::Ambiguous(0)) {
        Ok(plugin) => Ok(plugin.to_string()),
        Err(PluginRefError::NoMarketplace { text }) => {
            Err(bad(format!("plugin `{text}` names no marketplace")))
        }
        Err(error) => Err(bad(error.to_string())),
    }
}

fn bad(message: String) -> CliError {
    CliError::Usage {
        message,
        hint: "a plugin is `NAME@MARKETPLACE`; a server needs a name, a type, and a url or command"
            .to_owned(),
    }
}

/// `NAME=URL` or `NAME=COMMAND`.
pub(super) fn typed(text: &str) -> Result<Value, CliError> {
    let wrong = |message: String| CliError::Usage {
        message,
        hint: "write `--mcp NAME=https://…` or `--mcp NAME=/path/to/program`; more goes into a \
               file for `--from`"
            .to_owned(),
    };
    let Some((name, target)) = text.split_once('=') else {
        return Err(wrong("an MCP server of `--mcp` has no `=`".to_owned()));
    };
    let (name, target) = (name.trim(), target.trim());
    if name.is_empty() || target.is_empty() || name.contains(char::is_control) {
        return Err(wrong(
            "an MCP server of `--mcp` has no name or no target".to_owned(),
        ));
    }
    let mut server = McpServer {
        name: name.to_owned(),
        transport: McpTransport::Http,
        url: None,
        command: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        headers: BTreeMap::new(),
    };
    if target.starts_with("https://") || target.starts_with("http://") {
        server.url = Some(target.to_owned());
    } else if target.contains(['"', '\'', '\\']) {
        let message = format!("the command of MCP server `{name}` has quotes in it");
        return Err(wrong(message));
    } else {
        let mut words = target.split_whitespace().map(str::to_owned);
        server.transport = McpTransport::Stdio;
        server.command = words.next();
        server.args = words.collect();
    }
    Ok(value(&server))
}

/// A server in the form of the documents. Nothing in it can fail to have one.
pub(super) fn value(server: &McpServer) -> Value {
    serde_json::to_value(server).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(plugins: &[&str], servers: Vec<Value>) -> PersonalProfile {
        PersonalProfile {
            repository: "remote:host.example/a".to_owned(),
            saved_at: "2030-01-01T00:00:00Z".parse().unwrap(),
            plugins: plugins.iter().map(|text| (*text).to_owned()).collect(),
            mcp_servers: servers,
        }
    }

    #[test]
    fn servers_are_typed_as_an_address_or_a_program() {
        let server = |text| read(&typed(text).unwrap()).unwrap();
        let docs = server("docs=https://docs.example/mcp?a=b");
        assert_eq!(docs.url.as_deref(), Some("https://docs.example/mcp?a=b"));
        let files = server("files=/bin/files --root /srv");
        assert_eq!(files.command.as_deref(), Some("/bin/files"));
        assert_eq!(files.args, ["--root", "/srv"]);
        for text in ["docs", "=x", "x=", "x=sh -c 'a b'"] {
            assert!(typed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_profile_is_put_into_one_spelling() {
        let checked = |profile| checked(profile).map(|profile| profile.plugins);
        assert_eq!(
            checked(profile(&["@m/a", "a@m"], Vec::new())).unwrap(),
            ["a@m"]
        );
        for bad in [
            profile(&["a"], Vec::new()),
            profile(&["a b@m"], Vec::new()),
            profile(&[], vec![json!({ "name": "x", "type": "http" })]),
            profile(
                &[],
                vec![json!({ "name": "x", "type": "ws", "url": "https://x" })],
            ),
            profile(&[], vec![typed("x=/a").unwrap(), typed("X=/b").unwrap()]),
        ] {
            assert!(checked(bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let server = json!({
            "name": "x", "type": "http", "url": "https://ada:hunter2@x.example/mcp?token=hunter2",
            "headers": { "X-Key": "hunter2" }
        });
        let open = profile(&[], vec![server]);
        assert!(!format!("{:?}", reports(&open)).contains("hunter2"));
    }
}
