//! MCP servers: their secrets as environment variables, and the scripts that start programs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use scc_config::{McpServer as Written, McpTransport, SecretSource, Template};
use scc_policy::{EffectivePolicy, EffectiveServer, Layer};
use scc_provider::{McpEndpoint, McpServer, Program, Remote, SealedFile};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Delivery, ExtensionError, LAUNCHERS, ServerFacts};
use crate::images::GUARD;
use crate::{Blocker, BlockerKind};

/// Of the variables that carry a server's secrets. Adapters know it.
const PREFIX: &str = "SCC_MCP_";

type Secret<'a> = &'a dyn Fn(&SecretSource) -> Result<SecretString, String>;

/// A server that this agent is offered.
#[derive(Debug, Clone)]
pub(crate) struct Offered<'a> {
    /// Its name in the sandbox.
    pub(crate) name: String,
    /// What it is, and who asked for it.
    pub(crate) entry: Cow<'a, EffectiveServer>,
    /// The artifact that it is, where it comes from a bundle.
    pub(crate) artifact: Option<&'a str>,
}

/// The servers that a policy offers to an agent: those that layers add, then those of bundles.
pub(crate) fn offered<'a>(policy: &'a EffectivePolicy, provider: &str) -> Vec<Offered<'a>> {
    let added = policy.mcp_servers.iter();
    let added = added.map(|entry| (Cow::Borrowed(entry), None));
    let bundled = policy.artifacts.iter();
    let bundled = bundled.filter_map(|(name, artifact)| {
        let entry = artifact.server(name, provider)?;
        Some((Cow::Owned(entry), Some(name.as_str())))
    });
    let all: Vec<_> = added.chain(bundled).collect();
    let names = names(all.iter().map(|(entry, _)| entry.as_ref()));
    let all = all.into_iter().zip(names);
    all.map(|((entry, artifact), name)| Offered {
        name,
        entry,
        artifact,
    })
    .collect()
}

/// The server that a document calls `name`.
pub(crate) fn find<'o, 'a>(offered: &'o [Offered<'a>], name: &str) -> Option<&'o Offered<'a>> {
    let mut all = offered.iter();
    all.find(|one| one.entry.server.name.eq_ignore_ascii_case(name))
}

/// Adds the servers of the policy. No value of a header or of a program's environment gets into a
/// file or an argument, whether it comes from the host or stands in a document.
pub(super) fn add(
    delivery: &mut Delivery,
    policy: &EffectivePolicy,
    provider: &str,
    secret: Secret<'_>,
) {
    let mut programs = Vec::new();
    let offered = offered(policy, provider);
    for (number, one) in offered.iter().enumerate() {
        if let Some(other) = find(&offered[..number], &one.entry.server.name) {
            let error = clash(one, other);
            delivery.refuse_artifact(one.artifact.unwrap_or_default(), error);
            continue;
        }
        let variables = variables(delivery, &one.entry, secret);
        let (name, server) = (one.name.clone(), &one.entry.server);
        let endpoint = endpoint(server, &name, &variables);
        if matches!(endpoint, McpEndpoint::Program(_)) {
            programs.push((name.clone(), server, variables));
        }
        delivery.servers.push(ServerFacts {
            asked_as: server.name.clone(),
            origin: one.entry.origin.clone(),
            artifact: one.artifact.map(str::to_owned),
        });
        let servers = &mut delivery.extensions.mcp_servers;
        servers.push(McpServer { name, endpoint });
    }
    let all: Vec<String> = delivery.secrets.keys().cloned().collect();
    for (name, server, variables) in programs {
        let script = script(server, &variables, &all);
        let file = SealedFile {
            content: script.into_bytes().into(),
            executable: true,
        };
        delivery.launchers.insert(name, file);
    }
}

