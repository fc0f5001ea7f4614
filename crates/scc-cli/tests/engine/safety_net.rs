//! The plugin `scc-safety-net` in the real agents, on a machine that has nothing else of scc.

use std::path::Path;
use std::process::Command;

use scc_testkit::model::Step;
use scc_testkit::pty::Terminal;
use scc_testkit::wait_for;
use serde_json::json;

use crate::bench::{self, Bench, Rules};
use crate::safety_agents::{Lab, collect_answers};
use crate::support::{LIMIT, command, scc};

/// Takes the guard away from git's place and all others, and puts it on the path.
const UNDO: &str = "set -e; guard=/usr/local/lib/scc/guard
    cp $guard /usr/local/bin/scc-guard
    cp /usr/local/lib/scc/r/0 /tmp/git
    find /usr /opt -xdev -samefile $guard -not -path $guard -delete
    mv /tmp/git /usr/bin/git
    cp -s /usr/bin/git \"$(git --exec-path)/git\"
    rm -rf /usr/local/lib/scc; mkdir -p /home/agent/.claude /home/agent/.codex";

const DESTRUCTIVE: &str = "git push --force";

/// How an agent is used by hand.
struct Agent {
    id: &'static str,
    path: &'static str,
    /// Adds the marketplace and the plugin.
    install: &'static str,
    /// One turn.
    turn: &'static str,
    /// Whether it has the state that it has in sandboxes too.
    shares_state: bool,
}

const CLAUDE: Agent = Agent {
    id: "claude",
    path: "",
    install: "claude plugin marketplace add /market && claude plugin install scc-safety-net@scc",
    turn: "claude -p 'do it' --dangerously-skip-permissions",
    shares_state: false,
};

const CODEX: Agent = Agent {
    id: "codex",
    path: "/v1",
    install: "codex plugin marketplace add /market && codex plugin add scc-safety-net@scc",
    turn: "codex -c model_provider=fake -c model_providers.fake=\"{name='fake', \
           base_url='$MODEL_URL', env_key='FAKE_KEY', wire_api='responses'}\" exec \
           --dangerously-bypass-approvals-and-sandbox --skip-git-repo-check 'do it'",
    shares_state: true,
};

/// A machine with an agent, a repository and a scripted model.
struct Machine {
    lab: Lab,
    agent: &'static Agent,
    image: String,
}

impl Machine {
    fn new(agent: &'static Agent) -> Self {
        let lab = Lab::new(agent.id, agent.path, &[DESTRUCTIVE]);
        let context = &lab.context;
        scc(context, &["start", "--fresh", "--", "--version"]).ok();
        let plan = scc(context, &["start", "--dry-run", "--json"]).ok().json();
        let guarded = plan["data"]["image"]["reference"].as_str().unwrap();
        let repository = format!("{}-bare", context.namespace());
        context
            .engine()
            .changed_image(guarded, UNDO, &repository, "1");
        let image = format!("{repository}:1");
        Self { lab, agent, image }
    }

    /// Runs a script of a person, with the repository of scc as a marketplace.
    fn runs(&self, script: &str) -> String {
        self.runs_with(script, None)
    }

    /// The same where the hook's file is at this place.
    fn runs_with(&self, script: &str, hooks: Option<&str>) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().unwrap();
        let parts = [".claude-plugin", ".agents", "plugins"];
        let mut binds = parts
            .map(|part| format!("{}/{part}:/market/{part}:ro", root.display()))
            .to_vec();
        let file = root.join("plugins/scc-safety-net/hooks/hooks.json");
        binds.extend(hooks.map(|place| format!("{}:{place}:ro", file.display())));
        let workspace = self.lab.context.workspace();
        let workspace = workspace.to_str().unwrap();
        binds.push(format!("{workspace}:{workspace}"));
        binds.extend(
            self.volume()
                .map(|name| format!("{name}:/home/agent/.{}", self.agent.id)),
        );
        let url = format!("{}{}", self.lab.model.url(), self.agent.path);
        let body = json!({
            "Image": self.image,
            "Entrypoint": ["/bin/bash", "-c", script],
            "Cmd": [],
            "User": "1000:1000",
            "WorkingDir": workspace,
            "Env": [
                "HOME=/home/agent", "PATH=/usr/local/bin:/usr/bin:/bin",
                format!("ANTHROPIC_BASE_URL={url}"), "ANTHROPIC_AUTH_TOKEN=t",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "FAKE_KEY=k",
                format!("MODEL_URL={url}"),
            ],
            "HostConfig": { "Binds": binds },
        });
        self.lab.context.engine().run_container(&body, |_| ()).1
    }

    /// The agent's volume, where it has that of sandboxes.
    fn volume(&self) -> Option<String> {
        let context = &self.lab.context;
        let volumes = context.engine().volumes(context.namespace());
        let part = format!("-{}-", self.agent.id);
        let mut shared = volumes.into_iter().filter(|_| self.agent.shares_state);
        shared.find(|name| name.contains(&part))
    }

    /// What the model was told when the agent ran like this after these commands.
    fn told(&self, before: &str) -> String {
        self.told_with(before, None)
    }

    fn told_with(&self, before: &str, hooks: Option<&str>) -> String {
        let script = format!("{before} {} < /dev/null", self.agent.turn);
        let said = self.runs_with(&script, hooks);
        let answers = self.lab.answers();
        assert_eq!(answers.len(), 1, "{said}\n{answers:#?}");
        answers[0].clone()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let image = format!("/images/{}?force=true", self.image);
        let _ = self.lab.context.engine().request("DELETE", &image, None);
    }
}

