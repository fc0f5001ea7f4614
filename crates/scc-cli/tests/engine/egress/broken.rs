//! Lists that are broken, and a disk that is full: nothing opens, nothing is left, and what is said
//! helps.

use std::path::{Path, PathBuf};

use scc_testkit::context::Run;
use scc_testkit::gate::Gate;
use scc_testkit::wait_for;
use serde_json::{Value, json};

use super::proven::reconfigured;
use super::trouble::{left, rules, spawn};
use super::world::{Plan, TOPOLOGIES, World};
use crate::restart::root;
use crate::support::LIMIT;

/// Starts a sandbox whose proxy is changed on its way to the engine.
fn started(world: &World, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Run {
    let socket = world.context.path("gate.sock");
    let _ = std::fs::remove_file(&socket);
    let gate = Gate::open(&socket, &world.context.engine().host()).unwrap();
    gate.rewrite("egress", change);
    let mut start = world.command(&["start", "--fresh", "--", "echo", "started"]);
    Run::of(&start.env("DOCKER_HOST", gate.host()).output().unwrap())
}

fn refused(world: &World, what: &str, run: &Run) {
    assert_eq!(run.status, 6, "{what}: {run:?}");
    assert!(!run.stdout.contains("started"), "{what}: {run:?}");
    let why = "is not what the rules want";
    assert!(run.stderr.contains(why), "{what}: {run:?}");
    let sessions = world.context.engine().sessions(world.context.namespace());
    assert!(sessions.is_empty(), "{what}: {sessions:?}");
    assert!(left(world).is_empty(), "{what}: {:?}", left(world));
}

/// As a disk or a hand would break them.
const BROKEN: [(&str, &str); 6] = [
    ("no list", "rm allowed"),
    ("an empty list", ": > allowed"),
    ("what is no list", "head -c 4096 /dev/urandom > allowed"),
    ("half a list", "printf allowed.te > allowed"),
    (
        "half a configuration",
        "head -c 900 squid.conf > half && mv half squid.conf",
    ),
    (
        "a rule that cannot be read",
        "sed -i 's/^acl never dst /acl never dstt /' squid.conf",
    ),
];

#[test]
fn lists_that_are_broken_start_no_agent() {
    for topology in TOPOLOGIES {
        let world = World::new(&Plan {
            topology,
            ..Plan::default()
        });
        for (what, script) in BROKEN {
            let run = started(&world, |container| reconfigured(container, script));
            refused(&world, what, &run);
        }
        // The whole directory.
        let run = started(&world, |container| {
            let mounts = container["HostConfig"]["Mounts"].as_array_mut().unwrap();
            let own = mounts
                .iter_mut()
                .find(|one| one["Target"] == "/etc/scc-egress");
            *own.unwrap() = json!({ "Type": "tmpfs", "Target": "/etc/scc-egress" });
        });
        refused(&world, "no directory", &run);
        assert!(run.stderr.contains("the proxy says:"), "{run:?}");
        // What was broken was on its way, and nothing of it stays.
        let said = world.agent("curl -sS http://allowed.test/");
        assert!(said.contains("the internet says"), "{topology}: {said}");
    }
}

#[test]
fn a_policy_whose_list_is_broken_starts_no_agent() {
    let world = World::new(&Plan::default());
    for (entry, said) in [
        ("[\"http://allowed.test/\"]", "http://allowed.test/"),
        ("[10.0.0.1]", "10.0.0.1"),
        ("[\"*\"]", "*"),
        ("[allowed.test", "org.yaml"),
    ] {
        rules(&world, "[allowed.test]", entry);
        let run = world.scc(&["start", "--fresh", "--", "echo", "started"]);
        assert_eq!(run.status, 3, "{entry}: {run:?}");
        assert!(!run.stdout.contains("started"), "{entry}: {run:?}");
        assert!(run.stderr.contains(said), "{entry}: {run:?}");
        assert!(left(&world).is_empty(), "{entry}: {:?}", left(&world));
        rules(&world, entry, "[allowed.test]");
    }
}

/// A small file system in the place of a directory.
struct Disk(PathBuf);

impl Disk {
    fn at(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let at = directory.to_str().unwrap();
        root("mount", &["-t", "tmpfs", "-o", "size=512k", "scc-test", at]);
        Self(directory.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Until nothing goes in any more.
    fn fill(&self) {
        let full = std::fs::write(self.filler(), vec![b'x'; 1 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        root("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

/// What the sandbox of the world is answered, without scc.
fn asked(world: &World, host: &str) -> String {
    let sessions = world.context.engine().sessions(world.context.namespace());
    let id = sessions[0]["Id"].as_str().unwrap();
    let url = format!("http://{host}/");
    world
        .context
        .engine()
        .exec(id, &["curl", "-sS", "-m", "10", &url])
}

/// What proxies were asked for is kept where scc keeps its state.
#[test]
fn a_disk_that_is_full() {
    for topology in TOPOLOGIES {
        let world = World::new(&Plan {
            topology,
            network: "{allowed_hosts: [allowed.test], allow_requests: true}",
            zone: &["allowed.test=@", "denied.test=@"],
            ..Plan::default()
        });
        let disk = Disk::at(&world.context.path("home/.local/state/scc"));
        let end = world.context.workspace().join("end");
        let agent = "until [ -e end ]; do sleep 0.1; done";
        let mut start = world.command(&["start", "--non-interactive", "--", "bash", "-c", agent]);
        start.current_dir(world.context.workspace());
        let session = spawn(start);
        // A launch that cannot be recorded would be undone.
        wait_for("the record of the launch", LIMIT, || {
            let events = world.scc(&["audit", "--json"]).stdout;
            events.contains("launch.started").then_some(())
        });
        disk.fill();

        // What runs goes on as it was, and what cannot be recorded does not let more through.
        assert!(asked(&world, "allowed.test").contains("the internet says"));
        let run = world.scc(&["network", "allow", "denied.test"]);
        full(&run);
        let said = asked(&world, "denied.test");
        assert!(said.contains("scc network explain denied.test"), "{said}");

        std::fs::write(end, "").unwrap();
        let run = Run::of(&session.wait_with_output().unwrap());
        full(&run);
        let run = world.scc(&["start", "--fresh", "--", "echo", "started"]);
        full(&run);
        assert!(!run.stdout.contains("started"), "{run:?}");

        // With room again all is as it was, and nothing is left.
        std::fs::remove_file(disk.filler()).unwrap();
        let said = world.agent("curl -sS http://allowed.test/");
        assert!(said.contains("the internet says"), "{topology}: {said}");
        world.scc(&["prune"]).ok();
        assert!(left(&world).is_empty(), "{topology}: {:?}", left(&world));
    }
}

/// It says what is full: that has to be emptied.
fn full(run: &Run) {
    assert_ne!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("home/.local/state/scc"), "{run:?}");
    assert!(run.stderr.contains("No space left on device"), "{run:?}");
}
