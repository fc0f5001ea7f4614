//! What goes wrong around a proxy opens nothing, and leaves nothing.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use scc_testkit::context::Run;
use scc_testkit::gate::{Gate, Side};
use scc_testkit::wait_for;
use serde_json::{Value, json};

use super::escape::listener;
use super::world::{Plan, TOPOLOGIES, World};
use crate::crash::killed_at_each_step;
use crate::support::{LIMIT, Session, signal};

/// Where the sandbox of a workspace is asked for a page without TLS, in which refusals can be read.
pub(crate) fn page(world: &World, workspace: &Path, host: &str) -> String {
    let url = format!("http://{host}/");
    let workspace = workspace.to_str().unwrap();
    let run = world.scc(&["exec", workspace, "--", "curl", "-sS", "-m", "10", &url]);
    run.stdout + &run.stderr
}

pub(crate) fn rules(world: &World, from: &str, to: &str) {
    let org = world.context.path("org.yaml");
    let text = std::fs::read_to_string(&org).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&org, text.replace(from, to)).unwrap();
}

/// What is left on the engine beside sandboxes that have ended.
pub(crate) fn left(world: &World) -> Vec<String> {
    let (engine, namespace) = (world.context.engine(), world.context.namespace());
    let proxies = engine.proxies(namespace);
    let mut left: Vec<_> = proxies.iter().map(|one| one["Names"].to_string()).collect();
    left.extend(engine.networks(namespace));
    let sockets = engine.volumes(namespace).into_iter();
    left.extend(sockets.filter(|name| name.ends_with("-egress")));
    left
}

fn kill(world: &World, container: &Value) {
    let id = container["Id"].as_str().unwrap();
    let path = format!("/containers/{id}/kill");
    let (status, said) = world.context.engine().request("POST", &path, None);
    assert_eq!(status, 204, "{said}");
}

fn proxy_dies(topology: &'static str) {
    let world = World::new(&Plan {
        topology,
        ..Plan::default()
    });
    let workspace = world.context.workspace();
    let session = world.session();
    let said = page(&world, &workspace, "allowed.test");
    assert!(said.contains("the internet says"), "{said}");
    let proxies = world.context.engine().proxies(world.context.namespace());
    assert_eq!(proxies.len(), 1);
    kill(&world, &proxies[0]);
    let said = page(&world, &workspace, "allowed.test");
    assert!(said.contains("scc start --fresh"), "{said}");
    // By the address that this machine has in the network of the proxy.
    let (_listener, port) = listener();
    let script = format!(
        "echo > /dev/tcp/{}/{port} && echo out",
        world.internet.machine()
    );
    let run = world.scc(&[
        "exec",
        workspace.to_str().unwrap(),
        "--",
        "timeout",
        "3",
        "bash",
        "-c",
        &script,
    ]);
    assert!(!run.stdout.contains("out"), "{run:?}");
    for args in [&["list"] as &[&str], &["status"], &["network", "log"]] {
        let said = world.scc(args).ok().stderr;
        let told = said.matches("has ended, so nothing can be reached").count();
        assert!(told == 1 && said.contains("scc start --fresh"), "{said}");
        let json = world.scc(&[args, &["--json"]].concat()).ok().json();
        let warnings = json["status"]["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{json}");
    }
    drop(session);
    // What the message says is the remedy.
    let said = world.agent("curl -sS http://allowed.test/");
    assert!(said.contains("the internet says"), "{said}");
    world.scc(&["prune"]).ok();
    assert!(left(&world).is_empty(), "{:?}", left(&world));
}

#[test]
fn a_proxy_that_dies_opens_nothing() {
    proxy_dies(TOPOLOGIES[0]);
}

#[test]
fn a_proxy_in_an_internal_network_that_dies_opens_nothing() {
    proxy_dies(TOPOLOGIES[1]);
}

