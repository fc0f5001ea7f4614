//! MCP servers (Model Context Protocol), and what of them a pattern is compared with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::mcp_patterns::McpCandidates;
use crate::url::Address;
use crate::{names, values};

/// A tool server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// The name that the agent shows.
    #[serde(deserialize_with = "values::name")]
    pub name: String,
    /// How it is spoken to.
    #[serde(rename = "type")]
    pub transport: McpTransport,
    /// The address of a `http` or `sse` server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The program of a `stdio` server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The program's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The program's environment; `${VAR}` is taken from the host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Headers of every request; `${VAR}` is taken from the host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// How an MCP server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum McpTransport {
    /// Streamable HTTP.
    Http,
    /// HTTP with server-sent events.
    Sse,
    /// A program in the sandbox, by its standard input and output.
    Stdio,
}

impl McpTransport {
    /// Whether the server is reached over the network.
    pub fn is_network(self) -> bool {
        matches!(self, Self::Http | Self::Sse)
    }

    /// The word in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
            Self::Stdio => "stdio",
        }
    }
}

impl McpServer {
    /// The key that a server of this transport must have and this one lacks or has empty.
    pub fn missing_identifier(&self) -> Option<&'static str> {
        let given = |value: &Option<String>| value.as_ref().is_some_and(|v| !v.trim().is_empty());
        match self.transport.is_network() {
            true => (!given(&self.url)).then_some("url"),
            false => (!given(&self.command)).then_some("command"),
        }
    }

    /// Whether the key that such a server must have is there and holds nothing but blanks.
    pub(crate) fn has_blank_identifier(&self) -> bool {
        let value = match self.transport.is_network() {
            true => &self.url,
            false => &self.command,
        };
        let blank = |value: &String| !value.is_empty() && value.trim().is_empty();
        value.as_ref().is_some_and(blank)
    }

    /// Whether the name holds only letters and digits of ASCII, `.`, `_` and `-`.
    pub fn has_plain_name(&self) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let name = self.name.trim();
        !name.is_empty() && name.bytes().all(plain)
    }

    /// Why the address of a network server is none that every client reads alike; `None` where there
    /// is nothing to say, or no address.
    pub fn address_complaint(&self) -> Option<&'static str> {
        let url = self.url.as_deref().map(str::trim);
        let url = url.filter(|url| !url.is_empty() && self.transport.is_network())?;
        if url.contains(char::is_whitespace) || url.contains(char::is_control) {
            return Some("holds blanks or control characters");
        }
        if url.contains(names::is_invisible) {
            return Some("holds characters that cannot be seen");
        }
        if url.contains('\\') {
            return Some("holds a backslash, which some clients read as a slash");
        }
        let (_, rest) = url.split_once("://").unwrap_or(("", ""));
        rest.starts_with(['/', '?', '#', '@', ':'])
            .then_some("has no host after `://`")
    }

    /// Why it is not known whom a network server's address reaches; `None` where there is nothing to
    /// say, or no address.
    pub fn authority_complaint(&self) -> Option<&'static str> {
        let url = self
            .url
            .as_deref()
            .filter(|_| self.transport.is_network())?;
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('$') {
            return Some("takes its host, user or port from a variable");
        }
        let host = authority.rsplit('@').next().unwrap_or_default();
        let port = host.rsplit_once(':').map(|(_, port)| port.trim());
        let port = port.filter(|port| !port.is_empty() && !port.contains(']'))?;
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        (!digits || port.parse::<u16>().is_err()).then_some("has a port that is none")
    }

    /// The key that this transport does not use and that is given.
    pub(crate) fn unused_key(&self) -> Option<&'static str> {
        match self.transport.is_network() {
            true if self.command.is_some() => Some("command"),
            true if !self.args.is_empty() => Some("args"),
            false if self.url.is_some() => Some("url"),
            false if !self.headers.is_empty() => Some("headers"),
            _ => None,
        }
    }

    /// A variable that a program of this server would get and that makes it run something else, by
    /// its environment or by an argument such as `LD_PRELOAD=…`.
    pub fn loader_variable(&self) -> Option<&str> {
        if self.transport.is_network() {
            return None;
        }
        let set = self.args.iter();
        let set = set.filter_map(|arg| arg.split_once('=').map(|(name, _)| name));
        let mut names = self.env.keys().map(String::as_str).chain(set);
        names.find(|name| is_loader_variable(name))
    }

    /// The host of the address in lower case, without port, user and trailing dot; `None` where
    /// there is no address or it has no host.
    pub fn host(&self) -> Option<String> {
        let address = Address::parse(self.url.as_deref()?)?;
        Some(address.host().to_owned())
    }

    /// The port of the address, where it is not the scheme's own.
    pub fn port(&self) -> Option<u16> {
        Address::parse(self.url.as_deref()?)?.port()
    }

    /// Everything that a pattern is compared with: the name; of the address the host and the
    /// normalised URL, with its port and without; the program.
    ///
    /// For what allows, the address as it is written is none of them:
    /// `https://good.example@evil.example/` must not fit a pattern for `https://good.example*`.
    pub fn candidates(&self) -> McpCandidates {
        McpCandidates::new(self)
    }

    /// Where the server is: its address in normal form, without user and query, or its program.
    pub fn target(&self) -> Option<String> {
        if self.transport.is_network() {
            let address = Address::parse(self.url.as_deref()?)?;
            return Some(
                address
                    .with_port()
                    .unwrap_or_else(|| address.without_port()),
            );
        }
        self.command
            .as_ref()
            .map(|command| command.trim().to_owned())
    }

    /// The server as it is: its name, where it is, and a digest of everything in it. As a pattern, it
    /// fits this server alone, until anything in it is changed.
    pub fn identity(&self) -> String {
        let all = serde_json::to_string(self).unwrap_or_else(|_| format!("{self:?}"));
        let digest = Sha256::digest(all.as_bytes());
        let hex = digest.iter().take(16).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let target: String = self
            .target()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        format!("{}={target}#{hex}", self.name.trim())
    }
}