/// A name for each that every agent takes, since tools are named after it; no two differ in case
/// only. The organization's servers choose first, and of these the ones whose names can stay.
fn names<'a>(servers: impl Iterator<Item = &'a EffectiveServer>) -> Vec<String> {
    let servers: Vec<_> = servers.collect();
    let mut order: Vec<_> = servers.iter().enumerate().collect();
    order.sort_by_key(|(_, entry)| {
        let own = matches!(entry.origin.layer, Layer::Organization | Layer::Team);
        (!own, slug(&entry.server.name) != entry.server.name)
    });
    let mut taken = BTreeSet::new();
    let mut names = vec![String::new(); servers.len()];
    for (number, entry) in order {
        let plain = slug(&entry.server.name);
        let more = (2_usize..).map(|count| format!("{plain}-{count}"));
        let mut free = std::iter::once(plain.clone()).chain(more);
        let free = free.find(|name| taken.insert(name.to_lowercase()));
        names[number] = free.unwrap_or(plain);
    }
    names
}

fn slug(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}

/// Of two servers of one name neither can be the one that is meant.
fn clash(one: &Offered<'_>, other: &Offered<'_>) -> ExtensionError {
    let (name, origin) = (&one.entry.server.name, &other.entry.origin);
    ExtensionError::Clash(format!("a server of {origin} is called `{name}` too"))
}

/// Header or variable of the program, to the environment variable that carries its value.
fn variables(
    delivery: &mut Delivery,
    entry: &EffectiveServer,
    secret: Secret<'_>,
) -> BTreeMap<String, String> {
    let server = &entry.server;
    let values = match server.transport.is_network() {
        true => &server.headers,
        false => &server.env,
    };
    let mut names = BTreeMap::new();
    for (key, value) in values {
        let name = format!("{PREFIX}{}", delivery.secrets.len() + 1);
        let value = filled(value, secret).unwrap_or_else(|reason| {
            delivery.blockers.push(missing(entry, key, &reason));
            String::new()
        });
        delivery.secrets.insert(name.clone(), value.into());
        names.insert(key.clone(), name);
    }
    names
}

fn filled(value: &str, secret: Secret<'_>) -> Result<String, String> {
    let find = |name: &str| {
        let found = secret(&SecretSource::Env(name.to_owned()))?;
        Ok::<_, String>(found.expose_secret().to_owned())
    };
    Template::parse(value)?.fill(find)
}

fn missing(entry: &EffectiveServer, key: &str, reason: &str) -> Blocker {
    Blocker {
        kind: BlockerKind::MissingPrerequisite,
        message: format!(
            "`{key}` of the MCP server `{}` of {} cannot be filled in: {reason}",
            entry.server.name, entry.origin
        ),
        hint: "set the variable where you type scc".to_owned(),
    }
}

fn endpoint(server: &Written, name: &str, variables: &BTreeMap<String, String>) -> McpEndpoint {
    let remote = || Remote {
        url: server.url.as_deref().unwrap_or_default().trim().to_owned(),
        headers: variables.clone(),
    };
    match server.transport {
        McpTransport::Http => McpEndpoint::Http(remote()),
        McpTransport::Sse => McpEndpoint::Sse(remote()),
        McpTransport::Stdio => McpEndpoint::Program(Program {
            path: format!("{LAUNCHERS}/{name}"),
            variables: variables.values().cloned().collect(),
        }),
    }
}