fn two_sessions(topology: &'static str) {
    let world = World::new(&Plan {
        topology,
        network: "{allowed_hosts: [a.test]}",
        zone: &["a.test=@", "b.test=@"],
        ..Plan::default()
    });
    let (one, two) = (
        world.context.workspace(),
        world.context.repository("second"),
    );
    let _one = world.session();
    rules(&world, "[a.test]", "[b.test]");
    let mut start = world.command(&["start", "--non-interactive", "--", "sleep", "1000"]);
    start.current_dir(&two);
    let _two = Session::of(&world.context, start);
    for (workspace, own, other) in [(&one, "a.test", "b.test"), (&two, "b.test", "a.test")] {
        let said = page(&world, workspace, own);
        assert!(
            said.contains("the internet says"),
            "{topology} {own}: {said}"
        );
        let said = page(&world, workspace, other);
        assert!(
            said.contains(&format!("scc network explain {other}")),
            "{topology} {other}: {said}"
        );
    }
    neither_finds_the_other(&world, &[one, two]);
}

/// Neither finds the other's proxy or sandbox, and somebody would answer there.
fn neither_finds_the_other(world: &World, workspaces: &[PathBuf]) {
    let engine = world.context.engine();
    let proxies = engine.proxies(world.context.namespace());
    for proxy in &proxies {
        let id = proxy["Id"].as_str().unwrap();
        let all = addresses(std::slice::from_ref(proxy), engine);
        assert!(!all.is_empty());
        for address in all {
            listen(world, id, &address);
        }
    }
    // This machine gets in by those that are in a network with it.
    let outside = world.internet.hosts();
    let outside = outside.rsplit_once('.').unwrap().0;
    let near: Vec<_> = addresses(&proxies, engine)
        .into_iter()
        .filter(|one| one.starts_with(outside))
        .collect();
    assert_eq!(near.len(), proxies.len());
    for address in near {
        TcpStream::connect((address.as_str(), LISTENS)).unwrap();
    }
    let mut own_reached = 0;
    for address in addresses(&engine.containers(world.context.namespace()), engine) {
        let script = format!("echo > /dev/tcp/{address}/{LISTENS} && echo reached");
        for workspace in workspaces {
            let workspace = workspace.to_str().unwrap();
            let args = [
                "exec", workspace, "--", "timeout", "2", "bash", "-c", &script,
            ];
            let run = world.scc(&args);
            let reached = run.stdout.contains("reached");
            let own = own_network(world, workspace, &address);
            assert!(own || !reached, "{address}: {run:?}");
            own_reached += usize::from(reached);
        }
    }
    // Who is in a network with its proxy reaches that one, which shows that the attempt is one.
    let expected = match world.topology {
        "socket" => 0,
        _ => workspaces.len(),
    };
    assert_eq!(own_reached, expected);
}

/// The port of what listens for [`neither_finds_the_other`].
const LISTENS: u16 = 3129;

/// Puts a way to the proxy at an address of its container, as one that is set up badly would have.
fn listen(world: &World, proxy: &str, address: &str) {
    let listen = format!("tcp:{address}:{LISTENS}");
    let words = ["/usr/local/lib/scc/guard", "relay", "--listen", &listen];
    let rest = ["--connect", "tcp:127.0.0.1:3128", "--", "/bin/true"];
    let argv = [&words[..], &rest].concat();
    world.context.engine().exec(proxy, &argv);
}

/// All addresses of these containers.
fn addresses(containers: &[Value], engine: &scc_testkit::engine::Engine) -> Vec<String> {
    let mut found = Vec::new();
    for container in containers {
        let id = container["Id"].as_str().unwrap();
        let all = engine.get(&format!("/containers/{id}/json"));
        let networks = all["NetworkSettings"]["Networks"].as_object().cloned();
        let all = networks.unwrap_or_default();
        let texts = all.values().filter_map(|one| one["IPAddress"].as_str());
        found.extend(texts.filter(|text| !text.is_empty()).map(str::to_owned));
    }
    found
}

/// Whether the sandbox of a workspace is in the network in which this address is.
fn own_network(world: &World, workspace: &str, address: &str) -> bool {
    let script = "hostname -I";
    let run = world.scc(&["exec", workspace, "--", "bash", "-c", script]);
    let network = |text: &str| text.rsplit_once('.').map(|(net, _)| net.to_owned());
    let mut own = run.stdout.split_whitespace();
    own.any(|one| network(one) == network(address))
}

#[test]
fn two_sessions_have_their_own_rules() {
    two_sessions(TOPOLOGIES[0]);
}

