//! Where an organization's rules bite: in the launch, and in the sandbox.

use scc_testkit::context::TestContext;
use scc_testkit::{pty::Terminal, wait_for};
use serde_json::{Value, json};

use crate::support::{LIMIT, SCC, agent, command, context, scc, sessions, signal};

/// A context in which these rules apply.
fn governed(rules: &str) -> TestContext {
    let context = context();
    let org = format!("schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n{rules}");
    let file = context.path("org.yaml");
    std::fs::write(&file, org).unwrap();
    context.configure(&json!({
        "standalone": false,
        "organization": { "source": file },
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
        "resources": { "memory": "1g" },
    }));
    context
}

fn container(context: &TestContext) -> Value {
    let engine = context.engine();
    let id = engine.sessions(context.namespace())[0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    engine.get(&format!("/containers/{id}/json"))
}

#[test]
fn a_provider_that_is_not_allowed() {
    let context = governed("defaults: {allowed_providers: [codex]}\n");
    for flags in [
        &["--provider", "script"] as &[&str],
        &["--provider", "script", "--fresh"],
    ] {
        let mut args = vec!["start"];
        args.extend(flags);
        args.extend(["--", "true"]);
        let run = scc(&context, &args);
        assert_eq!(run.status, 6, "{run:?}");
        for text in ["may not be used", "org.yaml:3", "--provider codex"] {
            assert!(run.stderr.contains(text), "no `{text}` in {}", run.stderr);
        }
    }
    let plan = scc(
        &context,
        &["start", "--dry-run", "--json", "--provider", "script"],
    );
    assert_eq!(plan.status, 6, "{plan:?}");
    assert_eq!(plan.json()["data"]["ready_to_start"], false);
    assert!(
        context
            .engine()
            .sessions(context.namespace())
            .iter()
            .all(|c| c["State"] != "running")
    );
}

#[test]
fn no_network_is_no_network() {
    let context = governed("defaults: {network_policy: locked-down-web}\n");
    let seen = agent(&context, "ls /sys/class/net; cat /proc/net/route | wc -l");
    assert_eq!(seen, "lo\n1\n");
    assert_eq!(container(&context)["HostConfig"]["NetworkMode"], "none");
}

#[test]
fn what_cannot_be_enforced_is_refused() {
    let context = governed("security: {workspace_shields: [\".env\"]}\n");
    let run = scc(&context, &["start", "--", "true"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stderr.contains("by this version"), "{}", run.stderr);
}

#[test]
fn rules_that_cannot_be_read_refuse_every_launch() {
    let context = governed("defaults: {network_polcy: open}\n");
    let run = scc(&context, &["start", "--", "true"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr.contains("did you mean `network_policy`?"),
        "{}",
        run.stderr
    );
    std::fs::remove_file(context.path("org.yaml")).unwrap();
    for flags in [
        &["start"] as &[&str],
        &["start", "--standalone"],
        &["start", "--offline"],
    ] {
        let mut args = flags.to_vec();
        args.extend(["--", "true"]);
        let run = scc(&context, &args);
        assert!(run.status == 3 || run.status == 6, "{flags:?}: {run:?}");
    }
    assert!(context.engine().sessions(context.namespace()).is_empty());
}

#[test]
fn limits_are_the_stricter_ones() {
    let context = governed("defaults: {resources: {memory: 256m, pids: 100}}\n");
    agent(&context, "true");
    let host = &container(&context)["HostConfig"];
    assert_eq!(
        (&host["Memory"], &host["PidsLimit"]),
        (&json!(256 << 20), &json!(100))
    );
}

/// With hours of two seconds.
#[test]
fn a_session_ends_when_its_time_is_over() {
    let context = governed("defaults: {session: {timeout_hours: 1}}\n");
    let mut start = context.command(SCC.as_ref());
    start
        .args(["start", "--", "sleep", "1000"])
        .current_dir(context.workspace())
        .env("SCC_TEST_SESSION_HOUR_SECONDS", "2");
    let mut terminal = Terminal::start(&start, 24, 100);
    terminal.wait_for_text("this session ends in", LIMIT);
    terminal.wait_for_text("time was over", LIMIT);
    assert_eq!(terminal.wait(LIMIT), 143, "{}", terminal.screen());
    assert_eq!(sessions(&context)[0]["state"], "timed-out");
    let shown = scc(&context, &["sessions"]).ok().stdout;
    assert!(shown.contains("timed out"), "{shown}");
    let events = scc(&context, &["audit", "--json"]).ok().stdout;
    assert_eq!(events.matches("session.expired").count(), 1, "{events}");
}

/// Nobody attends it any more, no further command is typed, and the agent does what it can.
#[test]
fn a_session_whose_scc_was_killed_ends_all_the_same() {
    let context = governed("defaults: {session: {timeout_hours: 1}}\n");
    let script = "trap '' TERM; kill -STOP 1; kill -KILL 1; while :; do sleep 1; done";
    let mut start = command(&context, &["start", "--", "bash", "-c", script]);
    let mut child = start
        .env("SCC_TEST_SESSION_HOUR_SECONDS", "6")
        .spawn()
        .unwrap();
    let state = || {
        let all = context.engine().sessions(context.namespace());
        all.first().map(|c| c["State"].as_str().unwrap().to_owned())
    };
    let events = || scc_events(&context);
    wait_for("the record", LIMIT, || {
        let count = events().matches("launch.started").count();
        (count == 2).then_some(())
    });
    signal(child.id(), "-KILL");
    child.wait().unwrap();
    assert_eq!(state().as_deref(), Some("running"));
    wait_for("the end", LIMIT, || (state()? == "exited").then_some(()));
    assert!(!events().contains("session.expired"));
    let session = sessions(&context)[0].clone();
    assert_eq!(session["state"], "timed-out");
    assert_eq!(session["exit_status"], 137);
    assert!(events().contains("session.expired"));
}

/// One that ends before its time has ended by itself.
#[test]
fn a_session_that_ends_in_time_has_not_timed_out() {
    let context = governed("defaults: {session: {timeout_hours: 1}}\n");
    agent(&context, "true");
    assert_eq!(sessions(&context)[0]["state"], "ended");
}

/// As the file says, without a command that would tidy up.
fn scc_events(context: &TestContext) -> String {
    std::fs::read_to_string(context.path("home/.local/state/scc/audit/events.jsonl"))
        .unwrap_or_default()
}
