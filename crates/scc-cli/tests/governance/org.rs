use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use scc_testkit::https::{HttpsServer, Reply};
use serde_json::{Value, json};

use crate::support::{Desk, org};

/// A server with the organization's document; 0 is fine, else a status.
fn site(document: Value) -> (HttpsServer, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(0));
    let shared = Arc::clone(&status);
    let server = HttpsServer::start(move |_| match shared.load(Ordering::SeqCst) {
        0 => Reply::ok(document.to_string()),
        status => Reply::status(status),
    });
    (server.unwrap(), status)
}

fn authority(desk: &Desk, server: &HttpsServer) -> String {
    let file = desk.context.path("ca.pem");
    std::fs::write(&file, server.authority()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn joining_is_recorded_after_the_document_was_checked() {
    let desk = Desk::blank();
    let (server, status) = site(org());
    let ca = authority(&desk, &server);
    let url = server.url("/org.json");
    desk.settings(&json!({ "standalone": true, "team": "gone" }));

    let args = ["org", "import", &url, "--ca", &ca, "--preview", "--json"];
    let data = desk.data(&args, "OrgImportPreview");
    assert_eq!(data["summary"]["teams"], json!(["platform", "web"]));
    assert_eq!(desk.recorded()["standalone"], true);

    status.store(500, Ordering::SeqCst);
    let run = desk.run(&["org", "import", &url, "--ca", &ca]);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(desk.recorded()["standalone"], true);
    status.store(0, Ordering::SeqCst);

    let run = desk.run(&["org", "import", &url, "--ca", &ca]).ok();
    assert!(run.stderr.contains("joined Corp (corp)"), "{}", run.stderr);
    assert!(
        run.stderr.contains("it has no team `gone`"),
        "{}",
        run.stderr
    );
    let recorded = desk.recorded();
    assert_eq!(recorded["standalone"], false);
    assert_eq!(recorded["organization"]["source"], url);
    assert_eq!(recorded.get("team"), None);
    let event = desk.last_event("organization.imported");
    assert_eq!(event["data"]["organization"], "corp");

    let asked = server.requests().len();
    let data = desk.data(&["org", "status", "--json"], "OrgStatus");
    assert_eq!(data["source"]["freshness"], "cached");
    assert_eq!(data["organization"]["id"], "corp");
    desk.data(&["org", "update", "--json"], "OrgUpdate");
    assert_eq!(server.requests().len(), asked);
    desk.run(&["org", "update", "-f"]).ok();
    assert!(server.requests().len() > asked);
    status.store(403, Ordering::SeqCst);
    let run = desk.run(&["org", "update", "-f"]);
    assert_eq!(run.status, 3);
    assert!(
        run.stderr.contains("does not let you read it (403)"),
        "{}",
        run.stderr
    );

    // The refused copy is within its time, and whole.
    let cache = desk.context.path("home/.cache/scc/documents");
    for entry in std::fs::read_dir(cache).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.to_string_lossy().contains("damaged"), "{path:?}");
    }
    let run = desk.run(&["config", "explain"]).ok();
    assert!(run.stderr.is_empty(), "{}", run.stderr);

    // Another one is not joined by accident.
    let other = desk.context.path("other.json");
    std::fs::write(&other, org().to_string()).unwrap();
    let other = other.to_str().unwrap();
    let run = desk.run(&["org", "import", other]);
    assert_eq!(run.status, 2, "{run:?}");
    desk.run(&["org", "import", other, "--yes"]).ok();
    assert_eq!(desk.recorded()["organization"]["source"], other);
}

#[test]
fn the_credential_of_the_environment_goes_along() {
    let desk = Desk::blank();
    let (server, _) = site(org());
    let ca = authority(&desk, &server);
    let url = server.url("/org.json");
    let validate = |more: &[&str], environment: &[(&str, &str)]| {
        let mut args = vec!["org", "validate", &url, "--ca", &ca];
        args.extend(more);
        desk.run_with(&args, environment).ok();
        let requests = server.requests();
        let last = requests.last().unwrap();
        last.header("authorization").map(str::to_owned)
    };
    let tokens = [("SCC_ORG_TOKEN", "abc"), ("GITHUB_TOKEN", "github")];
    assert_eq!(validate(&[], &tokens).as_deref(), Some("Bearer abc"));
    assert_eq!(validate(&[], &tokens[1..]), None);
    let named = ["--auth", "env:MINE"];
    let mine = validate(&named, &[("MINE", "mine"), ("SCC_ORG_TOKEN", "abc")]);
    assert_eq!(mine.as_deref(), Some("Bearer mine"));
}

