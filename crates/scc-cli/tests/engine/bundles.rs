//! Bundles of artifacts in the real agents, and what a session leaves of a repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use scc_testkit::mcp::McpServer;
use scc_testkit::model::Step;
use serde_json::{Value, json};

use crate::bench::{AGENTS, Agent, Bench, CLAUDE, CODEX, Rules, output, write};
use crate::support::scc;

/// Writes a skill beside the organization's document, and returns it as an artifact.
fn skill(bench: &Bench, name: &str, more: &Value) -> Value {
    let text = format!("---\nname: {name}\ndescription: About {name}\n---\nRead it.\n");
    let folder = format!("skills/{name}");
    write(&bench.context.path(&folder).join("SKILL.md"), &text);
    let mut artifact = json!({ "kind": "skill", "source_type": "local", "source_path": folder });
    for (key, value) in more.as_object().unwrap() {
        artifact[key] = value.clone();
    }
    artifact
}

/// A server with the same binding for both agents.
fn server(transport: &str, config: &Value, more: &Value) -> Value {
    let binding = json!({ "transport_type": transport, "native_config": config });
    let mut artifact = json!({
        "kind": "mcp_server", "bindings": { "claude": binding, "codex": binding },
    });
    for (key, value) in more.as_object().unwrap() {
        artifact[key] = value.clone();
    }
    artifact
}

/// One bundle of all of these artifacts.
fn bundle(artifacts: &Value) -> Value {
    let names: Vec<_> = artifacts.as_object().unwrap().keys().collect();
    json!({ "artifacts": artifacts, "bundles": { "core": { "artifacts": names } } })
}

fn core(_: &Bench) -> Value {
    json!({ "enabled_bundles": ["core"] })
}

fn shell(command: &str) -> Step {
    Step::Shell(command.to_owned())
}

/// Finds the skill and tries to change it and to add another.
const TRY_TO_CHANGE: &str = "f=$(find /etc -path '*house-style/SKILL.md' 2>/dev/null); \
    stat -c 'belongs to %U with %a' $f; \
    (echo changed >> $f) 2>&1; (mkdir ${f%/*}/../other) 2>&1; tail -n 1 $f";

/// A skill and a program of a bundle reach the agent; what is blocked does not.
fn a_bundle_reaches_the_agent(agent: Agent) {
    let script = vec![
        Step::Mcp {
            server: "tool".to_owned(),
            tool: "hello".to_owned(),
        },
        shell(TRY_TO_CHANGE),
    ];
    let mut bench = Bench::new(
        agent,
        script,
        Rules {
            team: core,
            security: json!({
                "allow_stdio_mcp": true,
                "blocked_plugins": ["blocked", "forbidden-*"],
                "blocked_mcp_servers": ["evil"],
            }),
            artifacts: |bench| {
                let required = json!({ "install_intent": "required" });
                let program = json!({
                    "command": bench.stdio(), "args": "one two", "env.TOKEN": "${TOOL_TOKEN}",
                });
                bundle(&json!({
                    "house-style": skill(bench, "house-style", &required),
                    "forbidden-style": skill(bench, "forbidden-style", &json!({})),
                    "tool": server("stdio", &program, &required),
                    "evil": server("stdio", &program, &json!({})),
                }))
            },
            ..Rules::default()
        },
    );
    bench.variables = vec![("TOOL_TOKEN", "s3cret-tool")];
    let run = bench.start(&[]).ok();
    let seen = bench.seen(&run);
    assert!(!seen.contains("mcp__evil"), "{seen}");
    // The agent tells the model what skills there are.
    let told = |text: &str| {
        let requests = bench.model.requests();
        requests
            .iter()
            .any(|one| one.body.to_string().contains(text))
    };
    assert!(told("About house-style"), "{seen}");
    assert!(!told("About forbidden-style"), "{seen}");
    let results = bench.model.requests().last().unwrap().body.to_string();
    for text in [
        "stdio says one two s3cret-tool 0",
        "belongs to root with 644",
        "Read-only file system",
        "Read it.",
    ] {
        assert!(results.contains(text), "no `{text}` in {results}");
    }
    let audit = scc(&bench.context, &["audit", "--json"]).ok().stdout;
    for text in ["\"house-style\"", "\"core\""] {
        assert!(audit.contains(text), "no `{text}` in {audit}");
    }
    assert!(!audit.contains("s3cret"), "{audit}");
    let listed = output(bench.command(&["audit", "plugins"])).ok().stdout;
    for text in [
        "gets it as house-style",
        "gets it as tool",
        "forbidden-style",
    ] {
        assert!(listed.contains(text), "no `{text}` in {listed}");
    }
}

#[test]
fn claude_code_gets_a_bundle() {
    a_bundle_reaches_the_agent(CLAUDE);
}

#[test]
fn codex_gets_a_bundle() {
    a_bundle_reaches_the_agent(CODEX);
}

