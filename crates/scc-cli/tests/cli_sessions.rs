//! What was recorded of sessions: listed, filtered, forgotten; and what is said where nothing can
//! go on. No engine answers here.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scc_testkit::context::{Run, TestContext};
use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");
const LIMIT: Duration = Duration::from_secs(60);

fn scc(context: &TestContext, args: &[&str]) -> Run {
    context.run(Path::new(SCRIPTED), args)
}

/// Sessions that ended, by name, age in hours, team, and the one each goes on from.
fn remember(context: &TestContext, sessions: &[(&str, i64, Option<&str>, Option<&str>)]) {
    let record = |(name, hours, team, continues): &(&str, i64, Option<&str>, Option<&str>)| {
        let started = Timestamp::now() - SignedDuration::from_hours(*hours);
        json!({
            "id": format!("id-of-{name}"), "name": name, "workspace": context.workspace(),
            "branch": format!("branch-{name}"), "provider": "script", "team": team,
            "container": "c", "endpoint": "unix:///nonexistent/engine.sock", "state": "ended",
            "started_at": started, "ended_at": started + SignedDuration::from_mins(5),
            "exit_status": 0, "owner_pid": null, "continues": continues,
        })
    };
    let data: Vec<_> = sessions.iter().map(record).collect();
    let dir = context.path("home/.local/state/scc");
    std::fs::create_dir_all(&dir).unwrap();
    let document = json!({ "version": 1, "data": data });
    std::fs::write(dir.join("sessions.json"), document.to_string()).unwrap();
}

