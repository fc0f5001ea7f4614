//! `scc profile`, without an engine.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use scc_testkit::context::{Run, TestContext};
use serde_json::{Value, json};

const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

/// Runs `scc profile … --workspace WS`.
fn profile(context: &TestContext, args: &[&str]) -> Run {
    profile_in(context, &context.workspace(), args)
}

fn profile_in(context: &TestContext, workspace: &Path, args: &[&str]) -> Run {
    let workspace = workspace.to_str().unwrap();
    let args = [&["profile"], args, &["--workspace", workspace]].concat();
    context.run(Path::new(SCRIPTED), &args)
}

fn status(context: &TestContext, workspace: &Path) -> Value {
    let run = profile_in(context, workspace, &["status", "--json"]).ok();
    run.json()["data"].clone()
}

fn set_origin(context: &TestContext, workspace: &Path, url: &str) {
    let mut git = context.command(Path::new("git"));
    git.args(["-c", "safe.directory=*", "config", "remote.origin.url", url]);
    assert!(git.current_dir(workspace).status().unwrap().success());
}

#[test]
fn a_profile_is_saved_listed_and_shown() {
    let context = TestContext::new();
    let save = [
        "save",
        "--plugin",
        "@internal/review",
        "--mcp",
        "docs=https://docs.example/mcp?token=hunter2",
        "--mcp",
        "files=/usr/bin/files --key hunter2",
    ];
    let run = profile(&context, &save).ok();
    assert_eq!(
        run.stdout,
        "+ plugin review@internal\n+ mcp-server docs\n    http https://docs.example/mcp\n\
         + mcp-server files\n    stdio /usr/bin/files\n    arguments: --key [hidden]\n"
    );
    let found = status(&context, &context.workspace());
    assert_eq!(found["profile"]["plugins"], json!(["review@internal"]));
    assert_eq!(
        found["profile"]["mcp_servers"],
        json!([
            { "name": "docs", "type": "http", "target": "docs.example" },
            { "name": "files", "type": "stdio", "target": "/usr/bin/files" },
        ])
    );
    for args in [&["list"] as &[&str], &["list", "--json"], &["status"]] {
        let run = profile(&context, args).ok();
        assert!(!run.stdout.contains("hunter2"), "{run:?}");
        assert!(run.stdout.contains("path:"), "{run:?}");
    }
    let run = profile(&context, &["save", "--add", "--plugin", "lint@internal"]).ok();
    assert_eq!(run.stdout, "+ plugin lint@internal\n");
    let run = profile(&context, &["save", "--plugin", "lint@internal", "--json"]).ok();
    assert_eq!(run.json()["kind"], "ProfileSave");
    assert_eq!(run.json()["data"]["changes"].as_array().unwrap().len(), 3);
}

#[test]
fn a_plugin_without_its_marketplace_is_warned_about() {
    let context = TestContext::new();
    let save = |plugin: &str, flags: &[&str]| {
        let args = [&["save", "--add", "--plugin", plugin], flags].concat();
        profile(&context, &args).ok()
    };
    let run = save("lint@internal", &[]);
    assert!(run.stderr.contains("without its marketplace"), "{run:?}");
    let run = save("lint@internal", &[]);
    assert!(!run.stderr.contains("marketplace"), "{run:?}");
    let warnings = save("test@internal", &["--json"]).json()["status"]["warnings"].clone();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
    assert!(warnings[0].as_str().unwrap().contains("`test@internal`"));
}

#[test]
fn what_is_no_profile_is_refused() {
    let context = TestContext::new();
    for (args, word) in [
        (&["save"] as &[&str], "--provider"),
        (&["save", "--plugin", "review"], "names no marketplace"),
        (&["save", "--mcp", "docs"], "no `=`"),
        (&["sync"], "--push"),
    ] {
        let run = profile(&context, args);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stderr.contains(word), "{run:?}");
    }
    let run = profile(&context, &["export"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("scc profile save"), "{run:?}");
    assert_eq!(
        status(&context, &context.workspace())["profile"],
        Value::Null
    );
}

