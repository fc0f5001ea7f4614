//! Every way out that is known, tried from inside: with either way to join sandbox and proxy, and
//! in an open sandbox, where they have to succeed, so that the attempts are known to be able to.

use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use scc_testkit::context::{Run, TestContext};
use scc_testkit::gate::Gate;

use super::world::{Plan, TOPOLOGIES, World};
use crate::prove::{ALL_CLAIMS, attempts, states};
use crate::support::{LIMIT, Session, command};

/// A listener of this machine, on all its addresses. It never answers; being reached is enough.
pub(super) fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The addresses of this machine.
fn machine() -> Vec<String> {
    let output = Command::new("hostname").arg("-I").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let all = text.split_whitespace().filter(|one| one.contains('.'));
    all.map(str::to_owned).collect()
}

/// A session in another workspace, with something to connect to.
struct Neighbour {
    _session: Session,
    address: String,
}

impl Neighbour {
    fn start(context: &TestContext, engine: &str) -> Self {
        let workspace = context.repository("other");
        let mut start = command(context, &["start", "--non-interactive", "--"]);
        let serve =
            "socket(S,2,1,0);bind(S,pack('Sna4x8',2,4444,\"\\0\\0\\0\\0\"));listen(S,9);sleep 1000";
        start
            .args(["perl", "-e", serve])
            .env("DOCKER_HOST", engine)
            .current_dir(&workspace);
        let session = Session::of(context, start);
        let engine = context.engine();
        let all = engine.sessions(context.namespace());
        let id = all[0]["Id"].as_str().unwrap().to_owned();
        let found = engine.get(&format!("/containers/{id}/json"));
        let networks = found["NetworkSettings"]["Networks"].as_object().unwrap();
        let mut addresses = networks.values().map(|one| one["IPAddress"].as_str());
        let address = addresses.next().flatten().unwrap().to_owned();
        assert!(!address.is_empty(), "{found}");
        Self {
            _session: session,
            address,
        }
    }
}

const ZONE: &[&str] = &[
    "allowed.test=@",
    "x.allowed.test=@",
    "deep.wide.test=@",
    "wide.test=@",
    "private.test=172.17.0.1",
    "machine.test=198.51.100.1",
    "metadata.test=169.254.169.254",
    "loopback.test=127.0.0.1",
    "PTR=allowed.test",
];
const NETWORK: &str = "{allowed_hosts: [allowed.test, '*.wide.test', private.test, machine.test, \
                       metadata.test, loopback.test]}";

/// What only this test knows to be around, as further attempts.
fn around(world: &World, neighbour: &Neighbour, port: u16) -> Vec<String> {
    let outside = world.internet.hosts();
    let mut checks = vec![
        format!("unreachable:{outside}:443"),
        format!("unechoed:{outside}"),
        format!("unanswered:{outside}:allowed.test"),
        format!("unreachable:{}:4444", neighbour.address),
    ];
    checks.extend(
        machine()
            .iter()
            .map(|one| format!("unreachable:{one}:{port}")),
    );
    checks
}

/// What the names and the lists of this test are for.
fn through_the_proxy(world: &World) -> Vec<String> {
    let outside = world.internet.hosts();
    let mut checks: Vec<_> = [
        "denied:c2vjcmv0.denied.test:443",
        "denied:denied.test:443",
        "denied:3325256714:443",
        "denied:private.test:443",
        "denied:machine.test:443",
        "denied:metadata.test:443",
        "denied:loopback.test:443",
        "denied:wide.test:443",
        "unserved:http://private.test/",
        "unserved:http://denied.test/",
        "split:allowed.test:443",
        "split:deep.wide.test:443",
        "misread:allowed.test:443:denied.test:443",
        "misread:[deep.wide.test]:443",
        "cut:allowed.test:443:denied.test",
        "allowed:deep.wide.test:443",
        "carried:deep.wide.test:443",
    ]
    .map(str::to_owned)
    .into();
    checks.push(format!("denied:{outside}:443"));
    checks.push(format!("denied:[::ffff:{outside}]:443"));
    checks.push(format!("unserved:http://{outside}/ allowed.test"));
    checks
}

/// Proves the sandbox of the workspace, with these attempts besides.
fn prove(world: &World, engine: &str, more: &[String]) -> Run {
    let mut args = vec!["prove", "--json"];
    args.extend(more.iter().flat_map(|check| ["--check", check]));
    let mut command = world.command(&args);
    Run::of(&command.env("DOCKER_HOST", engine).output().unwrap())
}

