//! `scc prove`: what it says of sandboxes as they should be, and of such that somebody has changed.

use std::collections::BTreeMap;

use scc_testkit::context::{Run, TestContext};
use scc_testkit::gate::Gate;
use serde_json::{Value, json};

use crate::safety::with_net;
use crate::support::{command, context, list, scc, sessions};

pub(crate) const ALL_CLAIMS: usize = 14;

/// The claims of a proof that are in this state.
pub(crate) fn states(proof: &Value, state: &str) -> Vec<String> {
    let claims = proof["data"]["claims"].as_array().unwrap().iter();
    let wanted = claims.filter(|claim| claim["state"] == state);
    wanted
        .map(|claim| claim["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every attempt of a proof, with how it came out.
pub(crate) fn attempts(proof: &Value) -> BTreeMap<&str, &str> {
    let claims = proof["data"]["claims"].as_array().unwrap().iter();
    let all = claims.flat_map(|claim| claim["attempts"].as_array().unwrap());
    all.map(|one| {
        (
            one["what"].as_str().unwrap(),
            one["outcome"].as_str().unwrap(),
        )
    })
    .collect()
}

/// A context with these rules of the organization.
fn governed(rules: &str) -> TestContext {
    let context = context();
    let org = context.path("org.yaml");
    let text =
        format!("schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n{rules}");
    std::fs::write(&org, text).unwrap();
    context.configure(&json!({
        "standalone": false,
        "organization": { "source": org },
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    context
}

/// The whole matrix of the guard, with every program that it needs, and what the open network makes
/// of the other claims. The report says the same.
#[test]
fn an_open_sandbox() {
    let context = with_net("{action: block}", true);
    let report = context.path("report.md");
    let args = ["prove", "--json", "--report", report.to_str().unwrap()];
    let run = scc(&context, &args).ok();
    let proof = run.json();
    assert_eq!(states(&proof, "failed"), [""; 0], "{proof:#}");
    let network = states(&proof, "not-applicable");
    assert_eq!(network.len(), 5, "{proof:#}");
    assert!(
        network.iter().all(|id| id.starts_with("network-")),
        "{network:?}"
    );
    assert_eq!(states(&proof, "held").len(), ALL_CLAIMS - network.len());
    let moot: Vec<_> = attempts(&proof)
        .into_iter()
        .filter(|(_, how)| *how == "moot")
        .collect();
    assert!(moot.is_empty(), "{moot:?}");
    let text = std::fs::read_to_string(report).unwrap();
    assert!(
        text.contains("## guard: held") && text.contains("| as it is | held |"),
        "{text}"
    );
    assert!(run.stderr.contains("trying the guard"), "{run:?}");
    // Nothing of it stays, and it was no session.
    assert_eq!(list(&context), json!([]));
    assert_eq!(sessions(&context), json!([]));
    let left = context.engine().containers(context.namespace());
    let left: Vec<_> = left
        .iter()
        .map(|one| &one["Labels"]["dev.scc.role"])
        .collect();
    assert!(left.iter().all(|role| **role == "reader"), "{left:?}");
    let audit = scc(&context, &["audit", "--json"]).ok().stdout;
    assert!(audit.contains("sandbox.proved"), "{audit}");
}

#[test]
fn a_locked_down_sandbox() {
    let context = governed("defaults: {network_policy: locked-down-web}\n");
    let gateway = context.engine().gateway();
    let check = format!("unreachable:{gateway}:22");
    let report = context.path("report.json");
    let args = ["prove", "--json", "--check", &check, "--report"];
    let run = scc(&context, &[&args[..], &[report.to_str().unwrap()]].concat()).ok();
    let proof = run.json();
    let written: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(written, proof["data"]);
    assert!(run.stderr.contains("the report is in"), "{run:?}");
    let none = ["network-list", "network-tls", "network-allowed"];
    assert_eq!(states(&proof, "not-applicable"), none, "{proof:#}");
    assert_eq!(
        states(&proof, "held").len(),
        ALL_CLAIMS - none.len(),
        "{proof:#}"
    );
    assert_eq!(attempts(&proof)[check.as_str()], "held");
}

/// Proves a sandbox that somebody changes on its way to the engine.
fn mutated(context: &TestContext, change: fn(&mut Value)) -> Run {
    let real = context.engine().host();
    let gate = Gate::open(&context.path("gate.sock"), &real).unwrap();
    gate.rewrite("trial", change);
    let mut command = command(context, &["prove", "--json"]);
    Run::of(&command.env("DOCKER_HOST", gate.host()).output().unwrap())
}

/// It is found, under this name.
fn found(run: &Run, claims: &[&str]) {
    assert_eq!(run.status, 6, "{run:?}");
    let proof = run.json();
    assert_eq!(states(&proof, "failed"), claims, "{proof:#}");
    let errors = proof["status"]["errors"].to_string();
    assert!(
        claims.iter().all(|claim| errors.contains(claim)),
        "{errors}"
    );
}

#[test]
fn a_network_that_was_opened() {
    let context = governed("defaults: {network_policy: locked-down-web}\n");
    let run = mutated(&context, |container| {
        container["HostConfig"]["NetworkMode"] = "bridge".into();
    });
    assert_eq!(run.status, 6, "{run:?}");
    let failed = states(&run.json(), "failed");
    assert!(failed.contains(&"network-direct".to_owned()), "{run:?}");
    assert!(
        failed.iter().all(|claim| claim.starts_with("network-")),
        "{failed:?}"
    );
}

#[test]
fn a_mount_that_was_added() {
    let context = context();
    let run = mutated(&context, |container| {
        let mounts = container["HostConfig"]["Mounts"].as_array_mut().unwrap();
        mounts
            .push(json!({ "Type": "bind", "Source": "/etc", "Target": "/mnt", "ReadOnly": true }));
    });
    found(&run, &["mounts"]);
    assert!(run.stdout.contains("the plan does not name it"), "{run:?}");
}

#[test]
fn a_socket_of_the_engine_that_was_mounted() {
    let context = context();
    let run = mutated(&context, |container| {
        let mounts = container["HostConfig"]["Mounts"].as_array_mut().unwrap();
        let target = "/var/run/docker.sock";
        mounts.push(json!({ "Type": "bind", "Source": "/etc", "Target": target }));
    });
    found(&run, &["mounts", "hidden"]);
}

#[test]
fn a_capability_that_was_kept() {
    let context = context();
    let run = mutated(&context, |container| {
        container["HostConfig"]["CapAdd"] = json!(["NET_BIND_SERVICE"]);
    });
    found(&run, &["privileges"]);
}

#[test]
fn a_filter_that_was_taken_off() {
    let context = context();
    let run = mutated(&context, |container| {
        container["HostConfig"]["SecurityOpt"] = json!(["seccomp=unconfined"]);
    });
    found(&run, &["privileges", "kernel"]);
}

#[test]
fn a_policy_that_was_made_writable() {
    let context = context();
    let run = mutated(&context, |container| {
        let mounts = container["HostConfig"]["Mounts"].as_array_mut().unwrap();
        let policy = mounts
            .iter_mut()
            .find(|mount| mount["Target"] == "/etc/scc");
        policy.unwrap()["ReadOnly"] = false.into();
    });
    // The guard refuses everything by a policy that could have been written.
    let failed = states(&run.json(), "failed");
    assert_eq!(run.status, 6, "{run:?}");
    assert_eq!(failed[..2], ["mounts", "policy-files"], "{failed:?}");
}

/// An image whose git is git.
#[test]
fn a_guard_that_was_removed() {
    let context = context();
    let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
    let image = plan["data"]["image"]["reference"].as_str().unwrap();
    let undo = "cp /usr/local/lib/scc/r/0 /tmp/git && rm /usr/bin/git && cp /tmp/git /usr/bin/git";
    let (repository, tag) = WITHOUT_GUARD.split_once(':').unwrap();
    context.engine().changed_image(image, undo, repository, tag);
    let run = mutated(&context, |container| {
        container["Image"] = WITHOUT_GUARD.into();
    });
    assert_eq!(run.status, 6, "{run:?}");
    let failed = states(&run.json(), "failed");
    // What is left of it stops the git that took its place from doing its own work.
    assert_eq!(failed[..2], ["guard-in-place", "guard"], "{run:?}");
}

const WITHOUT_GUARD: &str = "localhost/scc-without-guard:1";

/// Where the sandbox does not start, nothing has been proved, and nothing stays.
#[test]
fn a_sandbox_that_does_not_start() {
    let context = context();
    let run = mutated(&context, |container| {
        let tmpfs = &mut container["HostConfig"]["Tmpfs"];
        tmpfs["/usr/local/lib/scc"] = "rw,noexec".into();
    });
    assert_eq!(run.status, 4, "{run:?}");
    let left = context.engine().containers(context.namespace());
    let role = |one: &Value| one["Labels"]["dev.scc.role"].clone();
    assert!(left.iter().all(|one| role(one) != "trial"), "{left:?}");
}

#[test]
fn what_start_refuses_is_not_proved() {
    let context = governed("defaults: {allowed_providers: [codex]}\n");
    let run = scc(&context, &["prove", "--provider", "script"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stderr.contains("may not be used"), "{run:?}");
    let run = scc(&context, &["prove", "--check", "nonsense"]);
    assert_eq!(run.status, 2, "{run:?}");
}
