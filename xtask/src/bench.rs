//! `cargo xtask bench`: how long common commands take.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scc_testkit::context::TestContext;

use crate::base;
use crate::engine::TaskEngine;
use crate::run::{Outcome, root, say, step, target};

const RUNS: usize = 40;
const STARTS: usize = 12;

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
        say(&format!(
            "{name:<40} median {:>7.1} ms",
            median(times).as_secs_f64() * 1000.0
        ));
        Ok(())
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
        measure(
            "scc start -- true (whole command)",
            STARTS,
            &["start", "--", "true"],
        )
    })();
    engine.client(&base).clean(context.namespace());
    outcome
}

fn time(context: &TestContext, scc: &Path, host: &str, args: &[&str]) -> Outcome<Duration> {
    let mut command = context.command(scc);
    command.args(args).current_dir(context.workspace());
    command.env("DOCKER_HOST", host).env("SCC_TRY_KEY", "none");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    crate::run::run(&mut command)?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
