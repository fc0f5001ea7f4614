//! What of an MCP server patterns find, however either is written.

use std::collections::BTreeMap;

use scc_config::{McpPatterns, McpServer, McpTransport};

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
