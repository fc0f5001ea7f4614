//! What the user has enabled in the agent itself, next to the profile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scc_config::{McpServer, McpTransport};
use scc_launch::{ChoiceInput, ProviderChoice, choose_provider, login_user};
use scc_provider::{OwnEndpoint, OwnExtensions, OwnServer};
use scc_state::PersonalProfile;
use schemars::JsonSchema;
use serde::Serialize;

use super::changes::{self, Change};
use super::{Desk, servers};
use crate::error::CliError;

/// More than a person enables; what is beyond was not enabled by one.
const MOST: usize = 100;

/// What an agent has, as far as a profile can hold it. It may hold secrets.
pub(super) struct Picked {
    /// The agent.
    pub(super) provider: String,
    /// What people call it.
    pub(super) name: &'static str,
    found: PersonalProfile,
    /// What cannot be taken over, and why.
    pub(super) left_out: Vec<String>,
}

/// What is enabled in the agent and not in the profile, or otherwise.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AgentDrift {
    /// The agent.
    pub(super) provider: String,
    /// What `scc profile save` would change.
    pub(super) changes: Vec<Change>,
    /// What it would not take, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<String>,
    #[serde(skip)]
    pub(super) name: &'static str,
}

/// Reads the settings of an agent: the one that was named, or that would start here.
///
/// Servers that take values of this machine are left out unless `with_variables` says otherwise.
pub(super) async fn find(
    flag: Option<&str>,
    with_variables: bool,
    desk: &Desk<'_>,
) -> Result<Picked, CliError> {
    let context = desk.context;
    let id = choose(flag, desk)?;
    let provider = context.known_provider(&id)?;
    let runtime = context.engine().await?;
    let launcher = context.launcher(&runtime, desk.state);
    let root = &desk.repository.root;
    let uid = login_user(&context.host, root).uid;
    let own = launcher.own_extensions(provider, uid, root).await?;
    let (found, left_out) = taken(own, &desk.repository.id, with_variables);
    Ok(Picked {
        provider: id,
        name: provider.display_name(),
        found,
        left_out,
    })
}

/// How it differs from the profile, by the agent that would start here.
pub(super) async fn drift(
    profile: Option<&PersonalProfile>,
    desk: &Desk<'_>,
) -> Result<AgentDrift, CliError> {
    let picked = find(None, false, desk).await?;
    Ok(AgentDrift {
        changes: changes::between(profile, &picked.onto(profile)?),
        provider: picked.provider,
        left_out: picked.left_out,
        name: picked.name,
    })
}

impl Picked {
    /// The profile with what the agent has. Nothing is taken out of it: what a launch hands over is
    /// not among the agent's own.
    pub(super) fn onto(
        &self,
        before: Option<&PersonalProfile>,
    ) -> Result<PersonalProfile, CliError> {
        let found = self.found.clone();
        match before {
            Some(before) => servers::checked(merged(before, found)),
            None => Ok(found),
        }
    }
}

/// What was there, with the new in its place or behind it.
pub(super) fn merged(before: &PersonalProfile, given: PersonalProfile) -> PersonalProfile {
    let name = |value: &serde_json::Value| servers::read(value).map(|s| s.name.to_lowercase());
    let new: Vec<_> = given.mcp_servers.iter().map(name).collect();
    let mut after = before.clone();
    after
        .mcp_servers
        .retain(|value| !new.contains(&name(value)));
    after.mcp_servers.extend(given.mcp_servers);
    after.plugins.extend(given.plugins);
    after.saved_at = given.saved_at;
    after
}

fn choose(flag: Option<&str>, desk: &Desk<'_>) -> Result<String, CliError> {
    let context = desk.context;
    let viable = context.registry.ids();
    let config = context.config()?;
    let last_used = desk.state.workspace_provider(&desk.repository.root)?;
    let choice = choose_provider(&ChoiceInput {
        flag,
        resumed: None,
        preference: config.provider.as_ref(),
        last_used: last_used.as_deref(),
        viable: &viable,
    });
    match choice {
        ProviderChoice::Use { id, .. } => Ok(id),
        ProviderChoice::Ask { .. } => Err(CliError::Usage {
            message: "nothing says which agent is meant".to_owned(),
            hint: format!("name one: --provider {}", viable.join("|")),
        }),
    }
}

/// Whatever ran in a sandbox can have written this, so that what is no plugin or server is left out.
fn taken(
    own: OwnExtensions,
    repository: &str,
    with_variables: bool,
) -> (PersonalProfile, Vec<String>) {
    let mut left_out = own.left_out;
    let too_many = own.plugins.len().max(own.mcp_servers.len()) > MOST;
    let found = own.mcp_servers.into_iter().take(MOST).map(written);
    let (found, asking): (Vec<_>, Vec<_>) =
        found.partition(|server| with_variables || servers::variables(server).is_empty());
    left_out.extend(asking.iter().map(asks));
    let mut profile = PersonalProfile {
        repository: repository.to_owned(),
        saved_at: Timestamp::now(),
        plugins: Vec::new(),
        mcp_servers: Vec::new(),
    };
    let mut take = |change: &dyn Fn(&mut PersonalProfile)| {
        let mut more = profile.clone();
        change(&mut more);
        match servers::checked(more) {
            Ok(checked) => profile = checked,
            Err(error) => left_out.push(error.to_string()),
        }
    };
    for plugin in own.plugins.into_iter().take(MOST) {
        take(&|profile| profile.plugins.push(plugin.clone()));
    }
    for server in found {
        let value = servers::value(&server);
        take(&|profile| profile.mcp_servers.push(value.clone()));
    }
    if too_many {
        left_out.push(format!("what is beyond {MOST} plugins or MCP servers"));
    }
    (profile, left_out)
}

