//! Who is refused is told what it was, on the page and in the first line of the answer.

use scc_testkit::wait_for;

use super::world::{Plan, TOPOLOGIES, World};
use crate::support::LIMIT;

/// A host, what its page says, and what the first line says of a tunnel.
const REFUSALS: [(&str, &str, &str); 4] = [
    (
        "other.test",
        "scc network allow other.test",
        "403 Forbidden by scc, see: scc network explain other.test",
    ),
    (
        "private.test",
        "\"internal\": true",
        "private.test has a private address and is not marked internal",
    ),
    (
        "metadata.test",
        "No rule opens these",
        "metadata.test leads to this machine or to its metadata service",
    ),
    (
        "allowed.test:8081",
        "this port of the host allowed.test is not open",
        "no tunnel to this port of allowed.test",
    ),
];

#[test]
fn each_refusal_says_what_it_is() {
    let world = World::new(&Plan {
        topology: TOPOLOGIES[0],
        network: "{allowed_hosts: [allowed.test, private.test, metadata.test]}",
        zone: &[
            "allowed.test=@",
            "private.test=10.9.8.7",
            "metadata.test=169.254.169.254",
        ],
        ..Plan::default()
    });
    for (host, on_the_page, in_the_line) in REFUSALS {
        let page = world.agent(&format!("curl -sS http://{host}/"));
        assert!(page.contains(on_the_page), "{host}: {page}");
        let wide = page.contains("\"internal\": true");
        assert_eq!(wide, host == "private.test", "{host}: {page}");
        let said = world.agent(&format!("curl -sv https://{host}/ 2>&1 || true"));
        assert!(said.contains(in_the_line), "{host}: {said}");
    }
}

/// Requests that Squid takes for one for allowed.test, and a reader of the whole text for something else.
const MISREAD: [&str; 5] = [
    "CONNECT allowed.test:443:denied.test:443",
    "CONNECT allowed.test:443:443",
    "CONNECT [allowed.test]:443",
    "CONNECT [allowed.test]",
    "GET http://[allowed.test]/",
];

/// Squid itself, in the proxy's container, would carry them out.
#[test]
fn no_request_is_passed_on_that_squid_reads_otherwise() {
    let world = World::new(&Plan::default());
    let _session = world.session();
    let engine = world.context.engine();
    let proxies = engine.proxies(world.context.namespace());
    let proxy = proxies[0]["Id"].as_str().unwrap();
    let workspace = world.context.workspace();
    for line in MISREAD {
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/3128; printf '{line} HTTP/1.1\\r\\n\\r\\n' >&3; \
             read -r said <&3; echo \"$said\""
        );
        let said = engine.exec(proxy, &["bash", "-c", &script]);
        assert!(said.contains(" 200 "), "{line}: {said}");
        let inside = ["exec", workspace.to_str().unwrap(), "--", "bash", "-c"];
        let inside: Vec<_> = inside.into_iter().chain([script.as_str()]).collect();
        let said = world.scc(&inside).ok().stdout;
        assert!(said.contains(" 400 "), "{line}: {said}");
    }
    wait_for("a line of each", LIMIT, || {
        let log = world.scc(&["network", "log"]).ok().stdout;
        let refused = log.matches("denied  ?:0  the request was not understood");
        (refused.count() == MISREAD.len()).then_some(())
    });
}
