use std::path::Path;

use scc_testkit::context::{Run, TestContext};
use serde_json::{Value, json};

pub(crate) const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

/// A machine whose user works for an organization, in a team.
pub(crate) struct Desk {
    pub(crate) context: TestContext,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let context = TestContext::new();
        let desk = Self { context };
        desk.org(&org());
        desk.settings(&json!({ "organization": { "source": "org.json" }, "team": "platform" }));
        let project = "additional_plugins: [evil@internal]\n";
        std::fs::write(desk.workspace().join(".scc.yaml"), project).unwrap();
        desk
    }

    /// Without settings.
    pub(crate) fn blank() -> Self {
        let context = TestContext::new();
        Self { context }
    }

    pub(crate) fn settings(&self, settings: &Value) {
        let file = self.context.path("home/.config/scc/config.json");
        std::fs::write(file, settings.to_string()).unwrap();
    }

    pub(crate) fn recorded(&self) -> Value {
        let file = self.context.path("home/.config/scc/config.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    pub(crate) fn org(&self, org: &Value) {
        let file = self.context.path("home/.config/scc/org.json");
        std::fs::write(file, format!("{org:#}\n")).unwrap();
    }

    pub(crate) fn workspace(&self) -> std::path::PathBuf {
        self.context.workspace()
    }

    /// Runs in the workspace.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = self.context.command(Path::new(SCRIPTED));
        command.args(args).current_dir(self.workspace());
        command.stdin(std::process::Stdio::null());
        command.env("XDG_CACHE_HOME", self.context.path("home/.cache"));
        command.envs(environment.iter().copied());
        Run::of(&command.output().unwrap())
    }

    /// The data of a command that is done.
    pub(crate) fn data(&self, args: &[&str], kind: &str) -> Value {
        let envelope = self.run(args).ok().json();
        assert_eq!(envelope["kind"], kind);
        assert_eq!(envelope["apiVersion"], "scc.cli/v1");
        envelope["data"].clone()
    }

    /// The events whose names start so, the latest last.
    pub(crate) fn events(&self, start: &str) -> Vec<Value> {
        let log = self
            .context
            .path("home/.local/state/scc/audit/events.jsonl");
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let events = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let wanted = |event: &Value| event["event"].as_str().unwrap().starts_with(start);
        events.filter(wanted).collect()
    }

    /// The last event of this name in the audit log.
    pub(crate) fn last_event(&self, name: &str) -> Value {
        self.events(name).pop().unwrap()
    }
}

pub(crate) fn org() -> Value {
    json!({
        "schema_version": "1.0.0",
        "organization": { "name": "Corp", "id": "corp", "contact": "help@corp.example" },
        "marketplaces": {
            "internal": { "source": "github", "owner": "corp", "repo": "plugins" },
        },
        "security": { "blocked_plugins": ["evil"] },
        "defaults": {
            "network_policy": "web-egress-enforced",
            "network": { "allowed_hosts": ["*.corp.example"] },
            "enabled_plugins": ["base@internal"],
            "session": { "timeout_hours": 8 },
        },
        "delegation": { "exceptions": { "max_ttl_hours": 12 } },
        "profiles": {
            "platform": {
                "description": "Builds things",
                "additional_plugins": ["tool@internal"],
                "additional_mcp_servers": [
                    { "name": "gis", "type": "http", "url": "https://gis.corp.example/mcp" },
                ],
            },
            "web": {},
        },
    })
}