fn plan(topology: &'static str) -> Plan<'static> {
    Plan {
        topology,
        network: NETWORK,
        zone: ZONE,
        names: &["allowed.test", "denied.test"],
        ..Plan::default()
    }
}

fn nothing_gets_out(topology: &'static str) {
    let world = World::new(&plan(topology));
    let engine = world.context.engine().host();
    let (_listener, port) = listener();
    let neighbour = neighbour(&world);
    let mut more = around(&world, &neighbour, port);
    more.extend(through_the_proxy(&world));
    let proof = prove(&world, &engine, &more).ok().json();
    assert_eq!(states(&proof, "held").len(), ALL_CLAIMS, "{proof:#}");
    // Each was made, and none for want of something to try it with.
    let attempts = attempts(&proof);
    for check in &more {
        assert_eq!(attempts[check.as_str()], "held", "{check}");
    }
    for check in [
        "cut:allowed.test:443:",
        "cut-plain:allowed.test:443",
        "carried:allowed.test:443",
    ] {
        assert_eq!(attempts[check], "held", "{check}");
    }
    // A name that is asked for can carry a secret out, whatever the answer is.
    let questions = world.internet.questions();
    let of_others: Vec<_> = questions
        .iter()
        .filter(|line| {
            line.contains("denied")
                || line.contains("c2vjcmv0")
                || line.contains("arpa")
                || line.contains("scc-probe")
        })
        .collect();
    assert!(of_others.is_empty(), "{of_others:?}");
    assert!(
        questions.iter().any(|line| line == "allowed.test 1"),
        "{questions:?}"
    );
    what_was_tried_is_in_the_log(&world);
    assert_eq!(
        world
            .context
            .engine()
            .proxies(world.context.namespace())
            .len(),
        0
    );
}

/// The neighbour is open: it has an address in the engine's default network.
fn neighbour(world: &World) -> Neighbour {
    let org = world.context.path("org.yaml");
    let rules = std::fs::read_to_string(&org).unwrap();
    std::fs::write(&org, rules.replace("web-egress-enforced", "open")).unwrap();
    let neighbour = Neighbour::start(&world.context, &world.context.engine().host());
    std::fs::write(&org, rules).unwrap();
    neighbour
}

fn what_was_tried_is_in_the_log(world: &World) {
    let kept = world
        .scc(&["audit", "egress", "-n", "500", "--json"])
        .ok()
        .json();
    let rows = kept["data"].as_array().unwrap();
    let logged = |host: &str, allowed: bool| {
        rows.iter()
            .any(|row| row["host"] == host && row["allowed"] == allowed)
    };
    assert!(logged("c2vjcmv0.denied.test", false), "{kept:#}");
    assert!(logged("private.test", false), "{kept:#}");
    assert!(logged("allowed.test", true), "{kept:#}");
}

#[test]
fn nothing_gets_out_by_a_socket() {
    nothing_gets_out(TOPOLOGIES[0]);
}

#[test]
fn nothing_gets_out_of_an_internal_network() {
    nothing_gets_out(TOPOLOGIES[1]);
}

/// The same attempts where nothing holds them, in a network that leads to the stand-in.
#[test]
fn the_attempts_succeed_in_an_open_sandbox() {
    let world = World::new(&plan("socket"));
    let org = world.context.path("org.yaml");
    let rules = std::fs::read_to_string(&org).unwrap();
    std::fs::write(&org, rules.replace("web-egress-enforced", "open")).unwrap();
    let (_listener, port) = listener();
    let real = world.context.engine().host();
    let gate = Gate::open(&world.context.path("gate.sock"), &real).unwrap();
    let network = world.internet.network().to_owned();
    for role in ["session", "trial"] {
        let (network, server) = (network.clone(), world.internet.hosts().to_owned());
        gate.rewrite(role, move |container| {
            container["HostConfig"]["NetworkMode"] = network.clone().into();
            container["HostConfig"]["Dns"] = vec![server.clone()].into();
        });
    }
    let before = machine();
    let neighbour = Neighbour::start(&world.context, &gate.host());
    let more = around(&world, &neighbour, port);
    let proof = prove(&world, &gate.host(), &more).ok().json();
    let mut network = states(&proof, "not-applicable");
    network.retain(|claim| claim.starts_with("network-"));
    assert_eq!(network.len(), 5, "{proof:#}");
    let attempts = attempts(&proof);
    let mut expected = more;
    expected.push("unknown:example.com".to_owned());
    // Other networks of the engine come and go meanwhile.
    let stayed: Vec<_> = machine()
        .into_iter()
        .filter(|one| before.contains(one))
        .collect();
    assert!(!stayed.is_empty());
    expected.extend(stayed.iter().map(|one| format!("unreachable:{one}:22")));
    for check in &expected {
        assert_eq!(attempts[check.as_str()], "failed", "{check}: {proof:#}");
    }
    // What has nothing to do with the network is held in every sandbox.
    assert!(
        states(&proof, "held").contains(&"kernel".to_owned()),
        "{proof:#}"
    );
}

/// The name server that the test uses answers, so that silence means something.
#[test]
fn the_name_server_of_the_tests_answers() {
    let world = World::new(&Plan::default());
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect((world.internet.hosts(), 53)).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut question = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend(b"\x07allowed\x04test\x00\x00\x01\x00\x01");
    socket.send(&question).unwrap();
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).unwrap();
    assert_eq!(&answer[length - 4..length], [198, 51, 100, 10]);
}
