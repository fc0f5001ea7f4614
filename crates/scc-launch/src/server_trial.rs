//! Trying an MCP server from inside a running sandbox.

use std::collections::BTreeMap;
use std::time::Duration;

use scc_config::{McpServer, NetworkPolicy};
use scc_policy::EffectivePolicy;
use scc_relay::probe::{Check, Finding};
use scc_runtime::{ExecSpec, OutputEnd, SandboxRuntime};

use crate::extensions::{LAUNCHERS, find_server, offered};
use crate::images::GUARD;
use crate::{LaunchError, Launcher};

/// Seconds that a server may take.
const LIMIT: &str = "10";
/// Seconds after which it is killed that goes on all the same.
const GRACE: &str = "1";
/// A server may leave something behind that keeps the connection open; nobody waits for that. Longer than
/// the probe waits for a proxy.
const END: Duration = Duration::from_secs(20);
/// Bytes that are read of what a server says.
const MOST: usize = 64 << 10;
/// Characters that are shown of a line of it.
const SHOWN: usize = 300;
/// What `timeout` ends with when it had to end the command, and when it had to kill it.
const TOOK_TOO_LONG: [i64; 2] = [124, 137];
/// The first message of the protocol.
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"scc","version":"1"}}}"#;
/// How the probe says that there is a tunnel to the server.
const TUNNEL: &str = "(200)";
const ASK: &str = r#"set -o pipefail; printf '%s\n' "$1" | timeout -k "$3" "$2" "$0" | head -n 1"#;
const CONNECT: &str = r#"exec 3<>"/dev/tcp/$0/$1""#;

/// What came of trying a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTrial {
    /// A program answered by the protocol; a server of the network took a connection, or the proxy
    /// let it through.
    pub reached: bool,
    /// What happened. It may repeat what the server said, with control characters and all.
    pub detail: String,
}

/// How a command that tries a server ended, and what it wrote.
struct Said {
    /// `None` where it was left alone before its end.
    status: Option<i64>,
    text: String,
    end: OutputEnd,
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
        let argv = ["/bin/bash", "-c", ASK, &program, INITIALIZE, LIMIT, GRACE];
        let said = self.run_within_bounds(id, &argv).await?;
        let answered = said.text.contains("\"jsonrpc\"") && said.text.contains("\"result\"");
        let detail = match answered {
            true => "the program answers".to_owned(),
            false => format!("the program does not answer: {}", said.why()),
        };
        Ok(ServerTrial {
            reached: answered,
            detail: detail + said.cut(),
        })
    }

    async fn try_connection(
        &self,
        id: &str,
        host: &str,
        port: u16,
    ) -> Result<ServerTrial, LaunchError> {
        let port = port.to_string();
        let argv = [
            "timeout",
            "-k",
            GRACE,
            LIMIT,
            "/bin/bash",
            "-c",
            CONNECT,
            host,
            &port,
        ];
        let said = self.run_within_bounds(id, &argv).await?;
        let reached = said.status == Some(0);
        Ok(ServerTrial {
            reached,
            detail: match reached {
                true => format!("{host}:{port} takes connections"),
                false => format!("{host}:{port} takes no connection: {}", said.why()),
            },
        })
    }

    async fn try_proxy(&self, id: &str, host: &str, port: u16) -> Result<ServerTrial, LaunchError> {
        let check = Check::Allowed(format!("{host}:{port}")).to_string();
        let said = self
            .run_within_bounds(id, &[GUARD, "probe", &check])
            .await?;
        let found = Finding::read(&said.text).into_iter().next();
        let (reached, detail) = match found {
            // Also let through is what turns out not to be there.
            Some(found) => (found.detail.ends_with(TUNNEL), found.detail),
            None => (false, said.why()),
        };
        Ok(ServerTrial {
            reached,
            detail: match reached {
                true => format!("{host}:{port} is reached through the proxy"),
                false => format!("{host}:{port} is not reached: {detail}"),
            },
        })
    }

    /// Runs a command that a server may keep from its end, or have write without one.
    async fn run_within_bounds(&self, id: &str, argv: &[&str]) -> Result<Said, LaunchError> {
        let spec = ExecSpec {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::new(),
            working_dir: Some("/".to_owned()),
            user: None,
            terminal: None,
        };
        let (exec, attachment) = self.runtime.exec(id, &spec).await?;
        let read = attachment.read_within(MOST, END).await?;
        let status = match read.end {
            OutputEnd::Ended => Some(self.runtime.exec_status(&exec).await?),
            OutputEnd::TooMuch | OutputEnd::TooLate => None,
        };
        Ok(Said {
            status,
            text: read.text,
            end: read.end,
        })
    }
}

impl Said {
    /// Why it did not go well.
    fn why(&self) -> String {
        let late = self.end == OutputEnd::TooLate;
        let ended = self
            .status
            .is_some_and(|status| TOOK_TOO_LONG.contains(&status));
        if late || ended {
            return format!("it took longer than {LIMIT} s");
        }
        let mut lines = self.text.lines().rev().map(str::trim);
        match (lines.find(|line| !line.is_empty()), self.status) {
            (Some(line), _) => shortened(line),
            (None, Some(status)) => format!("it ended with {status}"),
            (None, None) => "it said nothing".to_owned(),
        }
    }

    /// What is to be said where not all of it was read.
    fn cut(&self) -> &'static str {
        match self.end {
            OutputEnd::TooMuch => " (it said more than 64 KiB, of which the rest was not read)",
            OutputEnd::Ended | OutputEnd::TooLate => "",
        }
    }
}

/// The start of a line that is too long to be shown.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: Option<i64>, text: &str, end: OutputEnd) -> Said {
        let text = text.to_owned();
        Said { status, text, end }
    }

    #[test]
    fn the_reason_is_the_last_thing_that_was_said() {
        let why = |status, text: &str| said(Some(status), text, OutputEnd::Ended).why();
        assert_eq!(why(1, "a\nb: refused\n\n"), "b: refused");
        for status in TOOK_TOO_LONG {
            assert_eq!(why(status, "a"), "it took longer than 10 s");
        }
        assert_eq!(why(3, ""), "it ended with 3");
        assert_eq!(why(1, &"é".repeat(301)), "é".repeat(300) + "…");
    }

    #[test]
    fn what_was_cut_says_so() {
        let much = said(None, "a\nb", OutputEnd::TooMuch);
        assert_eq!(much.why(), "b");
        assert!(much.cut().contains("more than 64 KiB"));
        let late = said(None, "a", OutputEnd::TooLate);
        assert_eq!(late.why(), "it took longer than 10 s");
        assert_eq!(late.cut(), "");
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
