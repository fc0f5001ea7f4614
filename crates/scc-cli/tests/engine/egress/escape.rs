//! Every way out that is known, tried from inside: with either way to join sandbox and proxy, and
//! in an open sandbox, where they have to succeed, so that the attempts are known to be able to.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use scc_testkit::context::TestContext;
use serde_json::Value;

use super::world::{Plan, TOPOLOGIES, World};
use crate::support::{LIMIT, Session, command};

const ATTACK: &str = include_str!("attack.pl");

/// What an attempt came to.
#[derive(Debug)]
struct Attempt {
    out: bool,
    #[expect(dead_code, reason = "shown when an assertion fails")]
    detail: String,
}

/// A listener of this machine, on all its addresses. It never answers; being reached is enough.
fn listener() -> (TcpListener, u16) {
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

/// A session in another workspace, in the engine's default network, with something to connect to.
struct Neighbour {
    _session: Session,
    address: String,
}

impl Neighbour {
    fn start(context: &TestContext) -> Self {
        let workspace = context.repository("other");
        let mut start = command(context, &["start", "--non-interactive", "--"]);
        let serve =
            "socket(S,2,1,0);bind(S,pack('Sna4x8',2,4444,\"\\0\\0\\0\\0\"));listen(S,9);sleep 1000";
        start.args(["perl", "-e", serve]).current_dir(&workspace);
        let session = Session::of(context, start);
        let engine = context.engine();
        let all = engine.sessions(context.namespace());
        let id = all[0]["Id"].as_str().unwrap().to_owned();
        let found = engine.get(&format!("/containers/{id}/json"));
        let address = found["NetworkSettings"]["IPAddress"]
            .as_str()
            .unwrap()
            .to_owned();
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

/// Makes all attempts in the running session of the workspace.
fn attack(world: &World, neighbour: &Neighbour, port: u16) -> BTreeMap<String, Attempt> {
    let given = [
        ("internet", world.internet.hosts().to_owned()),
        ("machine", machine().join(",")),
        ("port", port.to_string()),
        ("neighbour", neighbour.address.clone()),
        ("neighbour_port", "4444".to_owned()),
        ("allowed", "allowed.test".to_owned()),
        ("above", "wide.test".to_owned()),
        ("denied", "denied.test".to_owned()),
        ("secret", "c2vjcmv0".to_owned()),
        ("private", "private.test".to_owned()),
        ("public_machine", "machine.test".to_owned()),
        ("metadata", "metadata.test".to_owned()),
        ("loopback", "loopback.test".to_owned()),
    ];
    let given: Vec<_> = given
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let workspace = world.context.workspace();
    let mut args = vec![
        "exec",
        workspace.to_str().unwrap(),
        "--",
        "perl",
        "-e",
        ATTACK,
        "--",
    ];
    args.extend(given.iter().map(String::as_str));
    let run = world.scc(&args);
    let attempts: BTreeMap<_, _> = run
        .stdout
        .lines()
        .map(|line| {
            let parts: Vec<_> = line.splitn(3, '\t').collect();
            let attempt = Attempt {
                out: parts[1] == "out",
                detail: parts[2].to_owned(),
            };
            (parts[0].to_owned(), attempt)
        })
        .collect();
    assert!(attempts.contains_key("allowed-plain"), "{run:?}");
    attempts
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
    let (_listener, port) = listener();
    let neighbour = neighbour(&world);
    let _session = world.session();
    let attempts = attack(&world, &neighbour, port);
    let wrong: Vec<_> = attempts
        .iter()
        .filter(|(name, attempt)| attempt.out != name.starts_with("allowed-"))
        .collect();
    assert!(wrong.is_empty(), "{topology}: {wrong:#?}");
    // A name that is asked for can carry a secret out, whatever the answer is.
    let questions = world.internet.questions();
    let of_others: Vec<_> = questions
        .iter()
        .filter(|line| {
            line.contains("denied") || line.contains("c2vjcmv0") || line.contains("arpa")
        })
        .collect();
    assert!(of_others.is_empty(), "{of_others:?}");
    assert!(
        questions.iter().any(|line| line == "allowed.test 1"),
        "{questions:?}"
    );
    what_was_tried_is_in_the_log(&world.requests());
}

/// The neighbour is open: it has an address in the engine's default network.
fn neighbour(world: &World) -> Neighbour {
    let org = world.context.path("org.yaml");
    let rules = std::fs::read_to_string(&org).unwrap();
    std::fs::write(&org, rules.replace("web-egress-enforced", "open")).unwrap();
    let neighbour = Neighbour::start(&world.context);
    std::fs::write(&org, rules).unwrap();
    neighbour
}

fn what_was_tried_is_in_the_log(requests: &[Value]) {
    let logged = |host: &str, status: u64| {
        requests
            .iter()
            .any(|row| row["host"] == host && row["status"] == status)
    };
    assert!(logged("c2vjcmv0.denied.test", 403), "{requests:#?}");
    assert!(logged("private.test", 403), "{requests:#?}");
    assert!(logged("allowed.test", 200), "{requests:#?}");
    let cut: Vec<_> = requests
        .iter()
        .filter_map(|row| row["result"].as_str())
        .collect();
    for result in ["NAME_DIFFERS", "NAME_MISSING", "NOT_TLS"] {
        assert!(cut.contains(&result), "no {result}: {cut:?}");
    }
}

#[test]
fn nothing_gets_out_by_a_socket() {
    nothing_gets_out(TOPOLOGIES[0]);
}

#[test]
fn nothing_gets_out_of_an_internal_network() {
    nothing_gets_out(TOPOLOGIES[1]);
}

/// The same attempts where nothing holds them.
#[test]
fn the_attempts_succeed_in_an_open_sandbox() {
    let world = World::new(&plan("socket"));
    let org = world.context.path("org.yaml");
    let rules = std::fs::read_to_string(&org).unwrap();
    std::fs::write(&org, rules.replace("web-egress-enforced", "open")).unwrap();
    let (_listener, port) = listener();
    let neighbour = Neighbour::start(&world.context);
    let _session = world.session();
    join_the_internet(&world);
    let attempts = attack(&world, &neighbour, port);
    let mut expected = vec![
        "tcp-internet".to_owned(),
        "udp-internet".to_owned(),
        "tcp-neighbour".to_owned(),
        "icmp".to_owned(),
        "dns-engine".to_owned(),
    ];
    for address in machine() {
        expected.push(format!("tcp-machine-{address}"));
        expected.push(format!("tcp-machine-closed-{address}"));
    }
    let held: Vec<_> = expected
        .iter()
        .filter(|name| !attempts[*name].out)
        .collect();
    assert!(held.is_empty(), "{held:?} of {attempts:#?}");
    // What has nothing to do with the network is held in every sandbox.
    for name in ["raw", "packet", "vsock", "engine-socket"] {
        assert!(!attempts[name].out, "{name}: {attempts:#?}");
    }
}

/// As if the engine's default network led there.
fn join_the_internet(world: &World) {
    let engine = world.context.engine();
    let workspace = world.context.workspace();
    let all = engine.sessions(world.context.namespace());
    let ours = all
        .iter()
        .find(|one| one["Labels"]["dev.scc.workspace"] == workspace.to_str().unwrap());
    let body = serde_json::json!({ "Container": ours.unwrap()["Id"] });
    let path = format!("/networks/{}/connect", world.internet.network());
    let (status, said) = engine.request("POST", &path, Some(&body));
    assert_eq!(status, 200, "{said}");
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
