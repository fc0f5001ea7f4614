use serde_json::json;

use crate::support::{Desk, org};

#[test]
fn teams_are_listed_described_and_chosen() {
    let desk = Desk::new();
    let data = desk.data(&["team", "list", "--json"], "TeamList");
    assert_eq!(data["teams"][0]["name"], "platform");
    assert_eq!(data["teams"][0]["current"], true);
    let data = desk.data(&["team", "info", "platform", "--json"], "TeamInfo");
    assert_eq!(data["may_add_plugins"], false);
    assert_eq!(data["additional_mcp_servers"], json!(["gis"]));
    assert!(
        desk.run(&["team", "info", "platform"])
            .ok()
            .stdout
            .contains("Builds things")
    );
    let run = desk.run(&["team", "info", "nobody"]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.contains("it has: platform, web"),
        "{}",
        run.stderr
    );

    assert_eq!(desk.run(&["team", "current"]).ok().stdout, "platform\n");
    desk.data(
        &["team", "switch", "web", "--workspace", "--json"],
        "TeamSwitch",
    );
    let data = desk.data(&["team", "current", "--json"], "TeamCurrent");
    assert_eq!(
        data["team"],
        json!({ "name": "web", "origin": "workspace" })
    );
    assert_eq!(desk.recorded()["team"], "platform");
    let run = desk.run(&["team", "switch", "platform"]).ok();
    let pinned = "a team of its own, which still applies here: web";
    assert!(run.stderr.contains(pinned), "{}", run.stderr);
    desk.run(&["team", "switch", "--none", "--workspace"]).ok();
    let run = desk.run(&["team", "switch", "platform"]).ok();
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    desk.run(&["team", "switch", "web"]).ok();
    assert_eq!(desk.recorded()["team"], "web");
    assert_eq!(desk.run(&["team", "switch", "nobody"]).status, 1);
    let run = desk.run(&["team", "switch"]);
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("scc team switch NAME"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_a_workspace_has_for_itself_is_said() {
    let desk = Desk::new();
    desk.run(&["team", "switch", "web", "--workspace"]).ok();
    let run = desk.run(&["status"]).ok();
    let pinned = "team web of this workspace";
    assert!(run.stdout.contains(pinned), "{}", run.stdout);
    let data = desk.data(&["status", "--json"], "Status");
    assert_eq!(data["team"], "web");
    assert_eq!(data["team_origin"], "workspace");

    let run = desk.run(&["team", "switch", "--none", "--workspace"]).ok();
    let said = "no team of its own any more; yours applies: platform";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert_eq!(desk.run(&["team", "current"]).ok().stdout, "platform\n");
    desk.run(&["team", "switch", "--none"]).ok();
    let run = desk.run(&["team", "switch", "--none", "--workspace"]).ok();
    let said = "and nor have you; the organization's baseline applies";
    assert!(run.stderr.contains(said), "{}", run.stderr);
}

#[test]
fn a_team_that_is_gone_can_be_left() {
    let desk = Desk::new();
    desk.settings(&json!({ "organization": { "source": "org.json" }, "team": "gone" }));
    let run = desk.run(&["config", "explain"]);
    assert_eq!(run.status, 3);
    assert!(
        run.stderr.contains("scc team switch NAME"),
        "{}",
        run.stderr
    );
    assert_eq!(desk.run(&["team", "current"]).status, 1);
    desk.run(&["team", "list"]).ok();
    desk.run(&["team", "switch", "web"]).ok();
    desk.run(&["config", "explain"]).ok();
}

#[test]
fn a_team_is_checked_against_the_organization() {
    let desk = Desk::new();
    let run = desk.run(&["team", "validate", "--json"]);
    assert_eq!(run.status, 6, "{run:?}");
    let data = &run.json()["data"];
    assert_eq!(data["team"], "platform");
    assert_eq!(data["refused"].as_array().unwrap().len(), 2);
    let mut fine = org();
    fine["profiles"]["platform"] = json!({});
    desk.org(&fine);
    desk.run(&["team", "validate"]).ok();
    let file = desk.context.path("team.json");
    std::fs::write(&file, "{\"schema_version\": \"1.0.0\", \"plugins\": []}").unwrap();
    let run = desk.run(&["team", "validate", "-f", file.to_str().unwrap()]);
    assert_eq!(run.status, 3);
    assert!(
        run.stdout.contains("unknown key `plugins`"),
        "{}",
        run.stdout
    );
}

/// What others ask for, or nobody, is not the team's business.
#[test]
fn a_team_that_asks_for_nothing_wrong_is_valid() {
    let desk = Desk::new();
    let mut rules = org();
    rules["defaults"]["allowed_providers"] = json!(["script"]);
    rules["exceptions"] = json!([{
        "id": "old", "reason": "r", "expires_at": "2020-01-01T00:00:00Z",
        "allow": { "plugins": ["evil"] },
    }]);
    desk.org(&rules);
    let run = desk.run(&["team", "validate", "web"]).ok();
    assert!(
        run.stdout.contains("everything that it asks for"),
        "{run:?}"
    );
    rules["profiles"]["web"] = json!({ "allowed_providers": ["script", "other"] });
    desk.org(&rules);
    let run = desk.run(&["team", "validate", "web"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stdout.contains("provider other"), "{run:?}");
    assert!(!run.stdout.contains("claude"), "{run:?}");
}

#[test]
fn a_teams_own_document_is_checked_before_it_is_published() {
    let desk = Desk::new();
    let mut rules = org();
    rules["profiles"]["web"] = json!({
        "config_source": { "source": "url", "url": "https://localhost:1/web.json" },
        "trust": { "inherit_org_marketplaces": true },
    });
    desk.org(&rules);
    let file = desk.context.path("web.json");
    let file = file.to_str().unwrap();
    let run = desk.run(&["config", "explain", "--team", "web"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("scc team info web"), "{run:?}");
    let validate = |plugins: &str| {
        let text =
            format!("{{\"schema_version\": \"1.0.0\", \"enabled_plugins\": [\"{plugins}\"]}}");
        std::fs::write(file, text).unwrap();
        desk.run(&["team", "validate", "web", "--file", file, "--json"])
    };
    let run = validate("evil@internal");
    assert_eq!(run.status, 6, "{run:?}");
    let data = &run.json()["data"];
    assert_eq!(data["refused"][0]["reason"], "blocked-by-security");
    assert_eq!(data["refused"][0]["layer"], "team-document");
    rules["delegation"]["teams"] = json!({ "allow_additional_plugins": ["web"] });
    desk.org(&rules);
    let run = validate("fine@internal").ok();
    assert_eq!(run.json()["data"]["valid"], true);
    let run = desk.run(&["team", "validate", "platform", "--file", file]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(
        run.stderr.contains("keeps no document of its own"),
        "{run:?}"
    );
    desk.run(&["team", "validate", "--file", file]).ok();
}