fn events(intent: &'static str) -> impl Fn(&Bench) -> Value {
    move |bench| {
        let url = json!({ "url": bench.servers[0].url("/sse") });
        let events = server("sse", &url, &json!({ "install_intent": intent }));
        bundle(&json!({ "events": events }))
    }
}

/// What an agent cannot take refuses the launch where it is required, and is left out where it is
/// not.
#[test]
fn what_an_agent_cannot_take_refuses_where_it_is_required() {
    let start = |agent: Agent, artifacts: fn(&Bench) -> Value| {
        let gateway = scc_testkit::engine::Engine::required().gateway();
        let rules = Rules {
            team: core,
            servers: vec![McpServer::start(&gateway).unwrap()],
            artifacts,
            ..Rules::default()
        };
        let bench = Bench::new(agent, Vec::new(), rules);
        let run = bench.start(&[]);
        (bench, run)
    };
    let (bench, run) = start(CODEX, |bench| events("required")(bench));
    assert_eq!(run.status, 6, "{run:?}");
    for text in [
        "artifact `events` of bundle `core`",
        "is required, and Codex does not get it",
        "does not speak `sse`",
    ] {
        assert!(run.stderr.contains(text), "no `{text}` in {}", run.stderr);
    }
    assert!(bench.model.requests().is_empty());
    let (bench, run) = start(CODEX, |bench| events("available")(bench));
    let warning = "Codex does not get the artifact `events` of bundle `core`";
    assert!(run.ok().stderr.contains(warning));
    assert!(bench.servers[0].requests().is_empty());
    let (bench, run) = start(CLAUDE, |bench| events("required")(bench));
    run.ok();
    assert!(!bench.servers[0].requests().is_empty());
}

/// The files that a team keeps for its agents, which are its own.
const OWN_FILES: [(&str, &str); 9] = [
    (".claude/settings.json", "{\"cleanupPeriodDays\": 20}"),
    (".claude/settings.local.json", "{ }"),
    (
        ".claude/skills/own/SKILL.md",
        "---\nname: own\ndescription: d\n---\n",
    ),
    (
        ".mcp.json",
        "{\"mcpServers\":{\"own\":{\"command\":\"/bin/cat\"}}}",
    ),
    (
        ".codex/config.toml",
        "# our own\n[mcp_servers.own]\ncommand = '/bin/cat'\n",
    ),
    (
        ".agents/skills/own/SKILL.md",
        "---\nname: own\ndescription: d\n---\n",
    ),
    ("AGENTS.md", "Be kind.\r\n"),
    ("CLAUDE.md", "Be kind."),
    (".gitignore", "*.log"),
];

fn git(workspace: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
    // It belongs to the agent's user.
    git.args(["-c", "safe.directory=*"]);
    let done = git.args(args).current_dir(workspace).output().unwrap();
    assert!(done.status.success(), "{args:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// Everything in the workspace but what git keeps for itself.
fn files(bench: &Bench) -> BTreeMap<PathBuf, Vec<u8>> {
    let git = bench.context.workspace().join(".git");
    let mut files = bench.repository();
    files.retain(|path, _| !path.starts_with(&git));
    files
}

/// Plugins, servers and a bundle are handed over without a trace in the repository.
#[test]
fn a_repositorys_own_files_stay_as_they_are() {
    for agent in AGENTS {
        let bench = Bench::new(
            agent,
            vec![shell("pwd")],
            Rules {
                team: |bench| {
                    let server =
                        json!({ "name": "more", "type": "stdio", "command": bench.stdio() });
                    json!({ "enabled_bundles": ["core"], "additional_mcp_servers": [server] })
                },
                security: json!({ "allow_stdio_mcp": true }),
                artifacts: |bench| {
                    let program = json!({ "command": bench.stdio() });
                    bundle(&json!({
                        "house-style": skill(bench, "house-style", &json!({})),
                        "tool": server("stdio", &program, &json!({})),
                    }))
                },
                ..Rules::default()
            },
        );
        let workspace = bench.context.workspace();
        for (path, content) in OWN_FILES {
            write(&workspace.join(path), content);
        }
        git(&workspace, &["init", "--quiet", "--initial-branch=work"]);
        git(&workspace, &["add", "--all", "--force"]);
        git(&workspace, &["commit", "--quiet", "--message=first"]);
        let before = files(&bench);
        assert!(before.len() > OWN_FILES.len(), "{:?}", before.keys());
        let run = bench.start(&[]).ok();
        assert!(bench.seen(&run).contains("greeter:greet"));
        assert!(files(&bench) == before, "{}: a file has changed", agent.id);
        let status = [
            "status",
            "--porcelain",
            "--ignored",
            "--untracked-files=all",
        ];
        assert_eq!(git(&workspace, &status), "", "{}", agent.id);
    }
}
