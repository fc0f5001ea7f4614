//! A host more for a while, and what was asked for.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use scc_testkit::wait_for;
use serde_json::json;

use super::trouble::page;
use super::world::{Plan, World};
use crate::support::LIMIT;

fn world(allow_requests: bool) -> World {
    let network = format!("{{allowed_hosts: [allowed.test], allow_requests: {allow_requests}}}");
    World::new(&Plan {
        network: &network,
        zone: &["allowed.test=@", "asked.test=@"],
        names: &["allowed.test", "asked.test"],
        ..Plan::default()
    })
}

/// A tunnel that nobody says anything more in. The command ends with it.
fn tunnel(world: &World, host: &str) -> Child {
    let workspace = world.context.workspace();
    let script = format!(
        "exec openssl s_client -quiet -proxy 127.0.0.1:3128 -connect {host}:443 -servername {host} \
         < <(exec 2>/dev/null; printf 'GET / HTTP/1.1\\r\\n'; exec sleep 300)"
    );
    let args = [
        "exec",
        workspace.to_str().unwrap(),
        "--",
        "bash",
        "-c",
        &script,
    ];
    let mut command = world.command(&args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Runs the proxy's own command, with seconds where people give minutes.
fn allow_for_seconds(world: &World, host: &str, seconds: &str) {
    let engine = world.context.engine();
    let proxy = engine.proxies(world.context.namespace())[0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({ "Cmd": ["/usr/local/lib/scc/guard", "live", host, seconds] });
    let (status, made) = engine.request("POST", &format!("/containers/{proxy}/exec"), Some(&body));
    assert_eq!(status, 201, "{made}");
    let start = format!("/exec/{}/start", made["Id"].as_str().unwrap());
    let (status, said) = engine.request("POST", &start, Some(&json!({ "Detach": true })));
    assert_eq!(status, 200, "{said}");
}

#[test]
fn a_host_is_let_through_for_a_while() {
    let world = world(true);
    let workspace = world.context.workspace();
    let session = world.session();
    let said = page(&world, &workspace, "asked.test");
    assert!(said.contains("scc network allow asked.test"), "{said}");
    let mut kept = tunnel(&world, "allowed.test");

    let before = Instant::now();
    world
        .scc(&["network", "allow", "asked.test", "--ttl", "5m"])
        .ok();
    wait_for("the host", LIMIT, || {
        page(&world, &workspace, "asked.test")
            .contains("the internet says")
            .then_some(())
    });
    // A second is what it is to take; the rest is for a machine that is busy.
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
    assert!(page(&world, &workspace, "other.test").contains("not reach the host other.test"));
    assert!(kept.try_wait().unwrap().is_none());

    let shown = world.scc(&["network", "log"]).ok().stdout;
    assert!(
        shown.contains("denied  asked.test:80  not on the list"),
        "{shown}"
    );
    assert!(shown.contains("allowed asked.test:80"), "{shown}");
    world.scc(&["stop", workspace.to_str().unwrap()]).ok();
    drop(session);
    let kept_log = world.scc(&["audit", "egress", "--json"]).ok().json()["data"].clone();
    let rows = kept_log.as_array().unwrap();
    let row = |host: &str, allowed: bool| {
        rows.iter()
            .any(|row| row["host"] == host && row["allowed"] == allowed)
    };
    assert!(
        row("asked.test", false) && row("asked.test", true),
        "{kept_log}"
    );
    assert!(row("other.test", false), "{kept_log}");
    let events = world.scc(&["audit", "--json"]).ok().stdout;
    assert!(events.contains("network.allow"), "{events}");
    let _ = kept.kill();
    let _ = kept.wait();
}

#[test]
fn when_the_time_is_over_tunnels_are_cut() {
    let world = world(true);
    let workspace = world.context.workspace();
    let _session = world.session();
    let mut kept = tunnel(&world, "allowed.test");
    allow_for_seconds(&world, "asked.test", "8");
    wait_for("the host", LIMIT, || {
        page(&world, &workspace, "asked.test")
            .contains("the internet says")
            .then_some(())
    });
    let began = Instant::now();
    let mut cut = tunnel(&world, "asked.test");
    wait_for("the end of the tunnel", LIMIT, || cut.try_wait().unwrap());
    // It was open before.
    assert!(
        began.elapsed() > Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(kept.try_wait().unwrap().is_none());
    let said = page(&world, &workspace, "asked.test");
    assert!(said.contains("not reach the host asked.test"), "{said}");
    let _ = kept.kill();
    let _ = kept.wait();
}

#[test]
fn nobody_adds_hosts_where_the_rules_do_not_delegate_it() {
    let world = world(false);
    let _session = world.session();
    let run = world.scc(&["network", "allow", "asked.test"]);
    assert_eq!(run.status, 6, "{run:?}");
    let said = page(&world, &world.context.workspace(), "asked.test");
    assert!(said.contains("not reach the host asked.test"), "{said}");
    let run = world.scc(&["network", "allow", "*.test"]);
    assert_eq!(run.status, 2, "{run:?}");
}