#[test]
fn a_document_is_checked_with_every_finding() {
    let desk = Desk::blank();
    let mut wrong = org();
    wrong["defaults"]["enabled_plugins"] = json!(["evil@internal", "x@nowhere"]);
    let file = desk.context.path("org.json");
    std::fs::write(&file, format!("{wrong:#}")).unwrap();
    let file = file.to_str().unwrap();
    let run = desk.run(&["org", "validate", file, "--json"]);
    assert_eq!(run.status, 3, "{run:?}");
    let data = &run.json()["data"];
    assert_eq!(data["valid"], false);
    let rules: Vec<_> = data["findings"].as_array().unwrap().iter().collect();
    assert!(
        rules.iter().any(|found| found["rule"] == "plugin_blocked"),
        "{data}"
    );
    assert!(
        desk.run(&["org", "validate", "http://corp.example/x"])
            .status
            == 2
    );
    assert_eq!(desk.run(&["org", "validate", "/nothing"]).status, 3);
}

/// Warnings are for whoever keeps the document: it stays valid, and nothing is refused.
#[test]
fn what_is_probably_not_meant_is_warned_about() {
    let desk = Desk::blank();
    let mut doubtful = org();
    doubtful["defaults"]["allowed_providers"] = json!(["script", "scirpt"]);
    doubtful["security"]["blocked_mcp_servers"] = json!(["*.{a,b}.example"]);
    let file = desk.context.path("org.json");
    std::fs::write(&file, format!("{doubtful:#}")).unwrap();
    let run = desk.run(&["org", "validate", file.to_str().unwrap(), "--json"]);
    let envelope = run.ok().json();
    assert_eq!(envelope["data"]["valid"], true);
    let warnings = envelope["status"]["warnings"].to_string();
    for expected in [
        "this scc knows no provider `scirpt`; did you mean `script`?",
        "the pattern `*.{a,b}.example` has braces",
        "what team `platform` adds here is denied",
    ] {
        assert!(warnings.contains(expected), "{expected}: {warnings}");
    }
    assert!(!warnings.contains("`script`;"), "{warnings}");
}

/// Whoever takes a document hears the same, whichever command takes it.
#[test]
fn every_command_that_takes_a_document_warns_about_it() {
    let desk = Desk::blank();
    let mut doubtful = org();
    doubtful["organization"]["contct"] = json!("help@corp.example");
    doubtful["security"]["blocked_plugins"] = json!(["crypto-[a"]);
    doubtful["profiles"]["platform"]["enabled_bundles"] = json!(["core"]);
    doubtful["profiles"]["Platform"] = json!({});
    let file = desk.context.path("org.json");
    std::fs::write(&file, format!("{doubtful:#}")).unwrap();
    let file = file.to_str().unwrap();
    for args in [
        &["org", "validate", file] as &[&str],
        &["config", "validate", "--kind", "org", file],
        &["org", "import", "--preview", file],
        &["org", "import", file],
        &["setup", "--org", file, "--non-interactive"],
    ] {
        let run = desk.run(args).ok();
        let json = desk.run(&[args, &["--json", "--yes"][..]].concat());
        let json = match json.status {
            0 => json,
            _ => desk.run(&[args, &["--json"][..]].concat()).ok(),
        };
        let listed = json.json()["status"]["warnings"].to_string();
        for expected in [
            "nothing reads the key `contct`",
            "`crypto-[a` has a `[` without its `]`",
            "there is no bundle `core`",
            "differ in case only",
        ] {
            assert!(run.stderr.contains(expected), "{args:?}: {run:?}");
            assert!(listed.contains(expected), "{args:?}: {listed}");
        }
    }
    // A team hears what is about it.
    let run = desk.run(&["team", "validate", "platform"]);
    assert!(run.stderr.contains("there is no bundle `core`"), "{run:?}");
    assert!(!run.stderr.contains("contct"), "{run:?}");
    let own = desk.context.path("team-config.json");
    let text = r#"{"schema_version": "1.0.0", "disabled_plugins": ["x[a"]}"#;
    std::fs::write(&own, text).unwrap();
    let run = desk.run(&["team", "validate", "--file", own.to_str().unwrap()]);
    assert!(run.ok().stderr.contains("`x[a` has a `[`"), "{own:?}");
}