/// Starts the program with its arguments, letter by letter, and with its own variables only. The
/// guard runs it, which hands on nothing that an agent's settings could have added.
fn script(server: &Written, variables: &BTreeMap<String, String>, all: &[String]) -> String {
    let mut lines = vec![format!("#!{GUARD} server")];
    for (key, name) in variables {
        lines.push(format!("{key}=\"${name}\"; export {key}"));
    }
    if !all.is_empty() {
        lines.push(format!("unset {}", all.join(" ")));
    }
    let command = server.command.as_deref().unwrap_or_default().trim();
    let words = std::iter::once(command).chain(server.args.iter().map(String::as_str));
    let words: Vec<_> = words.map(quoted).collect();
    lines.push(format!("exec {}\n", words.join(" ")));
    lines.join("\n")
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use scc_policy::{Origin, PersonalProfile, PolicyInput, evaluate};

    use super::*;

    /// What becomes of the servers of a personal profile.
    fn delivered(servers: serde_json::Value) -> Delivery {
        let servers: Vec<Written> = serde_json::from_value(servers).unwrap();
        let personal = PersonalProfile {
            file: "p.json".as_ref(),
            plugins: &[],
            mcp_servers: &servers,
        };
        let policy = evaluate(&PolicyInput {
            personal: Some(&personal),
            ..PolicyInput::at(jiff::Timestamp::UNIX_EPOCH)
        });
        let secret = |source: &SecretSource| match source {
            SecretSource::Env(name) if name == "KEY" => Ok(SecretString::from("s3cret")),
            _ => Err("it is not set".to_owned()),
        };
        let mut delivery = Delivery::default();
        add(&mut delivery, &policy.unwrap(), "one", &secret);
        delivery
    }

    #[test]
    fn values_are_in_variables_and_nowhere_else() {
        let delivery = delivered(serde_json::json!([
            { "name": "my.tool", "type": "stdio", "command": "/bin/tool",
              "args": ["it's", "$HOME", "a\nb"], "env": { "TOKEN": "${KEY}", "LEVEL": "literal" } },
            { "name": "web", "type": "http", "url": "https://mcp.example",
              "headers": { "Authorization": "Bearer ${KEY}" } },
        ]));
        assert_eq!(delivery.blockers, []);
        let values: Vec<_> = delivery
            .secrets
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        assert_eq!(
            values,
            [
                ("SCC_MCP_1", "literal"),
                ("SCC_MCP_2", "s3cret"),
                ("SCC_MCP_3", "Bearer s3cret")
            ]
        );
        let script = String::from_utf8(delivery.launchers["my_tool"].content.to_vec()).unwrap();
        assert_eq!(
            script,
            "#!/usr/local/lib/scc/guard server\nLEVEL=\"$SCC_MCP_1\"; export LEVEL\nTOKEN=\"$SCC_MCP_2\"; export TOKEN\n\
             unset SCC_MCP_1 SCC_MCP_2 SCC_MCP_3\n\
             exec '/bin/tool' 'it'\\''s' '$HOME' 'a\nb'\n"
        );
        let shown = format!("{delivery:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("literal"),
            "{shown}"
        );
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let delivery = delivered(serde_json::json!([
            { "name": "web", "type": "http", "url": "https://mcp.example",
              "headers": { "A": "${NOTHING}" } },
        ]));
        let [blocker] = delivery.blockers.as_slice() else {
            panic!("{:?}", delivery.blockers)
        };
        assert_eq!(blocker.kind, BlockerKind::MissingPrerequisite);
        assert!(
            blocker.message.contains("`A` of the MCP server `web`"),
            "{}",
            blocker.message
        );
    }

    #[test]
    fn two_names_that_would_become_one_stay_two() {
        let server = |name: &str| serde_json::json!({ "name": name, "type": "http", "url": "https://mcp.example" });
        let delivery = delivered(serde_json::json!([
            server("A.b"),
            server("a b"),
            server("a_b"),
            server("a_b-2")
        ]));
        assert_eq!(delivery.blockers, []);
        let names: Vec<_> = delivery
            .servers
            .iter()
            .zip(&delivery.extensions.mcp_servers)
            .map(|(facts, server)| (facts.asked_as.as_str(), server.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [("A.b", "A_b-3"), ("a_b", "a_b"), ("a_b-2", "a_b-2")],
            "a name with a blank is not let in from a profile"
        );
    }

    /// Who adds to the organization's servers takes no name from them.
    #[test]
    fn the_organization_names_its_servers_first() {
        let entry = |name: &str, layer: &str| EffectiveServer {
            server: serde_json::from_value(
                serde_json::json!({ "name": name, "type": "stdio", "command": "/x" }),
            )
            .unwrap(),
            origin: Origin {
                layer: match layer {
                    "team" => Layer::Team,
                    _ => Layer::Workspace,
                },
                file: None,
                line: None,
            },
        };
        let servers = [entry("a_b", "workspace"), entry("a.b", "team")];
        assert_eq!(names(servers.iter()), ["a_b-2", "a_b"]);
    }
}
