use serde_json::json;

use crate::support::{Desk, org};

#[test]
fn explain_shows_values_with_their_sources_and_what_was_refused() {
    let desk = Desk::new();
    let project = "network_policy: open\nadditional_plugins: [evil@internal]\n";
    std::fs::write(desk.workspace().join(".scc.yaml"), project).unwrap();
    let data = desk.data(&["config", "explain", "--json"], "ConfigExplain");
    assert_eq!(data["organization"], "corp");
    assert_eq!(
        data["team"],
        json!({ "name": "platform", "origin": "user" })
    );
    assert_eq!(data["network_policy"]["value"], "web-egress-enforced");
    assert_eq!(data["network_policy"]["origin"]["layer"], "organization");
    let line = data["network_policy"]["origin"]["line"].as_u64().unwrap();
    let file = desk.context.path("home/.config/scc/org.json");
    let text = std::fs::read_to_string(file).unwrap();
    let at = text
        .lines()
        .nth(usize::try_from(line).unwrap() - 1)
        .unwrap();
    assert!(at.contains("\"network_policy\""), "{at}");
    assert_eq!(data["plugins"][0]["plugin"], "base@internal");
    assert_eq!(data["blocked"][0]["item"], "evil@internal");
    assert_eq!(data["denied"].as_array().unwrap().len(), 2);
    assert_eq!(data["ignored"][0]["reason"], "looser");
    assert_eq!(data["source"]["freshness"], "fresh");

    let text = desk.run(&["config", "explain"]).ok().stdout;
    for expected in [
        "Organization: Corp (corp), from ",
        "Team: platform, chosen by your settings",
        "web-egress-enforced",
        "plugin evil@internal",
        "rule: security.blocked_plugins: `evil`",
        "next: ask help@corp.example for a policy exception",
        "next: run `scc unblock tool@internal --reason …`",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn explain_shows_one_field() {
    let desk = Desk::new();
    for (field, keys) in [
        ("plugins", &["plugins", "bundles"] as &[&str]),
        ("mcp", &["mcp_servers"]),
        ("network", &["network_policy"]),
        ("session", &["session"]),
        ("resources", &["resources"]),
        ("safety", &["safety_net", "workspace_shields"]),
        ("providers", &["allowed_providers"]),
        ("hosts", &["network"]),
        ("dev_environment", &["dev_environment"]),
        ("marketplaces", &["marketplaces"]),
        ("blocked", &["blocked"]),
        ("denied", &["denied"]),
        ("ignored", &["ignored"]),
    ] {
        let args = ["config", "explain", "--field", field, "--json"];
        let data = desk.data(&args, "ConfigExplain");
        for key in keys {
            assert!(data.get(key).is_some(), "{field}: {data}");
        }
        let others = ["plugins", "denied"]
            .iter()
            .filter(|other| **other != field);
        assert!(others.into_iter().all(|other| data.get(other).is_none()));
    }
    let run = desk.run(&["config", "explain", "--field", "colour"]);
    assert_eq!(run.status, 2);
    let args = ["config", "explain", "--field", "session", "--team", "web"];
    assert!(desk.run(&args).ok().stdout.contains("8 h"));
}

/// Whoever reads both finds the same things under the same names.
#[test]
fn explain_and_a_plan_use_the_same_names() {
    let desk = Desk::new();
    let explained = desk.data(&["config", "explain", "--json"], "ConfigExplain");
    let args = ["start", "--dry-run", "--json", "--provider", "script"];
    let plan = desk.run(&args).json();
    let policy = plan["data"]["policy"].as_object().unwrap();
    // The plan has the decisions in one list, and says about the team only its name.
    for (key, value) in policy
        .iter()
        .filter(|(key, _)| *key != "decisions" && *key != "team")
    {
        assert_eq!(explained.get(key), Some(value), "{key}");
    }
}

#[test]
fn explain_never_answers_without_rules() {
    let desk = Desk::blank();
    let run = desk.run(&["config", "explain"]);
    assert_eq!(run.status, 5, "{run:?}");
    assert!(run.stderr.contains("scc org import SOURCE"));
    desk.settings(&json!({ "organization": { "source": "org.json" } }));
    assert_eq!(desk.run(&["config", "explain"]).status, 3);
    let mut wrong = org();
    wrong["securty"] = json!({});
    desk.org(&wrong);
    let run = desk.run(&["config", "explain"]);
    assert_eq!(run.status, 3);
    for expected in [
        "unknown key `securty`",
        "^",
        "hint: did you mean `security`?",
    ] {
        assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
    }
    desk.settings(&json!({ "standalone": true }));
    let text = desk.run(&["config", "explain"]).ok().stdout;
    assert!(text.contains("Standalone"), "{text}");
    let data = desk.data(&["config", "explain", "--json"], "ConfigExplain");
    assert_eq!(data["standalone"], true);
}

#[test]
fn settings_are_read_and_changed_by_key() {
    let desk = Desk::new();
    let get = |key| desk.run(&["config", "get", key]);
    assert_eq!(get("team").ok().stdout, "platform\n");
    assert_eq!(get("provider").status, 1);
    let run = get("taem");
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("did you mean `team`?"),
        "{}",
        run.stderr
    );

    desk.run(&["config", "set", "resources.cpus", "2"]).ok();
    desk.run(&["config", "set", "team", "web"]).ok();
    let recorded = desk.recorded();
    assert_eq!(recorded["resources"]["cpus"], 2.0);
    assert_eq!(recorded["team"], "web");
    assert_eq!(recorded["organization"]["source"], "org.json");
    let run = desk.run(&["config", "set", "resources.cpu", "2"]);
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("did you mean `cpus`?"),
        "{}",
        run.stderr
    );
    assert_eq!(desk.recorded(), recorded);
    let changed = &desk.last_event("settings.changed")["data"];
    assert_eq!(changed["before"]["team"], "platform");
    assert_eq!(changed["after"]["team"], "web");
    desk.run(&["config", "set", "team", "--unset"]).ok();
    assert_eq!(desk.recorded().get("team"), None);
    let data = desk.data(&["config", "show", "--json"], "ConfigShow");
    assert_eq!(data, desk.recorded());
}

