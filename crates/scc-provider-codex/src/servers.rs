//! MCP servers in the agent's managed files: what they are, and that there are no others.

use std::collections::BTreeMap;

use scc_provider::{Extensions, McpEndpoint, McpServer, Undelivered};
use toml::{Table, Value};

/// Variables that carry secrets of servers are not handed to the commands that the model runs.
const HIDDEN: &str = "SCC_MCP_*";

/// The servers, with the keys that say what they are. Keys that are not here the user's settings fill in:
/// what they add to a program's environment the launcher takes away again, what they add to the headers
/// of a server of the network goes to that server.
pub(crate) fn managed(extensions: &Extensions) -> Table {
    let servers = extensions.mcp_servers.iter();
    let servers: Table = servers
        .filter_map(|server| Some((server.name.clone(), definition(server)?.into())))
        .collect();
    if servers.is_empty() {
        return Table::new();
    }
    let exclude: Value = vec![HIDDEN].into();
    let environment = Table::from_iter([("exclude".to_owned(), exclude)]);
    Table::from_iter([
        ("mcp_servers".to_owned(), servers.into()),
        ("shell_environment_policy".to_owned(), environment.into()),
    ])
}

/// `None` for a transport that the agent does not speak.
fn definition(server: &McpServer) -> Option<Table> {
    let mut table = Table::new();
    let mut set = |key: &str, value: Value| table.insert(key.to_owned(), value);
    match &server.endpoint {
        McpEndpoint::Sse(_) => return None,
        McpEndpoint::Http(remote) => {
            set("url", remote.url.clone().into());
            set("env_http_headers", strings(&remote.headers).into());
        }
        McpEndpoint::Program(program) => {
            set("command", program.path.clone().into());
            set("args", Vec::<String>::new().into());
            set("env_vars", program.variables.clone().into());
        }
    }
    set("enabled", true.into());
    Some(table)
}

fn strings(map: &BTreeMap<String, String>) -> Table {
    map.iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect()
}

/// The only servers that may run, wherever they are defined; an empty table is none.
pub(crate) fn allowed(extensions: &Extensions) -> Table {
    let servers = extensions.mcp_servers.iter();
    servers
        .filter_map(|server| {
            let (key, value) = match &server.endpoint {
                McpEndpoint::Sse(_) => return None,
                McpEndpoint::Http(remote) => ("url", &remote.url),
                // The script is sealed, so that this fixes the arguments as well.
                McpEndpoint::Program(program) => ("command", &program.path),
            };
            let identity = Table::from_iter([(key.to_owned(), value.clone().into())]);
            let server_table = Table::from_iter([("identity".to_owned(), identity.into())]);
            Some((server.name.clone(), server_table.into()))
        })
        .collect()
}

/// The servers that the agent does not speak with.
pub(crate) fn undelivered(extensions: &Extensions) -> Vec<Undelivered> {
    let servers = extensions.mcp_servers.iter();
    let sse = servers.filter(|server| matches!(server.endpoint, McpEndpoint::Sse(_)));
    sse.map(|server| {
        server
            .undelivered("Codex does not speak `sse`; offer the server as `http` if it can do that")
    })
    .collect()
}