/// One run names every mistake, also in the structure.
#[test]
fn every_mistake_of_the_structure_is_named() {
    let desk = Desk::blank();
    let mut wrong = org();
    wrong["securty"] = json!({});
    wrong["defaults"]["network_policy"] = json!("web-egress");
    wrong["profiles"]["web"] = json!({ "allowed_plugins": [] });
    let file = desk.context.path("org.json");
    std::fs::write(&file, format!("{wrong:#}")).unwrap();
    let run = desk.run(&["org", "validate", file.to_str().unwrap(), "--json"]);
    assert_eq!(run.status, 3, "{run:?}");
    let findings = run.json()["data"]["findings"].clone();
    assert_eq!(findings.as_array().unwrap().len(), 3, "{findings}");
}

#[test]
fn templates_are_written_and_valid() {
    let desk = Desk::blank();
    let list = desk.data(&["org", "init", "-l", "--json"], "OrgTemplateList");
    assert_eq!(list.as_array().unwrap().len(), 4);
    for template in ["minimal", "teams", "strict", "reference"] {
        let file = format!("{template}.json");
        desk.run(&[
            "org",
            "init",
            "-t",
            template,
            "-n",
            "Corp",
            "-d",
            "corp.example",
            "-o",
            &file,
        ])
        .ok();
        let run = desk.run(&["org", "validate", &file]).ok();
        assert!(run.stdout.contains("valid, Corp"), "{}", run.stdout);
        // What is a start for others asks for nothing that stops a launch.
        assert!(!run.stderr.contains("are refused"), "{}", run.stderr);
    }
    let run = desk.run(&["org", "init", "-o", "strict.json"]);
    assert_eq!(run.status, 1);
    desk.run(&["org", "init", "-o", "strict.json", "-f"]).ok();
    let printed = desk.run(&["org", "init", "--stdout"]).ok().stdout;
    serde_json::from_str::<Value>(&printed).unwrap();
    let schema = desk.run(&["org", "schema"]).ok().stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["security"].is_object());
    desk.data(&["org", "schema", "team", "--json"], "OrgSchema");
}