/// In the agent's settings `${VARIABLE}` is a value of the sandbox; in a profile it is one of this
/// machine, which whoever wrote those settings has not been given.
fn asks(server: &McpServer) -> String {
    let names: Vec<_> = servers::variables(server).into_iter().collect();
    format!(
        "MCP server `{}`, since it asks for values of this machine: {}; if you wrote it yourself, \
         add it with `scc profile save --add --from FILE`, or pass --with-variables",
        server.name,
        names.join(", ")
    )
}

/// In the form of the documents.
fn written(own: OwnServer) -> McpServer {
    let mut server = McpServer {
        name: own.name,
        transport: McpTransport::Stdio,
        url: None,
        command: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        headers: BTreeMap::new(),
    };
    let mut remote = |transport, url, headers| {
        server.transport = transport;
        server.url = Some(url);
        server.headers = headers;
    };
    match own.endpoint {
        OwnEndpoint::Http(url, headers) => remote(McpTransport::Http, url, headers),
        OwnEndpoint::Sse(url, headers) => remote(McpTransport::Sse, url, headers),
        OwnEndpoint::Program { command, args, env } => {
            server.command = Some(command);
            server.args = args;
            server.env = env;
        }
    }
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(name: &str) -> OwnServer {
        let endpoint = OwnEndpoint::Http("https://x.example/mcp".to_owned(), BTreeMap::new());
        OwnServer {
            name: name.to_owned(),
            endpoint,
        }
    }

    #[test]
    fn what_is_no_plugin_or_server_is_left_out() {
        let own = OwnExtensions {
            plugins: ["a@m", "bare", "b@m"].map(str::to_owned).into(),
            mcp_servers: vec![http("web"), http("WEB"), http("bad\u{1b}"), http("docs")],
            left_out: vec!["first".to_owned()],
        };
        let (profile, left_out) = taken(own, "path:/w", false);
        assert_eq!(profile.plugins, ["a@m", "b@m"]);
        let found: Vec<_> = profile
            .mcp_servers
            .iter()
            .filter_map(servers::read)
            .collect();
        let names: Vec<_> = found.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["web", "docs"]);
        assert_eq!(left_out.len(), 4, "{left_out:?}");
        assert_eq!(left_out[0], "first");
    }

    #[test]
    fn an_agent_gets_no_values_of_this_machine_by_itself() {
        let mut planted = Vec::new();
        let map =
            || BTreeMap::from([("K".to_owned(), "Bearer ${AWS_SECRET_ACCESS_KEY}".to_owned())]);
        let url = "https://x.example/mcp".to_owned();
        let program = |command: &str, args: &[&str], env| OwnEndpoint::Program {
            command: command.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env,
        };
        for endpoint in [
            OwnEndpoint::Http(url.clone(), map()),
            OwnEndpoint::Sse(url.clone(), map()),
            OwnEndpoint::Http(format!("{url}?${{AWS_SECRET_ACCESS_KEY}}"), BTreeMap::new()),
            program("/bin/x", &[], map()),
            program("/bin/x", &["${AWS_SECRET_ACCESS_KEY"], BTreeMap::new()),
            program("${AWS_SECRET_ACCESS_KEY}", &[], BTreeMap::new()),
        ] {
            let name = format!("s{}", planted.len());
            planted.push(OwnServer { name, endpoint });
        }
        planted.push(http("plain"));
        let own = OwnExtensions {
            mcp_servers: planted,
            ..OwnExtensions::default()
        };
        let (profile, left_out) = taken(own.clone(), "path:/w", false);
        let names = |profile: &PersonalProfile| -> Vec<_> {
            let servers = profile.mcp_servers.iter().filter_map(servers::read);
            servers.map(|server| server.name).collect()
        };
        assert_eq!(names(&profile), ["plain"]);
        assert_eq!(left_out.len(), 6);
        for said in [
            "`s0`",
            "AWS_SECRET_ACCESS_KEY",
            "--from",
            "--with-variables",
        ] {
            assert!(left_out[0].contains(said), "{}", left_out[0]);
        }
        let (profile, left_out) = taken(own, "path:/w", true);
        assert_eq!(names(&profile).len(), 7);
        assert!(left_out.is_empty(), "{left_out:?}");
    }

    #[test]
    fn nobody_enables_hundreds() {
        let plugins = (0..=MOST).map(|number| format!("p{number}@m"));
        let own = OwnExtensions {
            plugins: plugins.collect(),
            ..OwnExtensions::default()
        };
        let (profile, left_out) = taken(own, "path:/w", false);
        assert_eq!((profile.plugins.len(), left_out.len()), (MOST, 1));
    }
}