#[test]
fn changes_at_the_same_time_all_count() {
    let desk = Desk::new();
    let changes = [
        ("resources.cpus", "2.5"),
        ("resources.pids", "100"),
        ("resources.memory", "1g"),
        ("images.base", "x:1"),
        ("allow_root_agent", "true"),
        ("providers.script.model", "m"),
        ("providers.script.version", "1"),
        ("team", "web"),
    ];
    std::thread::scope(|scope| {
        for (key, value) in changes {
            let desk = &desk;
            scope.spawn(move || desk.run(&["config", "set", key, value]).ok());
        }
    });
    for (key, value) in changes {
        assert_eq!(desk.run(&["config", "get", key]).ok().stdout.trim(), value);
    }
}

#[test]
fn what_scc_would_refuse_to_read_it_does_not_write() {
    let desk = Desk::new();
    let before = desk.recorded();
    for (key, value, status, words) in [
        ("providers.zzz.model", "x", 2, "there is no provider `zzz`"),
        ("provider", "zzz", 2, "there is no provider `zzz`"),
        ("team", "\"\"", 2, "is not the name of a team"),
        ("team", "nobody", 1, "it has: platform, web"),
    ] {
        let run = desk.run(&["config", "set", key, value]);
        assert_eq!(run.status, status, "{run:?}");
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(desk.recorded(), before);
    }
    let edit = [("EDITOR", r#"sed -i 's/platform/web","provider":"zzz/'"#)];
    let run = desk.run_with(&["config", "edit"], &edit);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(desk.recorded(), before);
    // What is wrong already can be set right, one thing after the other.
    desk.settings(&json!({ "provider": "zzz", "providers": { "yyy": {} } }));
    desk.run(&["config", "set", "provider", "--unset"]).ok();
    desk.run(&["config", "set", "providers.yyy", "--unset"])
        .ok();
    desk.run(&["config", "show"]).ok();
}

#[test]
fn a_setting_is_told_from_a_section_and_from_nothing() {
    let desk = Desk::new();
    let run = desk.run(&["config", "get", "nope"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("there is no setting `nope`"), "{run:?}");
    let data = desk.data(&["config", "get", "resources", "--json"], "ConfigGet");
    let nothing = json!({ "memory": null, "cpus": null, "pids": null });
    assert_eq!(data["value"], nothing);
    let data = desk.data(&["config", "get", "organization", "--json"], "ConfigGet");
    assert_eq!(data["value"]["source"], "org.json");
    let run = desk.run(&["config", "get", "resources.cpus"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("is not set"), "{run:?}");
}

#[test]
fn a_preference_that_the_rules_do_not_allow_is_told() {
    let desk = Desk::new();
    let mut rules = org();
    rules["defaults"]["allowed_providers"] = json!(["script"]);
    desk.org(&rules);
    for args in [
        &["config", "set", "provider", "claude"] as &[&str],
        &["provider", "set", "claude"],
    ] {
        let run = desk.run(args).ok();
        assert!(run.stderr.contains("do not allow `claude`"), "{run:?}");
    }
    let run = desk.run(&["config", "set", "provider", "ask"]).ok();
    assert!(!run.stderr.contains("warning"), "{run:?}");
    desk.run(&["config", "set", "provider", "claude"]).ok();
    let run = desk.run(&["start", "--dry-run", "--json"]);
    let why = "your preference `claude` is not followed: the organization does not allow this";
    assert!(run.stderr.contains(why), "{}", run.stderr);
    let provider = &run.json()["data"]["decisions"][0];
    assert_eq!(provider["value"], "script");
    assert!(
        provider["reason"].as_str().unwrap().contains(why),
        "{provider}"
    );
}

#[test]
fn edited_settings_are_kept_only_when_they_are_valid() {
    let desk = Desk::new();
    let edit = |editor: &str| desk.run_with(&["config", "edit"], &[("EDITOR", editor)]);
    edit("sed -i s/platform/web/").ok();
    assert_eq!(desk.recorded()["team"], "web");
    let run = edit("sed -i s/team/taem/");
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr.contains("did you mean `team`?"),
        "{}",
        run.stderr
    );
    assert_eq!(desk.recorded()["team"], "web");
    let left = || -> Vec<_> {
        let left = std::fs::read_dir(desk.context.path("home/.local/state/scc")).unwrap();
        let left = left.map(|entry| entry.unwrap().path());
        left.filter(|path| path.to_string_lossy().contains("settings-"))
            .collect()
    };
    // What was typed is not lost.
    let typed = left().remove(0);
    let shown = format!("what you typed is in `{}`", typed.display());
    assert!(run.stderr.contains(&shown), "{run:?}");
    assert!(std::fs::read_to_string(&typed).unwrap().contains("taem"));
    std::fs::remove_file(typed).unwrap();
    // Somebody else changes the settings while the editor is open.
    let file = desk.context.path("home/.config/scc/config.json");
    let meanwhile = format!(
        "sh -c 'sed -i s/web/platform/ $1; echo >> {}' sh",
        file.display()
    );
    let run = edit(&meanwhile);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("was changed meanwhile"), "{run:?}");
    let typed = std::fs::read_to_string(left().remove(0)).unwrap();
    assert!(typed.contains("platform"), "{typed}");
    std::fs::remove_file(left().remove(0)).unwrap();
    assert_eq!(edit("false").status, 1);
    assert_eq!(desk.run(&["config", "edit"]).status, 2);
    assert!(left().is_empty());
}

#[test]
fn documents_are_checked() {
    let desk = Desk::new();
    let project = desk.workspace().join(".scc.yaml");
    std::fs::write(&project, "session: {timeout_hours: 99}\n").unwrap();
    let run = desk.run(&["config", "validate", "--json"]);
    assert_eq!(run.status, 3);
    let envelope = run.json();
    assert_eq!(envelope["status"]["ok"], false);
    let data = &envelope["data"];
    assert_eq!(data[0]["kind"], "user");
    assert_eq!(data[0]["valid"], true);
    assert_eq!(data[1]["kind"], "project");
    assert_eq!(data[1]["findings"][0]["line"], 1);
    let file = desk.context.path("home/.config/scc/org.json");
    let args = ["config", "validate", file.to_str().unwrap()];
    assert!(desk.run(&args).ok().stdout.contains("valid (org)"));
    assert_eq!(desk.run(&["config", "validate", "/nothing"]).status, 3);
    let paths = desk.run(&["config", "paths"]).ok().stdout;
    assert!(paths.contains("home/.config/scc/config.json"), "{paths}");
}

#[test]
fn settings_in_yaml_stay_yaml() {
    let desk = Desk::new();
    let file = desk.context.path("home/.config/scc/config.json");
    let yaml = "organization: {source: org.json}\nteam: platform\n";
    std::fs::write(&file, yaml).unwrap();
    desk.run(&["config", "set", "team", "web"]).ok();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("team: web\n") && !text.contains('{'),
        "{text}"
    );
    desk.run(&["team", "switch", "platform"]).ok();
    desk.run(&["setup", "--provider", "script"]).ok();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("team: platform\n") && text.contains("provider: script\n"),
        "{text}"
    );

    let commented = format!("# whose rules\n{yaml}");
    std::fs::write(&file, &commented).unwrap();
    for args in [
        &["config", "set", "team", "web"] as &[&str],
        &["team", "switch", "web"],
        &["setup", "--provider", "script"],
        &["org", "import", "org.json", "--yes"],
    ] {
        let mut command = desk
            .context
            .command(std::path::Path::new(env!("CARGO_BIN_EXE_scc-scripted")));
        command.args(args).current_dir(file.parent().unwrap());
        let run = scc_testkit::context::Run::of(&command.output().unwrap());
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.stderr.contains("scc config edit"), "{run:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), commented);
    }
    // What is so already needs no change.
    desk.run(&["config", "set", "team", "platform"]).ok();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), commented);
    let run = desk.run_with(&["config", "edit"], &[("EDITOR", "sed -i s/platform/web/")]);
    run.ok();
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("# whose rules\n")
    );
}

