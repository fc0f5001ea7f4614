//! The form of a pattern for MCP servers, in the normal form of what it is compared with.

use std::net::Ipv6Addr;

use crate::glob::fold;
use crate::{idn, ip, url};

/// What a pattern means, by the way it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// One server as it is, with a digest of everything in it.
    Identity(String),
    /// An address.
    Address(AddressPattern),
    /// A host, with a port or without.
    Host { host: String, port: Option<String> },
    /// A program.
    Program(String),
    /// A word that can be a name, a host without dots, or a program.
    Plain(String),
}

/// An address with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressPattern {
    scheme: String,
    /// IPv6 without brackets.
    pub(crate) host: String,
    port: Option<String>,
    path: String,
}

impl Form {
    pub(crate) fn of(pattern: &str) -> Self {
        let folded = fold(pattern);
        if is_identity(&folded) {
            return Self::Identity(folded);
        }
        if folded.starts_with('/') {
            return Self::Program(plain_path(&folded, false));
        }
        let slashed = folded.replace('\\', "/");
        if let Some((scheme, rest)) = slashed.split_once("://") {
            return Self::Address(AddressPattern::of(scheme, rest));
        }
        match slashed.split_once('/') {
            Some(("." | "..", _)) => Self::Program(folded),
            Some((head, _)) if is_host_like(head) => {
                Self::Address(AddressPattern::of("*", &slashed))
            }
            Some(_) => Self::Program(folded),
            None if is_host_like(&folded) => {
                let (host, port) = host_and_port(&folded);
                Self::Host { host, port }
            }
            None => Self::Plain(folded),
        }
    }
}

impl AddressPattern {
    fn of(scheme: &str, rest: &str) -> Self {
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = host_and_port(authority);
        let usual = url::usual_port(scheme).to_string();
        Self {
            port: port.filter(|port| *port != usual),
            host,
            path: plain_path(&decode(path), true),
            scheme: scheme.to_owned(),
        }
    }

    /// As one text.
    pub(crate) fn text(&self) -> String {
        let port = self.port.as_ref().map(|port| format!(":{port}"));
        self.with(&port.unwrap_or_default())
    }

    /// Without a port that is the usual one of either scheme, where the scheme is a wildcard.
    pub(crate) fn without_usual_port(&self) -> Option<String> {
        let usual = matches!(self.port.as_deref(), Some("443" | "80"));
        (usual && self.scheme.contains(['*', '?', '['])).then(|| self.with(""))
    }

    fn with(&self, port: &str) -> String {
        let Self {
            scheme, host, path, ..
        } = self;
        format!("{scheme}://{}{port}{path}", bracketed(host))
    }
}

/// A host and its port as one text; IPv6 in brackets, of which the first is no wildcard.
pub(crate) fn host_port(host: &str, port: &str) -> String {
    format!("{}:{port}", bracketed(host))
}

fn bracketed(host: &str) -> String {
    match host.contains(':') {
        true => format!("[[]{host}]"),
        false => host.to_owned(),
    }
}

/// `NAME=TARGET#DIGEST`, as [`McpServer::identity`](crate::McpServer::identity) writes it.
fn is_identity(folded: &str) -> bool {
    let digest = folded.rsplit_once('#').map(|(_, digest)| digest);
    let hex = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    folded.contains('=') && digest.is_some_and(hex)
}

fn is_host_like(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':', '@', '。', '．', '｡'])
}

/// Host and port of an authority, without the user. A port that is any is none.
fn host_and_port(authority: &str) -> (String, Option<String>) {
    let authority = authority.rsplit('@').next().unwrap_or_default();
    if let Some(end) = authority.find(']')
        && authority.starts_with('[')
        && let Some(host) = ip::canonical(&authority[..=end])
    {
        let port = authority[end + 1..].strip_prefix(':');
        return (host, some_port(port));
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return (ip::canonical(authority).unwrap_or_default(), None);
    }
    let is_port =
        |port: &str| port == "*" || (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && (is_port(port) || port.is_empty()) => {
            (host_glob(host), some_port(Some(port)))
        }
        _ => (host_glob(authority), None),
    }
}

fn some_port(port: Option<&str>) -> Option<String> {
    let port = port.filter(|port| !matches!(*port, "" | "*"))?;
    Some(port.to_owned())
}