fn names(context: &TestContext, args: &[&str]) -> Vec<String> {
    let mut all = vec!["sessions", "--json"];
    all.extend(args);
    let data = scc(context, &all).ok().json()["data"].clone();
    let names = data.as_array().unwrap().iter();
    names
        .map(|s| s["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn sessions_are_listed_by_what_they_were() {
    let context = TestContext::new();
    remember(
        &context,
        &[
            ("old", 30, Some("core"), None),
            ("begun", 20, None, None),
            ("again", 10, None, Some("id-of-begun")),
            ("new", 1, Some("core"), None),
        ],
    );
    assert_eq!(names(&context, &[]), ["new", "again", "old"]);
    assert_eq!(names(&context, &["-n", "1"]), ["new"]);
    assert_eq!(names(&context, &["--team", "core"]), ["new", "old"]);
    assert_eq!(names(&context, &["--branch", "branch-again"]), ["again"]);
    assert_eq!(names(&context, &["--name", "old"]), ["old"]);
    assert_eq!(names(&context, &["--provider", "other"]), [""; 0]);
    let workspace = context.workspace();
    let workspace = workspace.to_str().unwrap();
    assert_eq!(names(&context, &["--workspace", workspace]).len(), 3);
    let home = context.path("home");
    let elsewhere = ["--workspace", home.to_str().unwrap()];
    assert_eq!(names(&context, &elsewhere), [""; 0]);
    let again = scc(&context, &["sessions", "--name", "again", "--json"]).ok();
    let again = &again.json()["data"][0];
    assert_eq!(
        (&again["launches"], &again["duration_seconds"]),
        (&json!(2), &json!(300))
    );
    let table = scc(&context, &["sessions"]).ok();
    assert!(
        table.stdout.contains("LASTED") && table.stdout.contains("5m"),
        "{table:?}"
    );
    assert!(
        table.stderr.contains("states may be out of date"),
        "{table:?}"
    );
}

#[test]
fn a_hundred_sessions_are_more_than_are_shown() {
    let context = TestContext::new();
    let names: Vec<_> = (0..100).map(|n| format!("s{n}")).collect();
    let sessions: Vec<_> = names
        .iter()
        .zip(1..)
        .map(|(n, h)| (n.as_str(), h, None, None))
        .collect();
    remember(&context, &sessions);
    let count = |args: &[&str]| self::names(&context, args).len();
    assert_eq!((count(&[]), count(&["--all"])), (10, 100));
}

#[test]
fn sessions_are_forgotten_by_age_number_and_team() {
    let context = TestContext::new();
    let four = [
        ("a", 24 * 40, Some("core"), None),
        ("b", 24 * 35, None, None),
        ("c", 5, None, None),
        ("d", 1, Some("core"), None),
    ];
    remember(&context, &four);
    let prune = |args: &[&str]| {
        let mut all = vec!["sessions", "prune", "--json"];
        all.extend(args);
        scc(&context, &all)
    };
    let forgotten = |run: Run| {
        let mut ids = run.ok().json()["data"]["forgotten"]
            .as_array()
            .unwrap()
            .clone();
        ids.sort_by_key(Value::to_string);
        Value::Array(ids)
    };
    assert_eq!(forgotten(prune(&["-n"])), json!([]));
    let dry = prune(&["-n", "--keep", "0"]);
    assert_eq!(forgotten(dry), json!(["id-of-a", "id-of-b"]));
    let dry = prune(&["-n", "--keep", "1", "--older-than", "1h"]);
    assert_eq!(forgotten(dry), json!(["id-of-a", "id-of-b"]));
    let dry = prune(&["-n", "--keep", "0", "--older-than", "2h", "--team", "core"]);
    assert_eq!(forgotten(dry), json!(["id-of-a"]));
    assert_eq!(names(&context, &[]).len(), 4);

    let unasked = prune(&["--all"]);
    assert_eq!(unasked.status, 2, "{unasked:?}");
    assert!(unasked.stderr.contains("--yes"), "{unasked:?}");
    assert_eq!(prune(&["--all", "--keep", "3"]).status, 2);
    assert_eq!(prune(&["--older-than", "soon"]).status, 2);
    assert_eq!(
        forgotten(prune(&["--keep", "0", "-y"])),
        json!(["id-of-a", "id-of-b"])
    );
    assert_eq!(names(&context, &[]), ["d", "c"]);
    prune(&["--all", "-y"]).ok();
    assert_eq!(names(&context, &[]), [""; 0]);
}

#[test]
fn what_goes_on_is_planned_and_what_cannot_is_refused() {
    let context = TestContext::new();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    let workspace = context.workspace();
    let workspace = workspace.to_str().unwrap();
    let start = |args: &[&str]| {
        let mut all = vec!["start", workspace, "--dry-run", "--json"];
        all.extend(args);
        scc(&context, &all)
    };
    let nothing = start(&["--resume"]);
    assert_eq!(nothing.status, 1, "{nothing:?}");
    assert!(
        nothing
            .stderr
            .contains("no session of this workspace can go on"),
        "{nothing:?}"
    );
    remember(&context, &[("one", 2, None, None), ("two", 1, None, None)]);
    let plan = |args: &[&str]| start(args).ok().json()["data"].clone();
    let latest = plan(&["--resume"]);
    assert_eq!(latest["continues"], "id-of-two");
    assert_eq!(latest["session_name"], "two");
    assert_eq!(
        latest["command"],
        json!(["/usr/local/bin/script-agent", "--resume", "CONVERSATION"])
    );
    assert_eq!(latest["conversation"], Value::Null);
    assert_eq!(
        plan(&["--resume", "--session", "one"])["continues"],
        "id-of-one"
    );
    assert_eq!(plan(&["--session", "one"])["continues"], "id-of-one");
    assert_eq!(
        plan(&["--session", "one", "--fresh"])["continues"],
        Value::Null
    );
    assert_eq!(plan(&["--session", "three"])["continues"], Value::Null);
    for args in [
        &["--resume", "--session", "three"] as &[&str],
        &["--resume", "--provider", "claude"],
        &["--resume", "--team", "core"],
    ] {
        assert_eq!(start(args).status, 1, "{args:?}");
    }
    for args in [
        &["--resume", "--fresh"] as &[&str],
        &["--resume", "--select"],
        &["--select"],
    ] {
        assert_eq!(start(args).status, 2, "{args:?}");
    }
    // From another workspace the command names the one that is meant.
    let other = context.repository("other");
    let args = [
        "start",
        other.to_str().unwrap(),
        "--dry-run",
        "--resume",
        "--session",
        "one",
    ];
    let elsewhere = scc(&context, &args);
    assert_eq!(elsewhere.status, 1);
    let hint = format!("scc start {workspace} --resume --session one");
    assert!(elsewhere.stderr.contains(&hint), "{}", elsewhere.stderr);
}

/// Without an engine nobody can look for the conversation, and nothing else is tried instead.
#[test]
fn nothing_goes_on_without_an_engine() {
    let context = TestContext::new();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    remember(&context, &[("one", 2, None, None)]);
    let workspace = context.workspace();
    let run = scc(
        &context,
        &["start", workspace.to_str().unwrap(), "--resume"],
    );
    assert_eq!(run.status, 5, "{run:?}");
}

#[test]
fn what_is_offered_is_forgotten_and_sessions_stay() {
    let context = TestContext::new();
    remember(&context, &[("one", 2, None, None)]);
    let unasked = scc(&context, &["context", "clear"]);
    assert_eq!(unasked.status, 2, "{unasked:?}");
    let run = scc(&context, &["context", "clear", "-y", "--json"]).ok();
    assert_eq!(run.json()["kind"], "ContextClear");
    assert_eq!(names(&context, &[]), ["one"]);
}

/// `scc` alone, on a terminal, in a directory.
fn alone(context: &TestContext, dir: &Path) -> Terminal {
    let mut scc = context.command(Path::new(SCRIPTED));
    Terminal::start(scc.current_dir(dir), 24, 100)
}

/// What a worktree's sessions were is offered in the whole repository, until it is forgotten.
#[test]
fn what_is_forgotten_of_a_worktree_is_offered_nowhere() {
    let context = TestContext::new();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    let ws = context.workspace();
    let dir = ws.to_str().unwrap();
    let made = scc(
        &context,
        &["worktree", "create", dir, "topic", "--no-start"],
    )
    .ok();
    let path = made.stdout.trim();
    remember(&context, &[("one", 2, None, None)]);
    let store = context.path("home/.local/state/scc/sessions.json");
    let known = std::fs::read_to_string(&store).unwrap();
    let quoted = |path: &str| format!("\"workspace\":\"{path}\"");
    let moved = known.replace(&quoted(dir), &quoted(path));
    assert_ne!(moved, known);
    std::fs::write(&store, moved).unwrap();
    let mut offer = alone(&context, &ws);
    offer.wait_for_text("Go on in ws?", LIMIT);
    offer.send("\x1b");
    assert_eq!(offer.wait(LIMIT), 130, "{}", offer.screen());
    scc(&context, &["context", "clear", "-y", "--workspace", path]).ok();
    let anew = alone(&context, &ws);
    anew.wait_until("a start", LIMIT, |screen| {
        let text = screen.contents();
        assert!(!text.contains("Go on in"), "{text}");
        text.contains("Where is the agent to work?") || text.contains("error")
    });
}

/// Sessions that cannot be read are not lost without a word.
#[test]
fn a_damaged_store_is_reported() {
    let context = TestContext::new();
    let ws = context.workspace();
    let dir = ws.to_str().unwrap();
    let made = scc(
        &context,
        &["worktree", "create", dir, "topic", "--no-start"],
    )
    .ok();
    assert!(Path::new(made.stdout.trim()).exists());
    let store = context.path("home/.local/state/scc/sessions.json");
    let damage = || {
        std::fs::create_dir_all(store.parent().unwrap()).unwrap();
        std::fs::write(&store, "{ no").unwrap();
    };
    for args in [
        &["sessions", "prune", "-n"] as &[&str],
        &["worktree", "remove", dir, "topic", "-y"],
    ] {
        damage();
        let run = scc(&context, args).ok();
        assert!(run.stderr.contains("sessions.json"), "{args:?} {run:?}");
    }
    damage();
    let alone = alone(&context, &ws);
    alone.wait_for_text("sessions.json", LIMIT);
}
