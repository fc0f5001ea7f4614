//! Personal profiles, and what a person enables in the real agents themselves.

use std::path::PathBuf;

use scc_testkit::context::Run;
use scc_testkit::engine::Engine;
use scc_testkit::mcp::McpServer;
use scc_testkit::model::Step;
use serde_json::{Value, json};

use crate::bench::{Agent, Bench, CLAUDE, CODEX, Rules, output, write, write_plugin};

/// A person who works with an agent that calls the server `web`.
struct Desk {
    bench: Bench,
    url: String,
}

impl Desk {
    fn new(agent: Agent) -> Self {
        let web = McpServer::start(&Engine::required().gateway()).unwrap();
        let url = web.url("/mcp");
        let call = Step::Mcp {
            server: "web".to_owned(),
            tool: "hello".to_owned(),
        };
        let rules = Rules {
            standalone: true,
            servers: vec![web],
            ..Rules::default()
        };
        let bench = Bench::new(agent, vec![call], rules);
        Self { bench, url }
    }

    /// Runs a command of the agent's own in a sandbox.
    fn inside(&self, words: &[&str]) {
        let start = ["start", "--non-interactive", "--fresh", "--"];
        output(self.bench.command(&[&start, words].concat())).ok();
    }

    fn adds_the_server(&self) {
        match self.bench.agent.id {
            "claude" => self.inside(&["mcp", "add", "--transport", "http", "web", &self.url]),
            _ => self.inside(&["mcp", "add", "web", "--url", &self.url]),
        }
    }

    fn installs(&self, market: &str, plugins: &[&str]) {
        self.inside(&["plugin", "marketplace", "add", market]);
        let verb = match self.bench.agent.id {
            "claude" => "install",
            _ => "add",
        };
        for plugin in plugins {
            self.inside(&["plugin", verb, plugin]);
        }
    }

    fn profile(&self, words: &[&str]) -> Run {
        output(self.bench.command(&[&["profile"], words].concat()))
    }

    /// What the agent has and the profile lacks.
    fn drift(&self) -> Vec<String> {
        let status = self.profile(&["status", "--json"]).ok().json();
        let agent = &status["data"]["agent"];
        assert_eq!(agent["provider"], self.bench.agent.id, "{status}");
        let changes = agent["changes"].as_array().unwrap().iter();
        let items = changes.map(|change| change["item"].as_str().unwrap().to_owned());
        items.collect()
    }

    /// Nothing of what the agent has stored is left.
    fn forgets_its_volume(&self) {
        output(self.bench.command(&["prune"])).ok();
        let (context, id) = (&self.bench.context, self.bench.agent.id);
        let engine = context.engine();
        for reader in engine.containers(context.namespace()) {
            let path = format!("/containers/{}?force=true", reader["Id"].as_str().unwrap());
            assert_eq!(engine.request("DELETE", &path, None).0, 204);
        }
        let volumes = engine.volumes(context.namespace());
        let own = volumes
            .iter()
            .find(|name| name.contains(&format!("-{id}-")));
        let path = format!("/volumes/{}", own.unwrap());
        assert_eq!(engine.request("DELETE", &path, None).0, 204);
    }

    /// Rules that block the server and a plugin, and know the marketplace.
    fn joins_an_organization(&mut self) {
        let org = json!({
            "schema_version": "1.0.0",
            "organization": { "name": "Corp", "id": "corp" },
            "marketplaces": { "house": { "source": "directory", "path": "market" } },
            "security": { "blocked_plugins": ["blocked"], "blocked_mcp_servers": [self.url] },
            "profiles": { "team": {} },
        });
        let file = self.bench.context.path("org.json");
        write(&file, &org.to_string());
        self.bench.configure(&json!({
            "standalone": false, "organization": { "source": file }, "team": "team",
        }));
    }
}

