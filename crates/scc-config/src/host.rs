//! Names of hosts that a sandbox may reach.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::idn;
use crate::values::string_schema;

/// The name of a host, or of all hosts below one: `api.corp.example` or `*.corp.example`.
///
/// Always in lower case and without a dot at the end. No scheme, port, path or IP address: a rule
/// by address says nothing about who answers there. `*.corp.example` does not include
/// `corp.example` itself. Names outside ASCII are kept in their `xn--` form, which is what travels
/// over the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    name: String,
    below: bool,
}

string_schema!(
    HostPattern,
    "HostPattern",
    "The name of a host, or `*.` and a name for all hosts below it; no scheme, port, path or address"
);

impl HostPattern {
    /// The name without the leading `*.`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it stands for the hosts below the name, and not for the name.
    pub fn is_wildcard(&self) -> bool {
        self.below
    }

    /// Whether everything that `other` stands for is included here.
    pub fn includes(&self, other: &Self) -> bool {
        let under = || {
            let rest = other.name.strip_suffix(&self.name);
            rest.is_some_and(|rest| rest.ends_with('.'))
        };
        match (self.below, other.below) {
            (false, _) => self == other,
            (true, true) => self.name == other.name || under(),
            (true, false) => under(),
        }
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            // What stands before an `@` may be a password.
            let shown = text.rsplit('@').next().unwrap_or_default();
            let text: String = shown.chars().take(100).collect();
            Err(format!(
                "`{}` is not a host name: {why}",
                text.escape_debug()
            ))
        };
        let folded = text.trim().to_ascii_lowercase();
        let (below, name) = match folded.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, folded.as_str()),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let Some(name) = idn::to_ascii(name) else {
            return refused("it has characters that names do not have");
        };
        let name = name.strip_suffix('.').unwrap_or(&name);
        if let Some(why) = complaint(name) {
            return refused(why);
        }
        if below && !name.contains('.') {
            return refused("`*.` needs a name with a dot in it, not a whole top-level domain");
        }
        let name = name.to_owned();
        Ok(Self { name, below })
    }
}

/// Why a folded name is no host name.
fn complaint(name: &str) -> Option<&'static str> {
    if name.contains('@') {
        return Some("write the host alone, without a user");
    }
    if name.contains("://") {
        return Some("leave the scheme out");
    }
    if name.contains('/') {
        return Some("leave the path out");
    }
    if name.contains('*') {
        return Some("`*` is only allowed as the first label, as in `*.corp.example`");
    }
    if name.starts_with('[') || name.matches(':').count() > 1 {
        return Some("addresses are not allowed");
    }
    if name.contains(':') {
        return Some("leave the port out");
    }
    if name.is_empty() || name.len() > 253 {
        return Some("it is empty or longer than 253 characters");
    }
    if !name.split('.').all(is_label) {
        return Some("a label is empty, too long, or has characters that host names do not have");
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    // Resolvers read these as addresses, whatever comes before.
    let number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    number.then_some("addresses are not allowed")
}

fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.below {
            true => write!(f, "*.{}", self.name),
            false => f.write_str(&self.name),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_normalised() {
        for (text, normal) in [
            ("API.Corp.Example", "api.corp.example"),
            (" api.corp.example. ", "api.corp.example"),
            ("*.Corp.example.", "*.corp.example"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a_b.example", "a_b.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.Bücher.example.", "*.xn--bcher-kva.example"),
            ("ｅxample.example", "example.example"),
        ] {
            assert_eq!(host(text).to_string(), normal, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, why) in [
            ("https://a.example", "scheme"),
            ("a.example/x", "path"),
            ("a.example:443", "port"),
            ("u@a.example", "user"),
            ("10.0.0.1", "addresses"),
            ("0x7f.1", "addresses"),
            ("2130706433", "addresses"),
            ("a.0x1", "addresses"),
            ("::1", "addresses"),
            ("[::1]", "addresses"),
            ("*", "first label"),
            ("a.*.example", "first label"),
            ("*.com", "top-level"),
            ("a..b", "label"),
            ("-a.example", "label"),
            ("xn--a.example", "characters"),
            ("１０.０.０.１", "addresses"),
            ("a。。b.example", "label"),
            ("a＠b.example", "user"),
            ("", "empty"),
            ("a b", "label"),
        ] {
            let error = text.parse::<HostPattern>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_wildcard_includes_what_is_below_it() {
        let wide = host("*.corp.example");
        assert!(wide.includes(&host("a.corp.example")));
        assert!(wide.includes(&host("*.a.corp.example")));
        assert!(wide.includes(&wide));
        assert!(!wide.includes(&host("corp.example")));
        assert!(!wide.includes(&host("evilcorp.example")));
        assert!(!host("a.corp.example").includes(&wide));
    }
}
