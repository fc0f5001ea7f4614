//! `cargo xtask try`: a real agent, in a real sandbox, with a scripted model.

use std::path::Path;
use std::process::Command;

use scc_testkit::context::TestContext;
use scc_testkit::model::{ModelServer, Step};
use serde_json::json;

use crate::base;
use crate::engine::TaskEngine;
use crate::run::{self, Outcome, root, say, step, target};

fn run_scc(context: &TestContext, scc: &Path, host: &str, args: &[&str]) -> Outcome<()> {
    let mut command = context.command(scc);
    command.args(args).current_dir(context.workspace());
    command
        .env("DOCKER_HOST", host)
        .env("SCC_TRY_KEY", "no-real-key");
    say(&format!("scc {}", args.join(" ")));
    run::run(&mut command)
}

fn agent_args(provider: &str) -> Vec<&'static str> {
    match provider {
        "codex" => vec!["exec", "Write a greeting into hello.txt"],
        _ => vec!["-p", "Write a greeting into hello.txt"],
    }
}

pub(crate) fn run(provider: &str) -> Outcome<()> {
    let engine = TaskEngine::find_or_start()?;
    let base = base::ensure(&engine)?;
    step("building scc", || {
        let mut build = Command::new(env!("CARGO"));
        run::run(
            build
                .args(["build", "-p", "scc-cli", "--bin", "scc"])
                .current_dir(root()),
        )
    })?;
    let scc = target().join("debug/scc");
    let context = TestContext::new();
    let client = engine.client(&base);
    let script = vec![
        Step::Shell(
            "echo 'Hello from the sandbox' > hello.txt && id && git status --short".to_owned(),
        ),
        Step::Say("I wrote hello.txt.".to_owned()),
    ];
    let model = ModelServer::start(&client.gateway(), script).map_err(|e| e.to_string())?;
    let url = match provider {
        "codex" => format!("{}/v1", model.url()),
        _ => model.url(),
    };
    let outcome = drive(&context, &scc, &engine, &base, provider, &url);
    client.clean(context.namespace());
    outcome?;
    say(&format!(
        "the model was asked {} times; nothing was sent anywhere else by scc",
        model.requests().len()
    ));
    say("everything is removed but the images, which the next run uses again");
    Ok(())
}

fn drive(
    context: &TestContext,
    scc: &Path,
    engine: &TaskEngine,
    base: &str,
    provider: &str,
    url: &str,
) -> Outcome<()> {
    let host = engine.host();
    run_scc(
        context,
        scc,
        host,
        &[
            "setup",
            "--standalone",
            "--provider",
            provider,
            "--base-image",
            base,
        ],
    )?;
    let file = context.path("home/.config/scc/config.json");
    let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let mut config: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    config["providers"][provider] = json!({ "base_url": url, "api_key": "env:SCC_TRY_KEY" });
    std::fs::write(&file, config.to_string()).map_err(|error| error.to_string())?;
    let mut start = vec!["start", "--session", "greeting", "--"];
    start.extend(agent_args(provider));
    run_scc(context, scc, host, &start)?;
    say("what the agent left in the workspace:");
    run::run(Command::new("ls").arg("-ln").arg(context.workspace()))?;
    let greeting = std::fs::read_to_string(context.workspace().join("hello.txt"));
    let greeting = greeting.map_err(|error| format!("hello.txt: {error}"))?;
    say(&format!("hello.txt says: {}", greeting.trim()));
    run_scc(context, scc, host, &["list"])?;
    run_scc(context, scc, host, &["sessions"])?;
    run_scc(context, scc, host, &["prune"])
}
