//! What goes wrong: each time one clear message, the right exit code, and the next command.

use scc_testkit::context::{Run, TestContext};
use scc_testkit::gate::Gate;
use serde_json::json;

use crate::support::{SCC, Session, command, context, launch_events, list, scc, sessions};

/// The settings of [`context`] with these limits.
fn limited(resources: &serde_json::Value) -> TestContext {
    let context = context();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
        "resources": resources,
    }));
    context
}

fn assert_refused(run: &Run, status: i32, texts: &[&str]) {
    assert_eq!(run.status, status, "{run:?}");
    for text in texts {
        assert!(run.stderr.contains(text), "no `{text}` in: {}", run.stderr);
    }
}

#[test]
fn an_agent_that_was_killed() {
    let context = context();
    let run = scc(&context, &["start", "--", "bash", "-c", "kill -9 $$"]);
    assert_refused(&run, 137, &["the agent was killed", "scc logs"]);
    let session = sessions(&context)[0].clone();
    assert_eq!(
        (&session["state"], &session["exit_status"]),
        (&json!("ended"), &json!(137))
    );
    assert_eq!(list(&context)[0]["state"], "stopped");
    let status = scc(&context, &["status", "--json"]).ok().json();
    assert_eq!(status["data"]["running"], json!([]));
    let resumed = scc(&context, &["resume", "--", "true"]).ok();
    assert_eq!(resumed.stdout, "agent: earlier: bash -c kill -9 $$\n");
}

#[test]
fn more_memory_than_the_limit() {
    let context = limited(&json!({ "memory": "64m" }));
    let hog = [
        "start",
        "--",
        "perl",
        "-e",
        "$x = 'x' x 300_000_000; print length $x",
    ];
    let run = scc(&context, &hog);
    assert_refused(&run, 137, &["used up its memory", "resources.memory"]);
    assert_eq!(run.stdout, "");
}

#[test]
fn more_processor_time_than_the_limit() {
    let context = limited(&json!({ "cpus": 0.2 }));
    let busy = "for i in 1 2; do timeout 4 sh -c 'while :; do :; done' & done; wait; times";
    let run = scc(&context, &["start", "--", "bash", "-c", busy]).ok();
    // The last line has the time of the children: `0m0.800s 0m0.004s`.
    let children = run.stdout.lines().last().unwrap();
    let user = children.split(['m', 's']).nth(1).unwrap();
    let user: f64 = user.parse().unwrap();
    assert!(
        user > 0.1 && user < 1.6,
        "{user} s of 4 s at 0.2 processors"
    );
}

#[test]
fn an_image_that_cannot_be_made_ends_the_launch_once() {
    let context = context();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
        "images": { "base": "localhost/nothing:here" },
    }));
    let run = scc(&context, &["start", "--", "true"]);
    assert_eq!(run.status, 4, "{run:?}");
    assert!(!run.stderr.contains("--standalone"), "{}", run.stderr);
    let ended = ["launch.ended", "launch.requested", "launch.failed"];
    assert_eq!(launch_events(&context, 3), ended);
}

#[test]
fn a_session_name_that_is_taken() {
    let context = context();
    let other = context.repository("other");
    let _session = Session::start(&context, &["--session", "work"]);
    let mut start = command(&context, &["start", "--session", "work", "--", "true"]);
    let run = Run::of(&start.current_dir(other).output().unwrap());
    assert_refused(&run, 1, &["named `work` already", "scc attach work"]);
    assert_eq!(list(&context).as_array().unwrap().len(), 1);
    let run = scc(&context, &["start", "--session", "-x\n", "--", "true"]);
    assert_eq!(run.status, 2, "{run:?}");
}

#[test]
fn a_container_of_somebody_else_is_left_alone() {
    let context = context();
    let plan = scc(&context, &["start", "--dry-run", "--json"]).ok().json();
    let name = plan["data"]["container"].as_str().unwrap();
    let engine = context.engine();
    let foreign = json!({
        "Image": engine.base_image(), "Cmd": ["true"],
        // So that the test removes it in the end; not one of ours without the other labels.
        "Labels": { "dev.scc.namespace": context.namespace() },
    });
    let path = format!("/containers/create?name={name}");
    let (status, made) = engine.request("POST", &path, Some(&foreign));
    assert_eq!(status, 201, "{made}");
    for flags in [
        &["start", "--", "true"] as &[&str],
        &["start", "--fresh", "--", "true"],
    ] {
        let run = scc(&context, flags);
        assert_refused(&run, 1, &["scc did not make it", "docker inspect"]);
    }
    let found = engine.get(&format!("/containers/{name}/json"));
    assert_eq!(found["Id"], made["Id"]);
}

/// The engine is real; that its disk is full is not.
#[test]
fn the_engine_has_no_space_left() {
    let context = context();
    let gate = Gate::open(&context.path("gate.sock"), &context.engine().host()).unwrap();
    gate.refuse(
        "POST /containers/create",
        "mkdir /var/lib/docker/overlay2/x: no space left on device",
    );
    let mut start = command(&context, &["start", "--", "true"]);
    let run = Run::of(&start.env("DOCKER_HOST", gate.host()).output().unwrap());
    assert_refused(&run, 4, &["no space left", "scc prune"]);
    assert_eq!(sessions(&context)[0]["state"], "failed");
    let ended = ["launch.ended", "launch.requested", "launch.failed"];
    assert_eq!(launch_events(&context, 3), ended);
}

/// The state directory is on a file system that is really full.
#[test]
fn scc_has_no_space_left() {
    let context = context();
    let state = context.path("home/.local/state");
    let script = format!(
        "mount -t tmpfs -o size=64k none '{0}' && cat /dev/zero > '{0}/fill' 2>/dev/null; \
         exec '{SCC}' start -- true",
        state.display()
    );
    let mut shell = context.command("unshare".as_ref());
    shell
        .args(if is_root() {
            &[] as &[&str]
        } else {
            &["--map-root-user"]
        })
        .args(["--mount", "sh", "-c", &script])
        .current_dir(context.workspace());
    let run = Run::of(&shell.output().unwrap());
    assert_refused(&run, 1, &["o space left on device", "home/.local/state"]);
    assert!(list(&context)[0]["state"] != "running");
}

/// The audit log is what cannot be written; the agent ends all the same.
#[test]
fn stopping_needs_no_log() {
    let context = context();
    let mut session = Session::start(&context, &["--session", "work"]);
    let log = context.path("home/.local/state/scc/audit");
    std::fs::rename(&log, log.with_extension("away")).unwrap();
    std::fs::write(&log, "a file in the place of the directory").unwrap();
    let run = scc(&context, &["stop", "work"]);
    assert_ne!(run.status, 0, "{run:?}");
    session.wait();
    let all = context.engine().sessions(context.namespace());
    assert_eq!(all[0]["State"], "exited");
}

#[test]
fn a_workspace_that_holds_what_governs_it() {
    let context = context();
    let link = context.workspace().join("dotfiles");
    std::fs::rename(context.path("home/.config/scc"), &link).unwrap();
    std::os::unix::fs::symlink(&link, context.path("home/.config/scc")).unwrap();
    let run = scc(&context, &["start", "--", "true"]);
    assert_refused(&run, 6, &["holds what governs the agent", ".config/scc"]);
    let run = scc(
        &context,
        &["start", "--allow-suspicious-workspace", "--", "true"],
    );
    assert_eq!(run.status, 6, "{run:?}");
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}
