//! MCP servers of the network where the proxy is the only way out: what the rules accept is reached by
//! the agents, and what they deny by nobody.

use scc_testkit::https::{Reply, Request};
use scc_testkit::mcp;
use scc_testkit::model::Step;
use serde_json::{Value, json};

use super::agents::answer;
use super::world::{Plan, World};
use crate::bench::{Agent, CLAUDE, CODEX};

/// A server that the team has; workspaces may ask for others.
const TEAM: &str = "delegation: {teams: {allow_additional_mcp_servers: [t]}, \
     projects: {inherit_team_delegation: true}}\nprofiles:\n  t:\n    \
     delegation: {allow_project_overrides: true}\n    additional_mcp_servers:\n      \
     - {name: web, type: http, url: \"https://accepted.test/mcp\"}\n";
/// What the workspace asks for and does not get.
const OUTLAW: &str =
    "additional_mcp_servers:\n- {name: outlaw, type: http, url: \"https://denied.test/mcp\"}\n";
const BLOCKED: &str = ", blocked_mcp_servers: [\"https://denied.test/mcp\"]";

/// The model and the servers, as hosts of the internet.
fn internet(request: &Request, script: &[Step]) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match (request.method.as_str(), request.path()) {
        ("POST", "/mcp") => match mcp::answer(&body) {
            Some(said) => {
                Reply::ok(said.to_string()).with_header("content-type", "application/json")
            }
            None => Reply::status(202),
        },
        (_, "/mcp") => Reply::status(405),
        _ => answer(request, script),
    }
}

/// The same call of the tool, by hand, to each of both.
fn by_hand() -> String {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call" });
    let ask = |host: &str| {
        format!(
            "curl -sS -H 'content-type: application/json' --data '{call}' https://{host}/mcp \
             >{host} 2>&1"
        )
    };
    format!("{}; {}", ask("accepted.test"), ask("denied.test"))
}

fn world(agent: Agent) -> World {
    let script = [
        Step::Mcp {
            server: "web".to_owned(),
            tool: "hello".to_owned(),
        },
        Step::Shell(by_hand()),
        Step::Say("all done here".to_owned()),
    ];
    let mut section = json!({
        "base_url": format!("https://model.test{}", agent.path),
        "api_key": "command:echo test-key",
    });
    if let Some(model) = agent.model {
        section["model"] = json!(model);
    }
    let plan = Plan {
        network: "{}",
        security: BLOCKED,
        more: TEAM,
        zone: &["model.test=@", "accepted.test=@", "denied.test=@"],
        names: &["model.test", "accepted.test", "denied.test"],
        settings: json!({
            "team": "t", "provider": agent.id, "providers": { agent.id: section },
        }),
        ..Plan::default()
    };
    let world = World::serving(&plan, move |request| internet(request, &script));
    std::fs::write(world.context.workspace().join(".scc.yaml"), OUTLAW).unwrap();
    world
}

/// The methods of the protocol that a host was asked for, in their order.
fn asked(world: &World, host: &str) -> Vec<String> {
    let requests = world.server.requests().into_iter();
    let of_host = requests.filter(|one| one.header("host") == Some(host));
    of_host
        .map(|one| {
            let body: Value = serde_json::from_slice(&one.body).unwrap_or_default();
            body["method"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

fn only_the_accepted_one_is_reached(agent: Agent) {
    let world = world(agent);
    let mut start = ["start", "--provider", agent.id, "--"]
        .map(str::to_owned)
        .to_vec();
    start.extend(agent.turn(&[], "do what the script says"));
    let words: Vec<_> = start.iter().map(String::as_str).collect();
    let run = world.scc(&words).ok();
    assert!(run.stdout.contains("all done here"), "{run:?}");

    // The agent has called the one, and knows nothing of the other.
    let asked_model = world.server.requests().into_iter();
    let asked_model = asked_model.filter(|one| one.header("host") == Some("model.test"));
    let told: Vec<_> = asked_model
        .map(|one| String::from_utf8_lossy(&one.body).into_owned())
        .collect();
    let told = told.join("\n") + &run.stdout;
    assert!(told.contains("hello from the web"), "{told}");
    assert!(
        told.contains("mcp__web") && !told.contains("outlaw"),
        "{told}"
    );
    let methods = asked(&world, "accepted.test");
    for method in ["initialize", "tools/list", "tools/call"] {
        assert!(methods.iter().any(|one| one == method), "{methods:?}");
    }

    // By hand the one answers as well; the other is out of reach, and nobody even asks where it is.
    let answer =
        |host: &str| std::fs::read_to_string(world.context.workspace().join(host)).unwrap();
    let accepted = answer("accepted.test");
    assert!(accepted.contains("hello from the web"), "{accepted}");
    let denied = answer("denied.test");
    assert!(denied.contains("403"), "{denied}");
    assert!(!denied.contains("hello"), "{denied}");
    let calls = methods.iter().filter(|one| *one == "tools/call").count();
    assert_eq!(calls, 2, "the agent's and the one by hand: {methods:?}");
    assert_eq!(asked(&world, "denied.test"), Vec::<String>::new());
    let questions = world.internet.questions();
    let about = |host: &str| questions.iter().any(|line| line.starts_with(host));
    assert!(about("accepted.test "), "{questions:?}");
    assert!(!about("denied.test "), "{questions:?}");
    let hosts = world.scc(&["network", "explain"]).ok().stdout;
    assert!(hosts.contains("accepted.test"), "{hosts}");
    assert!(!hosts.contains("denied.test"), "{hosts}");
}

#[test]
fn claude_code_reaches_the_accepted_server_only() {
    only_the_accepted_one_is_reached(CLAUDE);
}

#[test]
fn codex_reaches_the_accepted_server_only() {
    only_the_accepted_one_is_reached(CODEX);
}
