//! Plugins and MCP servers in the real agents, with a scripted model.

use scc_testkit::mcp::McpServer;
use scc_testkit::model::Step;
use scc_testkit::pty::Terminal;
use scc_testkit::wait_for;
use serde_json::{Value, json};

use crate::bench::{AGENTS, Agent, Bench, CLAUDE, CODEX, Rules, output};
use crate::support::{LIMIT, go_on_here, scc};

fn shell(command: &str) -> Step {
    Step::Shell(command.to_owned())
}

/// What an allowed plugin brings along, and nothing of a blocked one.
fn an_allowed_plugin_loads(agent: Agent) {
    let script = vec![shell("cat /tmp/hook-ran"), shell("cat /tmp/hook-ran")];
    let bench = Bench::new(agent, script, Rules::default());
    let before = bench.repository();
    let run = bench.start(&[]).ok();
    let seen = bench.seen(&run);
    for (what, name) in [("skill", "greeter:greet"), ("command", "greeter:deploy")] {
        assert!(seen.contains(name), "no {what} {name} in {seen}");
    }
    assert!(!seen.contains("blocked:"), "{seen}");
    // The hook ran before the first call of a tool, out of the plugin's own folder.
    let results = bench.model.requests().last().unwrap().body.to_string();
    assert!(results.contains("hook ran in "), "{results}");
    assert!(!results.contains("blocked hook"), "{results}");
    assert_eq!(
        bench.repository(),
        before,
        "files of the repository changed"
    );
    let audit = scc(&bench.context, &["audit", "--json"]).ok().stdout;
    assert!(audit.contains("greeter@house"), "{audit}");
}

#[test]
fn claude_code_gets_an_allowed_plugin() {
    an_allowed_plugin_loads(CLAUDE);
}

#[test]
fn codex_gets_an_allowed_plugin() {
    an_allowed_plugin_loads(CODEX);
}

/// The agent's own screen asks nothing about what the rules hand it.
fn the_screen_asks_nothing(agent: Agent, ready: &str) {
    let bench = Bench::new(
        agent,
        Vec::new(),
        Rules {
            team: |bench| {
                let server = json!({ "name": "tool", "type": "stdio", "command": bench.stdio() });
                json!({ "additional_mcp_servers": [server] })
            },
            security: json!({ "allow_stdio_mcp": true }),
            ..Rules::default()
        },
    );
    let mut terminal = Terminal::start(&bench.command(&["start"]), 40, 120);
    go_on_here(&mut terminal);
    terminal.wait_for_text(ready, LIMIT);
    terminal.send("say the word");
    terminal.wait_for_text("say the word", LIMIT);
    terminal.send("\r");
    wait_for("a question to the model", LIMIT, || {
        let requests = bench.model.requests();
        let asked = requests.iter().find(|request| request.method == "POST")?;
        let body = asked.body.to_string();
        assert!(body.contains("greeter:greet"), "{body}");
        Some(())
    });
    assert_eq!(
        terminal.press_until_end("\x03", LIMIT),
        0,
        "{}",
        terminal.screen()
    );
}

#[test]
fn claude_code_starts_its_screen() {
    the_screen_asks_nothing(CLAUDE, "bypass permissions on");
}

#[test]
fn codex_starts_its_screen() {
    the_screen_asks_nothing(CODEX, "OpenAI Codex");
}

/// Servers of the team.
fn team(web: &McpServer, stdio: &str) -> Value {
    let server = |name: &str, kind: &str, url: String| {
        json!({ "name": name, "type": kind, "url": url,
                "headers": { "Authorization": "Bearer ${TICKET_TOKEN}" } })
    };
    json!({ "additional_mcp_servers": [
        { "name": "tool", "type": "stdio", "command": stdio, "args": ["one", "two words"],
          "env": { "TOKEN": "${TOOL_TOKEN}" } },
        server("web", "http", web.url("/mcp")),
        server("events", "sse", web.url("/sse")),
    ] })
}

/// A stdio and an http server are called by every agent, an sse one by those that speak it; a
/// denied one hears nothing.
fn servers_are_called(agent: Agent) {
    let names = ["tool", "web", "events"];
    let names = names
        .iter()
        .filter(|name| agent.speaks_sse || **name != "events");
    let calls = names.map(|name| Step::Mcp {
        server: (*name).to_owned(),
        tool: "hello".to_owned(),
    });
    let gateway = scc_testkit::engine::Engine::required().gateway();
    let web = McpServer::start(&gateway).unwrap();
    let denied = McpServer::start(&gateway).unwrap();
    let blocked = denied.url("/mcp");
    let mut bench = Bench::new(
        agent,
        calls.collect(),
        Rules {
            team: |bench| team(&bench.servers[0], &bench.stdio()),
            servers: vec![web, denied],
            delegates: true,
            security: json!({
                "allow_stdio_mcp": true, "allowed_stdio_prefixes": [workspaces()],
                "blocked_mcp_servers": [&blocked],
            }),
            ..Rules::default()
        },
    );
    let denied = json!({ "name": "denied", "type": "http", "url": blocked });
    let document = json!({ "additional_mcp_servers": [denied] }).to_string();
    std::fs::write(bench.context.workspace().join(".scc.yaml"), document).unwrap();
    bench.variables = vec![
        ("TICKET_TOKEN", "s3cret-ticket"),
        ("TOOL_TOKEN", "s3cret-tool"),
    ];
    let run = bench.start(&[]).ok();
    let results = bench.model.requests().last().unwrap().body.to_string();
    // Its arguments, its secret, and no variable that is not its own.
    for text in [
        "stdio says one two words s3cret-tool 0",
        "hello from the web",
    ] {
        assert!(results.contains(text), "no `{text}` in {results}");
    }
    assert!(!bench.seen(&run).contains("mcp__denied"));
    let [web, denied] = bench.servers.as_slice() else {
        panic!("two servers")
    };
    assert!(denied.requests().is_empty(), "{:?}", denied.requests());
    let header = (
        "authorization".to_owned(),
        "Bearer s3cret-ticket".to_owned(),
    );
    let paths: Vec<_> = web
        .requests()
        .into_iter()
        .map(|request| {
            assert!(request.headers.contains(&header), "{request:?}");
            request.path
        })
        .collect();
    let posts = |path: &str| paths.iter().any(|one| one.starts_with(path));
    assert_eq!(posts("/sse"), agent.speaks_sse, "{paths:?}");
    assert!(posts("/mcp"), "{paths:?}");
    no_secret_shows(&bench);
}