#[test]
fn what_users_of_the_earlier_scc_type_works() {
    let desk = Desk::new();
    let show = desk.run(&["config", "show"]).ok().stdout;
    assert_eq!(desk.run(&["config"]).ok().stdout, show);
    assert_eq!(desk.run(&["config", "--show"]).ok().stdout, show);
    let shown = desk.data(&["config", "--json"], "ConfigShow");
    for key in ["organization", "team"] {
        assert_eq!(shown[key], desk.recorded()[key], "{key}");
    }
    assert_eq!(desk.run(&["config", "--edit"]).status, 2);
    desk.run(&["config", "explain", "--json", "--pretty"]).ok();
    let paths = desk.run(&["config", "paths", "--show-env"]).ok().stdout;
    assert!(paths.contains("XDG_STATE_HOME"), "{paths}");
    let list = desk.run(&["team", "list"]).ok().stdout;
    assert_eq!(desk.run(&["team"]).ok().stdout, list);
    assert_eq!(desk.run(&["team", "list", "-s"]).ok().stdout, list);
    desk.run(&["setup", "--profile", "web"]).ok();
    assert_eq!(desk.recorded()["team"], "web");
    desk.run(&["setup", "-t", "platform"]).ok();
    assert_eq!(desk.recorded()["team"], "platform");
    desk.run(&["setup", "-p", "web"]).ok();
    assert_eq!(desk.recorded()["team"], "web");
}