/// What is enabled inside is seen, is taken only when a person says so, and comes along to where the
/// agent never had it.
fn what_is_enabled_comes_along(agent: Agent) {
    let desk = Desk::new(agent);
    desk.adds_the_server();
    assert_eq!(desk.drift(), ["web"]);
    let refused = desk.profile(&["save"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let preview = desk.profile(&["save", "--preview", "--json"]).ok().json();
    assert_eq!(preview["data"]["recorded"], false);
    assert_eq!(desk.drift(), ["web"]);
    let saved = desk.profile(&["save", "--yes"]).ok();
    assert!(saved.stdout.contains("+ mcp-server web"), "{saved:?}");
    assert!(saved.stdout.contains(&desk.url), "{saved:?}");
    assert_eq!(desk.drift(), [""; 0]);

    // A profile without it differs from the agent; with it again, it has lost nothing.
    desk.profile(&["save", "--plugin", "own@elsewhere"]).ok();
    let diff = desk.profile(&["diff"]).ok();
    let line = "mcp-server web (enabled there, not in the profile)";
    assert!(diff.stdout.contains(line), "{diff:?}");
    desk.profile(&["save", "--yes"]).ok();
    let status = desk.profile(&["status"]).ok().stdout;
    for line in [
        "In agent    nothing is enabled in",
        "Plugin      own@elsewhere",
    ] {
        assert!(status.contains(line), "no `{line}` in {status}");
    }

    desk.forgets_its_volume();
    let before = desk.bench.servers[0].requests().len();
    desk.bench.start(&["--fresh"]).ok();
    let results = desk.bench.model.requests().last().unwrap().body.to_string();
    assert!(results.contains("hello from the web"), "{results}");
    assert!(desk.bench.servers[0].requests().len() > before);
}

#[test]
fn what_is_enabled_in_claude_code_comes_along() {
    what_is_enabled_comes_along(CLAUDE);
}

#[test]
fn what_is_enabled_in_codex_comes_along() {
    what_is_enabled_comes_along(CODEX);
}

/// A copy of the marketplace in the workspace, with one more plugin in either of them.
fn marketplaces(bench: &Bench) -> PathBuf {
    let names = ["greeter", "blocked", "extra"];
    let entries = names.map(|name| json!({ "name": name, "source": format!("./plugins/{name}") }));
    let catalog = json!({ "name": "house", "owner": { "name": "Corp" }, "plugins": entries });
    let inside = bench.context.workspace().join("market");
    for root in [bench.market(), inside.clone()] {
        write(
            &root.join(".claude-plugin/marketplace.json"),
            &catalog.to_string(),
        );
        for name in names {
            write_plugin(&root.join("plugins").join(name), name);
        }
    }
    bench.context.give_away(&bench.context.workspace());
    inside
}

/// Rules keep out what they block, say so when it is saved, applied and started, and let in the rest.
fn rules_filter_what_is_enabled(agent: Agent) {
    let mut desk = Desk::new(agent);
    let market = marketplaces(&desk.bench);
    desk.adds_the_server();
    desk.installs(market.to_str().unwrap(), &["extra@house", "blocked@house"]);
    desk.joins_an_organization();
    let saved = desk.profile(&["save", "--yes", "--json"]).ok().json()["data"].clone();
    assert_eq!(saved["recorded"], true, "{saved}");
    let names = |list: &Value| {
        let list = list.as_array().unwrap().iter();
        let mut names: Vec<_> = list
            .map(|one| one["item"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(&saved["changes"]),
        ["blocked@house", "extra@house", "web"]
    );
    assert_eq!(names(&saved["refused"]), ["blocked@house", "web"]);
    let applied = desk.profile(&["apply", "--json"]).ok().json()["data"].clone();
    assert_eq!(names(&applied["allowed"]), ["extra@house"]);
    assert_eq!(names(&applied["blocked"]), ["blocked@house", "web"]);

    let before = desk.bench.servers[0].requests().len();
    let run = desk.bench.start(&["--fresh"]);
    for item in ["blocked@house", "web"] {
        let line = format!("your profile: {item}: not let in: ");
        assert!(run.stderr.contains(&line), "no `{line}` in {run:?}");
    }
    let seen = desk.bench.seen(&run);
    assert!(seen.contains("extra:greet"), "{seen}");
    assert!(!seen.contains("blocked:"), "{seen}");
    let asked = desk.bench.servers[0].requests().len();
    assert_eq!(asked, before, "the server that is blocked was asked");
}

#[test]
fn rules_filter_what_is_enabled_in_claude_code() {
    rules_filter_what_is_enabled(CLAUDE);
}

#[test]
fn rules_filter_what_is_enabled_in_codex() {
    rules_filter_what_is_enabled(CODEX);
}

/// What an agent leaves in its volume may be as large as it likes, and keeps nothing else from being
/// read.
#[test]
fn a_file_of_the_agent_that_is_too_large_is_left_out() {
    let grow = "head -c 17000000 /dev/zero | tr '\\0' '#' >> ~/.codex/config.toml; \
                stat -c 'it has %s bytes' ~/.codex/config.toml";
    let rules = Rules {
        standalone: true,
        ..Rules::default()
    };
    let bench = Bench::new(CODEX, vec![Step::Shell(grow.to_owned())], rules);
    bench.start(&[]).ok();
    let told = bench.model.requests().last().unwrap().body.to_string();
    assert!(told.contains("it has 170"), "{told}");
    let why = "`config.toml` of the agent is larger than 16777216 bytes";
    let status = output(bench.command(&["profile", "status"])).ok();
    let all = format!("{}{}", status.stdout, status.stderr);
    assert!(all.contains(why), "{all}");
    let saved = output(bench.command(&["profile", "save", "--yes"])).ok();
    let all = format!("{}{}", saved.stdout, saved.stderr);
    assert!(all.contains(why), "{all}");
}
