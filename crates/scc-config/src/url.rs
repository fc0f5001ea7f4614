//! Addresses in a normal form for comparison. Not a general URL parser: what it cannot read has no
//! normal form, and then only rules by name apply.

use crate::idn;

/// A URL in normal form: scheme and host in lower case, no user, no query or fragment, no trailing
/// dot, no `.` and `..` in the path, percent-encoded ASCII decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
    /// The path is the root, or has a `/` at its end.
    slash: bool,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Clients of the web read `\` as `/` and drop tabs and line ends inside an address.
        let cleaned: String = text
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .map(|c| if c == '\\' { '/' } else { c })
            .collect();
        let (scheme, rest) = cleaned.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.trim_start_matches('/');
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = split_port(authority);
        let host = plain_host(&decode(host));
        let path = decode(rest.split(['?', '#']).next().unwrap_or_default());
        (!host.is_empty()).then(|| Self {
            port: port.filter(|port| *port != usual_port(&scheme)),
            slash: path.is_empty() || path.ends_with('/'),
            path: plain_path(&path),
            scheme,
            host,
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port, where it is not the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port that is connected to.
    pub(crate) fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| usual_port(&self.scheme))
    }

    /// The path is the root, or has a `/` at its end.
    pub(crate) fn has_slash(&self) -> bool {
        self.slash
    }

    /// The same address with another spelling of its host.
    pub(crate) fn at_host(&self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            ..self.clone()
        }
    }

    /// `https://host/path`; no `/` at the end, as people leave it out.
    pub(crate) fn without_port(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.path)
    }

    /// With the port, where it is not the scheme's own.
    pub(crate) fn with_port(&self) -> Option<String> {
        let Self {
            scheme, host, path, ..
        } = self;
        self.port
            .map(|port| format!("{scheme}://{host}:{port}{path}"))
    }
}

/// The port of a scheme.
pub(crate) fn usual_port(scheme: &str) -> u16 {
    match scheme {
        "https" => 443,
        _ => 80,
    }
}

/// A host in lower case, without a dot at the end, in the form that travels over the wire.
fn plain_host(host: &str) -> String {
    let folded = host.trim().to_lowercase();
    let ascii = idn::to_ascii(folded.trim_end_matches('.'));
    let host = ascii.as_deref().unwrap_or(&folded);
    host.trim_end_matches('.').to_owned()
}

fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

/// Decodes `%41` and the like; what is not ASCII stays as it is.
fn decode(text: &str) -> String {
    decode_with(text, String::push)
}

/// As `decode`; `push` takes what was encoded.
pub(crate) fn decode_with(text: &str, push: impl Fn(&mut String, char)) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let byte = rest.get(at + 1..at + 3);
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if byte.is_ascii_graphic() => {
                push(&mut decoded, char::from(byte));
                rest = &rest[at + 3..];
            }
            _ => {
                decoded.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    decoded + rest
}

/// The path without empty parts, `.` and `..`.
fn plain_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
        .iter()
        .fold(String::new(), |path, part| path + "/" + part)
}

/// A place that content comes from, for comparison with a trust pattern: no scheme, user, port and
/// `.git`; `git@host:path` is `host/path`; in lower case.
///
/// `None` where there is no host.
pub fn normalized_source(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let address = if trimmed.contains("://") {
        Address::parse(trimmed)?
    } else {
        let (authority, path) = trimmed
            .split_once(':')
            .or_else(|| trimmed.split_once('/'))?;
        Address::parse(&format!("ssh://{authority}/{path}"))?
    };
    let path = address.path.to_lowercase();
    let path = path.strip_suffix(".git").unwrap_or(&path);
    Some(format!("{}{path}", address.host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_the_same_however_they_are_written() {
        for text in [
            "https://github.com/Org/repo",
            "https://github.com/org/repo.git",
            "https://user:pw@GitHub.com:443/org/repo/",
            "https://github.com:8443/org/x/../repo",
            "git@github.com:org/repo.git",
            "github.com/org/repo",
            "https://github.com./org//repo",
        ] {
            assert_eq!(
                normalized_source(text).as_deref(),
                Some("github.com/org/repo"),
                "{text}"
            );
        }
        let escaped = normalized_source("https://github.com/org/../evil");
        assert_eq!(escaped.as_deref(), Some("github.com/evil"));
        assert_eq!(normalized_source("nothing"), None);
    }
}
