//! `scc prove` of a sandbox with enforced egress that somebody has changed on its way to the engine.

use scc_testkit::context::Run;
use scc_testkit::gate::Gate;
use serde_json::{Value, json};

use super::trouble::rules;
use super::world::{Plan, TOPOLOGIES, World};
use crate::prove::{attempts, states};

/// A world whose rules claim nothing of the guard, which takes a minute to try.
fn world(topology: &'static str) -> World {
    let world = World::new(&Plan {
        topology,
        ..Plan::default()
    });
    rules(&world, "{allowed_network_tools: [curl]}", "{action: allow}");
    world
}

/// Proves its sandbox, with what is made for this role changed.
fn mutated(world: &World, role: &str, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Run {
    let real = world.context.engine().host();
    let gate = Gate::open(&world.context.path("gate.sock"), &real).unwrap();
    gate.rewrite(role, change);
    let mut prove = world.command(&["prove", "--json"]);
    Run::of(&prove.env("DOCKER_HOST", gate.host()).output().unwrap())
}

/// Has the proxy run with another configuration, which this script makes of its own.
pub(crate) fn reconfigured(container: &mut Value, script: &str) {
    let words = container["Cmd"].as_array_mut().unwrap();
    let squid = words.iter().position(|word| word == "/usr/sbin/squid");
    words.truncate(squid.unwrap());
    let script = format!(
        "cp -r /etc/scc-egress /tmp/e && cd /tmp/e && sed -i 's#/etc/scc-egress#/tmp/e#' squid.conf \
         && {script} && exec /usr/sbin/squid -N -f /tmp/e/squid.conf"
    );
    words.extend(["/bin/sh", "-c", &script].map(Value::from));
}

#[test]
fn as_it_is_made() {
    for topology in TOPOLOGIES {
        let run = mutated(&world(topology), "egress", |_| {}).ok();
        assert_eq!(
            states(&run.json(), "failed"),
            [""; 0],
            "{topology}: {run:?}"
        );
    }
}

#[test]
fn a_network_that_was_opened() {
    for topology in TOPOLOGIES {
        let run = mutated(&world(topology), "trial", |container| {
            container["HostConfig"]["NetworkMode"] = "bridge".into();
        });
        assert_eq!(run.status, 6, "{topology}: {run:?}");
        let failed = states(&run.json(), "failed");
        let direct = "network-direct".to_owned();
        assert!(failed.contains(&direct), "{topology}: {failed:?}");
    }
}

#[test]
fn a_proxy_that_lets_everything_through() {
    let run = mutated(&world(TOPOLOGIES[0]), "egress", |container| {
        let all =
            "sed -i '/^http_access/d' squid.conf && echo 'http_access allow all' >> squid.conf";
        reconfigured(container, all);
    });
    assert_eq!(run.status, 6, "{run:?}");
    let failed = states(&run.json(), "failed");
    // `network-tls` fails too, where the proxy tries in time what it would have refused.
    assert_eq!(failed[0], "network-list", "{run:?}");
    let network = failed.iter().all(|claim| claim.starts_with("network-"));
    assert!(network, "{failed:?}");
}

#[test]
fn a_proxy_that_lets_nothing_through() {
    let run = mutated(&world(TOPOLOGIES[0]), "egress", |container| {
        reconfigured(container, "echo > allowed");
    });
    assert_eq!(run.status, 6, "{run:?}");
    let failed = states(&run.json(), "failed");
    assert_eq!(failed, ["network-tls", "network-allowed"], "{run:?}");
}

#[test]
fn a_proxy_that_compares_no_names() {
    let run = mutated(&world(TOPOLOGIES[0]), "egress", |container| {
        let words = container["Cmd"].as_array_mut().unwrap();
        words.retain(|word| word != "--check-names");
        // Which makes the list of hosts that were added, without which Squid does not start.
        reconfigured(container, ": > /tmp/scc-live");
    });
    assert_eq!(run.status, 6, "{run:?}");
    let proof = run.json();
    // Nobody else refuses a name in brackets, which Squid takes for the name.
    let failed = states(&proof, "failed");
    assert_eq!(failed, ["network-list", "network-tls"], "{run:?}");
    let all = attempts(&proof);
    for check in [
        "unserved:http://[allowed.test]/",
        "misread:[allowed.test]:443",
        "misread:allowed.test:443:443",
        "misread:allowed.test:443:scc-probe.invalid:443",
        "split:allowed.test:443",
    ] {
        assert_eq!(json!(all[check]), json!("failed"), "{check}");
    }
    let cut = all.iter().filter(|(what, _)| what.starts_with("cut"));
    let failed: Vec<_> = cut.filter(|(_, how)| **how == "failed").collect();
    assert!(!failed.is_empty(), "{all:?}");
    assert_eq!(json!(all["carried:allowed.test:443"]), json!("held"));
}
