//! Bundles of artifacts, on the way from a real git server to a plan.

use std::os::unix::fs::symlink;

use scc_testkit::context::Run;
use serde_json::{Value, json};

use crate::{Desk, tar};

const STYLE: &str = "---\nname: style\ndescription: The style of the house\n---\nWrite plainly.\n";

/// Rules that give everybody a bundle of these artifacts.
fn bundle(desk: &Desk, artifacts: &Value) {
    let file = desk.context.path("org.json");
    let mut org: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let names: Vec<_> = artifacts.as_object().unwrap().keys().collect();
    org["security"] = json!({ "allow_stdio_mcp": true });
    org["defaults"]["enabled_plugins"] = json!([]);
    org["governed_artifacts"] = json!({
        "artifacts": artifacts,
        "bundles": { "core": { "artifacts": names, "install_intent": "required" } },
    });
    std::fs::write(file, org.to_string()).unwrap();
}

/// A skill in the folder `skills/style` of the repository.
fn style(desk: &Desk, more: &Value) -> Value {
    let mut skill = json!({
        "kind": "skill", "source_type": "git", "source_url": desk.server.url("/acme/m.git"),
        "source_path": "skills/style",
    });
    for (key, value) in more.as_object().unwrap() {
        skill[key] = value.clone();
    }
    skill
}

fn desk_with_style() -> Desk {
    let desk = Desk::new();
    desk.write("skills/style/SKILL.md", STYLE);
    desk.write("skills/style/scripts/check", "#!/bin/sh\n");
    bundle(&desk, &json!({ "style": style(&desk, &json!({})) }));
    desk
}

/// The only artifact of a plan, and the plan.
fn only(run: &Run) -> Value {
    let artifacts = run.json()["data"]["artifacts"].clone();
    assert_eq!(artifacts.as_array().unwrap().len(), 1, "{run:?}");
    artifacts[0].clone()
}

/// An artifact that is required refuses the launch for this reason; one that is available does not.
fn not_delivered(desk: &Desk, artifact: &Value, status: i32, reason: &str) {
    let mut required = artifact.clone();
    required["install_intent"] = json!("required");
    bundle(desk, &json!({ "style": required }));
    let run = desk.plan(&[]);
    assert_eq!(run.status, status, "{reason}: {run:?}");
    let blockers = run.json()["data"]["blockers"].to_string();
    for text in ["artifact `style` of bundle `core`", "is required", reason] {
        assert!(blockers.contains(text), "no `{text}` in {blockers}");
    }
    assert!(!blockers.contains("\"hint\":\"\""), "{blockers}");
    bundle(desk, &json!({ "style": artifact }));
    let plan = only(&desk.plan(&[]).ok());
    assert_eq!(plan["delivered"], false, "{plan}");
    assert!(
        plan["left_out"][0].as_str().unwrap().contains(reason),
        "{plan}"
    );
}

#[test]
fn a_skill_is_pinned_until_it_is_moved() {
    let desk = desk_with_style();
    let first = desk.push();
    let plan = only(&desk.plan(&[]).ok());
    assert_eq!(plan["delivered_as"], "style");
    assert_eq!(plan["bundles"], json!(["core"]));
    assert_eq!(plan["source"]["commit"], first.as_str());
    assert_eq!(plan["files"], 2);
    desk.write("skills/style/SKILL.md", format!("{STYLE}Really.\n"));
    desk.write("skills/style/more", "");
    let second = desk.push();
    assert_eq!(
        only(&desk.plan(&["--offline"]).ok())["source"],
        plan["source"]
    );
    let run = desk.scc(&["org", "update"]).ok();
    let expected = format!(
        "skill style: {} -> {}\n  style (2 files)\n    + more\n    ~ SKILL.md\n",
        &first[..12],
        &second[..12]
    );
    assert!(run.stdout.ends_with(&expected), "{}", run.stdout);
    let plan = only(&desk.plan(&[]).ok());
    assert_eq!(plan["source"]["commit"], second.as_str());
    let report = desk.scc(&["org", "update", "--json"]).ok().json()["data"].clone();
    let skill = &report["marketplaces"][0];
    assert_eq!(
        (&skill["kind"], &skill["changed"]),
        (&json!("skill"), &json!(false))
    );
}

