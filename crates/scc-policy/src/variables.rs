//! `${NAME}` in MCP servers: where it may stand, and who may take a variable of the host.

use scc_config::{McpServer, Template};

use crate::decision::{Asked, Decision, Layer, Origin, Outcome, Reason, Rule};
use crate::layers::Layers;

/// Refuses a server whose variables stand where they would be seen, or that the workspace's
/// document asks for: an agent can write there, and would so be handed the host's secrets.
pub(crate) fn refusal(layers: &Layers<'_>, asked: &Asked, server: &McpServer) -> Option<Decision> {
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
    let mut wanted = Vec::new();
    for (key, value) in server.env.iter().chain(&server.headers) {
        if value.contains(['\0', '\r', '\n']) {
            return malformed(format!("the value of `{key}` holds control characters"));
        }
        match Template::parse(value) {
            Ok(template) => wanted.extend(template.variables()),
            Err(reason) => return malformed(format!("{reason} (`{key}`)")),
        }
    }
    if asked.origin.layer != Layer::Workspace {
        return None;
    }
    let granted = layers.input.workspace_variables;
    let name = wanted
        .into_iter()
        .find(|name| !granted.iter().any(|granted| granted == name))?;
    let message = format!(
        "it wants the variable `{name}` of this machine, and an agent can write the workspace's \
         document"
    );
    let step = format!(
        "if the server may have it, add `{name}` to `workspace_variables` of your settings"
    );
    let decision = asked.decide(Outcome::Denied, Reason::HostVariable, message);
    let rule = Rule::new("workspace_variables", Origin::default_value());
    Some(decision.by(rule).then(step))
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