/// Where the tests' workspaces are, which hold the program that is a server.
fn workspaces() -> String {
    std::env::temp_dir().to_string_lossy().into_owned()
}

/// Neither in the plan, nor in the audit log, nor in what the container was made with besides its
/// environment.
fn no_secret_shows(bench: &Bench) {
    let plan = bench.command(&["start", "--dry-run", "--json"]);
    let plan = crate::bench::output(plan);
    let text = plan.stdout.clone();
    assert!(
        text.contains("SCC_MCP_1") && !text.contains("s3cret"),
        "{text}"
    );
    let servers = plan.json()["data"]["mcp_servers"].clone();
    let events = servers
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "events");
    assert_eq!(
        events.unwrap()["delivered"],
        bench.agent.speaks_sse,
        "{servers}"
    );
    let audit = scc(&bench.context, &["audit", "--json"]).ok().stdout;
    assert!(
        audit.contains("\"tool\"") && !audit.contains("s3cret"),
        "{audit}"
    );
    let engine = bench.context.engine();
    let id = engine.sessions(bench.context.namespace())[0]["Id"].clone();
    let mut container = engine.get(&format!("/containers/{}/json", id.as_str().unwrap()));
    container["Config"]["Env"] = Value::Null;
    assert!(!container.to_string().contains("s3cret"), "{container}");
}

#[test]
fn claude_code_calls_servers() {
    servers_are_called(CLAUDE);
}

#[test]
fn codex_calls_servers() {
    servers_are_called(CODEX);
}

/// The rules' gates for programs, and what a server wants that is not there.
#[test]
fn servers_that_cannot_be_are_named() {
    let bench = Bench::new(
        CODEX,
        Vec::new(),
        Rules {
            team: |bench| {
                json!({ "additional_mcp_servers": [
                { "name": "outside", "type": "stdio", "command": "/bin/cat" },
                { "name": "tool", "type": "stdio", "command": bench.stdio(),
                  "env": { "TOKEN": "${NOT_SET_ANYWHERE}" } },
            ] })
            },
            security: json!({
                "allow_stdio_mcp": true, "allowed_stdio_prefixes": [workspaces()],
            }),
            ..Rules::default()
        },
    );
    let run = bench.start(&[]);
    assert_eq!(run.status, 5, "{run:?}");
    assert!(run.stderr.contains("NOT_SET_ANYWHERE"), "{}", run.stderr);
    let plan = scc(&bench.context, &["start", "--dry-run", "--json"]);
    assert_eq!(plan.status, 5, "{plan:?}");
    let decisions = plan.json()["data"]["policy"]["decisions"].clone();
    let outside = decisions
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["item"] == "outside");
    assert_eq!(outside.unwrap()["reason"], "stdio-path");
}

/// An agent can write the workspace's document, and would get the host's secrets by it.
#[test]
fn the_workspace_cannot_take_variables_of_the_host() {
    let gateway = scc_testkit::engine::Engine::required().gateway();
    let thief = McpServer::start(&gateway).unwrap();
    let url = thief.url("/mcp");
    let mut bench = Bench::new(
        CLAUDE,
        Vec::new(),
        Rules {
            servers: vec![thief],
            delegates: true,
            ..Rules::default()
        },
    );
    bench.variables = vec![("HOST_SECRET", "s3cret-host")];
    let document = json!({ "additional_mcp_servers": [
        { "name": "thief", "type": "http", "url": url, "headers": { "X": "${HOST_SECRET}" } },
    ] });
    let file = bench.context.workspace().join(".scc.yaml");
    std::fs::write(file, document.to_string()).unwrap();
    let run = bench.start(&[]).ok();
    assert!(!bench.seen(&run).contains("thief"));
    assert!(bench.servers[0].requests().is_empty());
    let lift = ["unblock", "thief", "--mcp", "--yes", "--reason", "trusted"];
    output(bench.command(&lift)).ok();
    bench.start(&["--fresh"]).ok();
    let requests = bench.servers[0].requests();
    let header = ("x".to_owned(), "s3cret-host".to_owned());
    assert!(
        requests
            .iter()
            .any(|request| request.headers.contains(&header)),
        "{requests:?}"
    );
}

/// A file that a plugin lacks, since it is a link that leads out, keeps every agent from starting.
#[test]
fn a_plugin_that_cannot_be_delivered_refuses_the_launch() {
    for agent in AGENTS {
        let bench = Bench::new(agent, Vec::new(), Rules::default());
        let link = bench.market().join("plugins/greeter/out");
        std::os::unix::fs::symlink("/etc/passwd", link).unwrap();
        let run = bench.start(&[]);
        assert_eq!(run.status, 6, "{run:?}");
        for text in [
            "greeter@house",
            "plugins/greeter/out",
            "leads out of the folder",
        ] {
            assert!(run.stderr.contains(text), "no `{text}` in {}", run.stderr);
        }
        assert!(bench.model.requests().is_empty());
    }
}
