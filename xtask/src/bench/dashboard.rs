//! How long the dashboard takes to its first frame, and until the engine's answer is on it, where
//! there is much to show.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use scc_testkit::context::TestContext;
use scc_testkit::engine::Engine;
use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

use super::{command, median, report};
use crate::run::{Outcome, say};

const RUNS: usize = 20;
const SESSIONS: usize = 1000;
const CONTAINERS: usize = 50;
/// One of the workspaces with sessions.
const OFFERED: &str = "home/src/project-39";
/// What the first frame may take.
const AIM: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(30);

/// Measures with so many stored sessions, and so many containers that run. They are real ones, made
/// from the description of one that scc has made.
pub(super) fn first_frame(
    context: &TestContext,
    scc: &Path,
    engine: &Engine,
    description: &Value,
) -> Outcome<()> {
    say(&format!("starting {CONTAINERS} containers"));
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        sessions.push(session(context, engine, number));
    }
    for session in sessions.iter().rev().take(CONTAINERS) {
        run_container(engine, description, session)?;
    }
    context.remember_sessions(&sessions);
    let outside = context.path("home");
    let mut missed = Vec::new();
    let mut judge = |name: &str, time: Duration| {
        report(name, time);
        if time > AIM {
            missed.push(name.to_owned());
        }
    };
    let name = "scc, to the first frame of the offer";
    judge(name, offer(context, scc, engine)?);
    for (name, args, directory) in [
        ("scc", &[] as &[&str], outside.as_path()),
        ("scc dashboard", &["dashboard"], &context.workspace()),
    ] {
        let mut command = command(context, scc, &engine.host(), args);
        command.current_dir(directory);
        let (mut first, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (shown, answered) = frames(&command)?;
            first.push(shown);
            whole.push(answered);
        }
        judge(&format!("{name}, to the first frame"), median(first));
        report(&format!("{name}, to the engine's answer"), median(whole));
    }
    if missed.is_empty() {
        return Ok(());
    }
    let missed = missed.join("; ");
    Err(format!("over {} ms: {missed}", AIM.as_millis()))
}

/// The time until `scc` in a workspace offers to go on with a session of it.
fn offer(context: &TestContext, scc: &Path, engine: &Engine) -> Outcome<Duration> {
    let mut command = command(context, scc, &engine.host(), &[]);
    command.current_dir(context.repository(OFFERED));
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        let mut terminal = Terminal::start(&command, 24, 80);
        terminal.wait_for_text("type to filter]", LIMIT);
        times.push(begin.elapsed());
        terminal.send("\x1b");
        match terminal.wait(LIMIT) {
            130 => {}
            status => return Err(format!("the offer ended with {status}")),
        }
    }
    Ok(median(times))
}

/// The time to the first frame, with what is stored, and to the one with what runs.
fn frames(command: &Command) -> Outcome<(Duration, Duration)> {
    let begin = Instant::now();
    let mut terminal = Terminal::start(command, 24, 80);
    let stored = format!("Sessions {SESSIONS}");
    terminal.wait_for_text(&stored, LIMIT);
    let shown = begin.elapsed();
    terminal.wait_for_text(&format!("Running   {CONTAINERS}:"), LIMIT);
    let answered = begin.elapsed();
    terminal.send("q");
    match terminal.wait(LIMIT) {
        0 => Ok((shown, answered)),
        status => Err(format!("the dashboard ended with {status}")),
    }
}

/// A session as it is stored; the latest ones run.
fn session(context: &TestContext, engine: &Engine, number: usize) -> Value {
    let runs = number >= SESSIONS - CONTAINERS;
    let (day, minute) = (1 + number / 60 % 28, number % 60);
    let began = format!("2026-01-{day:02}T08:{minute:02}:00Z");
    json!({
        "id": format!("01999999-0000-7000-8000-{number:012x}"),
        "name": format!("session-{number}"),
        "workspace": context.path(&format!("home/src/project-{}", number % 40)),
        "branch": "main",
        "provider": "script",
        "team": null,
        "container": format!("scc-{}-bench-{number}", context.namespace()),
        "endpoint": engine.host(),
        "state": if runs { "running" } else { "ended" },
        "started_at": began,
        "ended_at": if runs { Value::Null } else { json!(began) },
        "exit_status": if runs { Value::Null } else { json!(0) },
        "owner_pid": null,
    })
}

/// Starts the container of a session by bare API calls.
fn run_container(engine: &Engine, description: &Value, session: &Value) -> Outcome<()> {
    let mut description = description.clone();
    // The end of the command is what the agent is to run.
    let words = description["Cmd"].as_array().cloned().unwrap_or_default();
    let kept = words.len().saturating_sub(2);
    let sleep = [json!("sleep"), json!("3600")];
    description["Cmd"] = words.into_iter().take(kept).chain(sleep).collect();
    description["Labels"]["dev.scc.session"] = session["id"].clone();
    description["Labels"]["dev.scc.session-name"] = session["name"].clone();
    description["Labels"]["dev.scc.workspace"] = session["workspace"].clone();
    let name = session["container"].as_str().unwrap_or_default();
    let path = format!("/containers/create?name={name}");
    let (status, made) = engine.request("POST", &path, Some(&description));
    let id = made["Id"]
        .as_str()
        .ok_or_else(|| format!("creating a container: {status} {made}"))?;
    match engine.request("POST", &format!("/containers/{id}/start"), None) {
        (204, _) => Ok(()),
        (status, answer) => Err(format!("starting a container: {status} {answer}")),
    }
}