#[test]
fn a_profile_can_come_from_a_file() {
    let context = TestContext::new();
    let file = context.path("mine.yaml");
    let from = file.to_str().unwrap();
    std::fs::write(
        &file,
        "additional_plugins: [a@m]\nadditional_mcp_servers:\n- {name: x, type: sse, url: 'https://x.example'}\n",
    )
    .unwrap();
    profile(&context, &["save", "--from", from]).ok();
    let found = status(&context, &context.workspace());
    assert_eq!(found["profile"]["mcp_servers"][0]["type"], "sse");

    for (text, word) in [
        ("additional_plugin: [a@m]\n", "did you mean"),
        (
            "additional_mcp_servers:\n- {name: x, type: http}\n",
            "mine.yaml:2",
        ),
        ("network_policy: open\n", "more than a profile can hold"),
    ] {
        std::fs::write(&file, text).unwrap();
        let run = profile(&context, &["save", "--from", from]);
        assert_ne!(run.status, 0, "{run:?}");
        assert!(run.stderr.contains(word), "{run:?}");
    }
}

#[test]
fn a_repository_is_known_by_its_origin() {
    let context = TestContext::new();
    let other = context.repository("clone");
    set_origin(
        &context,
        &context.workspace(),
        "git@Host.Example:team/shop.git",
    );
    set_origin(
        &context,
        &other,
        "https://ada:hunter2@host.example/team/shop",
    );
    profile(&context, &["save", "--plugin", "a@m"]).ok();
    let found = status(&context, &other);
    assert_eq!(found["repository"], "remote:host.example/team/shop");
    assert_eq!(found["profile"]["plugins"], json!(["a@m"]));
    assert!(!found.to_string().contains("hunter2"));
}

#[test]
fn a_workspace_that_becomes_another_repository_gets_no_profile_without_a_word() {
    let context = TestContext::new();
    context.configure(&json!({}));
    let (here, other) = (context.workspace(), context.repository("other"));
    set_origin(&context, &here, "https://host.example/team/shop");
    set_origin(&context, &other, "https://host.example/team/vault");
    profile_in(&context, &other, &["save", "--plugin", "keys@m"]).ok();
    let explain = || {
        let workspace = here.to_str().unwrap();
        let args = ["config", "explain", "--workspace", workspace, "--json"];
        context.run(Path::new(SCRIPTED), &args).ok()
    };
    // The first look remembers what the workspace is, with a profile or without.
    assert!(!explain().stdout.contains("keys@m"));

    // What an agent in it can do.
    set_origin(&context, &here, "https://host.example/team/vault");
    let run = explain();
    assert!(!run.stdout.contains("keys@m"), "{run:?}");
    assert!(
        run.stderr.contains("was `remote:host.example/team/shop`"),
        "{run:?}"
    );
    assert!(run.stderr.contains("scc profile apply"), "{run:?}");
    let found = status(&context, &here);
    assert!(
        found["doubt"].as_str().unwrap().contains("team/shop"),
        "{found}"
    );
    for args in [
        &["save", "--plugin", "more@m"] as &[&str],
        &["export"],
        &["diff"],
        &["apply", "--preview"],
        &["sync", "--push"],
    ] {
        let run = profile(&context, args);
        assert_eq!(run.status, 6, "{run:?}");
        assert!(!run.stdout.contains("keys@m"), "{run:?}");
    }

    // The user says that it is right.
    let run = profile(&context, &["apply"]).ok();
    assert!(
        run.stderr.contains("it was remote:host.example/team/shop"),
        "{run:?}"
    );
    let run = explain();
    assert!(
        run.stdout.contains("keys@m") && run.stderr.is_empty(),
        "{run:?}"
    );
    let log = context.run(Path::new(SCRIPTED), &["audit", "--json"]).ok();
    assert!(log.stdout.contains("repository.accepted"), "{log:?}");

    // A repository made inside of a workspace is nobody's until the user says so.
    let inside = context.repository("ws/inside");
    set_origin(&context, &inside, "https://host.example/team/vault");
    assert!(status(&context, &inside)["doubt"].is_string());
    profile_in(&context, &inside, &["apply"]).ok();
    assert_eq!(status(&context, &inside)["doubt"], Value::Null);
}

/// Also where there is no profile to apply then.
#[test]
fn a_changed_repository_is_accepted() {
    let context = TestContext::new();
    context.configure(&json!({}));
    let here = context.workspace();
    status(&context, &here);
    set_origin(&context, &here, "https://host.example/team/shop");
    let save = ["save", "--plugin", "keys@m"];
    assert_eq!(profile(&context, &save).status, 6);
    let run = profile(&context, &["apply"]).ok();
    assert!(
        run.stderr
            .contains("is `remote:host.example/team/shop` from now on"),
        "{run:?}"
    );
    profile(&context, &save).ok();
}

