//! `cargo xtask bench`: how long common commands take.

mod dashboard;
mod guard;

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scc_testkit::context::TestContext;
use scc_testkit::engine::Engine;
use serde_json::Value;

use crate::base;
use crate::engine::TaskEngine;
use crate::run::{Outcome, root, say, step, target};

const RUNS: usize = 40;
const STARTS: usize = 20;

pub(crate) fn run() -> Outcome<()> {
    let engine = TaskEngine::find_or_start()?;
    let base = base::ensure(&engine)?;
    step("building scc (release)", || {
        let mut build = Command::new(env!("CARGO"));
        let args = [
            "build",
            "--quiet",
            "--release",
            "-p",
            "scc-cli",
            "--all-features",
        ];
        crate::run::run(build.args(args).current_dir(root()))
    })?;
    let scc = target().join("release/scc-scripted");
    let context = TestContext::new();
    let config = serde_json::json!({
        "images": { "base": base },
        "providers": { "script": { "api_key": "env:SCC_TRY_KEY" } },
        "provider": "script",
    });
    context.configure(&config);
    let measure = |name: &str, runs, args: &[&str]| {
        let times: Vec<_> = (0..runs)
            .map(|_| time(&context, &scc, engine.host(), args))
            .collect();
        let times = times.into_iter().collect::<Outcome<Vec<_>>>()?;
        report(name, median(times));
        Ok::<(), String>(())
    };
    let outcome = (|| {
        time(&context, &scc, engine.host(), &["start", "--", "true"])?;
        measure("scc --version", RUNS, &["--version"])?;
        measure("scc status (engine calls included)", RUNS, &["status"])?;
        measure(
            "scc start --dry-run --json",
            RUNS,
            &["start", "--dry-run", "--json"],
        )?;
        let guard = guard::overhead(&context, &scc, engine.host());
        let client = engine.client(&base);
        let description = first_output(&context, &scc, &client)?;
        dashboard::first_frame(&context, &scc, &client, &description)?;
        guard.and(guard::judging())
    })();
    engine.client(&base).clean(context.namespace());
    outcome
}

/// The time to the agent's first output: of `scc start`, and of a container made from the same
/// description by bare API calls. They take turns, so that what else the machine does meets both. The
/// answer is that description.
fn first_output(context: &TestContext, scc: &Path, engine: &Engine) -> Outcome<Value> {
    let start = ["start", "--", "echo", "first"];
    scc_output(context, scc, engine, &start)?;
    let all = engine.sessions(context.namespace());
    let id = all.first().and_then(|container| container["Id"].as_str());
    let found = engine.get(&format!("/containers/{}/json", id.unwrap_or_default()));
    let mut description = found["Config"].clone();
    description["HostConfig"] = found["HostConfig"].clone();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(scc_output(context, scc, engine, &start)?);
        bare.push(bare_output(engine, &description)?);
    }
    let (ours, bare) = (median(ours), median(bare));
    report("scc start, to the first output", ours);
    report("the same container by bare API calls", bare);
    report("what scc adds", ours.saturating_sub(bare));
    Ok(description)
}

fn report(name: &str, time: Duration) {
    say(&format!(
        "{name:<40} median {:>7.2} ms",
        time.as_secs_f64() * 1000.0
    ));
}

fn scc_output(
    context: &TestContext,
    scc: &Path,
    engine: &Engine,
    args: &[&str],
) -> Outcome<Duration> {
    let mut command = command(context, scc, &engine.host(), args);
    let begin = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut first = [0; 5];
    let stdout = child.stdout.as_mut().ok_or("no output")?;
    stdout
        .read_exact(&mut first)
        .map_err(|error| format!("scc start: {error}"))?;
    let elapsed = begin.elapsed();
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() && &first == b"first" {
        Ok(elapsed)
    } else {
        Err(format!("scc start: {status}"))
    }
}

fn bare_output(engine: &Engine, description: &Value) -> Outcome<Duration> {
    let begin = Instant::now();
    let (status, made) = engine.request("POST", "/containers/create", Some(description));
    let id = made["Id"]
        .as_str()
        .ok_or_else(|| format!("creating a container: {status} {made}"))?;
    let mut output = engine.attach(id).map_err(|error| error.to_string())?;
    let _ = engine.request("POST", &format!("/containers/{id}/start"), None);
    // Eight bytes of framing come before the output.
    let mut first = [0; 13];
    output
        .read_exact(&mut first)
        .map_err(|error| error.to_string())?;
    let elapsed = begin.elapsed();
    let _ = engine.request("DELETE", &format!("/containers/{id}?force=true"), None);
    if first.ends_with(b"first") {
        Ok(elapsed)
    } else {
        Err(format!("unexpected output: {first:?}"))
    }
}

fn command(context: &TestContext, scc: &Path, host: &str, args: &[&str]) -> Command {
    let mut command = context.command(scc);
    command.args(args).current_dir(context.workspace());
    command.env("DOCKER_HOST", host).env("SCC_TRY_KEY", "none");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn time(context: &TestContext, scc: &Path, host: &str, args: &[&str]) -> Outcome<Duration> {
    let mut command = command(context, scc, host, args);
    command.stdout(Stdio::null());
    let start = Instant::now();
    crate::run::run(&mut command)?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
