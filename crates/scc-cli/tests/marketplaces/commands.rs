//! What commands say about plugins and MCP servers.

use scc_testkit::context::Run;
use serde_json::{Value, json};

use crate::Desk;

/// Rules with a plugin, and a team with a plugin that nobody lets it add and with servers of every kind.
fn desk() -> Desk {
    let desk = Desk::new();
    let file = desk.context.path("org.json");
    let mut org: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    org["delegation"] = json!({ "teams": { "allow_additional_mcp_servers": ["t"] } });
    org["profiles"] = json!({ "t": { "additional_plugins": ["bad@m"], "additional_mcp_servers": [
        { "name": "web.one", "type": "http", "url": "https://mcp.example/x" },
        { "name": "events", "type": "sse", "url": "https://mcp.example/sse" },
        { "name": "tool", "type": "stdio", "command": "/bin/cat" },
    ] } });
    std::fs::write(file, org.to_string()).unwrap();
    desk.scc(&["team", "switch", "t"]).ok();
    desk
}

fn ended(run: &Run, status: i32, part: &str) {
    assert_eq!(run.status, status, "{run:?}");
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains(part), "no `{part}` in {said}");
}

#[test]
fn plugins_are_listed_and_explained() {
    let desk = desk();
    let commit = desk.push();
    let data = desk.scc(&["plugin", "list", "--json"]).ok().json()["data"].clone();
    assert_eq!(data["provider"], "codex");
    assert_eq!(data["plugins"].as_array().unwrap().len(), 1);
    let plugin = &data["plugins"][0];
    assert_eq!(plugin["plugin"], "p@m");
    assert_eq!(plugin["delivered"], true);
    assert_eq!(plugin["origin"]["layer"], "organization");
    assert_eq!(plugin["marketplace"]["commit"], commit.as_str());

    let run = desk.scc(&["plugin", "list"]).ok();
    assert!(run.stdout.contains(&commit[..12]), "{run:?}");
    assert!(run.stdout.contains("1 not let in"), "{run:?}");

    ended(&desk.scc(&["plugin", "why", "p"]), 0, &commit[..12]);
    ended(&desk.scc(&["plugin", "why", "P@m"]), 0, "gets it");
    ended(
        &desk.scc(&["plugin", "why", "bad"]),
        6,
        "delegation.teams.allow_additional_plugins",
    );
    ended(
        &desk.scc(&["plugin", "why", "other"]),
        1,
        "nobody asks for the plugin `other`",
    );
    ended(
        &desk.scc(&["plugin", "why", "badd"]),
        1,
        "did you mean `bad`?",
    );
}

#[test]
fn the_audit_of_plugins_has_both_sides() {
    let desk = desk();
    let commit = desk.push();
    let data = desk.scc(&["audit", "plugins", "--json"]).ok().json()["data"].clone();
    assert_eq!(data["plugins"][0]["plugin"], "p@m");
    assert_eq!(data["plugins"][0]["marketplace"]["commit"], commit.as_str());
    let refused = &data["refused"][0];
    assert_eq!(
        (&refused["item"], &refused["outcome"]),
        (&json!("bad@m"), &json!("denied"))
    );
    ended(&desk.scc(&["audit", "plugins"]), 0, "plugin bad@m");
}

/// What cannot be handed over is not listed as handed over.
#[test]
fn a_plugin_that_cannot_be_had_is_listed_with_the_reason() {
    let desk = desk();
    desk.catalog(&json!([]));
    desk.push();
    ended(&desk.scc(&["plugin", "list"]), 0, "does not get it");
    ended(&desk.scc(&["plugin", "why", "p"]), 6, "has no such plugin");
}

#[test]
fn servers_are_listed_and_explained() {
    let desk = desk();
    desk.push();
    let list = |more: &[&str]| {
        let run = desk.scc(&[&["mcp", "list", "--json"], more].concat());
        run.ok().json()["data"].clone()
    };
    let data = list(&[]);
    let state = |data: &Value, name: &str| {
        let servers = data["servers"].as_array().unwrap().clone();
        let server = servers.into_iter().find(|server| server["name"] == name);
        server.unwrap()
    };
    assert_eq!(state(&data, "web_one")["delivered"], true);
    assert_eq!(state(&data, "web_one")["origin"]["layer"], "team");
    assert_eq!(state(&data, "events")["delivered"], false);
    assert_eq!(data["refused"][0]["item"], "tool");
    assert_eq!(data["refused"][0]["reason"], "stdio-not-allowed");
    assert_eq!(
        state(&list(&["--provider", "claude"]), "events")["delivered"],
        true
    );

    let why = |name: &str| desk.scc(&["mcp", "why", name]);
    ended(&why("web.one"), 0, "gets it");
    ended(&why("events"), 6, "does not speak `sse`");
    ended(&why("tool"), 6, "security.allow_stdio_mcp");
    ended(&why("other"), 1, "nobody asks for the MCP server `other`");
    // As agents and lists write it.
    ended(&why("web_one"), 1, "did you mean `web.one`?");
}
