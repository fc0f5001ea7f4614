//! A killed scc leaves nothing that the next command does not set right.

use std::process::{Child, Stdio};

use scc_testkit::context::{Run, TestContext};
use scc_testkit::gate::{Gate, Side};
use scc_testkit::wait_for;
use serde_json::json;

use crate::support::{LIMIT, Session, command, context, list, scc, sessions, signal};

#[test]
fn a_session_outlives_the_scc_that_attends_it() {
    let context = context();
    let session = Session::start(&context, &["--session", "orphan"]);
    signal(session.pid(), "-KILL");
    drop(session);
    assert_eq!(list(&context)[0]["state"], "running");
    assert_eq!(sessions(&context)[0]["state"], "running");
    let status = scc(&context, &["status", "--json"]).ok().json();
    assert_eq!(status["data"]["running"][0]["name"], "orphan");
    scc(&context, &["stop", "orphan"]).ok();
    assert_eq!(sessions(&context)[0]["state"], "ended");
    let resumed = scc(&context, &["resume", "orphan", "--", "true"]).ok();
    assert_eq!(resumed.stdout, "agent: earlier: sleep 1000\n");
}

#[test]
fn killed_at_each_step_of_a_launch() {
    let context = context();
    let steps = killed_at_each_step(&context, &[], None);
    assert!(steps.last().unwrap().ends_with("/start"), "{steps:?}");
    assert!(steps.iter().any(|s| s.ends_with("/attach")), "{steps:?}");
    assert!(steps.iter().any(|s| s.ends_with("/rename")), "{steps:?}");
    // Whatever was left half-made, the next launch succeeds.
    scc(&context, &["start", "--fresh", "--", "true"]).ok();
}

/// Variables of the environment for each command.
type Environment<'a> = [(&'a str, &'a str)];

/// Kills scc before and after each request of a launch that changes something on the engine. The
/// next command removes whatever there was, and closes the record; the next launch succeeds without
/// one in between, whatever was made. With `last` only up to the first request with that end. Returns
/// the requests.
pub(crate) fn killed_at_each_step(
    context: &TestContext,
    environment: &Environment<'_>,
    last: Option<&str>,
) -> Vec<String> {
    let gate = Gate::open(&context.path("gate.sock"), &context.engine().host()).unwrap();
    let mut steps = steps_of_a_launch(context, &gate, environment);
    if let Some(end) = last {
        let last = steps.iter().position(|step| step.ends_with(end));
        steps.truncate(last.unwrap() + 1);
    }
    let volumes = context.engine().volumes(context.namespace());
    for (number, step) in steps.iter().enumerate() {
        for side in [Side::Before, Side::After] {
            gate.hold_at(number, side);
            let mut child = launch(context, &gate, environment);
            gate.wait_until_held(LIMIT);
            child.kill().unwrap();
            child.wait().unwrap();
            gate.release();
            gate.wait_until_idle(LIMIT);
            // When something was made, and nothing else has come to it.
            if side == Side::After && step.contains("/create") {
                start_again(context, &gate, environment);
            }
            let left = through(context, &gate, &["list", "--json"]).json()["data"].clone();
            assert_eq!(left, json!([]), "killed {side:?} {step}");
            let sessions = through(context, &gate, &["sessions", "--all", "--json"]).json();
            let open = sessions["data"].as_array().unwrap().iter();
            let open: Vec<_> = open.filter(|s| s["ended_at"].is_null()).collect();
            assert!(open.is_empty(), "killed {side:?} {step}: {open:?}");
            let engine = context.engine();
            let containers = engine.containers(context.namespace());
            assert!(
                containers.is_empty(),
                "killed {side:?} {step}: {containers:?}"
            );
            let networks = engine.networks(context.namespace());
            assert!(networks.is_empty(), "{side:?} {step}: {networks:?}");
            assert_eq!(
                engine.volumes(context.namespace()),
                volumes,
                "{side:?} {step}"
            );
        }
    }
    scc(context, &["audit", "verify"]).ok();
    steps
}

fn through(context: &TestContext, gate: &Gate, args: &[&str]) -> Run {
    let mut command = command(context, args);
    Run::of(&command.env("DOCKER_HOST", gate.host()).output().unwrap()).ok()
}

fn start_again(context: &TestContext, gate: &Gate, environment: &Environment<'_>) {
    let mut command = command(context, &["start", "--non-interactive", "--", "true"]);
    command.env("DOCKER_HOST", gate.host());
    let output = command.envs(environment.iter().copied()).output();
    Run::of(&output.unwrap()).ok();
    through(context, gate, &["prune"]);
}

fn launch(context: &TestContext, gate: &Gate, environment: &Environment<'_>) -> Child {
    command(
        context,
        &["start", "--non-interactive", "--", "sleep", "1000"],
    )
    .env("DOCKER_HOST", gate.host())
    .envs(environment.iter().copied())
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap()
}

/// The requests of a launch that nothing disturbs, from an engine without anything of ours but the
/// images and the provider's volume.
fn steps_of_a_launch(
    context: &TestContext,
    gate: &Gate,
    environment: &Environment<'_>,
) -> Vec<String> {
    let _ = gate.take_seen();
    let mut child = launch(context, gate, environment);
    wait_for("a running session", LIMIT, || {
        let sessions = through(context, gate, &["sessions", "--json"]).json();
        (sessions["data"][0]["state"] == "running").then_some(())
    });
    let mut steps = gate.take_seen();
    // An enforced launch looks from inside once; the next command in the sandbox comes after it.
    let looks = usize::from(!environment.is_empty());
    let is_command = |(_, step): &(usize, &String)| step.ends_with("/exec");
    if let Some((over, _)) = steps.iter().enumerate().filter(is_command).nth(looks) {
        steps.truncate(over);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    through(context, gate, &["stop", "--all"]);
    through(context, gate, &["prune"]);
    steps
}
