//! A real agent under an organization's rules, with a marketplace, servers and a scripted model.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scc_testkit::context::{Run, TestContext};
use scc_testkit::mcp::{McpServer, STDIO};
use scc_testkit::model::{ModelServer, QUICK, Step};
use serde_json::{Value, json};

use crate::support::SCC;

/// How an agent is started and looked into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agent {
    pub(crate) id: &'static str,
    /// Behind the model's address.
    pub(crate) path: &'static str,
    pub(crate) speaks_sse: bool,
    /// With which it lists all of its tools in every request.
    pub(crate) model: Option<&'static str>,
}

pub(crate) const CLAUDE: Agent = Agent {
    id: "claude",
    path: "",
    speaks_sse: true,
    model: None,
};

pub(crate) const CODEX: Agent = Agent {
    id: "codex",
    path: "/v1",
    speaks_sse: false,
    model: Some("gpt-5-codex"),
};

pub(crate) const AGENTS: [Agent; 2] = [CLAUDE, CODEX];

impl Agent {
    /// The arguments of one turn; `more` are the agent's own.
    pub(crate) fn turn(self, more: &[&str], prompt: &str) -> Vec<String> {
        let words = match self.id {
            "claude" => {
                let turn = ["-p", prompt, "--output-format", "stream-json", "--verbose"];
                [more, &turn].concat()
            }
            _ => [more, &["exec", "--skip-git-repo-check", prompt]].concat(),
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// The same turn as a line for a shell in the sandbox.
    pub(crate) fn line(self, more: &str) -> String {
        match self.id {
            "claude" => format!(
                "claude --dangerously-skip-permissions {more} -p '{QUICK}' \
                 --output-format stream-json --verbose < /dev/null"
            ),
            _ => format!("codex {more} exec --skip-git-repo-check '{QUICK}' < /dev/null"),
        }
    }
}

/// What is special about a test's rules.
pub(crate) struct Rules {
    /// The team's profile.
    pub(crate) team: fn(&Bench) -> Value,
    pub(crate) servers: Vec<McpServer>,
    pub(crate) security: Value,
    /// The organization's artifacts and bundles.
    pub(crate) artifacts: fn(&Bench) -> Value,
    /// Workspaces may add what the team may.
    pub(crate) delegates: bool,
    /// Nobody's rules apply.
    pub(crate) standalone: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            team: |_| json!({}),
            servers: Vec::new(),
            security: json!({}),
            artifacts: |_| json!({}),
            delegates: false,
            standalone: false,
        }
    }
}

pub(crate) struct Bench {
    pub(crate) agent: Agent,
    pub(crate) context: TestContext,
    pub(crate) model: ModelServer,
    pub(crate) servers: Vec<McpServer>,
    /// The environment of scc.
    pub(crate) variables: Vec<(&'static str, &'static str)>,
    settings: Value,
}

impl Bench {
    pub(crate) fn new(agent: Agent, script: Vec<Step>, rules: Rules) -> Self {
        let context = TestContext::with_engine();
        let model = ModelServer::start(&context.engine().gateway(), script).unwrap();
        let url = format!("{}{}", model.url(), agent.path);
        let mut bench = Self {
            agent,
            context,
            model,
            servers: rules.servers,
            variables: Vec::new(),
            settings: json!({
                "standalone": rules.standalone,
                "provider": agent.id,
                "providers": { agent.id: {
                    "base_url": url, "api_key": "command:echo test-key",
                } },
            }),
        };
        if let Some(model) = agent.model {
            bench.settings["providers"][agent.id]["model"] = json!(model);
        }
        bench.write_market();
        program(bench.stdio().as_ref(), STDIO);
        if !rules.standalone {
            let mut security = json!({ "blocked_plugins": ["blocked"] });
            for (key, value) in rules.security.as_object().unwrap() {
                security[key] = value.clone();
            }
            let mut team = (rules.team)(&bench);
            if rules.delegates {
                team["delegation"] = json!({ "allow_project_overrides": true });
            }
            let org = json!({
                "schema_version": "1.0.0",
                "organization": { "name": "Corp", "id": "corp" },
                "marketplaces": { "house": { "source": "directory", "path": "market" } },
                "security": security,
                "defaults": { "enabled_plugins": ["greeter@house"] },
                "delegation": {
                    "teams": { "allow_additional_mcp_servers": ["*"] },
                    "projects": { "inherit_team_delegation": rules.delegates },
                },
                "profiles": { "team": team },
                "governed_artifacts": (rules.artifacts)(&bench),
            });
            let file = bench.context.path("org.json");
            std::fs::write(&file, org.to_string()).unwrap();
            bench.settings["organization"] = json!({ "source": file });
            bench.settings["team"] = json!("team");
        }
        bench.configure(&json!({}));
        bench
    }

