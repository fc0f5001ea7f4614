//! `scc mcp test`: servers are tried where the agent would use them.

use std::process::Stdio;

use scc_testkit::context::Run;
use scc_testkit::engine::Engine;
use scc_testkit::mcp::McpServer;
use scc_testkit::model::Step;
use serde_json::json;

use crate::bench::{Bench, CLAUDE, CODEX, Rules, output, program};
use crate::egress::world::{Plan, World};
use crate::extensions_tries::Live;
use crate::support::Session;

fn ended(run: &Run, status: i32, part: &str) {
    assert_eq!(run.status, status, "{run:?}");
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains(part), "no `{part}` in {said}");
}

#[test]
fn servers_are_tried_from_inside() {
    let web = McpServer::start(&Engine::required().gateway()).unwrap();
    let bench = Bench::new(
        CODEX,
        vec![Step::Shell("tail -f /dev/null".to_owned())],
        Rules {
            artifacts: |bench| {
                let config = json!({ "command": bench.stdio() });
                json!({
                    "artifacts": { "bundled": { "kind": "mcp_server", "bindings": {
                        "codex": { "native_config": config },
                    } } },
                    "bundles": { "core": {
                        "artifacts": ["bundled"], "install_intent": "required",
                    } },
                })
            },
            team: |bench| {
                // Nobody listens there.
                let dead = format!("http://{}:9/mcp", Engine::required().gateway());
                json!({ "additional_mcp_servers": [
                    { "name": "tool", "type": "stdio", "command": bench.stdio() },
                    { "name": "broken", "type": "stdio", "command": "/bin/false" },
                    { "name": "web", "type": "http", "url": bench.servers[0].url("/mcp") },
                    { "name": "dead", "type": "http", "url": dead },
                    { "name": "events", "type": "sse", "url": bench.servers[0].url("/sse") },
                ] })
            },
            servers: vec![web],
            security: json!({ "allow_stdio_mcp": true }),
            ..Rules::default()
        },
    );
    let live = Live::attend(bench, &CODEX.turn(&[], "wait"), Stdio::null());
    let test = |words: &[&str]| output(live.bench.command(&[&["mcp", "test"], words].concat()));
    let report = test(&["tool", "--json"]).ok().json()["data"].clone();
    assert_eq!(report["reached"], true, "{report}");
    assert_eq!(report["detail"], "the program answers");
    ended(&test(&["bundled"]), 0, "the program answers");
    ended(&test(&["broken"]), 1, "does not answer");
    ended(&test(&["web"]), 0, "takes connections");
    ended(&test(&["dead"]), 1, "refused");
    ended(
        &test(&["events"]),
        6,
        "codex does not get the MCP server `events`",
    );
    ended(&test(&["unknown"]), 6, "scc mcp why unknown");
}

/// The proxy lets the servers' hosts through; what is not there is not reached for all that.
#[test]
fn the_proxy_lets_the_servers_through() {
    let more = "delegation: {teams: {allow_additional_mcp_servers: [t]}}\nprofiles:\n  t:\n    \
                additional_mcp_servers:\n      \
                - {name: web, type: http, url: \"https://mcp.test/x\"}\n      \
                - {name: gone, type: http, url: \"https://gone.test/x\"}\n    \
                enabled_bundles: [b]\n\
                governed_artifacts:\n  bundles: {b: {artifacts: [issues, others]}}\n  artifacts:\n    \
                issues: {kind: mcp_server, bindings: {script: {native_ref: bundled, \
                native_config: {url: \"https://bundled.test/x\"}}}}\n    \
                others: {kind: mcp_server, bindings: {codex: \
                {native_config: {url: \"https://others.test/x\"}}}}\n";
    let world = World::new(&Plan {
        more,
        zone: &["allowed.test=@", "mcp.test=@", "bundled.test=@"],
        names: &["allowed.test", "mcp.test", "bundled.test"],
        settings: json!({ "team": "t" }),
        ..Plan::default()
    });
    let _session = world.session();
    ended(
        &world.scc(&["mcp", "test", "web"]),
        0,
        "reached through the proxy",
    );
    // That of a bundle, by either of its names; not that of another agent.
    for name in ["issues", "bundled"] {
        let through = "bundled.test:443 is reached through the proxy";
        ended(&world.scc(&["mcp", "test", name]), 0, through);
    }
    ended(&world.scc(&["mcp", "test", "others"]), 6, "does not get");
    let hosts = world.scc(&["network", "explain"]).ok().stdout;
    assert!(hosts.contains("bundled.test"), "{hosts}");
    assert!(!hosts.contains("others.test"), "{hosts}");
    ended(
        &world.scc(&["mcp", "test", "gone"]),
        1,
        "gone.test:443 is not reached",
    );
}

