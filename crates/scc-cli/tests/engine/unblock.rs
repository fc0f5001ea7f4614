//! Exceptions, where they bite: in the next launch, and in its sandbox.

use std::process::Command;

use scc_testkit::context::TestContext;
use scc_testkit::wait_for;
use serde_json::{Value, json};

use crate::support::{LIMIT, agent, context, scc};

/// A team that asks for a server that nobody delegated. The sandbox reaches only what the rules
/// list, and the hosts of the servers that they let through.
fn rules(more: &Value) -> Value {
    let mut rules = json!({
        "schema_version": "1.0.0",
        "organization": { "name": "Corp", "id": "corp", "contact": "help@corp.example" },
        "security": { "blocked_mcp_servers": ["*.bad.invalid"] },
        "defaults": { "network_policy": "web-egress-enforced" },
        "profiles": { "platform": { "additional_mcp_servers": [
            { "name": "maps", "type": "http", "url": "https://maps.corp.invalid/mcp" },
        ] } },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        rules[key] = value.clone();
    }
    rules
}

fn governed() -> TestContext {
    let context = context();
    publish(&context, &json!({}));
    // What is blocked stands in the workspace: the organization's own document may not have it.
    let project = "additional_mcp_servers: [{name: evil, type: http, url: \"https://mcp.bad.invalid/mcp\"}]\n";
    std::fs::write(context.workspace().join(".scc.yaml"), project).unwrap();
    context.configure(&json!({
        "standalone": false,
        "organization": { "source": "org.json" },
        "team": "platform",
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    context
}

fn publish(context: &TestContext, more: &Value) {
    let file = context.path("home/.config/scc/org.json");
    std::fs::write(file, rules(more).to_string()).unwrap();
}

/// What `config explain` says about a server: `allowed`, or why not.
fn explained(context: &TestContext, server: &str) -> String {
    let data = scc(context, &["config", "explain", "--json"]).ok().json()["data"].clone();
    let named = |list: &str, key: &str| {
        let all = data[list].as_array().unwrap().iter();
        all.clone()
            .any(|entry| *entry.pointer(key).unwrap() == server)
    };
    match () {
        () if named("mcp_servers", "/server/name") => "allowed".to_owned(),
        () if named("blocked", "/item") => "blocked".to_owned(),
        () if named("denied", "/item") => "denied".to_owned(),
        () => "unknown".to_owned(),
    }
}

/// Asks the proxy for a tunnel, and prints the status of its answer.
const TUNNEL: &str = r#"
at=${HTTPS_PROXY#*://}; at=${at%/}
exec 3<>"/dev/tcp/${at%:*}/${at##*:}"
printf 'CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n' "$host" "$host" >&3
read -r _ status _ <&3
echo "$status"
"#;

/// Whether a new sandbox's proxy lets a host through. The names exist nowhere: a host that is let
/// through cannot be found, one that is not is refused.
fn reached(context: &TestContext, host: &str) -> bool {
    let status = agent(context, &format!("host={host}{TUNNEL}"));
    assert!(
        ["403", "500", "502", "503", "504"].contains(&status.trim()),
        "{host}: {status}"
    );
    status.trim() != "403"
}

#[test]
fn unblock_changes_the_next_launch_until_its_time_is_over() {
    let context = governed();
    assert_eq!(explained(&context, "maps"), "denied");
    assert!(!reached(&context, "maps.corp.invalid"));

    scc(
        &context,
        &["unblock", "maps", "--reason", "a test", "--yes"],
    )
    .ok();
    assert_eq!(explained(&context, "maps"), "allowed");
    assert!(reached(&context, "maps.corp.invalid"));
    // Nothing else was opened by it.
    assert!(!reached(&context, "mcp.bad.invalid"));

    end(&context);
    assert_eq!(explained(&context, "maps"), "denied");
    assert!(!reached(&context, "maps.corp.invalid"));
}

/// Its time is over a moment from now.
fn end(context: &TestContext) {
    let file = context.path("home/.config/scc/exceptions.json");
    let mut stored: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let now = Command::new("date")
        .args(["-u", "-d", "+1 second", "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    let soon = String::from_utf8(now.stdout).unwrap();
    stored["exceptions"][0]["expires_at"] = json!(soon.trim());
    std::fs::write(&file, stored.to_string()).unwrap();
    wait_for("the end of the exception", LIMIT, || {
        (explained(context, "maps") == "denied").then_some(())
    });
}

#[test]
fn only_an_exception_of_the_organization_lifts_a_block() {
    let context = governed();
    let run = scc(&context, &["unblock", "evil", "--reason", "r", "--yes"]);
    assert_eq!(run.status, 6, "{run:?}");
    let everything = [
        "exceptions",
        "create",
        "--allow-mcp",
        "*",
        "--reason",
        "r",
        "--yes",
    ];
    scc(&context, &everything).ok();
    assert_eq!(explained(&context, "evil"), "blocked");
    assert!(!reached(&context, "mcp.bad.invalid"));
    assert!(reached(&context, "maps.corp.invalid"));

    let entry = [
        "exceptions",
        "create",
        "--policy",
        "--allow-mcp",
        "evil",
        "--reason",
        "a review",
    ];
    let entry: Value = serde_json::from_str(&scc(&context, &entry).ok().stdout).unwrap();
    publish(&context, &json!({ "exceptions": [entry] }));
    assert_eq!(explained(&context, "evil"), "allowed");
    assert!(reached(&context, "mcp.bad.invalid"));
}