    /// Writes the user's settings, with these on top.
    pub(crate) fn configure(&mut self, extra: &Value) {
        for (key, value) in extra.as_object().unwrap() {
            self.settings[key] = value.clone();
        }
        self.context.configure(&self.settings);
    }

    pub(crate) fn market(&self) -> PathBuf {
        self.context.path("market")
    }

    /// The program that is a server, in the workspace, since nothing else is in the sandbox.
    pub(crate) fn stdio(&self) -> String {
        let path = self.context.workspace().join("tools/stdio");
        path.to_string_lossy().into_owned()
    }

    /// A plugin that is enabled, and one that is blocked.
    fn write_market(&self) {
        let entry = |name: &str| json!({ "name": name, "source": format!("./plugins/{name}") });
        let catalog = json!({
            "name": "house", "owner": { "name": "Corp" },
            "plugins": [entry("greeter"), entry("blocked")],
        });
        let root = self.market();
        write(
            &root.join(".claude-plugin/marketplace.json"),
            &catalog.to_string(),
        );
        for name in ["greeter", "blocked"] {
            write_plugin(&root.join("plugins").join(name), name);
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.context.command(Path::new(SCC));
        command
            .args(args)
            .current_dir(self.context.workspace())
            .envs(self.variables.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// One turn of the agent; `args` are those of `scc start`.
    pub(crate) fn start(&self, args: &[&str]) -> Run {
        self.start_with(args, &[])
    }

    /// The same, with arguments of the agent.
    pub(crate) fn start_with(&self, args: &[&str], agent: &[&str]) -> Run {
        let turn = self.agent.turn(agent, "do what the script says");
        let turn = turn.iter().map(String::as_str);
        let words: Vec<&str> = ["start"]
            .into_iter()
            .chain(args.iter().copied())
            .chain(["--"])
            .chain(turn)
            .collect();
        output(self.command(&words))
    }

    /// What the agent says it has, or tells the model it has: skills, commands, tools, servers.
    pub(crate) fn seen(&self, run: &Run) -> String {
        match self.agent.id {
            "claude" => {
                let init = run
                    .stdout
                    .lines()
                    .find(|line| line.contains("\"subtype\":\"init\""));
                init.unwrap_or_else(|| panic!("{run:?}")).to_owned()
            }
            _ => {
                let requests = self.model.requests();
                let last = requests.iter().rfind(|request| request.method == "POST");
                last.unwrap_or_else(|| panic!("{run:?}")).body.to_string()
            }
        }
    }

    /// The agents' files of the repository, with their content.
    pub(crate) fn repository(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.context.workspace()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(content) = std::fs::read(&path) {
                    all.insert(path, content);
                }
            }
        }
        all
    }
}

pub(crate) fn output(mut command: Command) -> Run {
    Run::of(&command.output().unwrap())
}

pub(crate) fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub(crate) fn program(path: &Path, content: &str) {
    write(path, content);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A plugin with a skill, a command, a hook and a server.
pub(crate) fn write_plugin(root: &Path, name: &str) {
    let manifest = json!({ "name": name, "version": "1.0.0", "description": "a plugin" });
    write(
        &root.join(".claude-plugin/plugin.json"),
        &manifest.to_string(),
    );
    let skill = "---\nname: greet\ndescription: Greets people\n---\nSay hello.\n";
    write(&root.join("skills/greet/SKILL.md"), skill);
    let command = "---\ndescription: Deploys it\n---\nDeploy $ARGUMENTS.\n";
    write(&root.join("commands/deploy.md"), command);
    let hooks = json!({ "hooks": { "PreToolUse": [{ "matcher": "*", "hooks": [{
        "type": "command", "command": "${CLAUDE_PLUGIN_ROOT}/hooks/note",
    }] }] } });
    write(&root.join("hooks/hooks.json"), &hooks.to_string());
    let text = if name == "greeter" {
        "hook ran in"
    } else {
        "blocked hook"
    };
    let hook = format!("#!/bin/sh\necho \"{text} $CLAUDE_PLUGIN_ROOT\" > /tmp/hook-ran\n");
    program(&root.join("hooks/note"), &hook);
    let servers = json!({ "mcpServers": { "brought": { "command": "/bin/cat" } } });
    write(&root.join(".mcp.json"), &servers.to_string());
}