#[test]
fn a_skill_that_must_not_change_names_its_commit() {
    let desk = desk_with_style();
    let commit = desk.push();
    let pinned =
        |reference: &str| style(&desk, &json!({ "pinned": true, "source_ref": reference }));
    not_delivered(&desk, &pinned("main"), 6, "no full commit id");
    bundle(&desk, &json!({ "style": pinned(&commit) }));
    desk.write("skills/style/SKILL.md", "changed");
    desk.push();
    assert_eq!(
        only(&desk.plan(&[]).ok())["source"]["commit"],
        commit.as_str()
    );
    desk.scc(&["org", "update"]).ok();
    assert_eq!(
        only(&desk.plan(&[]).ok())["source"]["commit"],
        commit.as_str()
    );
}

/// What is hostile or broken in a skill keeps it out, with the reason.
#[test]
fn hostile_skills_are_not_delivered() {
    type Prepare = fn(&Desk);
    let cases: [(&str, Prepare); 12] = [
        ("leads out of the folder", |desk| {
            let link = desk.work().join("skills/style/l");
            symlink("../../../../../etc/passwd", link).unwrap();
        }),
        ("is larger than 8388608 bytes", |desk| {
            desk.write("skills/style/large", vec![0; (8 << 20) + 1]);
        }),
        ("it is a submodule", |desk| {
            desk.git(&["add", "--all"]);
            desk.git(&["commit", "--quiet", "--message=first"]);
            let id = desk.git(&["rev-parse", "HEAD"]);
            let entry = format!("160000,{id},skills/style/module");
            desk.git(&["update-index", "--add", "--cacheinfo", &entry]);
            desk.git(&["commit", "--quiet", "--message=module"]);
            std::fs::create_dir(desk.work().join("skills/style/module")).unwrap();
        }),
        ("its folder has no `SKILL.md`", |desk| {
            std::fs::remove_file(desk.work().join("skills/style/SKILL.md")).unwrap();
        }),
        ("is no text in UTF-8", |desk| {
            desk.write("skills/style/SKILL.md", [0xff]);
        }),
        ("does not begin with `name` and `description`", |desk| {
            desk.write("skills/style/SKILL.md", "Write plainly.");
        }),
        ("has no text as `description`", |desk| {
            desk.write("skills/style/SKILL.md", "---\nname: style\n---\n");
        }),
        ("does not begin with `name` and `description`", |desk| {
            desk.write(
                "skills/style/SKILL.md",
                STYLE.replace("\n---\n", "\n----\n"),
            );
        }),
        ("is no YAML", |desk| {
            desk.write("skills/style/SKILL.md", STYLE.replace("The style", "a: b"));
        }),
        // As YAML has it, this is its only name.
        ("calls it `other`", |desk| {
            let head = "---\n\"name\": other\ndescription: >\n  a\n  name: style\n---\n";
            desk.write("skills/style/SKILL.md", head);
        }),
        ("calls it `other`", |desk| {
            desk.write("skills/style/SKILL.md", STYLE.replace("style\n", "other\n"));
        }),
        ("it holds `more/skill.md`", |desk| {
            desk.write("skills/style/more/skill.md", STYLE);
        }),
    ];
    for (reason, prepare) in cases {
        let desk = desk_with_style();
        prepare(&desk);
        desk.push();
        not_delivered(&desk, &style(&desk, &json!({})), 6, reason);
    }
}

