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
    use crate::McpPatterns;

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
            .find(&McpPatterns::new([pattern]))
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

    /// What forbids: the pattern and an address that it has to find.
    #[test]
    fn no_spelling_of_a_pattern_misses() {
        let bad = "https://bad.example/";
        let port = "https://bad.example:8443/";
        for (pattern, url) in [
            ("https://bad.example/*", bad),
            ("https://bad.example/", bad),
            ("https://bad.example:8443/", port),
            ("https://bad.example:8443/*", port),
            ("https://bad.example:443/*", bad),
            ("https://user@bad.example/*", bad),
            ("https://bad.example./*", bad),
            ("https://bad.example/a%2Fb", "https://bad.example/a/b"),
            (
                "https://bad.example/mcp?key=1",
                "https://bad.example/mcp?key=2",
            ),
            ("https://bad.example/mcp#top", "https://bad.example/mcp"),
            ("https://bad.example/mcp/", "https://bad.example/mcp"),
            ("https://bad.example/mcp/*", "https://bad.example/mcp/"),
            ("bad.example:8443", port),
            ("bad.example:443", bad),
            ("bad.example.", bad),
            ("*.example.", bad),
            ("bad.example/*", bad),
            ("bücher.example", "https://xn--bcher-kva.example/"),
            ("xn--bcher-kva.example", "https://BÜCHER.example/"),
            ("*ücher*", "https://xn--bcher-kva.example/"),
            ("*.bücher.example", "https://a.xn--bcher-kva.example/"),
            ("bad.example", "https://bad。example/"),
            ("bad。example", bad),
            ("[::1]", "https://[0:0:0:0:0:0:0:1]:8080/"),
            ("::1", "https://[::1]/"),
            ("0:0:0:0:0:0:0:1", "https://[::1]/"),
            ("https://[0::1]:8080/*", "https://[::1]:8080/x"),
            ("fe80::*", "https://[FE80::0001]/"),
            ("10.0.0.1", "https://[::ffff:10.0.0.1]/"),
            ("10.0.0.1", "https://[::ffff:a00:1]/"),
            ("10.*", "https://167772161/"),
            ("[::ffff:10.0.0.1]", "https://10.0.0.1/"),
        ] {
            let found = server(url)
                .candidates()
                .find_any(&McpPatterns::new([pattern]));
            assert!(found.is_some(), "{pattern} {url}");
        }
        for (pattern, url) in [
            ("https://bad.example:8443/*", bad),
            ("bad.example:8443", bad),
            ("https://bad.example/mc?", bad),
            ("::2", "https://[::1]/"),
        ] {
            let found = server(url)
                .candidates()
                .find_any(&McpPatterns::new([pattern]));
            assert!(found.is_none(), "{pattern} {url}");
        }
    }

    #[test]
    fn no_spelling_of_a_program_is_missed() {
        let mut server = server("");
        server.transport = McpTransport::Stdio;
        for (pattern, command) in [
            ("nc", "/usr/bin/nc"),
            ("/usr/bin/nc", "/usr/bin/nc -l"),
            ("nc", "/usr/bin/nc -l"),
            ("//usr//bin/nc", "/usr/bin/nc"),
            ("/usr/bin/nc", "//usr/./bin/nc"),
            ("/usr/bin/", "/usr/bin"),
        ] {
            server.command = Some(command.into());
            let found = server.candidates().find_any(&McpPatterns::new([pattern]));
            assert!(found.is_some(), "{pattern} {command}");
        }
        server.command = Some("/tmp/nc".into());
        assert!(
            server
                .candidates()
                .find(&McpPatterns::new(["nc"]))
                .is_none()
        );
    }

    #[test]
    fn a_name_does_not_fit_what_is_written_as_an_address() {
        for (pattern, name) in [
            ("https://mcp.acme.example/*", "https://mcp.acme.example/zzz"),
            ("*.acme.example", "mcp.acme.example"),
            ("mcp.acme.example", "mcp.acme.example"),
            ("mcp.acme.example:8443", "mcp.acme.example:8443"),
            ("/opt/acme/*", "/opt/acme/tool"),
            ("localhost", "localhost"),
        ] {
            let mut server = server("https://evil.example/");
            server.name = name.into();
            let patterns = McpPatterns::new([pattern]);
            assert!(server.candidates().find(&patterns).is_none(), "{name}");
            assert!(server.candidates().find_any(&patterns).is_some(), "{name}");
        }
        let mut server = server("https://evil.example/");
        server.name = "tickets".into();
        let patterns = McpPatterns::new(["tickets"]);
        assert!(server.candidates().find(&patterns).is_some());
    }

    #[test]
    fn a_path_does_not_fit_what_is_written_as_a_host() {
        for (pattern, url) in [
            ("*.acme.example", "https://evil.example/x.acme.example"),
            (
                "https://*.acme.example/*",
                "https://evil.example/x.acme.example/y",
            ),
            ("*.acme.example/*", "https://evil.example/x.acme.example/y"),
            ("*acme*", "https://evil.example/acme"),
        ] {
            assert!(!fits(pattern, url), "{pattern} {url}");
        }
        for (pattern, url) in [
            ("https://*.acme.example/*", "https://x.acme.example:8443/y"),
            ("*.acme.example/*", "https://x.acme.example/y"),
            ("https://x.acme.example*", "https://x.acme.example/y"),
            ("*acme*", "https://x.acme.example/"),
            ("*", "https://x.acme.example/"),
            ("x.acme.example:443", "https://x.acme.example/"),
            ("[::1]", "https://[0::1]/"),
        ] {
            assert!(fits(pattern, url), "{pattern} {url}");
        }
    }

    #[test]
    fn an_identity_ends_with_any_change() {
        let mut server = server("https://a.example/mcp?tenant=1");
        let pattern = server.identity().replace('[', "[[]");
        let patterns = McpPatterns::new([pattern.as_str()]);
        assert!(pattern.starts_with("n=https://a.example/mcp#"), "{pattern}");
        assert!(server.candidates().find(&patterns).is_some());
        let mut other = server.clone();
        other.name = "m".into();
        assert!(other.candidates().find(&patterns).is_none());
        server.url = Some("https://a.example/mcp?tenant=2".into());
        assert!(server.candidates().find(&patterns).is_none());
        server.url = Some("https://a.example/mcp?tenant=1".into());
        server.headers.insert("X".into(), "${TOKEN}".into());
        assert!(server.candidates().find(&patterns).is_none());
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

    #[test]
    fn programs_are_compared_without_detours() {
        let mut server = server("");
        server.transport = McpTransport::Stdio;
        server.command = Some("//usr/./bin//tool".into());
        assert!(
            server
                .candidates()
                .find(&McpPatterns::new(["/usr/bin/tool"]))
                .is_some()
        );
    }

    #[test]
    fn what_the_transport_does_not_use_allows_nothing() {
        let patterns = McpPatterns::new(["/opt/corp/*", "*.corp.example"]);
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
