//! Values of a profile that may be secrets, before somebody else gets to see them. `${VARIABLE}`
//! stands for one without being one.

use scc_config::McpServer;
use scc_state::PersonalProfile;

use super::servers;
use crate::error::CliError;

/// Refuses a profile with values that may be secrets, unless they are meant to go along.
pub(super) fn refuse(
    profile: &PersonalProfile,
    include_secrets: bool,
    who: &str,
) -> Result<(), CliError> {
    match find(profile) {
        Some((server, place)) if !include_secrets => Err(CliError::Failed {
            message: format!("MCP server `{server}` may have a secret in {place}, and {who}"),
            hint: "write `${VARIABLE}` there, or pass --include-secrets if it is none".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The first server with a value that may be a secret, and where in it that stands.
pub(super) fn find(profile: &PersonalProfile) -> Option<(String, String)> {
    let servers = profile.mcp_servers.iter().filter_map(servers::read);
    let mut found = servers.filter_map(|server| Some((server.name.clone(), place(&server)?)));
    found.next()
}

/// What stands where a value may be a secret.
pub(super) const HIDDEN: &str = "[hidden]";

/// Where a server is: its address without user and query, and without a path that may hold a key, or
/// its program.
pub(super) fn target(server: &McpServer) -> Option<String> {
    let target = server.target()?;
    let found = match server.transport.is_network() {
        true => in_url(&target).is_some(),
        false => looks_like_key(&target),
    };
    match (found, server.transport.is_network()) {
        (false, _) => Some(target),
        (true, true) => Some(format!("{}/{HIDDEN}", server.host()?)),
        (true, false) => Some(HIDDEN.to_owned()),
    }
}

fn place(server: &McpServer) -> Option<String> {
    let literal = |values: &std::collections::BTreeMap<String, String>| {
        let mut values = values.iter();
        values
            .find(|(_, value)| !is_variable(value))
            .map(|(name, _)| name.clone())
    };
    if let Some(name) = literal(&server.env) {
        return Some(format!("`env`, at `{name}`"));
    }
    if let Some(name) = literal(&server.headers) {
        return Some(format!("`headers`, at `{name}`"));
    }
    let in_url = server.url.as_deref().and_then(in_url);
    let in_args = || in_words(&server.args).map(|place| format!("`args`, {place}"));
    let in_command = || {
        let command = server.command.as_deref()?;
        looks_like_key(command).then(|| "`command`".to_owned())
    };
    in_url
        .map(|place| format!("`url`, {place}"))
        .or_else(in_args)
        .or_else(in_command)
}

fn in_url(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("before the `@`".to_owned());
    }
    let (path, query) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    for pair in query.split(['&', '?', '#', ';']) {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        if secret(name, value) {
            return Some(match name {
                "" => "behind its path".to_owned(),
                name => format!("parameter `{name}`"),
            });
        }
    }
    let mut parts = path.split(['/', ':', '.']);
    parts.any(looks_like_key).then(|| "in its path".to_owned())
}

/// A word of a command line that may be a secret: behind an option with such a name, as a setting
/// with such a name, in a header, or by its form.
fn in_words(words: &[String]) -> Option<String> {
    for (number, word) in words.iter().enumerate() {
        let before = number.checked_sub(1).map(|at| words[at].as_str());
        if let Some(option) = before.filter(|before| before.starts_with('-'))
            && !word.starts_with('-')
            && secret(option, word)
        {
            return Some(format!("after `{option}`"));
        }
        let named = word.split_once('=').or_else(|| word.split_once(':'));
        if let Some((name, value)) = named
            && secret(name, value)
        {
            return Some(format!("at `{}`", name.trim()));
        }
        if in_url(word).is_some() && word.contains("://") || looks_like_key(word) {
            return Some(format!("word {}", number + 1));
        }
    }
    None
}

/// Whether a value may be a secret, by its name or its form.
pub(super) fn secret(name: &str, value: &str) -> bool {
    let value = value.trim();
    !value.is_empty() && !is_variable(value) && (names_secret(name) || looks_like_key(value))
}

/// Whether a parameter or option of this name usually carries a secret.
pub(super) fn names_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // `--token-file` names a file, `max_tokens` is a number.
    if ["file", "path", "dir", "url", "tokens"]
        .iter()
        .any(|end| plain.ends_with(end))
    {
        return false;
    }
    let exact = ["key", "sig", "pat", "pass", "pin", "code", "jwt"];
    let part = [
        "token",
        "secret",
        "passw",
        "pwd",
        "auth",
        "cred",
        "bearer",
        "apikey",
        "accesskey",
        "privatekey",
        "signature",
        "cookie",
    ];
    exact.contains(&plain.as_str())
        || plain.ends_with("key")
        || part.iter().any(|part| plain.contains(part))
}

/// The starts of well-known keys, and how many characters follow at least.
const KEYS: [(&str, usize); 24] = [
    ("sk-", 16),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 12),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
    ("akia", 16),
    ("asia", 16),
    ("aiza", 30),
    ("ya29.", 16),
    ("hf_", 16),
    ("npm_", 30),
    ("pypi-", 16),
    ("dop_v1_", 16),
];
/// How long a word without meaning has to be to be taken for a key.
const LONG: usize = 32;

/// Whether a word has the form of a key: by how it starts, as a token of three parts, or because it
/// is long and mixes what names do not mix.
pub(super) fn looks_like_key(word: &str) -> bool {
    let word = word.trim_matches(|c: char| matches!(c, '"' | '\'' | ' '));
    if word.contains("-----BEGIN") {
        return true;
    }
    let of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if word.is_empty() || !word.chars().all(of_key) {
        return false;
    }
    let lower = word.to_ascii_lowercase();
    let known = |(start, more): &(&str, usize)| {
        lower.starts_with(start) && word.len() >= start.len() + more
    };
    let is_jwt = word.starts_with("eyJ") && word.matches('.').count() == 2;
    let has = |wanted: fn(&char) -> bool| word.chars().filter(wanted).count() >= 3;
    let mixed = has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
        && !word.contains('.');
    KEYS.iter().any(known) || is_jwt || (word.len() >= LONG && mixed)
}

/// Nothing but variables, and perhaps the word for how a credential is sent.
pub(super) fn is_variable(text: &str) -> bool {
    let text = text.trim();
    let scheme = ["Bearer ", "Basic ", "Token "];
    let rest = scheme.iter().find_map(|scheme| text.strip_prefix(scheme));
    let mut rest = rest.unwrap_or(text).trim();
    if rest.is_empty() {
        return false;
    }
    while let Some(after) = rest.strip_prefix("${") {
        let Some((name, after)) = after.split_once('}') else {
            return false;
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || !name.bytes().all(allowed) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(server: Value) -> Option<String> {
        let mut server = server;
        server["name"] = json!("x");
        let profile = PersonalProfile {
            repository: "remote:host.example/a".to_owned(),
            saved_at: "2030-01-01T00:00:00Z".parse().unwrap(),
            plugins: Vec::new(),
            mcp_servers: vec![server],
        };
        find(&profile).map(|(_, place)| place)
    }

    fn url(url: &str) -> Option<String> {
        found(json!({ "type": "http", "url": url }))
    }

    fn args(args: &[&str]) -> Option<String> {
        found(json!({ "type": "stdio", "command": "/bin/x", "args": args }))
    }

    #[test]
    fn what_may_be_a_secret() {
        for address in [
            "https://ada:hunter2@x.example/",
            "https://x.example/mcp?token=hunter2",
            "https://x.example/mcp?a=b&api_key=hunter2",
            "https://x.example/mcp?X-Amz-Signature=hunter2",
            "https://x.example/mcp?ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "https://x.example/glpat-0123456789abcdefghij/mcp",
            "https://x.example/mcp#access_token=hunter2",
            "https://x.example/mcp?x=Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZkdISklL",
            "https://x.example/mcp?auth=${A}hunter2${B}",
        ] {
            assert!(url(address).is_some(), "{address}");
        }
        for words in [
            &["--token", "hunter2"] as &[&str],
            &["--api-key=hunter2"],
            &["-H", "Authorization: Bearer hunter2"],
            &["PASSWORD=hunter2"],
            &["--header", "X-Token: hunter2"],
            &["sk-0123456789abcdefghij"],
            &["AKIA0123456789ABCDEF"],
            &["--url", "https://x.example/?token=hunter2"],
            &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"],
        ] {
            assert!(args(words).is_some(), "{words:?}");
        }
        for server in [
            json!({ "type": "http", "url": "https://x.example", "headers": { "K": "hunter2" } }),
            json!({ "type": "stdio", "command": "/bin/x", "env": { "K": "${A}hunter2${B}" } }),
        ] {
            assert!(found(server.clone()).is_some(), "{server}");
        }
    }

    #[test]
    fn what_is_none() {
        for address in [
            "https://x.example/mcp",
            "https://x.example/mcp?a=b&page=2",
            "https://x.example/mcp?token=${TOKEN}",
            "https://x.example/mcp?token=",
            "https://mcp.x.example/v1/projects/0123456789abcdef0123456789abcdef01234567",
            "https://x.example/550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(url(address), None, "{address}");
        }
        for words in [
            &["--root", "/srv", "--verbose"] as &[&str],
            &["--token", "${TOKEN}"],
            &["--token-file", "/run/secrets/token"],
            &["--max-tokens", "4096"],
            &["-H", "Authorization: Bearer ${TOKEN}"],
            &["--header", "X-Token: ${TOKEN}"],
            &["--read-only", "docs:/srv/docs"],
            &["@scope/server-filesystem@2.0.1"],
        ] {
            assert_eq!(args(words), None, "{words:?}");
        }
        let headers = json!({ "X-Key": "${KEY}", "Authorization": "Bearer ${TOKEN}" });
        let server = json!({ "type": "http", "url": "https://x.example", "headers": headers });
        assert_eq!(found(server), None);
    }
}
