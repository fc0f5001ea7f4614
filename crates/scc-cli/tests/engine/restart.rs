//! The engine is killed while an agent runs, and comes back. That is tried on an engine of the
//! test's own, which needs root, by itself or by sudo.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use scc_testkit::context::{Run, TestContext};
use scc_testkit::wait_for;
use serde_json::Value;

use crate::support::{LIMIT, command, context, scc};

/// An engine without a network, for sandboxes that have none.
struct OwnEngine {
    run: PathBuf,
    data: PathBuf,
    daemon: Child,
}

impl OwnEngine {
    fn start(context: &TestContext) -> Self {
        let run = PathBuf::from(format!("/run/scc-restart-{}", std::process::id()));
        let data = context.path("engine");
        root("mkdir", &["-p", path(&run), path(&data)]);
        let daemon = Self::spawn(&run, &data);
        let engine = Self { run, data, daemon };
        engine.wait_until_up();
        engine
    }

    fn spawn(run: &Path, data: &Path) -> Child {
        let under = |name: &str| run.join(name).display().to_string();
        // It has a network namespace of its own: in this one it would remove the other's bridge.
        as_root("unshare")
            .args([
                "--net",
                "dockerd",
                "--bridge=none",
                "--iptables=false",
                "--log-level=error",
            ])
            .args(["--data-root", path(data)])
            .args(["--exec-root", &under("exec")])
            .args(["--pidfile", &under("pid")])
            .args(["--host", &format!("unix://{}", under("sock"))])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn host(&self) -> String {
        format!("unix://{}", self.run.join("sock").display())
    }

    fn wait_until_up(&self) {
        wait_for("an engine of the test's own", LIMIT, || {
            let mut version = Command::new("docker");
            version.args(["--host", &self.host(), "version"]);
            version.output().unwrap().status.success().then_some(())
        });
    }

    fn pid(&self, file: &str) -> String {
        let pid = std::fs::read_to_string(self.run.join(file)).unwrap();
        pid.trim().to_owned()
    }

    /// Kills the engine, and the part of it that has the containers.
    fn kill(&mut self) {
        let below = self.pid("exec/containerd/containerd.pid");
        root("kill", &["-KILL", &self.pid("pid"), &below]);
        self.daemon.wait().unwrap();
        wait_for("the end of containerd", LIMIT, || {
            (!Path::new("/proc").join(&below).exists()).then_some(())
        });
    }

    fn come_back(&mut self) {
        root("rm", &["-f", path(&self.run.join("pid"))]);
        self.daemon = Self::spawn(&self.run, &self.data);
        self.wait_until_up();
    }

    /// Brings an image of another engine here.
    fn load(&self, image: &str, from: &str) {
        let script = format!(
            "docker --host {from} save {image} | docker --host {} load",
            self.host()
        );
        let loaded = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(loaded.status.success(), "{loaded:?}");
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let quietly = |program: &str, args: &[&str]| {
            let _ = as_root(program).args(args).stderr(Stdio::null()).status();
        };
        if let Ok(pid) = std::fs::read_to_string(self.run.join("pid")) {
            quietly("kill", &[pid.trim()]);
        }
        let _ = self.daemon.wait();
        for directory in [&self.run, &self.data] {
            let script = r#"grep -o " $0[^ ]*" /proc/mounts | sort -r | xargs -r umount -l"#;
            quietly("sh", &["-c", script, path(directory)]);
            quietly("rm", &["-rf", path(directory)]);
        }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", program]);
    sudo
}

pub(crate) fn root(program: &str, args: &[&str]) {
    let output = as_root(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

/// scc with the test's own engine.
fn there(context: &TestContext, engine: &OwnEngine, args: &[&str]) -> Command {
    let mut command = command(context, args);
    command.env("DOCKER_HOST", engine.host());
    command
}

fn run(context: &TestContext, engine: &OwnEngine, args: &[&str]) -> Run {
    Run::of(&there(context, engine, args).output().unwrap())
}

fn first(context: &TestContext, engine: &OwnEngine, what: &str) -> Value {
    run(context, engine, &[what, "--json"]).ok().json()["data"][0].clone()
}

#[test]
fn what_is_said_is_true_after_the_engine_was_killed() {
    let context = context();
    let policy = "network_policy: locked-down-web\n";
    std::fs::write(context.path("ws/.scc.yaml"), policy).unwrap();
    let plan = scc(&context, &["start", "--dry-run", "--json"]).json();
    let image = plan["data"]["image"]["reference"].as_str().unwrap();
    let mut engine = OwnEngine::start(&context);
    engine.load(image, &context.engine().host());

    run(&context, &engine, &["start", "--", "true", "hello"]).ok();
    let args = ["start", "--session", "long", "--", "sleep", "1000"];
    let mut start = there(&context, &engine, &args);
    let mut attending = start
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("a running session", LIMIT, || {
        let session = first(&context, &engine, "sessions");
        (session["name"] == "long" && session["state"] == "running").then_some(())
    });

    engine.kill();
    let down = run(&context, &engine, &["sessions", "--json"]).ok();
    assert!(down.json()["data"].is_array());
    assert!(
        down.stderr.contains("may be out of date"),
        "{}",
        down.stderr
    );
    let status = run(&context, &engine, &["status", "--json"]).ok().json();
    assert!(status["data"]["running"].is_null(), "{status}");
    assert_ne!(run(&context, &engine, &["list"]).status, 0);
    let end = wait_for("the end of scc", LIMIT, || attending.try_wait().unwrap());
    assert!(!end.success());

    engine.come_back();
    assert_eq!(first(&context, &engine, "list")["state"], "stopped");
    assert_eq!(first(&context, &engine, "sessions")["state"], "ended");
    let status = run(&context, &engine, &["status", "--json"]).ok().json();
    assert_eq!(status["data"]["running"], serde_json::json!([]));
    let resumed = run(&context, &engine, &["start", "--resume", "--", "true"]).ok();
    assert_eq!(
        resumed.stdout, "agent: earlier: sleep 1000\n",
        "{resumed:?}"
    );
}

/// Rules under which only a proxy leads out.
fn enforce(context: &TestContext) {
    let org = context.path("org.yaml");
    let rules = "schema_version: \"1.0.0\"\norganization: {name: Corp, id: corp}\n\
                 defaults:\n  network_policy: web-egress-enforced\n  \
                 network: {allowed_hosts: [allowed.test]}\n";
    std::fs::write(&org, rules).unwrap();
    context.configure(&serde_json::json!({
        "standalone": false,
        "organization": { "source": org },
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
}

/// What scc has made on the test's own engine: containers, then networks.
fn made(engine: &OwnEngine) -> String {
    let host = engine.host();
    let script = format!(
        "docker --host {host} ps --all --filter label=dev.scc.managed --format '{{{{.Names}}}}' | sort; \
         docker --host {host} network ls --filter label=dev.scc.managed --format '{{{{.Name}}}}' | sort"
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The proxy goes with its engine. The next command removes what is left of it, and the next sandbox has
/// one of its own again.
#[test]
fn egress_is_set_right_after_the_engine_was_killed() {
    for topology in ["socket", "internal-network"] {
        let context = context();
        enforce(&context);
        let plan = scc(&context, &["start", "--dry-run", "--json"]).json();
        // Makes both images on the tests' usual engine.
        scc(&context, &["start", "--", "true"]).ok();
        let mut engine = OwnEngine::start(&context);
        let usual = context.engine().host();
        let images = [&plan["data"]["image"], &plan["data"]["egress"]["image"]];
        for image in images {
            let reference = image["reference"].as_str().or_else(|| image.as_str());
            engine.load(reference.unwrap(), &usual);
        }
        root(
            "docker",
            &["--host", &engine.host(), "network", "create", "out"],
        );
        let environment = [
            ("SCC_EGRESS_TOPOLOGY", topology),
            ("SCC_EGRESS_NETWORK", "out"),
        ];
        let command = |args: &[&str]| {
            let mut command = there(&context, &engine, args);
            command.envs(environment);
            command
        };
        let mut start = command(&["start", "--", "sleep", "1000"]);
        let mut attending = start
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for("a running session", LIMIT, || {
            let sessions = Run::of(&command(&["sessions", "--json"]).output().unwrap()).json();
            (sessions["data"][0]["state"] == "running").then_some(())
        });
        assert!(made(&engine).contains("-egress"), "{}", made(&engine));

        engine.kill();
        let end = wait_for("the end of scc", LIMIT, || attending.try_wait().unwrap());
        assert!(!end.success());
        engine.come_back();
        let listed = run(&context, &engine, &["list", "--json"]).ok().json();
        assert_eq!(listed["data"][0]["state"], "stopped", "{topology}");
        let left = made(&engine);
        assert!(!left.contains("egress"), "{topology}: {left}");

        let mut again = there(&context, &engine, &["start", "--resume", "--", "true"]);
        let resumed = Run::of(&again.envs(environment).output().unwrap()).ok();
        assert_eq!(
            resumed.stdout, "agent: earlier: sleep 1000\n",
            "{resumed:?}"
        );
        run(&context, &engine, &["prune"]).ok();
        assert_eq!(made(&engine), "", "{topology}");
    }
}