/// A path with everything but the guard.
const WITHOUT_GUARD: &str = "mkdir /tmp/p; for p in /usr/local/bin/*; do \
                             [ $p = /usr/local/bin/scc-guard ] || ln -s $p /tmp/p/; done; \
                             export PATH=/tmp/p:/usr/bin:/bin;";

/// With what is said in `ready` done, the plugin alone refuses, tells the model why, and the remote is
/// as it was; also where its program is not there.
fn the_plugin_refuses(machine: &Machine, ready: &str) {
    let told = machine.told(ready);
    assert!(told.contains("git.push.force"), "{told}");
    assert!(told.contains("--force-with-lease"), "{told}");
    assert_eq!(machine.lab.remote_tip(), machine.lab.before);
    let told = machine.told(&format!("{ready} {WITHOUT_GUARD}"));
    assert!(told.contains("cargo install"), "{told}");
    assert_eq!(machine.lab.remote_tip(), machine.lab.before);
}

/// Without it the same command overwrites the remote.
fn overwrites(machine: &Machine, ready: &str) {
    machine.told(ready);
    assert_ne!(machine.lab.remote_tip(), machine.lab.before);
}

#[test]
fn claude_code_with_the_plugin_alone_is_refused() {
    let machine = Machine::new(&CLAUDE);
    the_plugin_refuses(&machine, &format!("{};", CLAUDE.install));
    overwrites(&machine, "");
}

/// This agent runs a plugin's hook when a person has reviewed it, on the screen with which it starts.
#[test]
fn codex_with_the_reviewed_plugin_alone_is_refused() {
    let machine = Machine::new(&CODEX);
    let context = &machine.lab.context;
    // Into the workspace, since nothing else is in a sandbox.
    machine.runs("mkdir market && cp -r /market/. market/");
    let market = context.workspace().join("market");
    for words in [
        ["plugin", "marketplace", "add", market.to_str().unwrap()].as_slice(),
        &["plugin", "add", "scc-safety-net@scc"],
    ] {
        let start = ["start", "--non-interactive", "--fresh", "--"];
        scc(context, &[&start, words].concat()).ok();
    }
    let mut terminal = Terminal::start(&command(context, &["start", "--fresh"]), 40, 120);
    terminal.wait_for_text("1 hook is new or changed", LIMIT);
    // What is typed before it listens is lost.
    wait_for("the choice to trust", LIMIT, || {
        terminal.send("2");
        terminal
            .screen()
            .contains("› 2. Trust all and continue")
            .then_some(())
    });
    terminal.send("\r");
    terminal.wait_until_gone("Hooks need review", LIMIT);
    assert_eq!(terminal.press_until_end("\x03", LIMIT), 0);
    the_plugin_refuses(&machine, "");
    // Not reviewed; and the same hook as an administrator's, which needs no review.
    let elsewhere = "export CODEX_HOME=/tmp/c; mkdir /tmp/c;";
    let told = machine.told_with(elsewhere, Some("/etc/codex/hooks.json"));
    assert!(told.contains("git.push.force"), "{told}");
    assert_eq!(machine.lab.remote_tip(), machine.lab.before);
    overwrites(&machine, &format!("{elsewhere} {};", CODEX.install));
    // Nobody's rules have hooks on: a user can switch off even those of an administrator.
    let off = "mkdir /tmp/d; printf '[features]\\nhooks = false\\n' >/tmp/d/config.toml; \
               export CODEX_HOME=/tmp/d;";
    let told = machine.told_with(off, Some("/etc/codex/hooks.json"));
    assert!(!told.contains("git.push.force"), "{told}");
}

/// In a sandbox of scc the organization's rules are the only ones, and are asked once.
fn the_managed_hook_alone_judges(agent: bench::Agent) {
    let commands = ["git reset --hard", DESTRUCTIVE];
    let script = commands.map(|command| Step::Shell(command.to_owned()));
    let rules = Rules {
        security: json!({ "safety_net": { "action": "block", "block_reset_hard": false } }),
        ..Rules::default()
    };
    let bench = Bench::new(agent, script.into(), rules);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let name = "scc-safety-net";
    let entries = ["greeter", name].map(|name| {
        let source = format!("./plugins/{name}");
        json!({ "name": name, "source": source })
    });
    let catalog = json!({ "name": "house", "owner": { "name": "Corp" }, "plugins": entries });
    let market = bench.market();
    let file = market.join(".claude-plugin/marketplace.json");
    bench::write(&file, &catalog.to_string());
    let copied = Command::new("cp")
        .arg("-r")
        .args([source.join(name), market.join("plugins")])
        .status();
    assert!(copied.unwrap().success());
    let plugin = format!("{name}@house");
    let scc = |words: &[&str]| bench::output(bench.command(words)).ok();
    scc(&["profile", "save", "--plugin", &plugin]);
    let plan = scc(&["plugin", "why", &plugin, "--json"]).json();
    assert_eq!(plan["data"]["plugins"][0]["delivered"], true, "{plan}");

    bench.start(&[]).ok();
    let mut answers = Vec::new();
    collect_answers(&bench.model.requests().last().unwrap().body, &mut answers);
    let [reset, push] = answers.as_slice() else {
        panic!("{answers:#?}")
    };
    assert!(reset.contains("HEAD is now at"), "{reset}");
    assert!(push.contains("git.push.force"), "{push}");
    assert!(!push.contains("scc-safety-net"), "{push}");
    let records = scc(&["audit", "safety", "--json"]).stdout;
    assert_eq!(
        records.matches("\"git.push.force\"").count(),
        1,
        "{records}"
    );
}

#[test]
fn claude_code_in_scc_is_judged_once() {
    the_managed_hook_alone_judges(bench::CLAUDE);
}

#[test]
fn codex_in_scc_is_judged_once() {
    the_managed_hook_alone_judges(bench::CODEX);
}