/// Whether a variable of the environment makes programs load or run what it names.
fn is_loader_variable(name: &str) -> bool {
    let name = name.trim().to_ascii_uppercase();
    let families = ["LD_", "DYLD_"];
    let single = [
        "PATH",
        "GCONV_PATH",
        "BASH_ENV",
        "ENV",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PERL5LIB",
        "PERL5OPT",
        "PERLLIB",
        "RUBYLIB",
        "RUBYOPT",
        "CLASSPATH",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "GIT_EXEC_PATH",
    ];
    families.iter().any(|family| name.starts_with(family)) || single.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> McpServer {
        McpServer {
            name: "n".into(),
            transport: McpTransport::Http,
            url: Some(url.into()),
            command: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            headers: BTreeMap::new(),
        }
    }

    #[test]
    fn an_address_is_one_that_every_client_reads_alike() {
        for url in [
            r"https://ok.example\@evil.example/",
            "https://ok.example /x",
            "https://ok.example/a b",
            "https:///ok.example/",
            "https://@/",
            "https://ok.exam\u{200b}ple/",
            "https://ok.example/\tx",
        ] {
            assert!(server(url).address_complaint().is_some(), "{url}");
        }
        for url in [
            " https://ok.example/a?b=c ",
            "https://u@ok.example",
            "",
            "${URL}",
        ] {
            assert!(server(url).address_complaint().is_none(), "{url}");
        }
    }

    #[test]
    fn an_address_says_whom_it_reaches() {
        for url in [
            "https://${HOST}/",
            "https://ok.example:${PORT}/",
            "https://${TOKEN}@ok.example/",
            "https://ok.example:ok.example/",
            "https://ok.example:65536",
            "https://ok.example:+1",
        ] {
            assert!(server(url).authority_complaint().is_some(), "{url}");
        }
        for url in [
            "https://u:p@ok.example:8443/${X}",
            "https://[::1]/",
            "https://[::1]:1",
            "https://ok.example:/",
        ] {
            assert!(server(url).authority_complaint().is_none(), "{url}");
        }
    }

    #[test]
    fn variables_that_load_something_else_are_found() {
        let mut server = server("");
        server.env.insert("ld_preload".into(), "/tmp/x.so".into());
        assert!(server.loader_variable().is_none());
        server.transport = McpTransport::Stdio;
        assert_eq!(server.loader_variable(), Some("ld_preload"));
        server.env = BTreeMap::from([("TOKEN".into(), "x".into())]);
        assert!(server.loader_variable().is_none());
        server.args = vec!["LD_PRELOAD=/tmp/x.so".into(), "tool".into()];
        assert_eq!(server.loader_variable(), Some("LD_PRELOAD"));
    }
}
