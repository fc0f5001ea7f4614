//! What the tests share.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scc_testkit::context::{Run, TestContext};
use scc_testkit::pty::Terminal;
use scc_testkit::wait_for;
use serde_json::{Value, json};

pub(crate) const SCC: &str = env!("CARGO_BIN_EXE_scc-scripted");
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A context with the scripted agent ready to start. Its image is there, so that what a test
/// measures or kills is not a build.
pub(crate) fn context() -> TestContext {
    let context = TestContext::with_engine();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    scc(&context, &["start", "--fresh", "--", "true"]).ok();
    scc(&context, &["prune"]).ok();
    context
}

pub(crate) fn command(context: &TestContext, args: &[&str]) -> Command {
    let mut command = context.command(Path::new(SCC));
    command
        .args(args)
        .current_dir(context.workspace())
        .stdin(Stdio::null());
    command
}

pub(crate) fn scc(context: &TestContext, args: &[&str]) -> Run {
    Run::of(&command(context, args).output().unwrap())
}

/// Runs a script as the agent and returns what it printed.
pub(crate) fn agent(context: &TestContext, script: &str) -> String {
    scc(context, &["start", "--fresh", "--", "bash", "-c", script])
        .ok()
        .stdout
}

/// A running session whose agent waits. The scc that attends it ends with the test.
pub(crate) struct Session {
    attending: Child,
}

impl Session {
    pub(crate) fn start(context: &TestContext, more: &[&str]) -> Self {
        let mut args = vec!["start", "--non-interactive"];
        args.extend(more);
        args.extend(["--", "sleep", "1000"]);
        Self::of(context, command(context, &args))
    }

    /// By a command that starts one.
    pub(crate) fn of(context: &TestContext, mut command: Command) -> Self {
        let before = running(context);
        let attending = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("a running sandbox", LIMIT, || {
            let all = context.engine().sessions(context.namespace());
            let running = all.iter().filter(|c| c["State"] == "running").count();
            (running > before).then_some(())
        });
        wait_for("a recorded session", LIMIT, || {
            (running(context) > before).then_some(())
        });
        Self { attending }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.attending.id()
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        wait_for("the end of scc", LIMIT, || {
            self.attending.try_wait().unwrap()
        })
        .code()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.attending.kill();
        let _ = self.attending.wait();
    }
}

/// How many sessions are recorded as running.
pub(crate) fn running(context: &TestContext) -> usize {
    let all = scc(context, &["sessions", "--all", "--json"]).ok().json()["data"].clone();
    let all = all.as_array().cloned().unwrap_or_default();
    all.iter().filter(|one| one["state"] == "running").count()
}

/// Answers the offer to leave the branch that the workspace is on.
pub(crate) fn go_on_here(terminal: &mut Terminal) {
    terminal.wait_for_text("Where is the agent to work?", LIMIT);
    terminal.send("Go on here\r");
}

/// Puts sessions into scc's store that ended so many hours ago: name, directory below the home,
/// branch, hours.
pub(crate) fn remember_earlier(context: &TestContext, earlier: &[(&str, &str, &str, i64)]) {
    let store = context.path("home/.local/state/scc/sessions.json");
    let known = std::fs::read(store).unwrap_or_else(|_| b"{\"data\": []}".to_vec());
    let known: Value = serde_json::from_slice(&known).unwrap();
    let made = earlier.iter().map(|(name, path, branch, hours)| {
        let began = Timestamp::now() - SignedDuration::from_mins(hours * 60 + 7);
        json!({
            "id": format!("01999999-0000-7000-8000-{hours:012x}"),
            "name": name,
            "workspace": context.path("home").join(path),
            "branch": branch,
            "provider": "script",
            "team": null,
            "container": format!("scc-{}-{name}", context.namespace()),
            "endpoint": context.engine().host(),
            "state": "ended",
            "started_at": began.to_string(),
            "ended_at": began.to_string(),
            "exit_status": 0,
            "owner_pid": null,
        })
    });
    let known = known["data"].as_array().unwrap().iter().cloned();
    context.remember_sessions(&made.chain(known).collect::<Vec<_>>());
}

/// What `scc sessions` says, the latest first.
pub(crate) fn sessions(context: &TestContext) -> Value {
    scc(context, &["sessions", "--json"]).ok().json()["data"].clone()
}

/// The names of the last events in the audit log that belong to launches, the latest last.
pub(crate) fn launch_events(context: &TestContext, count: usize) -> Vec<String> {
    let log = context.path("home/.local/state/scc/audit/events.jsonl");
    let text = std::fs::read_to_string(log).unwrap();
    let events = text.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["event"].as_str().unwrap().to_owned()
    });
    let mut events: Vec<_> = events.filter(|name| name.starts_with("launch.")).collect();
    events.split_off(events.len().saturating_sub(count))
}

pub(crate) fn list(context: &TestContext) -> Value {
    scc(context, &["list", "--json"]).ok().json()["data"].clone()
}

pub(crate) fn signal(pid: u32, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The process that a shell in a terminal runs.
pub(crate) fn child_of(pid: u32) -> u32 {
    let children = Command::new("pgrep")
        .args(["-P", &pid.to_string()])
        .output();
    let children = String::from_utf8(children.unwrap().stdout).unwrap();
    children.trim().parse().unwrap()
}
