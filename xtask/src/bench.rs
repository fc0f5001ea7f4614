//! `cargo xtask bench`: how long common commands take.

mod dashboard;
mod egress;
mod guard;

use std::io::Read as _;
use std::path::{Path, PathBuf};
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

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Subject {
    /// Common commands
    Commands,
    /// What the guard adds to a command, and the judging of texts
    Guard,
    /// The way to an agent's first output
    Start,
    /// The dashboard's first frame, with much to show
    Dashboard,
    /// What enforced egress adds to a start
    EgressStart,
    /// What it costs in a session
    Egress,
}

/// What to measure, and of which build.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these; everything where none is named
    subjects: Vec<Subject>,
    /// With a debug build, to see that it works: its figures mean nothing
    #[arg(long)]
    debug: bool,
}

impl Args {
    fn wants(&self, subject: Subject) -> bool {
        self.subjects.is_empty() || self.subjects.contains(&subject)
    }
}

pub(crate) fn run(args: &Args) -> Outcome<()> {
    let engine = TaskEngine::find_or_start()?;
    let base = base::ensure(&engine)?;
    let scc = build(args.debug)?;
    let any_of_scc = [
        Subject::Commands,
        Subject::Guard,
        Subject::Start,
        Subject::Dashboard,
    ];
    if any_of_scc.into_iter().any(|subject| args.wants(subject)) {
        of_scc(args, &scc, &engine, &base)?;
    }
    let engine = engine.client(&base);
    if args.wants(Subject::EgressStart) {
        egress::start(&scc, &engine)?;
    }
    if args.wants(Subject::Egress) {
        egress::session(&scc, &engine)?;
    }
    Ok(())
}

fn build(debug: bool) -> Outcome<PathBuf> {
    let (profile, name) = match debug {
        true => ("dev", "debug"),
        false => ("release", "release"),
    };
    step(&format!("building scc ({name})"), || {
        let mut build = Command::new(env!("CARGO"));
        let args = ["build", "--quiet", "--profile", profile];
        build.args(args).args(["-p", "scc-cli", "--all-features"]);
        crate::run::run(build.current_dir(root()))
    })?;
    Ok(target().join(name).join("scc-scripted"))
}

/// What is measured in one context, without an organization.
fn of_scc(args: &Args, scc: &Path, engine: &TaskEngine, base: &str) -> Outcome<()> {
    let context = TestContext::new();
    let config = serde_json::json!({
        "images": { "base": base },
        "providers": { "script": { "api_key": "env:SCC_TRY_KEY" } },
        "provider": "script",
    });
    context.configure(&config);
    let outcome = measure(args, &context, scc, &engine.client(base));
    engine.client(base).clean(context.namespace());
    outcome
}

fn measure(args: &Args, context: &TestContext, scc: &Path, engine: &Engine) -> Outcome<()> {
    let host = engine.host();
    time(context, scc, &host, &["start", "--", "true"])?;
    if args.wants(Subject::Commands) {
        for (name, args) in [
            ("scc --version", &["--version"] as &[&str]),
            ("scc status (engine calls included)", &["status"]),
            (
                "scc start --dry-run --json",
                &["start", "--dry-run", "--json"],
            ),
        ] {
            let times = (0..RUNS).map(|_| time(context, scc, &host, args));
            report(name, median(times.collect::<Outcome<Vec<_>>>()?));
        }
    }
    // What takes too long is said when the rest is measured.
    let guard = match args.wants(Subject::Guard) {
        true => guard::measure(context, scc, &host, args.debug),
        false => Ok(()),
    };
    let description = match args.wants(Subject::Start) || args.wants(Subject::Dashboard) {
        true => Some(first_output(context, scc, engine)?),
        false => None,
    };
    if let Some(description) = description.filter(|_| args.wants(Subject::Dashboard)) {
        dashboard::first_frame(context, scc, engine, &description)?;
    }
    guard
}

/// The time to the agent's first output: of `scc start`, and of a container made from the same
/// description by bare API calls. They take turns, so that what else the machine does meets both. The
/// answer is that description.
fn first_output(context: &TestContext, scc: &Path, engine: &Engine) -> Outcome<Value> {
    let start = ["start", "--", "echo", "first"];
    scc_output(&mut command(context, scc, &engine.host(), &start))?;
    let all = engine.sessions(context.namespace());
    let id = all.first().and_then(|container| container["Id"].as_str());
    let found = engine.get(&format!("/containers/{}/json", id.unwrap_or_default()));
    let mut description = found["Config"].clone();
    description["HostConfig"] = found["HostConfig"].clone();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(scc_output(&mut command(
            context,
            scc,
            &engine.host(),
            &start,
        ))?);
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

/// The time until a launch whose agent prints `first` has printed it.
fn scc_output(command: &mut Command) -> Outcome<Duration> {
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
