//! `scc setup` and `scc init`, without an engine.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use scc_testkit::context::{Run, TestContext};
use scc_testkit::https::{HttpsServer, Reply};
use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

const ORG: &str = r#"{
  "schema_version": "1.0.0",
  "organization": {"name": "Corp", "id": "corp"},
  "defaults": {"allowed_providers": ["script"]},
  "profiles": {"platform": {}, "web": {"allowed_providers": []}}
}"#;

fn scc(context: &TestContext, args: &[&str]) -> Run {
    context.run(Path::new(SCRIPTED), args)
}

fn settings(context: &TestContext) -> Value {
    let file = context.path("home/.config/scc/config.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn org_file(context: &TestContext, text: &str) -> String {
    let file = context.path("org.json");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn without_a_terminal_setup_names_the_flags() {
    let context = TestContext::new();
    for args in [
        &["setup"] as &[&str],
        &["setup", "--non-interactive"],
        &["setup", "--json"],
        &["setup", "--provider", "script"],
    ] {
        let run = scc(&context, args);
        assert_eq!(run.status, 2, "{run:?}");
        for flag in ["--org", "--team", "--standalone"] {
            assert!(run.stderr.contains(flag), "{run:?}");
        }
    }
    assert!(!context.path("home/.config/scc/config.json").exists());
}

#[test]
fn standalone_is_said_clearly() {
    let context = TestContext::new();
    let run = scc(&context, &["setup", "--standalone"]).ok();
    assert!(
        run.stdout
            .contains("standalone: no organization's rules apply"),
        "{run:?}"
    );
    let run = scc(&context, &["setup", "--provider", "script", "--json"]).ok();
    assert_eq!(run.json()["kind"], "SetupResult");
    assert_eq!(run.json()["data"]["mode"], "standalone");
    assert_eq!(settings(&context)["standalone"], true);
    assert_eq!(settings(&context)["provider"], "script");
    // Whose rules apply was recorded once; the second setup did not change it.
    let audit = scc(&context, &["audit", "--json"]).ok().json();
    let events = audit["data"].as_array().unwrap().iter();
    let changes: Vec<_> = events
        .filter(|event| event["event"] == "settings.changed")
        .collect();
    assert_eq!(changes.len(), 1, "{audit}");
}

#[test]
fn an_organization_is_recorded_when_its_document_is_valid() {
    let context = TestContext::new();
    let file = org_file(&context, ORG);
    // A relative path counts from where setup was called.
    let run = scc(&context, &["setup", "--org", "org.json", "--json"]).ok();
    let data = &run.json()["data"];
    assert_eq!(data["mode"], "organization");
    assert_eq!(data["organization"]["name"], "Corp");
    assert_eq!(data["organization"]["teams"], json!(["platform", "web"]));
    let found = settings(&context);
    assert_eq!(found["organization"]["source"], file);
    assert_eq!(found["standalone"], false);

    let run = scc(&context, &["setup", "--org", &file]).ok();
    assert!(run.stderr.contains("scc team switch NAME"), "{run:?}");
    let run = scc(&context, &["setup", "--team", "platform"]).ok();
    assert!(run.stdout.contains("Team      platform"), "{run:?}");
    assert_eq!(settings(&context)["team"], "platform");
    let mut status = context.command(Path::new(SCRIPTED));
    status.arg("status").current_dir(context.workspace());
    let shown = Run::of(&status.output().unwrap()).ok().stdout;
    assert!(shown.contains("org.json, team platform"), "{shown}");

    let run = scc(&context, &["setup", "--team", "plattform"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("it has: platform, web"), "{run:?}");
}

#[test]
fn an_invalid_document_is_refused_with_its_findings() {
    let context = TestContext::new();
    scc(&context, &["setup", "--standalone"]).ok();
    let before = settings(&context);
    let broken = ORG.replace(
        "\"platform\": {}",
        "\"platform\": {\"network_policy\": \"opn\"}",
    );
    let file = org_file(&context, &broken);
    let run = scc(&context, &["setup", "--org", &file]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("org.json:5:"), "{run:?}");
    assert!(run.stderr.contains("did you mean `open`?"), "{run:?}");
    assert_eq!(settings(&context), before);

    let several = ORG.replace(
        "\"profiles\": {\"platform\": {}",
        "\"security\": {\"blocked_plugins\": [\"bad\"]}, \"marketplaces\": {\"m\": {\"source\": \
         \"github\", \"owner\": \"o\", \"repo\": \"r\"}}, \"profiles\": {\"platform\": \
         {\"additional_plugins\": [\"bad@m\", \"x@n@y\"]}",
    );
    let file = org_file(&context, &several);
    let run = scc(&context, &["setup", "--org", &file]);
    assert!(run.stderr.contains("`x@n@y`"), "{run:?}");
    assert!(
        run.stderr.contains("is blocked by the pattern `bad`"),
        "{run:?}"
    );

    let newer = ORG.replacen('{', "{\"min_cli_version\": \"99.0.0\",", 1);
    let file = org_file(&context, &newer);
    let run = scc(&context, &["setup", "--org", &file]);
    assert!(run.stderr.contains("99.0.0"), "{run:?}");
    let run = scc(&context, &["setup", "--org", "/nonexistent.json"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(settings(&context), before);
}

#[test]
fn a_provider_that_the_organization_does_not_allow_is_refused() {
    let context = TestContext::new();
    let file = org_file(&context, ORG);
    scc(&context, &["setup", "--org", &file, "--provider", "script"]).ok();
    let run = scc(
        &context,
        &["setup", "--team", "web", "--provider", "script"],
    );
    assert_eq!(run.status, 6, "{run:?}");
    assert_eq!(settings(&context)["team"], Value::Null);
}

#[test]
fn a_document_on_the_web_is_fetched_with_credential_and_authority() {
    let context = TestContext::new();
    let server = HttpsServer::start(|request| match request.header("private-token") {
        Some("s3cret") => Reply::ok(ORG),
        _ => Reply::status(401),
    })
    .unwrap();
    let authority = context.path("corp.pem");
    std::fs::write(&authority, server.authority()).unwrap();
    let source = server.url("/org.json");
    let run = |args: &[&str]| {
        let mut command = context.command(Path::new(SCRIPTED));
        command.args(["setup", "--org", &source]).args(args);
        command.env("ORG_TOKEN", "s3cret");
        Run::of(&command.output().unwrap())
    };
    let unknown = run(&[]);
    assert_eq!(unknown.status, 3, "{unknown:?}");
    let trusted = ["--ca-certificate", authority.to_str().unwrap()];
    let refused = run(&trusted);
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(refused.stderr.contains("401"), "{refused:?}");
    let literal = run(&[&trusted as &[&str], &["--auth", "s3cret"]].concat());
    assert_eq!(literal.status, 2, "{literal:?}");
    assert!(!literal.stderr.contains("s3cret"), "{literal:?}");
    let auth = ["--auth", "env:ORG_TOKEN", "--auth-header", "Private-Token"];
    let done = run(&[&trusted as &[&str], &auth].concat()).ok();
    assert!(!format!("{done:?}").contains("s3cret"));
    assert_eq!(settings(&context)["organization"]["auth"], "env:ORG_TOKEN");
}

#[test]
fn setups_at_the_same_time_lose_nothing() {
    let context = TestContext::new();
    scc(&context, &["setup", "--standalone"]).ok();
    let files: Vec<_> = (0..12)
        .map(|number| {
            let file = context.path(&format!("ca-{number}.pem"));
            std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
            file
        })
        .collect();
    let mut children: Vec<_> = files
        .iter()
        .map(|file| {
            let mut command = context.command(Path::new(SCRIPTED));
            command.arg("setup").arg("--ca-certificate").arg(file);
            command.stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    scc(&context, &["provider", "set", "script"]).ok();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let found = settings(&context);
    let kept = found["ca_certificates"].as_array().unwrap();
    for file in &files {
        assert!(kept.contains(&json!(file)), "{}", file.display());
    }
    assert_eq!(found["provider"], "script");
}

/// A disk that is not there today is no reason to trust less tomorrow.
#[test]
fn authorities_that_are_set_stay_whatever_else_is_given() {
    let context = TestContext::new();
    let setup = |file: &Path| {
        let file = file.to_str().unwrap();
        let args = ["setup", "--standalone", "--ca-certificate", file];
        scc(&context, &args)
    };
    let (one, two) = (context.path("one.pem"), context.path("two.pem"));
    for file in [&one, &two] {
        std::fs::write(file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    }
    setup(&one).ok();
    std::fs::remove_file(&one).unwrap();
    setup(&two).ok();
    let kept = settings(&context)["ca_certificates"].clone();
    let kept = kept.as_array().unwrap();
    assert!(
        kept.contains(&json!(one)) && kept.contains(&json!(two)),
        "{kept:?}"
    );
    // One that is given has to be there.
    let run = setup(&context.path("three.pem"));
    assert_eq!(run.status, 3, "{run:?}");
}

#[test]
fn reset_forgets_and_keeps_the_old_file() {
    let context = TestContext::new();
    let folder = context.path("home/.config/scc");
    std::fs::write(folder.join("config.json"), "{ damaged").unwrap();
    let run = scc(&context, &["setup", "--standalone"]);
    assert_eq!(run.status, 3, "{run:?}");
    // Whose rules stand in there nobody knows.
    let run = scc(&context, &["setup", "--standalone", "--reset"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("may record an organization"), "{run:?}");
    let reset = ["setup", "--standalone", "--reset", "--yes", "--json"];
    let run = scc(&context, &reset).ok();
    let kept = run.json()["data"]["previous_settings"].clone();
    let kept = std::fs::read_to_string(kept.as_str().unwrap()).unwrap();
    assert_eq!(kept, "{ damaged");
    assert_eq!(settings(&context)["standalone"], true);
    assert_eq!(rules_changed(&context)["before"], "unreadable");
}

/// What the last change of whose rules apply says in the audit log.
fn rules_changed(context: &TestContext) -> Value {
    let audit = scc(context, &["audit", "-n", "100", "--json"]).ok().json();
    let events = audit["data"].as_array().unwrap().iter();
    let mut changes = events.filter(|event| event["event"] == "settings.changed");
    changes.next_back().unwrap()["data"].clone()
}

#[test]
fn an_organization_is_left_only_with_a_yes() {
    let context = TestContext::new();
    let file = org_file(&context, ORG);
    scc(&context, &["setup", "--org", &file]).ok();
    let before = settings(&context);
    let other = context.path("other.json");
    std::fs::write(&other, ORG).unwrap();
    let other = other.to_str().unwrap();
    for args in [
        &["setup", "--standalone"] as &[&str],
        &["setup", "--standalone", "--reset"],
        &["setup", "--standalone", "--reset", "--non-interactive"],
        &["setup", "--org", other],
        &["config", "set", "standalone", "true"],
        &["config", "set", "organization", "--unset"],
        &["config", "set", "organization.source", other],
    ] {
        let run = scc(&context, args);
        assert_eq!(run.status, 2, "{args:?}: {run:?}");
        assert!(run.stderr.contains(&file), "{run:?}");
        assert!(run.stderr.contains("--yes"), "{run:?}");
        assert_eq!(settings(&context), before);
    }
    // What stays is not left.
    scc(&context, &["setup", "--org", "./home/../org.json"]).ok();
    assert_eq!(settings(&context), before);

    let leave = ["setup", "--standalone", "--reset", "--yes"];
    scc(&context, &leave).ok();
    let changed = rules_changed(&context);
    assert_eq!(changed["before"]["organization"], json!(file));
    assert_eq!(changed["after"]["organization"], Value::Null);
    assert_eq!(changed["after"]["standalone"], true);
    scc(&context, &["setup", "--org", &file]).ok();
    scc(&context, &["setup", "--org", other, "--yes"]).ok();
    assert_eq!(rules_changed(&context)["after"]["organization"], other);
    let set = ["config", "set", "standalone", "true", "--yes"];
    scc(&context, &set).ok();
    assert_eq!(settings(&context)["standalone"], true);
}

#[test]
fn a_person_who_leaves_is_asked() {
    let context = TestContext::new();
    let file = org_file(&context, ORG);
    scc(&context, &["setup", "--org", &file]).ok();
    let limit = Duration::from_secs(20);
    for (answer, standalone) in [("n\r", false), ("y\r", true)] {
        let mut command = context.command(Path::new(SCRIPTED));
        command.args(["setup", "--standalone"]);
        let mut terminal = Terminal::start(&command, 40, 160);
        terminal.wait_for_text("Leave the organization of", limit);
        terminal.send(answer);
        let status = if standalone { 0 } else { 130 };
        assert_eq!(terminal.wait(limit), status, "{}", terminal.screen());
        assert_eq!(settings(&context)["standalone"], standalone);
    }
}

#[test]
fn whose_rules_apply_is_not_asked_where_it_is_recorded() {
    let context = TestContext::new();
    let file = org_file(&context, ORG);
    scc(&context, &["setup", "--org", &file]).ok();
    let before = settings(&context);
    let run = scc(&context, &["setup", "--non-interactive", "--json"]).ok();
    assert_eq!(run.json()["data"]["mode"], "organization");
    assert_eq!(settings(&context), before);
}

#[test]
fn what_is_not_usable_is_told_by_its_flag() {
    let context = TestContext::new();
    let missing = context.path("missing.pem");
    let missing = missing.to_str().unwrap();
    let file = org_file(&context, ORG);
    for (args, status, words) in [
        (
            &["setup", "--standalone", "--base-image", "a b"] as &[&str],
            2,
            "--base-image",
        ),
        (
            &["setup", "--standalone", "--ca-certificate", missing],
            3,
            "with --ca-certificate",
        ),
        (&["org", "validate", &file, "--ca", missing], 3, "with --ca"),
        (&["setup", "--org", missing], 3, "cannot read"),
    ] {
        let run = scc(&context, args);
        assert_eq!(run.status, status, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
        for misleading in ["config.json", "scc org status"] {
            assert!(!run.stderr.contains(misleading), "{run:?}");
        }
    }
    assert!(!context.path("home/.config/scc/config.json").exists());
}

#[test]
fn doctor_tells_nobody_to_leave_an_organization() {
    let context = TestContext::new();
    let run = scc(&context, &["doctor"]);
    assert!(run.stdout.contains("scc org import SOURCE"), "{run:?}");
    let file = org_file(&context, ORG);
    scc(&context, &["setup", "--org", &file]).ok();
    let run = scc(&context, &["doctor"]);
    // There is no engine.
    assert_eq!(run.status, 5, "{run:?}");
    assert!(run.stdout.contains("Corp (corp), from "), "{run:?}");
    assert!(!run.stdout.contains("--standalone"), "{run:?}");
    std::fs::remove_file(&file).unwrap();
    let run = scc(&context, &["doctor", "--json"]);
    let checks = run.json()["data"].clone();
    let rules = checks.as_array().unwrap().iter();
    let rules: Vec<_> = rules.filter(|check| check["name"] == "rules").collect();
    assert_eq!(rules[0]["ok"], false, "{checks}");
    assert!(!checks.to_string().contains("--standalone"), "{checks}");
}

#[test]
fn a_person_is_asked() {
    let context = TestContext::new();
    let mut command = context.command(Path::new(SCRIPTED));
    command.arg("setup");
    let limit = Duration::from_secs(20);
    let mut terminal = Terminal::start(&command, 40, 120);
    terminal.wait_for_text("Whose rules apply", limit);
    terminal.send("\x1b[B\r");
    terminal.wait_for_text("certificate authority", limit);
    terminal.send("\r");
    terminal.wait_for_text("Which agent", limit);
    terminal.send("\r");
    assert_eq!(terminal.wait(limit), 0, "{}", terminal.screen());
    assert_eq!(settings(&context)["standalone"], true);
    assert!(settings(&context)["provider"].is_string());
}

#[test]
fn init_writes_one_file_and_never_over_another() {
    let context = TestContext::new();
    let workspace = context.workspace();
    let inside = workspace.join("src");
    std::fs::create_dir(&inside).unwrap();
    let run = scc(&context, &["init", inside.to_str().unwrap(), "--json"]).ok();
    assert_eq!(run.json()["kind"], "InitResult");
    let file = workspace.join(".scc.yaml");
    assert_eq!(run.json()["data"]["file"], json!(file));
    let mut git = context.command(Path::new("git"));
    git.args(["-c", "safe.directory=*", "status", "--porcelain"]);
    let status = git.current_dir(&workspace).output().unwrap().stdout;
    assert_eq!(String::from_utf8(status).unwrap(), "?? .scc.yaml\n");

    std::fs::write(&file, "network_policy: open\n").unwrap();
    let again = scc(&context, &["init", workspace.to_str().unwrap(), "-y"]);
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.stderr.contains("scc init --force"), "{again:?}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "network_policy: open\n"
    );

    // A link that an agent put there is replaced, not followed.
    let target = context.path("precious");
    std::fs::write(&target, "precious").unwrap();
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&target, &file).unwrap();
    scc(&context, &["init", workspace.to_str().unwrap(), "-f"]).ok();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    assert!(!file.is_symlink());

    let home = context.path("home");
    let run = scc(&context, &["init", home.to_str().unwrap()]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("--yes"), "{run:?}");
}

/// Each answer is checked at once, and asked for again where it is not usable.
#[test]
fn a_person_joins_an_organization() {
    let context = TestContext::new();
    let file = context.path("org.json");
    let missing = context.path("missing.pem");
    let mut command = context.command(Path::new(SCRIPTED));
    command.arg("setup");
    let limit = Duration::from_secs(20);
    let mut terminal = Terminal::start(&command, 60, 200);
    let mut answer = |question: &str, times: usize, answer: &str| {
        scc_testkit::wait_for(question, limit, || {
            (terminal.screen().matches(question).count() == times).then_some(())
        });
        terminal.send(answer);
    };
    answer("Whose rules apply", 1, "\r");
    answer("Its document", 1, "http://corp.example/org.json\r");
    answer("Its document", 2, &format!("{}\r", file.display()));
    answer("The PEM file", 1, &format!("{}\r", missing.display()));
    answer("The PEM file", 2, "\r");
    answer("Its document", 3, "");
    let file = org_file(&context, ORG);
    // What was typed before is suggested.
    answer("Its document", 3, "\r");
    answer("The PEM file", 3, "\r");
    answer("Which team", 1, "\x1b[B\r");
    answer("Which agent", 1, "\r");
    assert_eq!(terminal.wait(limit), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    // A file of this machine wants no credential.
    assert!(!screen.contains("Its credential"), "{screen}");
    for error in [
        "`http://corp.example/org.json`",
        "missing.pem`",
        "org.json`",
    ] {
        assert!(screen.contains(error), "{error}: {screen}");
    }
    let found = settings(&context);
    assert_eq!(found["organization"]["source"], file);
    assert_eq!(found["team"], "platform");
    // The only agent that the organization allows.
    assert_eq!(found["provider"], "script");
}
