//! `${NAME}` in MCP servers: where it may stand.

use scc_config::{McpServer, Template};

use crate::decision::{Asked, Decision, Outcome, Reason};

/// Refuses a server whose variables stand where they would be seen, and one whose variables or headers
/// are none.
pub(crate) fn refusal(asked: &Asked, server: &McpServer) -> Option<Decision> {
    let malformed =
        |message: String| Some(asked.decide(Outcome::Denied, Reason::Malformed, message));
    if let Some(place) = misplaced(server) {
        return malformed(format!(
            "`${{…}}` is replaced in `env` and `headers`, not in `{place}`, where it would be seen"
        ));
    }
    if let Some(name) = server
        .env
        .keys()
        .find(|name| !scc_config::is_variable_name(name))
    {
        return malformed(format!(
            "`{name}` is not the name of an environment variable"
        ));
    }
    if let Some(name) = server.headers.keys().find(|name| !is_header(name)) {
        return malformed(format!("`{name}` is not the name of a header"));
    }
    for (key, value) in server.env.iter().chain(&server.headers) {
        if value.contains(['\0', '\r', '\n']) {
            return malformed(format!("the value of `{key}` holds control characters"));
        }
        if let Err(reason) = Template::parse(value) {
            return malformed(format!("{reason} (`{key}`)"));
        }
    }
    None
}

fn misplaced(server: &McpServer) -> Option<&'static str> {
    let has = |text: &String| text.contains("${");
    if server.url.as_ref().is_some_and(has) {
        return Some("url");
    }
    let nul = |text: &String| text.contains('\0');
    server
        .args
        .iter()
        .any(|text| has(text) || nul(text))
        .then_some("args")
}

/// A token, as HTTP calls it.
fn is_header(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(allowed)
}
