use serde_json::{Value, json};

use crate::support::{Desk, SCRIPTED, org};

/// A machine whose organization says this of the safety net.
fn desk(net: &Value) -> Desk {
    let desk = Desk::new();
    let mut org = org();
    org["security"]["safety_net"] = net.clone();
    desk.org(&org);
    desk
}

#[test]
fn a_command_is_judged_without_running_it() {
    let desk = desk(&json!({}));
    let run = desk.run(&["safety", "check", "--", "git", "push", "-uf", "origin"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(
        run.stdout
            .starts_with("scc refused `git push -uf origin` (git.push.force)\n  why:     "),
        "{run:?}"
    );
    assert!(
        run.stdout
            .contains("\n  instead: `git push --force-with-lease`")
    );
    let run = desk
        .run(&["safety", "check", "--", "git", "push", "origin"])
        .ok();
    assert!(run.stdout.starts_with("allowed"), "{run:?}");
}

#[test]
fn a_text_is_judged_as_a_shell_would_read_it() {
    let desk = desk(&json!({}));
    let text = "git commit -m 'git clean -fdx' && f=--hard; git reset $f";
    let args = ["safety", "check", "--json", "--shell", text];
    let run = desk.run(&args);
    assert_eq!(run.status, 6, "{run:?}");
    let envelope = run.json();
    assert_eq!(envelope["kind"], "SafetyCheck");
    assert_eq!(envelope["status"]["ok"], false);
    let data = &envelope["data"];
    assert_eq!(data["decision"], "refuse");
    let findings = data["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["rule"], "git.reset.hard");
    assert_eq!(findings[0]["group"], "reset-hard");
    let span = &findings[0]["span"];
    let at = |end: &str| usize::try_from(span[end].as_u64().unwrap()).unwrap();
    assert_eq!(&text[at("start")..at("end")], "reset $f");

    let harmless = desk.data(
        &["safety", "check", "--json", "--shell", "git log | head"],
        "SafetyCheck",
    );
    assert_eq!(harmless["decision"], "allow");
    assert_eq!(harmless["findings"], json!([]));
}

#[test]
fn what_is_to_be_judged_is_one_thing() {
    let desk = desk(&json!({}));
    assert_eq!(desk.run(&["safety", "check"]).status, 2);
    let both = ["safety", "check", "--shell", "true", "--", "true"];
    assert_eq!(desk.run(&both).status, 2);
}

/// Judged as a command, what only a shell understands would seem harmless.
#[test]
fn a_text_is_not_taken_for_a_command() {
    let desk = desk(&json!({}));
    for words in [
        &["git push -f"] as &[&str],
        &["FOO=1", "git", "push", "-f"],
        &["cd", "x", "&&", "git", "push", "-f"],
    ] {
        let run = desk.run(&[&["safety", "check", "--"], words].concat());
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stderr.contains("--shell TEXT"), "{run:?}");
        assert_eq!(run.stdout, "", "{run:?}");
    }
    let run = desk.run(&["safety", "check"]);
    assert!(run.stderr.contains("check -- COMMAND"), "{run:?}");
    // Without `--` it is the command's own option.
    let run = desk.run(&["safety", "check", "git", "push", "-f"]);
    assert_eq!(run.status, 6, "{run:?}");
    // There is nothing on standard input here.
    let run = desk.run(&["safety", "check", "--shell", "-"]).ok();
    assert!(run.stdout.starts_with("allowed"), "{run:?}");
}

#[test]
fn a_text_is_read_from_standard_input() {
    let desk = desk(&json!({}));
    let file = desk.context.path("text");
    std::fs::write(&file, "true && git push -f\n").unwrap();
    let mut command = desk.context.command(std::path::Path::new(SCRIPTED));
    command.args(["safety", "check", "--shell", "-"]);
    command.current_dir(desk.workspace());
    command.stdin(std::fs::File::open(file).unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
}

#[test]
fn the_organization_decides() {
    let desk = desk(&json!({
        "block_reset_hard": false,
        "allowed_network_tools": ["curl"],
    }));
    let status = |words: &[&str]| {
        let args = [&["safety", "check", "--"], words].concat();
        desk.run(&args).status
    };
    assert_eq!(status(&["git", "reset", "--hard"]), 0);
    assert_eq!(status(&["curl", "https://h.example"]), 0);
    assert_eq!(status(&["wget", "https://h.example"]), 6);
    let rule = desk.data(
        &["safety", "explain", "git.reset.hard", "--json"],
        "SafetyRule",
    );
    assert_eq!(rule["action"], "allow");
    assert_eq!(rule["switch"], "block_reset_hard");
    assert_eq!(rule["origin"]["layer"], "organization");
}

#[test]
fn a_warning_is_no_refusal() {
    let desk = desk(&json!({ "action": "warn" }));
    let run = desk
        .run(&["safety", "check", "--", "git", "clean", "-f"])
        .ok();
    assert!(
        run.stdout
            .starts_with("scc warns about `git clean -f` (git.clean.force)"),
        "{run:?}"
    );
    let run = desk
        .run(&["safety", "check", "--json", "--", "git", "clean", "-f"])
        .ok();
    let warnings = run.json()["status"]["warnings"].to_string();
    assert!(warnings.contains("git.clean.force: "), "{warnings}");
    let rules = desk.data(&["safety", "rules", "--json"], "SafetyRules");
    let all = rules["rules"].as_array().unwrap();
    assert!(all.iter().all(|rule| rule["action"] == "warn"), "{all:?}");
}

#[test]
fn every_rule_is_listed_and_explained() {
    let desk = desk(&json!({}));
    let rules = desk.data(&["safety", "rules", "--json"], "SafetyRules");
    let listed = desk.run(&["safety", "rules"]).ok().stdout;
    let all = rules["rules"].as_array().unwrap();
    assert_eq!(all.len(), scc_safety::rules().len());
    for rule in all {
        let id = rule["rule"].as_str().unwrap();
        assert!(listed.contains(id), "{id}");
        assert!(listed.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(rule["action"], "refuse", "{id}");
    }
    let text = desk
        .run(&["safety", "explain", "git.push.force"])
        .ok()
        .stdout;
    for expected in [
        "git.push.force: `git push --force`",
        "\n  why:     it overwrites what is on the remote",
        "\n  instead: ",
        "\n  switch:  block_force_push",
        "\n  here:    refuse (",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn a_rule_that_is_not_there_is_told_with_its_neighbours() {
    let desk = desk(&json!({}));
    let run = desk.run(&["safety", "explain", "push"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("there is no rule `push`"), "{run:?}");
    assert!(run.stderr.contains("git.push.force"), "{run:?}");
    for name in ["git.push.forse", "block_force_push", "git push"] {
        let run = desk.run(&["safety", "explain", name]);
        assert!(run.stderr.contains("git.push.force"), "{run:?}");
    }
    for rule in ["policy.unusable", "record.full"] {
        desk.run(&["safety", "explain", rule]).ok();
    }
    let run = desk.run(&["safety", "explain", "nothing"]);
    assert!(run.stderr.contains("scc safety rules"), "{run:?}");
}

fn recorded(desk: &Desk, session: &str, at: &str, event: &str, command: &str) {
    let state = desk.context.path("home/.local/state/scc");
    let log = scc_state::StateDir::open(state).unwrap().audit();
    let finding = json!({ "rule": "git.push.force", "command": command });
    let data = json!({ "at": at, "findings": [finding] });
    let data = data.as_object().unwrap().clone();
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    log.append(event, Some(session), data, now).unwrap();
}

#[test]
fn refusals_are_told_for_people() {
    let desk = desk(&json!({}));
    let long = format!("git push -f {}", "x".repeat(400));
    recorded(
        &desk,
        "a",
        "2029-01-01T00:00:00Z",
        "safety.refused",
        "git push -f",
    );
    recorded(&desk, "b", "2029-01-02T00:00:00Z", "safety.refused", &long);
    recorded(
        &desk,
        "b",
        "2029-01-03T00:00:00Z",
        "safety.warned",
        "git \u{202e} push",
    );
    recorded(&desk, "b", "2029-01-04T00:00:00Z", "safety.record-full", "");
    let run = desk.run_with(&["audit", "safety"], &[("TZ", "UTC")]).ok();
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{run:?}");
    assert!(lines[0].starts_with("TIME "), "{run:?}");
    assert!(lines[1].starts_with("2029-01-01 00:00:00  a "), "{run:?}");
    assert!(
        lines[1].ends_with("refused      git.push.force  git push -f"),
        "{run:?}"
    );
    assert!(lines[2].ends_with('…'), "{run:?}");
    assert!(!run.stdout.contains('\u{202e}'), "{run:?}");
    assert!(
        run.stderr.contains("the record of session b is full"),
        "{run:?}"
    );

    let some = |more: &[&str]| desk.run(&[&["audit", "safety"], more].concat());
    let run = some(&["-n", "1"]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    assert!(
        run.stderr.contains("the last 1 of 4 (all: -n 4)"),
        "{run:?}"
    );
    let run = some(&["--session", "a"]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run:?}");
    assert!(!run.stderr.contains("is full"), "{run:?}");
    let run = some(&["--since", "2029-01-02T12:00:00Z"]).ok();
    assert_eq!(run.stdout.lines().count(), 3, "{run:?}");
    assert_eq!(some(&["--since", "soon"]).status, 2);
    let run = some(&["-n", "-1"]);
    assert!(run.status == 2 && !run.stderr.contains("-- -1"), "{run:?}");
    assert_eq!(desk.run(&["audit", "verify", "--session", "a"]).status, 2);
}

/// Only the organization's own document has a safety net. In any other it is a mistake that is said, and
/// what the organization refuses stays refused.
#[test]
fn no_other_layer_loosens_it() {
    let net = json!({ "action": "allow", "block_reset_hard": false });
    let place = |change: &dyn Fn(&Desk)| {
        let desk = desk(&json!({}));
        let reset = ["safety", "check", "--", "git", "reset", "--hard"];
        assert_eq!(desk.run(&reset).status, 6);
        change(&desk);
        desk.run(&reset)
    };
    let workspace = place(&|desk| {
        let text = json!({ "security": { "safety_net": net } }).to_string();
        std::fs::write(desk.workspace().join(".scc.yaml"), text).unwrap();
    });
    let top = place(&|desk| {
        let text = json!({ "safety_net": net }).to_string();
        std::fs::write(desk.workspace().join(".scc.yaml"), text).unwrap();
    });
    let user = place(&|desk| {
        desk.settings(&json!({
            "organization": { "source": "org.json" }, "team": "platform",
            "security": { "safety_net": net },
        }));
    });
    let team = place(&|desk| {
        let mut org = org();
        org["profiles"]["platform"]["security"] = json!({ "safety_net": net });
        desk.org(&org);
    });
    for (layer, run) in [
        ("workspace", &workspace),
        ("workspace, at the top", &top),
        ("user", &user),
        ("team", &team),
    ] {
        assert_eq!(run.status, 3, "{layer}: {run:?}");
        let said = &run.stderr;
        assert!(
            said.contains("security") || said.contains("safety_net"),
            "{layer}: {said}"
        );
    }
}

/// Doctor says what the net does, and does not call it on where it is off.
#[test]
fn doctor_says_whether_the_net_is_on() {
    for (net, said) in [
        (json!({}), "safety net  block, by default"),
        (
            json!({ "block_clean": false }),
            "safety net  block, but for clean, by organization",
        ),
        (
            json!({ "action": "warn" }),
            "safety net  warn: nothing is refused, by organization",
        ),
        (
            json!({ "action": "allow" }),
            "safety net  off: nothing is refused or warned about in a sandbox, by organization",
        ),
    ] {
        let run = desk(&net).run(&["doctor"]);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains(said), "{net}: {all}");
    }
}
