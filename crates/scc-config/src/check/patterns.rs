//! Patterns that fit nothing, or something else than they seem to.

use crate::glob::{Glob, fold};
use crate::mcp_form::{Form, has_wildcard};
use crate::mcp_patterns::without_query;
use crate::{HostPattern, Pattern, ip, plugin};

/// What a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Allow,
    Forbid,
}

/// What is doubtful about a pattern for plugins, after its text.
pub(super) fn plugin_doubt(pattern: &str) -> Option<&'static str> {
    if let Some(doubt) = any_doubt(pattern) {
        return Some(doubt);
    }
    if !pattern.is_ascii() {
        return Some(FOREIGN);
    }
    let (name, marketplace) = plugin::split(pattern.trim()).unwrap_or((pattern.trim(), "*"));
    let is_part = |part: &str| !part.contains(['@', '/', '\\']) && !part.starts_with('.');
    let whole = is_part(name) && is_part(marketplace) && !marketplace.is_empty();
    (!whole).then_some("fits nothing: plugins are written `name@marketplace`")
}

/// What is doubtful about a pattern for MCP servers, after its text.
pub(super) fn server_doubt(pattern: &str, purpose: Purpose) -> Option<&'static str> {
    if let Some(doubt) = any_doubt(pattern) {
        return Some(doubt);
    }
    let folded = fold(pattern);
    match Form::of(pattern) {
        Form::Address(address) => match (without_query(&folded), purpose) {
            (Some(_), Purpose::Forbid) => {
                Some("forbids the address with any query: addresses are compared without theirs")
            }
            (Some(_), Purpose::Allow) => {
                Some("fits nothing: addresses are compared without query and fragment")
            }
            (None, Purpose::Allow) if is_open(&address.host) => Some(OPEN),
            (None, _) => address_doubt(&folded),
        },
        Form::Host { host, .. } if purpose == Purpose::Allow && is_open(&host) => Some(OPEN),
        Form::Host { host, .. } => {
            let known = has_wildcard(&host) || ip::canonical(&host).is_some() || host.contains(':');
            let named = known || host.parse::<HostPattern>().is_ok();
            (!named).then_some("fits nothing: it is not the name of a host")
        }
        Form::Program(path) => {
            let up = path.split('/').any(|part| part == "..");
            let relative = !path.starts_with('/') && !path.starts_with(['*', '?', '[']);
            (up || relative).then_some(
                "fits nothing: programs are absolute paths without `..`, or a name alone",
            )
        }
        Form::Plain(word) if !word.is_ascii() => Some(FOREIGN),
        Form::Plain(_) | Form::Identity(_) => None,
    }
}

const OPEN: &str = "fits hosts of others too: a `*` in it stands beside a part of a name";

/// `*corp.example` fits `evilcorp.example`, and `corp.example*` fits `corp.example.evil.test`.
fn is_open(host: &str) -> bool {
    let front = host
        .strip_prefix('*')
        .is_some_and(|rest| !rest.starts_with('.'));
    host.contains('.') && (front || host.ends_with('*'))
}

const FOREIGN: &str = "holds characters outside ASCII, which can look like others";

fn address_doubt(folded: &str) -> Option<&'static str> {
    let (scheme, rest) = folded.split_once("://").unwrap_or(("*", folded));
    if !has_wildcard(scheme) && !matches!(scheme, "http" | "https") {
        return Some("fits nothing: servers are reached by `http` and `https`");
    }
    if rest.is_empty() || rest.starts_with(['/', ':']) {
        return Some("fits nothing: it has no host");
    }
    let up = rest.split('/').any(|part| part == "..");
    (up && has_wildcard(rest)).then_some("may fit nothing: addresses are compared without `..`")
}

/// A pattern that fits the names of servers too, besides some addresses or programs.
pub(super) fn fits_names(pattern: &str) -> bool {
    let word = match Form::of(pattern) {
        Form::Plain(word) => word,
        _ => return false,
    };
    word.contains(|c| !matches!(c, '*' | '?'))
}

/// What is doubtful about a pattern for anything.
pub(super) fn any_doubt(pattern: &str) -> Option<&'static str> {
    let read = Pattern::try_from(pattern.to_owned()).ok();
    if let Some(doubt) = read.and_then(|pattern| pattern.doubt()) {
        return Some(doubt);
    }
    if pattern.contains('{') && pattern.contains('}') {
        return Some("has braces, which stand for themselves: write a pattern for each");
    }
    if pattern.contains(char::is_whitespace) {
        return Some("fits nothing: it holds a blank");
    }
    Glob::new(&fold(pattern))
        .fits_nothing()
        .then_some("fits nothing: it has a range that ends before it begins")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_nothing_is_seen() {
        for pattern in [
            "bad.{example,test}",
            "bad example",
            "x[z-a]",
            "ws://bad.example/*",
            "https:///bad.example",
            "https://bad.example/*/../x",
            "bad..example",
            "./tool",
            "bin/tool",
            "/opt/../tool",
            "tооl",
        ] {
            assert!(
                server_doubt(pattern, Purpose::Forbid).is_some(),
                "{pattern}"
            );
        }
        let query = "https://bad.example/mcp?key=1";
        let (allow, forbid) = [Purpose::Allow, Purpose::Forbid]
            .map(|p| server_doubt(query, p))
            .into();
        assert!(allow.unwrap().contains("fits nothing") && forbid.unwrap().contains("any query"));
        for pattern in [
            "*",
            "tool",
            "*.bad.example",
            "bad.example:8443",
            "bücher.example",
            "[::1]",
            "10.*",
            "https://bad.example/mc?",
            "/opt/*",
            "*/bin/tool",
            "localhost",
            "http*://bad.example/*",
        ] {
            assert_eq!(server_doubt(pattern, Purpose::Forbid), None, "{pattern}");
        }
        for pattern in [
            "{a,b}", "a b", "a@b@c", "a/b", "a@m/x", ".a", "[z-a]", "crуpto", "a@",
        ] {
            assert!(plugin_doubt(pattern).is_some(), "{pattern}");
        }
        for pattern in ["*", "a", "a@*", "*@m", "@m/*", "@m", "crypto-[a-z]*"] {
            assert_eq!(plugin_doubt(pattern), None, "{pattern}");
        }
        for pattern in [
            "*corp.example",
            "https://corp.example*",
            "https://*corp.example/*",
            "corp.*",
        ] {
            assert_eq!(
                server_doubt(pattern, Purpose::Allow),
                Some(OPEN),
                "{pattern}"
            );
            assert_eq!(server_doubt(pattern, Purpose::Forbid), None, "{pattern}");
        }
        for pattern in ["*.corp.example", "https://*.corp.example/*", "https://*/*"] {
            assert_eq!(server_doubt(pattern, Purpose::Allow), None, "{pattern}");
        }
        assert!(fits_names("tool*") && fits_names("*acme*"));
        assert!(!fits_names("*") && !fits_names("*.acme.example") && !fits_names("/opt/*"));
    }
}
