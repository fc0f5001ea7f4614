use serde_json::json;

use crate::support::{Desk, org};

/// A desk whose rules let an agent start, apart from `more`.
fn desk(more: &serde_json::Value) -> Desk {
    let desk = Desk::new();
    let mut rules = org();
    rules["defaults"]["network_policy"] = json!("open");
    for (key, value) in more.as_object().unwrap() {
        rules["defaults"][key] = value.clone();
    }
    desk.org(&rules);
    desk
}

/// The only event of a launch in the audit log; it is taken out for the next one.
fn only_launch_event(desk: &Desk) -> serde_json::Value {
    let events = desk.events("launch.");
    assert_eq!(events.len(), 1, "{events:#?}");
    let log = desk
        .context
        .path("home/.local/state/scc/audit/events.jsonl");
    std::fs::remove_dir_all(log.parent().unwrap()).unwrap();
    events[0].clone()
}

#[test]
fn a_start_that_the_rules_refuse_is_recorded_as_refused() {
    for (rules, args, reason) in [
        (
            json!({ "allowed_providers": ["nobody"] }),
            &["start", "--provider", "script"] as &[&str],
            "may not be used",
        ),
        (
            json!({ "allowed_providers": ["nobody"] }),
            &["start"],
            "the rules allow no agent",
        ),
        (
            json!({}),
            &["start", "--standalone"],
            "a flag does not switch them off",
        ),
        (
            json!({}),
            &["start", "/etc", "--provider", "script"],
            "does not look like a workspace",
        ),
    ] {
        let desk = desk(&rules);
        let run = desk.run(args);
        assert_eq!(run.status, 6, "{run:?}");
        let event = only_launch_event(&desk);
        assert_eq!(event["event"], "launch.refused");
        let said = event["data"]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{said}");
        assert!(event["data"]["workspace"].is_string(), "{event}");
    }
}

#[test]
fn a_start_without_readable_rules_is_recorded_as_refused() {
    let desk = desk(&json!({}));
    std::fs::remove_file(desk.context.path("home/.config/scc/org.json")).unwrap();
    let run = desk.run(&["start", "--provider", "script"]);
    assert_eq!(run.status, 3, "{run:?}");
    let event = only_launch_event(&desk);
    assert_eq!(event["event"], "launch.refused");
    let said = event["data"]["reason"].as_str().unwrap();
    assert!(said.contains("org.json"), "{said}");
    assert_eq!(event["data"]["provider"], "script");

    desk.settings(&json!({ "standalne": true }));
    assert_eq!(desk.run(&["start"]).status, 3);
    assert_eq!(only_launch_event(&desk)["event"], "launch.refused");
    desk.settings(&json!({}));
    assert_eq!(desk.run(&["start"]).status, 5);
    assert_eq!(only_launch_event(&desk)["event"], "launch.refused");
}

#[test]
fn what_is_no_launch_is_not_recorded() {
    let desk = desk(&json!({ "allowed_providers": ["nobody"] }));
    let plan = desk.run(&["start", "--provider", "script", "--dry-run"]);
    assert_eq!(plan.status, 6, "{plan:?}");
    assert_eq!(desk.run(&["start", "/nonexistent"]).status, 1);
    assert!(desk.events("launch.").is_empty());
}

#[test]
fn no_agent_is_allowed_and_the_hint_shows_why() {
    let desk = desk(&json!({ "allowed_providers": ["nobody"] }));
    let run = desk.run(&["start"]);
    let hint = "scc config explain --field denied";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
    let shown = desk.run(&["config", "explain", "--field", "denied"]).ok();
    let why = "the organization does not allow this provider";
    assert!(shown.stdout.contains(why), "{}", shown.stdout);
}

/// A developer's own gateway could otherwise be any port of an internal machine.
#[test]
fn a_gateway_on_a_port_of_an_internal_host_is_the_organizations_to_name() {
    let desk = desk(&json!({
        "network_policy": "web-egress-enforced",
        "network": { "allowed_hosts": [{ "host": "gw.corp.example", "internal": true }] },
    }));
    let gateway = json!({ "script": { "base_url": "https://gw.corp.example:4000" } });
    let mut settings = desk.recorded();
    settings["providers"] = gateway.clone();
    desk.settings(&settings);
    let args = ["start", "--provider", "script", "--dry-run"];
    let run = desk.run(&args);
    assert_eq!(run.status, 6, "{run:?}");
    let why = "only the organization opens its port 4000";
    assert!(format!("{run:?}").contains(why), "{run:?}");

    let file = desk.context.path("home/.config/scc/org.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut rules: serde_json::Value = serde_json::from_str(&text).unwrap();
    rules["profiles"]["platform"]["providers"] = gateway;
    desk.org(&rules);
    let run = desk.run(&args);
    assert!(!format!("{run:?}").contains(why), "{run:?}");
    let explain = ["network", "explain", "gw.corp.example:4000"];
    let run = desk.run(&[&explain[..], &["--provider", "script"]].concat());
    assert!(run.stdout.contains("is allowed"), "{run:?}");
    let run = desk
        .run(&["config", "explain", "--field", "providers"])
        .ok();
    assert!(
        run.stdout.contains("https://gw.corp.example:4000"),
        "{run:?}"
    );
}