#[test]
fn two_sessions_in_internal_networks_have_their_own_rules() {
    two_sessions(TOPOLOGIES[1]);
}

pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn ten_at_once() {
    for topology in TOPOLOGIES {
        let world = World::new(&Plan {
            topology,
            ..Plan::default()
        });
        let children: Vec<_> = (0..10)
            .map(|number| {
                let workspace = world.context.repository(&format!("ws{number}"));
                let url = format!("https://allowed.test/{number}");
                let args = ["start", "--non-interactive", "--", "curl", "-sS", &url];
                let mut start = world.command(&args);
                start.current_dir(workspace);
                spawn(start)
            })
            .collect();
        for (number, child) in children.into_iter().enumerate() {
            let run = Run::of(&child.wait_with_output().unwrap()).ok();
            assert_eq!(run.stdout, format!("the internet says /{number}\n"));
        }
        world.scc(&["prune"]).ok();
        assert!(left(&world).is_empty(), "{topology}: {:?}", left(&world));
    }
}

/// A session ends while another one is about to make its network, which then gets the range of the one
/// that has gone: what was a neighbour's address is its own proxy's.
#[test]
fn a_range_that_changes_hands_refuses_no_launch() {
    let world = World::new(&Plan {
        topology: TOPOLOGIES[1],
        ..Plan::default()
    });
    let (one, two) = (
        world.context.workspace(),
        world.context.repository("second"),
    );
    let gate = Gate::open(
        &world.context.path("gate.sock"),
        &world.context.engine().host(),
    );
    let gate = gate.unwrap();
    let start = || {
        let args = ["start", "--non-interactive", "--", "hostname", "-I"];
        let mut start = world.command(&args);
        start.current_dir(&two).env("DOCKER_HOST", gate.host());
        spawn(start)
    };
    // The second time everything is there that the first one had to make.
    let ended = [(); 2].map(|()| Run::of(&start().wait_with_output().unwrap()).ok());
    assert_eq!(ended.len(), 2);
    let _ = gate.take_seen();
    Run::of(&start().wait_with_output().unwrap()).ok();
    let seen = gate.take_seen();
    let makes_network = |request: &String| request.ends_with("/networks/create");
    let number = seen.iter().position(makes_network).unwrap();

    let mut neighbour = world.session();
    let networks = world.context.engine().networks(world.context.namespace());
    let mut range = networks.iter().map(|one| range(&world, one));
    let range = range.next_back().unwrap();
    gate.hold_at(number, Side::Before);
    let held = start();
    gate.wait_until_held(LIMIT);
    assert!(gate.take_seen().last().is_some_and(makes_network));
    world.scc(&["stop", one.to_str().unwrap()]).ok();
    neighbour.wait();
    wait_for("the end of the neighbour's network", LIMIT, || {
        left(&world).is_empty().then_some(())
    });
    let all = world.context.namespace();
    until_next_is(&world, &format!("{all}-next"), &range);
    gate.release();
    let run = Run::of(&held.wait_with_output().unwrap()).ok();
    let own = run.stdout.trim();
    let (network, _) = range.rsplit_once('.').unwrap();
    assert!(own.starts_with(network), "{own} is not in {range}");
}

/// The range of a network of the engine's.
fn range(world: &World, network: &str) -> String {
    let found = world.context.engine().get(&format!("/networks/{network}"));
    let range = found["IPAM"]["Config"][0]["Subnet"].as_str();
    range.unwrap().to_owned()
}

/// Has the engine give ranges away until the next is this one. Some begin anew with each network, and
/// others go through all before they give one again.
fn until_next_is(world: &World, name: &str, wanted: &str) {
    let next = || {
        let engine = world.context.engine();
        let body = json!({ "Name": name });
        let (status, said) = engine.request("POST", "/networks/create", Some(&body));
        assert_eq!(status, 201, "{said}");
        let given = range(world, name);
        let _ = engine.request("DELETE", &format!("/networks/{name}"), None);
        given
    };
    // The number of ranges is known when it comes for the second time.
    let until_given = || (1..100).find(|_| next() == wanted).unwrap();
    until_given();
    for _ in 1..until_given() {
        next();
    }
}

