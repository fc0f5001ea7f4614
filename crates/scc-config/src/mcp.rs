//! MCP servers (Model Context Protocol), and what of them a pattern is compared with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::glob::Folded;
use crate::pattern_set::PatternSet;
use crate::url::Address;
use crate::values;

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
    /// The address as it is written is none of them: `https://good.example@evil.example/` must not
    /// fit a pattern for `https://good.example*`.
    pub fn candidates(&self) -> McpCandidates {
        let mut addresses = Vec::new();
        if let Some(address) = self.url.as_deref().and_then(Address::parse) {
            addresses.extend([address.host().to_owned(), address.without_port()]);
            addresses.extend(address.with_port());
        }
        let program = self.command.as_deref().map(plain_path);
        let program = program.into_iter().collect();
        let (mut used, unused) = match self.transport.is_network() {
            true => (addresses, program),
            false => (program, addresses),
        };
        used.push(self.name.clone());
        let folded = |texts: Vec<String>| texts.iter().map(|text| Folded::new(text)).collect();
        McpCandidates {
            used: folded(used),
            unused: folded(unused),
        }
    }
}

/// A path without `//` and `/./`, so that neither hides a program from a pattern.
fn plain_path(path: &str) -> String {
    let path = path.trim();
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.fold(String::new(), |path, part| path + "/" + part)
}

/// What patterns are compared with, prepared.
#[derive(Debug, Clone)]
pub struct McpCandidates {
    used: Vec<Folded>,
    /// The address of a program, or the program of an address.
    unused: Vec<Folded>,
}

impl McpCandidates {
    /// The number of a pattern that fits the name or what the transport uses: for what allows. An
    /// allowed program must not let in the address beside it.
    pub fn find(&self, patterns: &PatternSet) -> Option<usize> {
        self.used.iter().find_map(|text| patterns.find(text))
    }

    /// The number of a pattern that fits anything of the server: for what forbids.
    pub fn find_any(&self, patterns: &PatternSet) -> Option<usize> {
        let all = self.used.iter().chain(&self.unused);
        all.into_iter().find_map(|text| patterns.find(text))
    }
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

    fn fits(pattern: &str, url: &str) -> bool {
        server(url)
            .candidates()
            .find(&PatternSet::new([pattern]))
            .is_some()
    }

    #[test]
    fn no_spelling_of_a_host_evades_a_pattern() {
        for url in [
            "https://x.evil.com",
            "https://x.evil.com:8443/mcp",
            "https://x.evil.com.",
            "https://X.Evil.COM./",
            "https://u:p@x.evil.com:1/",
            "https://good.example@x.evil.com/",
            " https://x.evil.com ",
            "https:\\\\x.evil.com\\",
            "HTTPS://x.evil.com?q",
            "https://x.evil.com#f",
            "https://x%2eevil.com/",
        ] {
            assert!(fits("*.evil.com", url), "{url} {:?}", server(url).host());
        }
        assert!(!fits(
            "https://good.example*",
            "https://good.example@x.evil.com/"
        ));
        assert!(!fits("*.evil.com", "https://evil.com.good.example/"));
    }

    #[test]
    fn addresses_are_compared_in_their_normal_form() {
        assert!(fits(
            "https://a.example/mcp",
            "https://A.example:443/x/../mcp"
        ));
        assert!(fits(
            "https://a.example/mcp",
            "https://a.example:8443/./mcp?token=1"
        ));
        assert!(fits(
            "https://a.example:8443/*",
            "https://a.example:8443/mcp"
        ));
        assert!(fits("https://a.example", "https://a.example/"));
        assert!(!fits(
            "https://a.example/ok/*",
            "https://a.example/ok/../evil"
        ));
        assert!(!fits(
            "https://a.example/ok/*",
            "https://a.example/ok/%2e%2e/evil"
        ));
    }

    #[test]
    fn programs_are_compared_without_detours() {
        let mut server = server("");
        server.transport = McpTransport::Stdio;
        server.command = Some("//usr/./bin//tool".into());
        assert!(
            server
                .candidates()
                .find(&PatternSet::new(["/usr/bin/tool"]))
                .is_some()
        );
    }

    #[test]
    fn what_the_transport_does_not_use_allows_nothing() {
        let patterns = PatternSet::new(["/opt/corp/*", "*.corp.example"]);
        let mut server = server("https://evil.example/mcp");
        server.command = Some("/opt/corp/tool".into());
        assert!(server.candidates().find(&patterns).is_none());
        assert!(server.candidates().find_any(&patterns).is_some());
        server.transport = McpTransport::Stdio;
        (server.url, server.command) = (
            Some("https://x.corp.example".into()),
            Some("/tmp/evil".into()),
        );
        assert!(server.candidates().find(&patterns).is_none());
        assert!(server.candidates().find_any(&patterns).is_some());
    }
}
