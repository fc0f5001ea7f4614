//! Further ways to bring something in: forged records of what is installed, and hooks without a review.
//! As in `extensions_tries`, each has to fail under rules and to succeed without.

use crate::bench::{Agent, CLAUDE, CODEX, output};
use crate::extensions_tries::{Live, SKILL, Way, file};

/// The agent's own records of marketplaces and plugins, with the plugin beside them, and settings that
/// enable it. `market` and `name` are what it pretends to be.
fn records(market: &str, name: &str) -> String {
    let home = "~/.claude/plugins";
    let place = format!("'$HOME'/.claude/plugins/cache/{market}/{name}/1.0.0");
    let time = "2026-11-24T02:00:00.000Z";
    let known = format!(
        r#"{{"{market}":{{"source":{{"source":"directory","path":"'$PWD'/evil"}},"installLocation":"'$PWD'/evil","lastUpdated":"{time}"}}}}"#
    );
    let installed = format!(
        r#"{{"version":2,"plugins":{{"{name}@{market}":[{{"scope":"user","installPath":"{place}","version":"1.0.0","installedAt":"{time}","lastUpdated":"{time}"}}]}}}}"#
    );
    let settings = format!(r#"{{"enabledPlugins":{{"{name}@{market}":true}}}}"#);
    let cache = format!("{home}/cache/{market}/{name}");
    [
        // The catalog and the plugin have to know it by this name.
        format!(
            "sed -i 's/\"evil-market\"/\"{market}\"/; s/\"name\":\"evil\"/\"name\":\"{name}\"/' \
             evil/.claude-plugin/marketplace.json evil/plugins/evil/.claude-plugin/plugin.json"
        ),
        format!("mkdir -p {cache} && cp -r evil/plugins/evil {cache}/1.0.0"),
        file(&known, &format!("{home}/known_marketplaces.json")),
        file(&installed, &format!("{home}/installed_plugins.json")),
        file(&settings, "~/.claude/settings.json"),
    ]
    .join("\n")
}

#[test]
fn claude_code_forged_records() {
    Way {
        plant: records("evil-market", "evil"),
        ..Way::new(CLAUDE, SKILL)
    }
    .try_it();
}

/// In the name of what the rules allow.
#[test]
fn claude_code_forged_records_of_an_allowed_plugin() {
    Way {
        plant: records("house", "greeter"),
        ..Way::new(CLAUDE, SKILL)
    }
    .try_it();
}

/// The plugin in the agent's store, in the name of what the rules allow.
#[test]
fn codex_a_forged_store_of_an_allowed_plugin() {
    let store = "~/.codex/plugins/cache/house/greeter";
    let tables = "[marketplaces.house]\nsource_type = \"local\"\nsource = \"'$PWD'/evil\"\n\
                  [plugins.\"greeter@house\"]\nenabled = true\n[features]\nplugins = true\n";
    let plant = format!(
        "mkdir -p {store} && cp -r evil/plugins/evil {store}/1.0.0\n{}",
        file(tables, "~/.codex/config.toml")
    );
    Way {
        plant,
        arguments: "--enable plugins".to_owned(),
        ..Way::new(CODEX, SKILL)
    }
    .try_it();
}

/// Where a hook says that it ran.
const MARK: &str = "/tmp/evil-hook";
const HOOKS: &str = r#"{"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"touch /tmp/evil-hook"}]}]}}"#;

/// Whether a hook ran that was planted so, when the agent was told to ask nobody about hooks.
fn hook_ran(agent: Agent, standalone: bool, plant: &str, arguments: &str) -> bool {
    let live = Live::start(agent, standalone);
    let line = agent.line(&format!("--dangerously-bypass-hook-trust {arguments}"));
    let script = format!("{plant}\n{line} || echo the agent failed\nls {MARK} 2>&1");
    let run = output(live.bench.command(&["exec", "--", "bash", "-c", &script]));
    assert!(!run.stdout.contains("the agent failed"), "{run:?}");
    let (ran, absent) = (run.status == 0, run.stdout.contains("No such file"));
    assert_ne!(ran, absent, "{run:?}");
    ran
}

fn only_without_rules(plant: &str, arguments: &str) {
    assert!(!hook_ran(CODEX, false, plant, arguments), "{plant}");
    assert!(hook_ran(CODEX, true, plant, arguments), "{plant}");
}

#[test]
fn codex_hooks_of_the_user_without_a_review() {
    only_without_rules(&file(HOOKS, "~/.codex/hooks.json"), "");
}

#[test]
fn codex_hooks_of_a_trusted_workspace_without_a_review() {
    only_without_rules(&file(HOOKS, ".codex/hooks.json"), "");
}

#[test]
fn codex_hooks_of_an_argument_without_a_review() {
    let hook = "hooks.SessionStart=[{hooks=[{type=\"command\",command=\"touch /tmp/evil-hook\"}]}]";
    only_without_rules("", &format!("-c '{hook}'"));
}