/// The engine's machine goes down and comes back: nobody of those that attended is there any more.
#[test]
fn what_an_engine_leaves_that_stopped_is_tidied_up() {
    for topology in TOPOLOGIES {
        let world = World::new(&Plan {
            topology,
            ..Plan::default()
        });
        let session = world.session();
        signal(session.pid(), "-KILL");
        drop(session);
        for container in world.context.engine().containers(world.context.namespace()) {
            if container["State"] == "running" {
                kill(&world, &container);
            }
        }
        assert!(!left(&world).is_empty());
        let said = world.agent("curl -sS http://allowed.test/");
        assert!(said.contains("the internet says"), "{topology}: {said}");
        world.scc(&["prune"]).ok();
        assert!(left(&world).is_empty(), "{topology}: {:?}", left(&world));
    }
}

/// A launch that fails halfway says why, and takes away what it made.
#[test]
fn a_proxy_that_does_not_get_out_refuses_the_launch() {
    let world = World::new(&Plan::default());
    let mut start = world.command(&["start", "--", "true"]);
    start.env("SCC_EGRESS_NETWORK", "there-is-none");
    let run = Run::of(&start.output().unwrap());
    assert_ne!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("there-is-none"), "{run:?}");
    assert!(left(&world).is_empty(), "{:?}", left(&world));
}

/// Without a network at this moment the agent starts, and finds out by itself.
#[test]
fn a_host_that_nobody_knows_refuses_no_launch() {
    let world = World::new(&Plan {
        zone: &[],
        ..Plan::default()
    });
    let said = world.agent("curl -sS -w '%{http_code}' http://allowed.test/ | tail -c 3");
    assert!(said.starts_with('5'), "{said}");
}

/// What is shown when one of these tests fails.
#[test]
fn the_account_of_a_test_has_what_proxies_said() {
    let world = World::new(&Plan::default());
    world.agent("curl -sS http://earlier.test/");
    let _session = world.session();
    page(&world, &world.context.workspace(), "denied.test");
    let account = wait_for("what the proxy writes of the request", LIMIT, || {
        let account = world.account();
        let (now, _) = account.split_once("--- earlier").unwrap();
        let line = "\"host\":\"denied.test\",\"port\":\"80\",\"status\":403";
        now.contains(line).then_some(account)
    });
    let (_, earlier) = account.split_once("--- earlier").unwrap();
    let line = |line: &str| line.contains("denied") && line.contains("earlier.test:80");
    assert!(earlier.lines().any(line), "{account}");
    assert!(earlier.contains("launch.started"), "{account}");
}

/// Stopped from elsewhere.
#[test]
fn a_session_that_is_stopped_leaves_nothing() {
    let world = World::new(&Plan::default());
    let mut session = world.session();
    let workspace = world.context.workspace();
    world.scc(&["stop", workspace.to_str().unwrap()]).ok();
    session.wait();
    wait_for("the end of the proxy", LIMIT, || {
        let all = world.context.engine().proxies(world.context.namespace());
        all.is_empty().then_some(())
    });
    let sessions = world.scc(&["sessions", "--json"]).ok().json();
    assert_eq!(sessions["data"][0]["state"], json!("ended"));
    world.scc(&["prune"]).ok();
    assert!(left(&world).is_empty(), "{:?}", left(&world));
}

fn killed_at_each_step_of_a_launch(topology: &'static str, last: Option<&str>) {
    let world = World::new(&Plan {
        topology,
        ..Plan::default()
    });
    // With the images there, the steps are those of a launch.
    world.agent("true");
    world.scc(&["prune"]).ok();
    let steps = killed_at_each_step(&world.context, &world.environment(), last);
    let starts = steps.iter().filter(|step| step.ends_with("/start")).count();
    assert!(starts >= if last.is_some() { 1 } else { 2 }, "{steps:?}");
    let said = world.agent("curl -sS http://allowed.test/");
    assert!(said.contains("the internet says"), "{said}");
}

#[test]
fn killed_at_each_step_of_a_launch_by_a_socket() {
    killed_at_each_step_of_a_launch(TOPOLOGIES[0], None);
}

#[test]
fn killed_at_each_step_of_a_launch_in_an_internal_network() {
    // What comes after the start of the proxy is as by a socket.
    killed_at_each_step_of_a_launch(TOPOLOGIES[1], Some("/start"));
}
