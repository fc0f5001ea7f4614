//! Who is refused is told what it was, on the page and in the first line of the answer.

use super::world::{Plan, TOPOLOGIES, World};

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
