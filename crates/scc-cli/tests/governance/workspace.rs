use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::{Desk, org};

#[test]
fn a_document_under_another_name_is_told() {
    let desk = Desk::new();
    let run = desk.run(&["config", "explain"]).ok();
    assert!(!run.stderr.contains("is not read"), "{}", run.stderr);
    std::fs::write(desk.workspace().join(".scc.yml"), "").unwrap();
    for args in [
        &["config", "explain"] as &[&str],
        &["start", "--dry-run", "--provider", "script"],
    ] {
        let run = desk.run(args);
        let told = "`.scc.yml` is not read: the workspace's document is `.scc.yaml`";
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
}

#[test]
fn a_plugin_without_a_marketplace_is_told_how_to_write_it() {
    let desk = Desk::new();
    let mut rules = org();
    rules["marketplaces"]["other"] = json!({ "source": "github", "owner": "o", "repo": "r" });
    rules["profiles"]["platform"] = json!({});
    desk.org(&rules);
    std::fs::write(
        desk.workspace().join(".scc.yaml"),
        "additional_plugins: [tool]\n",
    )
    .unwrap();
    let text = desk
        .run(&["config", "explain", "--field", "denied"])
        .ok()
        .stdout;
    assert!(text.contains("write it as NAME@MARKETPLACE"), "{text}");
}

/// An agent can put programs into the workspace, and a relative entry of PATH finds them there.
#[test]
fn no_program_of_the_workspace_fetches_documents() {
    let desk = Desk::new();
    let mark = desk.context.path("mark");
    let program = desk.workspace().join("git");
    std::fs::write(&program, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = ".:/usr/local/bin:/usr/bin:/bin";
    let args = ["org", "validate", "https://localhost:1/rules.git"];
    let run = desk.run_with(&args, &[("PATH", path)]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("rules.git"), "{run:?}");
    assert!(!mark.exists());
}

#[test]
fn who_restricts_the_network_is_said_also_where_no_organization_does() {
    let desk = Desk::blank();
    desk.settings(&json!({ "standalone": true }));
    let file = desk.workspace().join(".scc.yaml");
    let reason = || {
        let plan = desk.run(&["start", "--dry-run", "--json", "--provider", "script"]);
        let decisions = plan.json()["data"]["decisions"].clone();
        let mut decisions = decisions.as_array().unwrap().iter();
        let network = decisions.find(|decision| decision["subject"] == "network");
        network.unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason().starts_with("nothing restricts it"), "{}", reason());
    std::fs::write(&file, "network_policy: locked-down-web\n").unwrap();
    assert!(reason().starts_with("workspace ("), "{}", reason());
}