/// A host with wildcards in the form of hosts: encoded characters decoded, no dot at the end, labels
/// in their `xn--` form, an address in its usual form.
fn host_glob(host: &str) -> String {
    let host = decode(host).replace(['。', '．', '｡'], ".");
    let host = host.trim_end_matches('.');
    if !has_wildcard(host) {
        let ascii = idn::to_ascii(host);
        let host = ascii.as_deref().unwrap_or(host).trim_end_matches('.');
        return ip::canonical(host).unwrap_or_else(|| host.to_owned());
    }
    let labels = host.split('.').map(|label| {
        let ascii = idn::to_ascii(label).filter(|_| !has_wildcard(label));
        ascii.map_or_else(|| label.to_owned(), std::borrow::Cow::into_owned)
    });
    labels.collect::<Vec<_>>().join(".")
}

pub(crate) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Decodes `%41` and the like; a decoded wildcard stands for itself.
fn decode(text: &str) -> String {
    url::decode_with(text, |decoded, c| match c {
        '*' | '?' | '[' => decoded.extend(['[', c, ']']),
        c => decoded.extend(c.to_lowercase()),
    })
}

/// A path without empty parts and `.`; with `up`, also without `..` after a part that has no
/// wildcard.
fn plain_path(path: &str, up: bool) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if up && parts.last().is_none_or(|last| !has_wildcard(last)) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let parts = parts.iter();
    parts.fold(String::new(), |path, part| path + "/" + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(pattern: &str) -> String {
        match Form::of(pattern) {
            Form::Address(address) => address.text(),
            other => panic!("{pattern}: {other:?}"),
        }
    }

    #[test]
    fn addresses_have_the_form_of_addresses() {
        for (pattern, text) in [
            ("https://Bad.example/", "https://bad.example"),
            ("https://bad.example:443/x/", "https://bad.example/x"),
            ("http://bad.example:80", "http://bad.example"),
            ("https://bad.example:8443/", "https://bad.example:8443"),
            ("https://bad.example:*/x", "https://bad.example/x"),
            ("https://u:p@bad.example./x", "https://bad.example/x"),
            ("https://*.bad.example./*", "https://*.bad.example/*"),
            ("https://bad.example/a%2Fb", "https://bad.example/a/b"),
            ("https://bad.example/%2a", "https://bad.example/[*]"),
            ("https://bad.example/a//./b/../c", "https://bad.example/a/c"),
            (r"https:\\bad.example\x", "https://bad.example/x"),
            (
                "https://bücher.example/*",
                "https://xn--bcher-kva.example/*",
            ),
            (
                "https://*.bücher.example",
                "https://*.xn--bcher-kva.example",
            ),
            ("https://[0:0::1]:8080/x", "https://[[]::1]:8080/x"),
            ("https://[::ffff:10.0.0.1]/", "https://10.0.0.1"),
            ("https://0xa.0.0.1/", "https://10.0.0.1"),
            ("bad.example/x", "*://bad.example/x"),
        ] {
            assert_eq!(address(pattern), text, "{pattern}");
        }
    }

    #[test]
    fn what_a_pattern_means_is_seen_from_its_form() {
        let host = |host: &str, port: Option<&str>| Form::Host {
            host: host.to_owned(),
            port: port.map(str::to_owned),
        };
        for (pattern, form) in [
            ("*.Bad.example", host("*.bad.example", None)),
            ("bad.example.:8443", host("bad.example", Some("8443"))),
            ("u@bad.example", host("bad.example", None)),
            ("[::1]", host("::1", None)),
            ("[::1]:80", host("::1", Some("80"))),
            ("::FFFF:10.0.0.1", host("10.0.0.1", None)),
            ("fe80:*", host("fe80", None)),
            ("fe80::*", host("fe80::*", None)),
            ("localhost", host("localhost", None)),
            ("nc", Form::Plain("nc".to_owned())),
            ("*", Form::Plain("*".to_owned())),
            ("//usr/./bin//nc", Form::Program("/usr/bin/nc".to_owned())),
            ("*/bin/nc", Form::Program("*/bin/nc".to_owned())),
        ] {
            assert_eq!(Form::of(pattern), form, "{pattern}");
        }
    }
}
