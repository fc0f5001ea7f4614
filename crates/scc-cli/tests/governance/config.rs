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
    assert_eq!(data["network"]["value"], "web-egress-enforced");
    assert_eq!(data["network"]["origin"]["layer"], "organization");
    let line = data["network"]["origin"]["line"].as_u64().unwrap();
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
    for field in [
        "plugins",
        "mcp",
        "network",
        "session",
        "resources",
        "safety",
        "providers",
        "hosts",
        "dev_environment",
        "marketplaces",
        "blocked",
        "denied",
        "ignored",
    ] {
        let args = ["config", "explain", "--field", field, "--json"];
        let data = desk.data(&args, "ConfigExplain");
        assert!(data.get(field).is_some(), "{field}: {data}");
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
    std::thread::scope(|scope| {
        for number in 0..8 {
            let desk = &desk;
            scope.spawn(move || {
                let key = format!("providers.p{number}.model");
                desk.run(&["config", "set", &key, "m"]).ok();
            });
        }
    });
    assert_eq!(desk.recorded()["providers"].as_object().unwrap().len(), 8);
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
    assert_eq!(edit("false").status, 1);
    assert_eq!(desk.run(&["config", "edit"]).status, 2);
    let left = std::fs::read_dir(desk.context.path("home/.local/state/scc")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.starts_with("settings-")));
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
    assert_eq!(
        desk.data(&["config", "--json"], "ConfigShow"),
        desk.recorded()
    );
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
