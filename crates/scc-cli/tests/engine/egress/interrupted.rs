//! Enforced launches and proofs that others come between.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use scc_testkit::context::Run;
use scc_testkit::gate::{Gate, Side};

use super::trouble::{left, spawn};
use super::world::{Plan, TOPOLOGIES, World};
use crate::support::{LIMIT, signal};

fn gated(topology: &'static str) -> (World, Gate) {
    let world = World::new(&Plan {
        topology,
        ..Plan::default()
    });
    // With the images there, the steps are those of a launch.
    world.agent("true");
    world.scc(&["prune"]).ok();
    let real = world.context.engine().host();
    let gate = Gate::open(&world.context.path("gate.sock"), &real).unwrap();
    (world, gate)
}

fn through(world: &World, gate: &Gate, args: &[&str]) -> Command {
    let mut command = world.command(args);
    command.env("DOCKER_HOST", gate.host());
    command
}

const LAUNCH: [&str; 6] = ["start", "--fresh", "--non-interactive", "--", "curl", "-sS"];

fn launch(world: &World, gate: &Gate) -> Child {
    let mut command = through(world, gate, &LAUNCH);
    command.arg("http://allowed.test/");
    spawn(command)
}

/// While a launch is between any two of its steps up to this one, others tidy up; it comes to be all
/// the same.
fn others_tidy_up(topology: &'static str, last: &str) {
    let (world, gate) = gated(topology);
    let succeeds = |child: Child, after: &str| {
        let run = Run::of(&child.wait_with_output().unwrap());
        assert!(
            run.stdout.contains("the internet says"),
            "{topology}, {after}: {run:?}"
        );
        world.scc(&["prune"]).ok();
    };
    let _ = gate.take_seen();
    succeeds(launch(&world, &gate), "undisturbed");
    let mut steps = gate.take_seen();
    let last = steps.iter().position(|step| step.ends_with(last));
    steps.truncate(last.unwrap());
    assert!(steps.len() > 5, "{steps:?}");
    for (number, step) in steps.iter().enumerate() {
        gate.hold_at(number, Side::After);
        let child = launch(&world, &gate);
        gate.wait_until_held(LIMIT);
        for args in [&["prune"] as &[&str], &["status"]] {
            world.scc(args).ok();
        }
        gate.release();
        succeeds(child, step);
    }
    assert!(left(&world).is_empty(), "{:?}", left(&world));
}

#[test]
fn whoever_tidies_up_disturbs_no_launch_by_a_socket() {
    // The command that looks from inside: with it the launch is over.
    others_tidy_up(TOPOLOGIES[0], "/exec");
}

#[test]
fn whoever_tidies_up_disturbs_no_launch_in_an_internal_network() {
    // What comes after the start of the proxy is as by a socket.
    others_tidy_up(TOPOLOGIES[1], "/start");
}

fn prove(world: &World, gate: &Gate, said: Stdio) -> Child {
    let mut command = through(world, gate, &["prove", "--non-interactive"]);
    command.stdout(Stdio::null()).stderr(said);
    command.spawn().unwrap()
}

/// What a proof has left of anything.
fn left_of_a_proof(world: &World) -> Vec<String> {
    let mut left = left(world);
    let containers = world.context.engine().containers(world.context.namespace());
    left.extend(containers.iter().map(|one| one["Names"].to_string()));
    left
}

/// Ctrl-C ends a proof, wherever it is, and nothing of it stays.
fn a_proof_is_stopped(topology: &'static str, last: Option<&str>) {
    let (world, gate) = gated(topology);
    let stopped = |mut child: Child, at: &str| {
        assert_eq!(child.wait().unwrap().code(), Some(130), "{topology}, {at}");
        let left = left_of_a_proof(&world);
        assert!(left.is_empty(), "{topology}, {at}: {left:?}");
    };
    let _ = gate.take_seen();
    let mut child = prove(&world, &gate, Stdio::piped());
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_there = |line: Result<String, _>| line.unwrap().contains("trying the guard");
    assert!(said.by_ref().any(is_there));
    let mut steps = gate.take_seen();
    if let Some(end) = last {
        let last = steps.iter().position(|step| step.ends_with(end));
        steps.truncate(last.unwrap() + 1);
    }
    signal(child.id(), "-INT");
    // What it says meanwhile must not break it.
    said.for_each(drop);
    stopped(child, "while the guard is tried");
    for (number, step) in steps.iter().enumerate() {
        gate.hold_at(number, Side::After);
        let child = prove(&world, &gate, Stdio::null());
        gate.wait_until_held(LIMIT);
        signal(child.id(), "-INT");
        gate.release();
        stopped(child, step);
    }
}

#[test]
fn a_proof_of_a_socket_is_stopped() {
    a_proof_is_stopped(TOPOLOGIES[0], None);
}

#[test]
fn a_proof_of_an_internal_network_is_stopped() {
    // What comes after the start of the proxy is as by a socket.
    a_proof_is_stopped(TOPOLOGIES[1], Some("/start"));
}

/// The next command tidies up after a proof that was killed when it had no container yet.
#[test]
fn a_proof_is_killed_when_there_is_only_a_network() {
    let (world, gate) = gated(TOPOLOGIES[1]);
    gate.hold_at(0, Side::After);
    let mut child = prove(&world, &gate, Stdio::null());
    gate.wait_until_held(LIMIT);
    assert!(gate.take_seen()[0].ends_with("/networks/create"));
    child.kill().unwrap();
    child.wait().unwrap();
    gate.release();
    gate.wait_until_idle(LIMIT);
    assert_eq!(left_of_a_proof(&world).len(), 1);
    world.scc(&["status"]).ok();
    assert!(left_of_a_proof(&world).is_empty());
}
