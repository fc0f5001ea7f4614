//! A host more for a while, and what was asked for.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use scc_testkit::schema::assert_output_fits;
use scc_testkit::wait_for;
use serde_json::{Value, json};

use super::trouble::page;
use super::world::{Plan, TOPOLOGIES, World};
use crate::support::LIMIT;

fn world(topology: &'static str, allow_requests: bool) -> World {
    let network = format!("{{allowed_hosts: [allowed.test], allow_requests: {allow_requests}}}");
    World::new(&Plan {
        topology,
        network: &network,
        zone: &["allowed.test=@", "asked.test=@"],
        names: &["allowed.test", "asked.test"],
        ..Plan::default()
    })
}

/// A tunnel that is open, and in which nobody says anything more. The command ends with it.
fn tunnel(world: &World, host: &str) -> Child {
    let workspace = world.context.workspace();
    let script = format!(
        "exec openssl s_client -brief -proxy 127.0.0.1:3128 -connect {host}:443 -servername {host} \
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
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_open = |line: Result<String, _>| line.unwrap().contains("CONNECTION ESTABLISHED");
    assert!(said.by_ref().any(is_open), "no tunnel to {host}");
    // What it says later must not break it.
    std::thread::spawn(move || said.for_each(drop));
    child
}

/// A tunnel that is open, and in which nobody has said yet whom he wants. The command ends with it.
fn silent_tunnel(world: &World, host: &str) -> Child {
    let workspace = world.context.workspace();
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/3128; printf 'CONNECT {host}:443 HTTP/1.1\\r\\n\\r\\n' >&3; \
         read -r line <&3; echo \"$line\"; exec cat <&3 >/dev/null"
    );
    let workspace = workspace.to_str().unwrap();
    let mut command = world.command(&["exec", workspace, "--", "bash", "-c", &script]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    assert!(line.contains(" 200 "), "{line}");
    child
}

/// Waits until a page of the host is there.
fn let_through(world: &World, host: &str) {
    wait_for("the host", LIMIT, || {
        page(world, &world.context.workspace(), host)
            .contains("the internet says")
            .then_some(())
    });
}

/// Each request of the sandbox, as it comes.
fn followed(world: &World) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut command = world.command(&["network", "log", "--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let documents = lines.map_while(Result::ok).map(|line| {
        let document: Value = serde_json::from_str(&line).unwrap();
        assert_output_fits(&document);
        document["data"][0].clone()
    });
    (child, documents)
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

fn a_host_is_let_through_for_a_while(topology: &'static str) {
    let world = world(topology, true);
    let workspace = world.context.workspace();
    let session = world.session();
    let (mut following, mut requests) = followed(&world);
    let said = page(&world, &workspace, "asked.test");
    assert!(said.contains("scc network allow asked.test"), "{said}");
    let refused = requests.find(|one| one["host"] == "asked.test").unwrap();
    assert_eq!(
        (&refused["allowed"], &refused["port"]),
        (&json!(false), &json!(80))
    );
    let mut kept = tunnel(&world, "allowed.test");

    let args = ["network", "allow", "asked.test", "--ttl", "5m", "--json"];
    let report = world.scc(&args).ok().json()["data"].clone();
    assert_eq!(report["host"], "asked.test");
    let_through(&world, "asked.test");
    let served = requests.find(|one| one["host"] == "asked.test" && one["allowed"] == true);
    assert!(served.unwrap()["received"].as_u64().unwrap() > 0);
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
    // It ends with the proxy.
    wait_for("the end of the log", LIMIT, || {
        following.try_wait().unwrap()
    });
    let _ = kept.kill();
    let _ = kept.wait();
}

#[test]
fn a_host_is_let_through_by_a_socket() {
    a_host_is_let_through_for_a_while(TOPOLOGIES[0]);
}

#[test]
fn a_host_is_let_through_in_an_internal_network() {
    a_host_is_let_through_for_a_while(TOPOLOGIES[1]);
}

/// While it reads its lists again, a proxy may still let a request through or break it.
fn until_refused(world: &World, workspace: &Path, host: &str) {
    let refusal = format!("not reach the host {host}");
    wait_for("the refusal", LIMIT, || {
        page(world, workspace, host)
            .contains(&refusal)
            .then_some(())
    });
}

#[test]
fn when_the_time_is_over_tunnels_are_cut() {
    let world = world("socket", true);
    let workspace = world.context.workspace();
    let _session = world.session();
    let mut kept = tunnel(&world, "allowed.test");
    allow_for_seconds(&world, "asked.test", "15");
    let_through(&world, "asked.test");
    let mut cut = tunnel(&world, "asked.test");
    wait_for("the end of the tunnel", LIMIT, || cut.try_wait().unwrap());
    assert!(kept.try_wait().unwrap().is_none());
    until_refused(&world, &workspace, "asked.test");
    let _ = kept.kill();
    let _ = kept.wait();
}

/// Taking a host away cuts its tunnels and no others, and takes nothing from the rules.
#[test]
fn a_host_is_withdrawn() {
    let world = world(TOPOLOGIES[1], true);
    let workspace = world.context.workspace();
    let _session = world.session();
    let mut kept = tunnel(&world, "allowed.test");
    let args = ["network", "allow", "asked.test", "--ttl", "1h"];
    world.scc(&args).ok();
    let_through(&world, "asked.test");
    let mut cut = tunnel(&world, "asked.test");
    let mut silent = silent_tunnel(&world, "asked.test");
    let args = ["network", "allow", "asked.test", "--withdraw", "--json"];
    let withdrawn = world.scc(&args).ok().json();
    assert_eq!(withdrawn["data"]["host"], "asked.test");
    wait_for("the end of the tunnel", LIMIT, || cut.try_wait().unwrap());
    // Long before its own time to say something is over.
    let short = Duration::from_secs(20);
    wait_for("the end of the silence", short, || {
        silent.try_wait().unwrap()
    });
    until_refused(&world, &workspace, "asked.test");
    assert!(kept.try_wait().unwrap().is_none());
    assert!(page(&world, &workspace, "allowed.test").contains("the internet says"));
    let events = world.scc(&["audit", "--json"]).ok().stdout;
    assert!(events.contains("network.withdraw"), "{events}");
    let _ = kept.kill();
    let _ = kept.wait();
}

#[test]
fn nobody_adds_hosts_where_the_rules_do_not_delegate_it() {
    let world = world("socket", false);
    let _session = world.session();
    let run = world.scc(&["network", "allow", "asked.test"]);
    assert_eq!(run.status, 6, "{run:?}");
    let said = page(&world, &world.context.workspace(), "asked.test");
    assert!(said.contains("not reach the host asked.test"), "{said}");
    let run = world.scc(&["network", "allow", "*.test"]);
    assert_eq!(run.status, 2, "{run:?}");
}