#[test]
fn a_profile_travels_as_a_file() {
    let context = TestContext::new();
    let other = context.repository("other");
    let file = context.path("exported.json");
    let path = file.to_str().unwrap();
    profile(&context, &["save", "--plugin", "a@m", "--mcp", "x=/bin/x"]).ok();
    profile(&context, &["export", "-o", path]).ok();
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let again = profile(&context, &["export", "-o", path]);
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.stderr.contains("pass --force"), "{again:?}");
    profile(&context, &["export", "-o", path, "--force"]).ok();
    profile(&context, &["export", "-o", "relative.json"]).ok();
    assert!(context.path("relative.json").exists());
    let printed = profile(&context, &["export"]).ok().stdout;
    assert_eq!(printed, std::fs::read_to_string(&file).unwrap());

    let run = profile_in(&context, &other, &["import", path]);
    assert_eq!(run.status, 1, "{run:?}");
    let preview = ["import", path, "--force", "--preview"];
    let run = profile_in(&context, &other, &preview).ok();
    let shown = "+ plugin a@m\n+ mcp-server x\n    stdio /bin/x\n";
    assert_eq!(run.stdout, shown);
    assert_eq!(status(&context, &other)["profile"], Value::Null);
    profile_in(&context, &other, &["import", path, "--force"]).ok();
    assert_eq!(
        status(&context, &other)["profile"]["plugins"],
        json!(["a@m"])
    );

    std::fs::write(&file, "{}").unwrap();
    let run = profile(&context, &["import", path]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("is not an exported profile"), "{run:?}");
}

#[test]
fn a_profile_is_copied_to_and_from_the_repository() {
    let context = TestContext::new();
    let workspace = context.workspace();
    profile(&context, &["save", "--plugin", "a@m"]).ok();
    assert_eq!(status(&context, &workspace)["repository_copy"], "none");
    profile(&context, &["sync", "--push"]).ok();
    assert_eq!(status(&context, &workspace)["repository_copy"], "same");
    profile(&context, &["save", "--plugin", "b@m"]).ok();
    assert_eq!(status(&context, &workspace)["repository_copy"], "different");

    // An agent may have written it: nothing is taken without a word.
    let run = profile(&context, &["sync", "--pull"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("--yes"), "{run:?}");
    let run = profile(&context, &["sync", "--pull", "--yes", "--json"]).ok();
    assert_eq!(run.json()["kind"], "ProfileSync");
    let found = status(&context, &workspace);
    assert_eq!(found["profile"]["plugins"], json!(["a@m"]));
}

#[test]
fn neither_secrets_nor_links_get_into_or_out_of_the_repository() {
    let context = TestContext::new();
    let file = context.path("mine.yaml");
    std::fs::write(
        &file,
        "additional_mcp_servers:\n- {name: x, type: http, url: 'https://x.example', headers: {K: hunter2}}\n",
    )
    .unwrap();
    profile(&context, &["save", "--from", file.to_str().unwrap()]).ok();
    let run = profile(&context, &["sync", "--push"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(!run.stderr.contains("hunter2"), "{run:?}");
    assert!(!context.workspace().join(".scc").exists());

    for (server, place) in [
        (
            "docs=https://docs.example/mcp?token=hunter2",
            "`url`, parameter `token`",
        ),
        ("files=/bin/files --key hunter2", "`args`, after `--key`"),
    ] {
        profile(&context, &["save", "--mcp", server]).ok();
        for args in [&["sync", "--push"] as &[&str], &["export"]] {
            let run = profile(&context, args);
            assert_eq!(run.status, 1, "{run:?}");
            assert!(run.stderr.contains(place), "{run:?}");
            assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
        }
    }
    assert!(!context.workspace().join(".scc").exists());
    let run = profile(&context, &["export", "--include-secrets"]).ok();
    assert!(run.stdout.contains("hunter2"), "{run:?}");
    let variable = "docs=https://docs.example/mcp?token=${TOKEN}";
    profile(&context, &["save", "--mcp", variable]).ok();
    profile(&context, &["sync", "--push"]).ok();
    std::fs::remove_dir_all(context.workspace().join(".scc")).unwrap();

    profile(&context, &["save", "--plugin", "a@m"]).ok();
    let elsewhere = context.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, context.workspace().join(".scc")).unwrap();
    for direction in ["--push", "--pull"] {
        let run = profile(&context, &["sync", direction]);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.stderr.contains("a symbolic link"), "{run:?}");
    }
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn the_rules_filter_a_profile_and_drift_shows() {
    let context = TestContext::new();
    let org = context.path("org.json");
    let rules = json!({
        "schema_version": "1.0.0",
        "organization": { "name": "Corp", "id": "corp" },
        "marketplaces": { "m": { "source": "github", "owner": "corp", "repo": "m" } },
        "security": { "blocked_plugins": ["bad"], "blocked_mcp_servers": ["*.evil.example"] },
        "defaults": { "allowed_plugins": ["bad", "good"] }
    });
    std::fs::write(&org, rules.to_string()).unwrap();
    let run = profile(&context, &["apply"]);
    assert_eq!(run.status, 1, "{run:?}");
    let save = [
        "save",
        "--plugin",
        "good@m",
        "--plugin",
        "bad@m",
        "--plugin",
        "other@m",
        "--mcp",
        "e=https://x.evil.example",
    ];
    profile(&context, &save).ok();
    let run = profile(&context, &["apply"]);
    assert_eq!(run.status, 5, "{run:?}");
    let setup = ["setup", "--org", org.to_str().unwrap()];
    context.run(Path::new(SCRIPTED), &setup).ok();

    let preview = profile(&context, &["apply", "--preview", "--json"]).ok();
    assert_eq!(preview.json()["kind"], "ProfileApply");
    let data = &preview.json()["data"];
    let items = |outcome: &str| -> Vec<Value> {
        let found = data[outcome].as_array().unwrap().iter();
        found.map(|decision| decision["item"].clone()).collect()
    };
    assert_eq!(data["applied"], false);
    assert_eq!(items("allowed"), ["good@m"]);
    assert_eq!(items("blocked"), ["bad@m", "e"]);
    assert_eq!(items("denied"), ["other@m"]);
    let drift = || status(&context, &context.workspace())["drift"].clone();
    assert_eq!(drift(), "never applied");

    profile(&context, &["apply"]).ok();
    assert_eq!(drift(), "none");
    let run = profile(&context, &["diff"]).ok();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("nothing is different"), "{run:?}");
    profile(
        &context,
        &["save", "--plugin", "good@m", "--plugin", "other@m"],
    )
    .ok();
    assert_eq!(drift(), "changed");
    let text = rules
        .to_string()
        .replace("[\"bad\",\"good\"]", "[\"other\"]");
    std::fs::write(&org, text).unwrap();
    let run = profile(&context, &["diff"]).ok();
    assert!(!run.stderr.contains("nothing is different"), "{run:?}");
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "- mcp-server e (blocked)",
            "- plugin bad@m (blocked)",
            "~ plugin good@m (allowed → denied)",
            "~ plugin other@m (denied → allowed)",
        ]
    );
}