/// What cannot be had now is not a refusal.
#[test]
fn a_skill_that_cannot_be_had_now() {
    let desk = desk_with_style();
    desk.push();
    let elsewhere = json!({ "source_url": desk.server.url("/acme/nothing.git") });
    not_delivered(&desk, &style(&desk, &elsewhere), 3, "git cannot fetch");
    bundle(
        &desk,
        &json!({ "style": style(&desk, &json!({ "install_intent": "required" })) }),
    );
    let run = desk.plan(&["--offline"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.contains("nothing is fetched offline"), "{run:?}");
}

/// The head is read as YAML, however it is written.
#[test]
fn the_head_of_a_skill_may_be_written_in_many_ways() {
    let desk = desk_with_style();
    let local = json!({ "kind": "skill", "source_type": "local",
        "source_path": "work/skills/style", "install_intent": "required" });
    bundle(&desk, &json!({ "style": local }));
    for head in [
        "name: \"style\" # the house's\ndescription: >\n  The style\n  of the house\n",
        "# Of the house\r\ndescription: 'It''s: ours'\r\nname: style\r\n",
        "{name: style, description: The style}\n",
    ] {
        let text = format!("---\n{head}---\nWrite plainly.\n");
        desk.write("skills/style/SKILL.md", text);
        assert_eq!(only(&desk.plan(&[]).ok())["delivered"], true, "{head}");
    }
}

#[test]
fn a_skill_in_an_archive_or_a_directory() {
    let desk = desk_with_style();
    *desk.archive.lock().unwrap() = tar(&[("m-1/skills/style/SKILL.md", STYLE)]);
    let url = json!({ "source_type": "url", "source_url": desk.server.url("/m.tar") });
    bundle(&desk, &json!({ "style": style(&desk, &url) }));
    let plan = only(&desk.plan(&[]).ok());
    assert_eq!(
        (&plan["delivered"], &plan["files"]),
        (&json!(true), &json!(1)),
        "{plan}"
    );
    let pinned =
        json!({ "pinned": true, "source_type": "url", "source_url": desk.server.url("/m.tar") });
    not_delivered(&desk, &style(&desk, &pinned), 6, "only a git repository");

    let local =
        |path: &str| json!({ "kind": "skill", "source_type": "local", "source_path": path });
    bundle(&desk, &json!({ "style": local("work/skills/style") }));
    let plan = only(&desk.plan(&[]).ok());
    assert_eq!(plan["delivered"], true, "{plan}");
    assert_eq!(plan["source"]["pinned_at"], Value::Null);
    let inside = desk.context.workspace().join("style");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(inside.join("SKILL.md"), STYLE).unwrap();
    let inside = local(inside.to_str().unwrap());
    not_delivered(&desk, &inside, 6, "where the agent can write");
}

/// Servers and plugins of a bundle, by the binding of the agent.
#[test]
fn servers_and_plugins_of_a_bundle() {
    let desk = desk_with_style();
    let commit = desk.push();
    let config = json!({ "command": "/opt/tool", "args": "one two", "env.TOKEN": "${HOME}" });
    bundle(
        &desk,
        &json!({
            "issues": { "kind": "mcp_server", "bindings": {
                "codex": { "native_ref": "tickets.one", "native_config": config } } },
            "review": { "kind": "native_integration", "bindings": {
                "codex": { "native_ref": "p@m" } } },
            "elsewhere": { "kind": "mcp_server", "bindings": {
                "claude": { "native_config": { "url": "https://mcp.example/x" } } } },
        }),
    );
    let data = desk.plan(&[]).ok().json()["data"].clone();
    let server = &data["mcp_servers"][0];
    assert_eq!(server["name"], "tickets_one");
    assert_eq!(server["artifact"], "issues");
    assert_eq!(data["plugins"][0]["plugin"], "p@m");
    assert_eq!(data["plugins"][0]["artifact"], "review");
    assert_eq!(data["plugins"][0]["marketplace"]["commit"], commit.as_str());
    let elsewhere = &data["artifacts"][0];
    assert_eq!(
        elsewhere["left_out"],
        json!(["it has no binding for `codex`"])
    );

    let said = |args: &[&str], status: i32, part: &str| {
        let run = desk.scc(args);
        assert_eq!(run.status, status, "{args:?}: {run:?}");
        assert!(
            run.stdout.contains(part),
            "{args:?}: no `{part}` in {}",
            run.stdout
        );
    };
    said(&["plugin", "list"], 0, "gets it as p@m");
    said(&["audit", "plugins"], 0, "it has no binding for `codex`");
    said(&["plugin", "why", "review"], 0, "gets it as p@m");
    said(&["mcp", "list"], 0, "gets it as tickets_one");
    said(&["mcp", "why", "issues"], 0, "gets it as tickets_one");
    said(&["mcp", "why", "elsewhere"], 6, "no binding for `codex`");
    said(
        &["mcp", "why", "elsewhere", "--provider", "claude"],
        0,
        "gets it",
    );
    let run = desk.scc(&["mcp", "why", "review"]);
    assert_eq!(run.status, 1, "{run:?}");
    said(&["config", "explain"], 0, "MCP server of core");
    said(&["start", "--dry-run"], 0, "elsewhere: not delivered");
}

/// Two things of one name are refused, whichever of them is required.
#[test]
fn names_that_clash_are_refused() {
    let desk = desk_with_style();
    desk.push();
    let refused = |reason: &str| {
        let run = desk.plan(&[]);
        assert_eq!(run.status, 6, "{reason}: {run:?}");
        let blockers = run.json()["data"]["blockers"].to_string();
        for text in [
            "cannot be told apart",
            reason,
            "give one of them another name",
        ] {
            assert!(blockers.contains(text), "no `{text}` in {blockers}");
        }
    };
    let again = json!({ "bindings": { "codex": { "native_ref": "style" } } });
    bundle(
        &desk,
        &json!({ "again": style(&desk, &again), "style": style(&desk, &json!({})) }),
    );
    refused("another artifact is a skill `style` too");
    let server = |name: &str| {
        json!({ "kind": "mcp_server", "bindings": {
            "codex": { "native_ref": name, "native_config": { "command": "/opt/tool" } } } })
    };
    bundle(
        &desk,
        &json!({ "one": server("tool"), "two": server("Tool") }),
    );
    refused("is called `Tool` too");
    let plugin = |name: &str| json!({ "kind": "native_integration", "bindings": { "codex": { "native_ref": name } } });
    bundle(
        &desk,
        &json!({ "one": plugin("p@m"), "two": plugin("P@other") }),
    );
    refused("`P@other` and `p@m` are plugins of one name");
}

/// A rule that stands against what one agent would get refuses that agent only.
#[test]
fn a_rule_against_one_binding_is_for_its_agent() {
    let desk = desk_with_style();
    bundle(
        &desk,
        &json!({ "issues": { "kind": "mcp_server", "install_intent": "required", "bindings": {
            "codex": { "native_config": { "command": "/opt/tool" } },
            "claude": { "native_config": { "url": "https://x.evil.example" } },
        } } }),
    );
    let file = desk.context.path("org.json");
    let mut org: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    org["security"]["blocked_mcp_servers"] = json!(["*.evil.example"]);
    std::fs::write(file, org.to_string()).unwrap();
    let why = "the organization's security blocks it";
    let said = |command: &[&str], provider: &str, status: i32| {
        let run = desk.scc(&[command, &["--provider", provider]].concat());
        assert_eq!(run.status, status, "{command:?}: {run:?}");
        run.stdout
    };
    assert_eq!(only(&desk.plan(&[]).ok())["delivered"], true);
    for command in [["plugin", "why", "issues"], ["mcp", "why", "issues"]] {
        assert!(!said(&command, "codex", 0).contains(why));
        assert!(said(&command, "claude", 6).contains(why));
    }
    assert!(!said(&["plugin", "list"], "codex", 0).contains("not let in"));
    assert!(said(&["plugin", "list"], "claude", 0).contains("1 not let in"));
    assert!(!said(&["audit", "plugins"], "codex", 0).contains(why));
    assert!(said(&["audit", "plugins"], "claude", 0).contains(why));
    said(&["audit"], "claude", 2);
    let plan = said(&["start", "--dry-run", "--json"], "claude", 6);
    let lack = "is required, and Claude Code does not get it: ";
    assert!(plan.contains(&format!("{lack}{why}")), "{plan}");
    let explained = desk.scc(&["config", "explain"]).ok().stdout;
    assert!(
        explained.contains(&format!("not for `claude`: {why}")),
        "{explained}"
    );
}

/// Who can write the workspace or a profile stops no launch by a name of the organization's.
#[test]
fn a_server_of_the_workspace_takes_no_name_of_a_bundle() {
    let desk = desk_with_style();
    let tool = json!({ "kind": "mcp_server", "install_intent": "required", "bindings": {
        "codex": { "native_ref": "tool", "native_config": { "command": "/opt/tool" } } } });
    bundle(&desk, &json!({ "issues": tool }));
    let file = desk.context.path("org.json");
    let mut org: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    org["profiles"] = json!({ "web": { "delegation": { "allow_project_overrides": true } } });
    org["delegation"] = json!({
        "teams": { "allow_additional_mcp_servers": ["web"] },
        "projects": { "inherit_team_delegation": true },
    });
    std::fs::write(file, org.to_string()).unwrap();
    let own = json!({ "additional_mcp_servers": [
        { "name": "Tool", "type": "stdio", "command": "/bin/forged" },
        { "name": "other", "type": "stdio", "command": "/bin/other" },
    ] });
    std::fs::write(desk.context.workspace().join(".scc.yaml"), own.to_string()).unwrap();
    let data = desk.plan(&["--team", "web"]).ok().json()["data"].clone();
    let servers = data["mcp_servers"].as_array().unwrap();
    let servers: Vec<_> = servers
        .iter()
        .map(|server| (&server["asked_as"], &server["artifact"]))
        .collect();
    let expected = [
        (&json!("other"), &Value::Null),
        (&json!("tool"), &json!("issues")),
    ];
    assert_eq!(servers, expected);
    let run = desk.scc(&["mcp", "list", "--team", "web"]).ok();
    let why = "a server of this name is there already, by the artifact `issues`";
    assert!(run.stdout.contains(why), "{run:?}");
}

/// A plugin of a team's own marketplace is not what the organization meant; settings that nobody
/// knows keep a required artifact from being whole.
#[test]
fn bindings_that_cannot_be_followed() {
    let desk = desk_with_style();
    desk.push();
    let native =
        |binding: Value| json!({ "kind": "native_integration", "bindings": { "codex": binding } });
    not_delivered(
        &desk,
        &native(json!({ "native_ref": "p@unknown" })),
        3,
        "nobody says where",
    );
    not_delivered(
        &desk,
        &native(json!({ "native_ref": "gone@m" })),
        6,
        "no such plugin",
    );
    not_delivered(&desk, &native(json!({})), 6, "names no plugin");
    let mut pinned = native(json!({ "native_ref": "p@m" }));
    pinned["pinned"] = json!(true);
    not_delivered(&desk, &pinned, 6, "names no full commit id");

    let mut odd = native(json!({ "native_ref": "p@m", "native_config": { "mode": "x" } }));
    bundle(&desk, &json!({ "style": odd }));
    let plan = only(&desk.plan(&[]).ok());
    assert_eq!(plan["delivered"], true);
    assert_eq!(plan["left_out"], json!(["its setting `mode` is not known"]));
    odd["install_intent"] = json!("required");
    bundle(&desk, &json!({ "style": odd }));
    let run = desk.plan(&[]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stdout.contains("does not get all of it"), "{run:?}");
}

/// Hooks guard something: a plugin that is required does not go without them.
#[test]
fn a_plugin_that_is_required_keeps_its_hooks() {
    let desk = desk_with_style();
    let group = json!([{ "hooks": [{ "type": "command", "command": "true" }] }]);
    let hooks = json!({ "hooks": { "Notification": group, "PreToolUse": group } });
    desk.write("plugins/p/hooks/hooks.json", hooks.to_string());
    desk.write("plugins/p/agents/a.md", "An agent.");
    desk.push();
    let review = |intent: &str, name: &str| {
        json!({ "review": { "kind": "native_integration", "install_intent": intent, "bindings": {
            "codex": { "native_ref": name }, "claude": { "native_ref": name } } } })
    };
    bundle(&desk, &review("required", "p@m"));
    let run = desk.plan(&[]);
    assert_eq!(run.status, 6, "{run:?}");
    let blockers = run.json()["data"]["blockers"].to_string();
    let lost = "Codex has no event `Notification` for its hooks";
    for text in ["is required, and Codex does not get all of it", lost] {
        assert!(blockers.contains(text), "no `{text}` in {blockers}");
    }
    let claude = desk.plan(&["--provider", "claude"]).json()["data"].clone();
    assert_eq!(claude["artifacts"][0]["left_out"], json!([]), "{claude}");
    bundle(&desk, &review("available", "p@m"));
    let plan = only(&desk.plan(&[]).ok());
    let left_out = json!([lost, "Codex has no place for its `agents`"]);
    assert_eq!(plan["left_out"], left_out, "{plan}");
    // What guards nothing may be missing.
    let hooks = json!({ "hooks": { "PreToolUse": group } });
    desk.write("plugins/p/hooks/hooks.json", hooks.to_string());
    desk.push();
    desk.scc(&["org", "update"]).ok();
    bundle(&desk, &review("required", "p@m"));
    let plan = only(&desk.plan(&[]).ok());
    let left_out = json!(["Codex has no place for its `agents`"]);
    assert_eq!(plan["left_out"], left_out, "{plan}");
}

/// Whoever keeps the document hears of it before anybody starts.
#[test]
fn the_document_is_warned_about() {
    let desk = desk_with_style();
    desk.push();
    bundle(
        &desk,
        &json!({
            "fixed": style(&desk, &json!({ "pinned": true, "install_intent": "required" })),
            "nothing": { "kind": "mcp_server" },
            "style": style(&desk, &json!({})),
        }),
    );
    let file = desk.context.path("org.json");
    let run = desk.scc(&["org", "validate", file.to_str().unwrap()]).ok();
    for text in [
        "that need the artifact `fixed` are refused: it is `pinned`",
        "no agent gets the artifact `nothing`: it has no binding for",
    ] {
        assert!(run.stderr.contains(text), "no `{text}` in {}", run.stderr);
    }
    let again = json!({ "bindings": { "codex": { "native_ref": "style" } } });
    bundle(
        &desk,
        &json!({ "again": style(&desk, &again), "style": style(&desk, &json!({})) }),
    );
    let clash = desk.scc(&["org", "validate", file.to_str().unwrap()]).ok();
    let text = "`again` and `style` are both the skill `style`";
    assert!(clash.stderr.contains(text), "{clash:?}");
    for text in ["`style`", "by this version"] {
        assert!(!run.stderr.contains(text), "`{text}` in {}", run.stderr);
    }
}

#[test]
fn a_binding_for_nobody_and_names_that_clash_are_warned_about() {
    let desk = desk_with_style();
    desk.push();
    let file = desk.context.path("org.json");
    let warned = || {
        desk.scc(&["org", "validate", file.to_str().unwrap()])
            .ok()
            .stderr
    };
    let plugin = |provider: &str, name: &str| json!({ "kind": "native_integration", "bindings": { provider: { "native_ref": name } } });
    bundle(
        &desk,
        &json!({ "one": plugin("codex", "p@m"), "two": plugin("codex", "P@other") }),
    );
    let said = warned();
    assert!(
        said.contains("`one` and `two` are both the plugin `P`"),
        "{said}"
    );
    bundle(
        &desk,
        &json!({ "one": plugin("codex", "p@m"), "two": plugin("codex", "p@M") }),
    );
    assert!(!warned().contains("are both"), "{}", warned());
    bundle(&desk, &json!({ "one": plugin("cdex", "p@m") }));
    let said = warned();
    assert!(
        said.contains("knows no provider `cdex`; did you mean `codex`?"),
        "{said}"
    );
    let server = json!({ "kind": "mcp_server", "bindings": {
        "codex": { "native_ref": "Tool", "native_config": { "command": "/opt/tool" } } } });
    bundle(&desk, &json!({ "one": server }));
    let text = std::fs::read_to_string(&file).unwrap();
    let mut org: Value = serde_json::from_str(&text).unwrap();
    let own = json!([{ "name": "tool", "type": "stdio", "command": "/bin/x" }]);
    org["profiles"]["t"]["additional_mcp_servers"] = own;
    std::fs::write(&file, org.to_string()).unwrap();
    let said = warned();
    let text = "its server `tool` has the name of the artifact `one`";
    assert!(said.contains(text), "{said}");
}
