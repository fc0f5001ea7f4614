//! Trying an MCP server from inside a running sandbox.

use scc_config::{McpServer, NetworkPolicy};
use scc_policy::EffectivePolicy;
use scc_relay::probe::{Check, Finding};
use scc_runtime::SandboxRuntime;

use crate::extensions::{LAUNCHERS, find_server, offered};
use crate::images::GUARD;
use crate::{LaunchError, Launcher};

/// Seconds that a server may take.
const LIMIT: &str = "10";
/// What `timeout` ends with when it had to end the command.
const TOOK_TOO_LONG: i64 = 124;
/// The first message of the protocol.
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"scc","version":"1"}}}"#;
/// How the probe says that there is a tunnel to the server.
const TUNNEL: &str = "(200)";
const ASK: &str = r#"set -o pipefail; printf '%s\n' "$1" | timeout "$2" "$0" | head -n 1"#;
const CONNECT: &str = r#"exec 3<>"/dev/tcp/$0/$1""#;

/// What came of trying a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTrial {
    /// A program answered by the protocol; a server of the network took a connection, or the proxy
    /// let it through.
    pub reached: bool,
    /// What happened.
    pub detail: String,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Tries a server that this policy offers to the agent of this provider, in the running sandbox
    /// with this identifier of the engine; `None` where the policy has no such server.
    ///
    /// # Errors
    /// When the engine cannot run a command in the sandbox.
    pub async fn try_server(
        &self,
        id: &str,
        (policy, provider): (&EffectivePolicy, &str),
        name: &str,
    ) -> Result<Option<ServerTrial>, LaunchError> {
        let all = offered(policy, provider);
        let Some(found) = find_server(&all, name) else {
            return Ok(None);
        };
        let server = &found.entry.server;
        let place = server.host().map(|host| {
            let host = host.trim_matches(['[', ']']).to_owned();
            (host, server.port().unwrap_or_else(|| usual_port(server)))
        });
        let enforced = policy.network_policy.value == NetworkPolicy::WebEgressEnforced;
        Ok(Some(
            match place.filter(|_| server.transport.is_network()) {
                None => self.try_program(id, &found.name).await?,
                Some((host, port)) if enforced => self.try_proxy(id, &host, port).await?,
                Some((host, port)) => self.try_connection(id, &host, port).await?,
            },
        ))
    }

    /// `name` is the server's in the sandbox.
    async fn try_program(&self, id: &str, name: &str) -> Result<ServerTrial, LaunchError> {
        let program = format!("{LAUNCHERS}/{name}");
        let argv = ["/bin/bash", "-c", ASK, &program, INITIALIZE, LIMIT];
        let (status, said) = self.run_in(id, argv.map(str::to_owned).into()).await?;
        let answered = said.contains("\"jsonrpc\"") && said.contains("\"result\"");
        Ok(ServerTrial {
            reached: answered,
            detail: match answered {
                true => "the program answers".to_owned(),
                false => format!("the program does not answer: {}", why(status, &said)),
            },
        })
    }

    async fn try_connection(
        &self,
        id: &str,
        host: &str,
        port: u16,
    ) -> Result<ServerTrial, LaunchError> {
        let port = port.to_string();
        let argv = ["timeout", LIMIT, "/bin/bash", "-c", CONNECT, host, &port];
        let (status, said) = self.run_in(id, argv.map(str::to_owned).into()).await?;
        Ok(ServerTrial {
            reached: status == 0,
            detail: match status {
                0 => format!("{host}:{port} takes connections"),
                _ => format!("{host}:{port} takes no connection: {}", why(status, &said)),
            },
        })
    }

    async fn try_proxy(&self, id: &str, host: &str, port: u16) -> Result<ServerTrial, LaunchError> {
        let check = Check::Allowed(format!("{host}:{port}")).to_string();
        let argv = [GUARD, "probe", &check].map(str::to_owned);
        let (status, said) = self.run_in(id, argv.into()).await?;
        let found = Finding::read(&said).into_iter().next();
        let (reached, detail) = match found {
            // Also let through is what turns out not to be there.
            Some(found) => (found.detail.ends_with(TUNNEL), found.detail),
            None => (false, why(status, &said)),
        };
        Ok(ServerTrial {
            reached,
            detail: match reached {
                true => format!("{host}:{port} is reached through the proxy"),
                false => format!("{host}:{port} is not reached: {detail}"),
            },
        })
    }
}

/// Of the address's scheme.
fn usual_port(server: &McpServer) -> u16 {
    let url = server.url.as_deref().unwrap_or_default().trim();
    let plain = url
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    if plain { 80 } else { 443 }
}

fn why(status: i64, said: &str) -> String {
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    match (status, last) {
        (TOOK_TOO_LONG, _) => format!("it took longer than {LIMIT} s"),
        (_, Some(line)) => line.trim().to_owned(),
        (status, None) => format!("it ended with {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_thing_that_was_said() {
        assert_eq!(why(1, "a\nb: refused\n\n"), "b: refused");
        assert_eq!(why(124, "a"), "it took longer than 10 s");
        assert_eq!(why(3, ""), "it ended with 3");
    }

    #[test]
    fn a_scheme_has_its_port() {
        let port = |url: &str| {
            let server = serde_json::json!({ "name": "a", "type": "http", "url": url });
            usual_port(&serde_json::from_value(server).unwrap())
        };
        assert_eq!(port("HTTP://a.example/x"), 80);
        assert_eq!(port("https://a.example/x"), 443);
    }
}