/// A program that lets nobody end it, one that says no end of things, and one that writes to the
/// terminal rather than to its client.
#[test]
fn a_bad_program_neither_holds_nor_fools_anybody() {
    let programs = |bench: &Bench| {
        let place = bench.context.workspace();
        let texts = [
            ("deaf", "trap '' TERM; while :; do sleep 1; done"),
            ("loud", r"head -c 1000000 /dev/zero | tr '\0' a"),
            (
                "rude",
                r"printf '\033[2J\302\233\342\200\256evil\n' >&2; exit 3",
            ),
        ];
        let server = |(name, text): (&str, &str)| {
            let path = place.join(name);
            program(&path, &format!("#!/bin/bash\n{text}\n"));
            json!({ "name": name, "type": "stdio", "command": path })
        };
        json!({ "additional_mcp_servers": texts.map(server) })
    };
    let rules = Rules {
        team: programs,
        security: json!({ "allow_stdio_mcp": true }),
        ..Rules::default()
    };
    let bench = Bench::new(CLAUDE, Vec::new(), rules);
    // It serves tools itself, and starts none of its servers.
    let agent = ["mcp", "serve"].map(str::to_owned);
    let live = Live::attend(bench, &agent, Stdio::piped());
    let test = |words: &[&str]| output(live.bench.command(&[&["mcp", "test"], words].concat()));
    ended(&test(&["deaf"]), 1, "it took longer than 10 s");
    ended(&test(&["loud"]), 1, "it said more than 64 KiB");
    assert!(test(&["loud"]).stderr.len() < 1000);
    let shown = "\\u{1b}[2J\\u{9b}\\u{202e}evil";
    ended(&test(&["rude"]), 1, shown);
    let report = test(&["rude", "--json"]).json()["data"]["detail"].clone();
    assert!(report.as_str().unwrap().contains(shown), "{report}");
    let left = "grep -al '/[d]eaf' /proc/[0-9]*/cmdline";
    let left = output(live.bench.command(&["exec", "--", "bash", "-c", left]));
    assert_eq!(left.stdout, "", "{left:?}");
}

/// The sandbox's own team counts, whatever team its user is in now, or the one that is asked for.
#[test]
fn the_rules_are_those_of_a_team() {
    let more = "delegation: {teams: {allow_additional_mcp_servers: [t, u]}}\nprofiles:\n  t:\n    \
                additional_mcp_servers: [{name: one, type: http, url: \"https://one.test/x\"}]\n  \
                u:\n    \
                additional_mcp_servers: [{name: two, type: http, url: \"https://two.test/x\"}]\n";
    let world = World::new(&Plan {
        more,
        zone: &["one.test=@", "two.test=@"],
        names: &["one.test", "two.test"],
        settings: json!({ "team": "t" }),
        ..Plan::default()
    });
    let start = [
        "start",
        "--non-interactive",
        "--team",
        "u",
        "--",
        "sleep",
        "1000",
    ];
    let _session = Session::of(&world.context, world.command(&start));
    let through = "two.test:443 is reached through the proxy";
    ended(&world.scc(&["mcp", "test", "two"]), 0, through);
    ended(&world.scc(&["mcp", "test", "one"]), 6, "does not get");
    let other = world.scc(&["mcp", "test", "one", "--team", "t"]);
    ended(&other, 1, "one.test:443 is not reached");
    ended(&other, 1, "the sandbox was started in the team u");
    let wrong = world.scc(&["mcp", "test", "two", "--team", "t"]);
    ended(&wrong, 6, "does not get");
}
