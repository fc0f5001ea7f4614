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
