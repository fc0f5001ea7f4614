//! Addresses are judged by the host that a client of the web reads in them, however they are written.
//! The `url` library, which reads addresses as browsers do, is the reference.

#![expect(clippy::expect_used, reason = "a test's own documents are well-formed")]

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use scc_config::{Document, OrgConfig};
use scc_policy::{PolicyInput, evaluate};
use serde_json::json;
use url::Url;

/// What addresses, and names that look like them, are put together from.
const PIECES: [&str; 32] = [
    "mcp.acme.example",
    "x.evil.example",
    "acme.example",
    "evil.example",
    "https://",
    "http://",
    "HTTPS:",
    "/",
    "//",
    "\\",
    "@",
    ":",
    ":8443",
    ":443",
    ".",
    "..",
    "%2f",
    "%2e",
    "%40",
    "?",
    "#",
    "u:p",
    "*",
    "/../",
    "。",
    "ａ",
    "\t",
    " ",
    "XN--",
    "[::1]",
    "10.0.0.1",
    "~",
];

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select(PIECES.to_vec()), 1..7);
    let start = select(vec!["https://", "http://", "https:", "HTTPS://", ""]);
    (start, pieces).prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
}

/// Whether a team's server is offered to the agent under these rules.
fn offered(name: &str, url: &str, rules: &serde_json::Value) -> bool {
    let mut org = json!({
        "schema_version": "1.0.0",
        "organization": {"name": "Corp", "id": "corp"},
        "delegation": {"teams": {"allow_additional_mcp_servers": ["*"]}},
        "profiles": {"t": {"additional_mcp_servers": [{"name": name, "type": "http", "url": url}]}},
    });
    for (key, value) in rules.as_object().into_iter().flatten() {
        org[key] = value.clone();
    }
    let Ok(org) = Document::<OrgConfig>::parse(&org.to_string(), Path::new("org.json")) else {
        // Some names are none.
        return false;
    };
    let policy = evaluate(&PolicyInput {
        org: Some(&org),
        team: Some("t"),
        ..PolicyInput::at("2030-01-01T00:00:00Z".parse().expect("a time"))
    });
    !policy.expect("the team is known").mcp_servers.is_empty()
}

fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(url.host_str()?.trim_end_matches('.').to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_allowlist_lets_in_what_a_client_reads_there(name in text(), url in text()) {
        let allowed = ["*.acme.example", "https://*.acme.example/*", "https://mcp.acme.example/*"];
        if offered(&name, &url, &json!({"defaults": {"allowed_mcp_servers": allowed}})) {
            let host = host(&url).unwrap_or_default();
            prop_assert!(host.ends_with(".acme.example"), "{name} {url}: {host}");
        }
    }

    #[test]
    fn a_block_finds_what_a_client_reads_there(url in text()) {
        let blocked = ["*.evil.example", "https://evil.example/*"];
        if offered("n", &url, &json!({"security": {"blocked_mcp_servers": blocked}})) {
            let found = Url::parse(&url).ok();
            let https = found.is_some_and(|found| found.scheme() == "https");
            let host = host(&url).unwrap_or_default();
            prop_assert!(!host.ends_with(".evil.example"), "{url}: {host}");
            prop_assert!(!(https && host == "evil.example"), "{url}: {host}");
        }
    }
}

/// The properties are about something: such addresses are offered.
#[test]
fn what_is_allowed_is_offered() {
    let rules = json!({"defaults": {"allowed_mcp_servers": ["https://*.acme.example/*"]}});
    for url in [
        "https://mcp.acme.example/x",
        "HTTPS://u:p@mcp.acme.example.:8443//",
    ] {
        assert!(offered("n", url, &rules), "{url}");
    }
    assert!(!offered(
        "n",
        "https://evil.example/mcp.acme.example/x",
        &rules
    ));
}