#[test]
fn what_the_repository_would_change_is_shown_before_it_is_taken() {
    let context = TestContext::new();
    let save = |server: &str| {
        let file = context.path("mine.yaml");
        std::fs::write(&file, format!("additional_mcp_servers: [{server}]\n")).unwrap();
        let from = ["save", "--from", file.to_str().unwrap()];
        profile(&context, &from).ok();
    };
    save(
        "{name: docs, type: http, url: 'https://evil.example/mcp', headers: {K: '${GITHUB_TOKEN}'}}",
    );
    profile(&context, &["sync", "--push"]).ok();
    save("{name: docs, type: http, url: 'https://docs.example/mcp'}");
    let run = profile(&context, &["sync", "--pull"]);
    assert_eq!(run.status, 2, "{run:?}");
    for line in [
        "~ mcp-server docs",
        "http https://evil.example/mcp",
        "headers: K",
        "takes from this machine: GITHUB_TOKEN",
        "before: http https://docs.example/mcp",
    ] {
        assert!(run.stderr.contains(line), "{line}: {run:?}");
    }
    let run = profile(&context, &["sync", "--pull", "--yes", "--json"]).ok();
    let details = run.json()["data"]["changes"][0]["details"].clone();
    assert_eq!(details[0], "http https://evil.example/mcp");

    save(
        "{name: run, type: stdio, command: /bin/run, args: ['--token', hunter2, '--all'], env: {K: a}}",
    );
    profile(&context, &["sync", "--push", "--include-secrets"]).ok();
    save(
        "{name: run, type: stdio, command: /bin/run, args: ['--token', hunter2, '--all'], env: {K: b}}",
    );
    let run = profile(&context, &["sync", "--pull"]);
    let shown = "arguments: --token [hidden] --all";
    assert!(run.stderr.contains(shown), "{run:?}");
    assert!(
        run.stderr.contains("a value that is not shown is another"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("hunter2"), "{run:?}");
}
