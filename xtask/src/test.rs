//! `cargo xtask test`: everything that has to hold.

use std::process::Command;

use crate::base;
use crate::engine::TaskEngine;
use crate::run::{Outcome, has, root, say, step};

/// Test binaries that need an engine. They run one test at a time.
const ENGINE_TESTS: [(&str, &str); 2] = [("scc-cli", "engine"), ("scc-runtime", "conformance")];

pub(crate) fn run(quick: bool, filters: &[String]) -> Outcome<()> {
    if filters.is_empty() {
        checks()?;
    }
    step("building the tests", || {
        run_cargo(&["test", "--workspace", "--all-features", "--no-run"])
    })?;
    step("tests that need no engine", || without_engine(filters))?;
    if quick {
        say("left out, as asked: the tests that need a container engine");
        return Ok(());
    }
    let engine = TaskEngine::find_or_start()?;
    let base = base::ensure(&engine)?;
    step(
        "tests on the engine (slow: they make agent images when they are new)",
        || on_engine(&engine, &base, filters),
    )
}

fn checks() -> Outcome<()> {
    step("formatting", || run_cargo(&["fmt", "--all", "--check"]))?;
    step("lints", || {
        let lint = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ];
        run_cargo(&lint)
    })?;
    step("documentation", || {
        let mut doc = cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
        crate::run::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    if has("cargo-deny") {
        step("licences, bans and sources", || {
            run_cargo(&["deny", "check", "bans", "licenses", "sources"])
        })
    } else {
        say("NOT CHECKED: licences, bans and sources; cargo-deny is not installed");
        Ok(())
    }
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(args).current_dir(root());
    command
}

fn run_cargo(args: &[&str]) -> Outcome<()> {
    crate::run::run(&mut cargo(args))
}

/// Everything but the engine's tests, doc tests included.
fn without_engine(filters: &[String]) -> Outcome<()> {
    if has_nextest() {
        crate::run::run(&mut nextest("quick", filters))?;
    } else {
        without_engine_by_cargo(filters)?;
    }
    crate::run::run(cargo(&["test", "--workspace", "--all-features", "--doc", "--"]).args(filters))
}

/// Cargo cannot leave out test binaries by name, so the packages that have them are run target by
/// target.
fn without_engine_by_cargo(filters: &[String]) -> Outcome<()> {
    let mut others = cargo(&[
        "test",
        "--workspace",
        "--all-features",
        "--lib",
        "--bins",
        "--tests",
    ]);
    for (package, _) in ENGINE_TESTS {
        others.args(["--exclude", package]);
    }
    crate::run::run(others.arg("--").args(filters))?;
    for targets in [
        &[
            "-p",
            "scc-cli",
            "--lib",
            "--test",
            "cli",
            "--test",
            "cli_governance",
            "--test",
            "cli_profiles",
            "--test",
            "cli_setup",
            "--test",
            "dashboard",
            "--test",
            "envelope",
        ] as &[&str],
        &["-p", "scc-runtime", "--lib"],
    ] {
        let mut command = cargo(&["test", "--all-features"]);
        crate::run::run(command.args(targets).arg("--").args(filters))?;
    }
    Ok(())
}

fn has_nextest() -> bool {
    has("cargo-nextest")
}

fn nextest(profile: &str, filters: &[String]) -> Command {
    let run = [
        "nextest",
        "run",
        "--workspace",
        "--all-features",
        "--no-tests",
        "pass",
    ];
    let mut command = cargo(&run);
    command.args(["--profile", profile]).args(filters);
    command
}

fn on_engine(engine: &TaskEngine, base: &str, filters: &[String]) -> Outcome<()> {
    let commands = if has_nextest() {
        vec![nextest("engine", filters)]
    } else {
        ENGINE_TESTS
            .map(|test| engine_test_by_cargo(test, filters))
            .into()
    };
    let mut failed = Vec::new();
    for mut command in commands {
        command
            .env("DOCKER_HOST", engine.host())
            .env("SCC_TEST_BASE_IMAGE", base);
        // What fails in one suite must not hide the other.
        failed.extend(crate::run::run(&mut command).err());
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("; "))
    }
}

fn engine_test_by_cargo((package, test): (&str, &str), filters: &[String]) -> Command {
    let mut command = cargo(&["test", "--all-features", "-p", package, "--test", test]);
    command.args(["--", "--test-threads=1"]).args(filters);
    command
}
