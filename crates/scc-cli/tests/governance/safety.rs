use serde_json::{Value, json};

use crate::support::{Desk, org};

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
    let run = desk.run(&["safety", "explain", "nothing"]);
    assert!(run.stderr.contains("scc safety rules"), "{run:?}");
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