#[test]
fn a_document_that_cannot_be_had_is_told_with_its_source() {
    let desk = Desk::blank();
    let source = "https://localhost:1/org.json";
    desk.settings(&json!({ "organization": { "source": source } }));
    let run = desk.run(&["org", "status"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stdout.contains(&format!("source      {source}")),
        "{run:?}"
    );
    assert!(run.stderr.contains("scc org update"), "{run:?}");
    for misleading in ["--offline", "scc org status"] {
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains(misleading), "{misleading}: {all}");
    }
    let run = desk.run(&["org", "status", "--json"]);
    let envelope = run.json();
    assert_eq!(envelope["status"]["ok"], false);
    assert_eq!(envelope["data"]["recorded_source"], source);

    let run = desk.run(&["org", "validate", source]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(!run.stderr.contains("scc org status"), "{run:?}");
}

#[test]
fn status_says_that_the_rules_cannot_be_read() {
    let desk = Desk::new();
    let engine = "the rules are there; the engine is not";
    let run = desk.run(&["status", "--json"]).ok();
    assert_eq!(run.json()["status"]["ok"], true, "{engine}");
    std::fs::remove_file(desk.context.path("home/.config/scc/org.json")).unwrap();
    let run = desk.run(&["status"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stdout
            .contains("nothing starts: the organization's document cannot be read")
    );
    let envelope = desk.run(&["status", "--json"]).json();
    assert_eq!(envelope["status"]["ok"], false);
    assert!(envelope["data"]["rules_error"].is_string());
}

#[test]
fn a_document_in_the_workspace_is_told_from_one_beside_it() {
    let desk = Desk::blank();
    let refused = |args: &[&str]| {
        let run = desk.run(args);
        let refused = run.stderr.contains("is in the workspace");
        assert_eq!(run.status == 6, refused, "{run:?}");
        refused
    };
    let text = org().to_string();
    std::fs::create_dir(desk.context.path("corp")).unwrap();
    std::fs::write(desk.context.path("corp/org.json"), &text).unwrap();
    std::fs::write(desk.workspace().join("org.json"), &text).unwrap();
    let link = desk.context.path("corp/link.json");
    std::os::unix::fs::symlink(desk.workspace().join("org.json"), link).unwrap();
    let start = ["start", "--dry-run", "--provider", "script"];
    for (source, expected) in [
        ("../corp/org.json", false),
        ("org.json", true),
        ("../corp/link.json", true),
    ] {
        desk.run(&["setup", "--org", source, "--yes"]).ok();
        let recorded = desk.recorded()["organization"]["source"].clone();
        assert!(!recorded.as_str().unwrap().contains(".."), "{recorded}");
        assert_eq!(refused(&["config", "explain"]), expected, "{source}");
        assert_eq!(refused(&start), expected, "{source}");
        desk.run(&["org", "import", source, "--yes"]).ok();
        assert_eq!(desk.recorded()["organization"]["source"], recorded);
    }
    let before = desk.context.path("ws/../corp/org.json");
    desk.settings(&json!({ "organization": { "source": before } }));
    assert!(!refused(&["config", "explain"]));
}

#[test]
fn standalone_has_no_organization() {
    let desk = Desk::blank();
    desk.settings(&json!({ "standalone": true }));
    let data = desk.data(&["org", "status", "--json"], "OrgStatus");
    assert_eq!(data["standalone"], true);
    assert_eq!(desk.run(&["org", "update"]).status, 1);
}

#[test]
fn the_documents_of_teams_are_fetched_by_name_or_all_together() {
    let desk = Desk::blank();
    let (server, status) = site(json!({ "schema_version": "1.0.0" }));
    let ca = authority(&desk, &server);
    let mut document = org();
    for team in ["web", "data"] {
        let url = server.other_url(&format!("/{team}.json"));
        document["profiles"][team] = json!({ "config_source": { "source": "url", "url": url } });
    }
    desk.org(&document);
    desk.settings(&json!({
        "organization": { "source": "org.json" }, "team": "platform", "ca_certificates": [ca],
    }));
    let update = |more: &[&str]| {
        let args = [&["org", "update", "--json"], more].concat();
        let run = desk.run(&args);
        let teams = run.json()["data"]["teams"].clone();
        (run.status, teams)
    };
    // The chosen team keeps no document of its own.
    assert_eq!(update(&[]), (0, json!([])));
    status.store(503, Ordering::SeqCst);
    let (code, teams) = update(&["--all"]);
    assert_eq!(code, 3);
    let names: Vec<_> = teams
        .as_array()
        .unwrap()
        .iter()
        .map(|team| &team["team"])
        .collect();
    assert_eq!(names, ["data", "web"]);
    assert!(
        teams[0]["error"].as_str().unwrap().contains("(503)"),
        "{teams}"
    );

    status.store(0, Ordering::SeqCst);
    let asked = server.requests().len();
    let (code, teams) = update(&["-t", "web"]);
    assert_eq!((code, &teams[0]["error"]), (0, &Value::Null));
    assert_eq!(teams[0]["source"]["freshness"], "fresh");
    assert_eq!(server.requests().len(), asked + 1);
    assert_eq!(desk.run(&["org", "update", "-t", "nobody"]).status, 1);
    assert_eq!(desk.run(&["org", "update", "-t", "web", "-a"]).status, 2);
    let run = desk.run(&["org", "update", "-t", "platform"]).ok();
    assert!(
        run.stdout.contains("keeps no document of its own"),
        "{}",
        run.stdout
    );
}
