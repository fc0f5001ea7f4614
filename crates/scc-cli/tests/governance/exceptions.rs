use std::path::Path;
use std::time::Duration;

use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

use crate::support::{Desk, SCRIPTED, org};

fn items(desk: &Desk, field: &str) -> Vec<String> {
    let args = ["config", "explain", "--field", field, "--json"];
    let data = desk.data(&args, "ConfigExplain");
    let decisions = data[field].as_array().unwrap().iter();
    decisions
        .map(|decision| decision["item"].as_str().unwrap().to_owned())
        .collect()
}

fn plugins(desk: &Desk) -> Vec<Value> {
    let args = ["config", "explain", "--field", "plugins", "--json"];
    let data = desk.data(&args, "ConfigExplain");
    let plugins = data["plugins"].as_array().unwrap();
    plugins
        .iter()
        .map(|plugin| plugin["plugin"].clone())
        .collect()
}

#[test]
fn unblock_lifts_a_denial_and_leaves_a_trace() {
    let desk = Desk::new();
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis"]);
    let run = desk.run(&["unblock", "gis"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("pass --reason"), "{}", run.stderr);
    let run = desk.run(&["unblock", "gis", "--reason", "r"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("pass --yes"), "{}", run.stderr);

    let args = [
        "unblock", "gis", "--reason", "maps", "--ttl", "2h", "-y", "--json",
    ];
    let data = desk.data(&args, "Unblock");
    assert_eq!(data["kind"], "mcp-server");
    // Programs read moments; people read the clock on their wall.
    let end = data["exception"]["expires_at"].as_str().unwrap();
    let end: jiff::Timestamp = end.parse().unwrap();
    let here = end
        .in_tz("Asia/Kolkata")
        .unwrap()
        .strftime("%Y-%m-%d %H:%M IST");
    let list = desk.run_with(&["exceptions", "list"], &[("TZ", "Asia/Kolkata")]);
    assert!(list.stdout.contains(&here.to_string()), "{list:?}");
    let event = desk.last_event("exception.created");
    let servers = &event["data"]["mcp_servers"];
    let server = servers[0].as_str().unwrap();
    assert!(
        server.starts_with("gis=https://gis.corp.example/mcp#"),
        "{server}"
    );
    assert_eq!(event["data"]["reason"], "maps");
    assert_eq!(items(&desk, "denied"), ["tool@internal"]);

    desk.run(&["unblock", "tool", "--plugin", "--reason", "r", "-y"])
        .ok();
    assert_eq!(plugins(&desk), ["base@internal", "tool@internal"]);
    assert!(items(&desk, "denied").is_empty());
    let run = desk.run(&["unblock", "tool", "--reason", "r", "-y"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("is allowed already"), "{}", run.stderr);
    let list = desk.data(&["exceptions", "list", "--json"], "ExceptionList");
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0]["state"], "active");
}

/// A server that was let in by name alone could be exchanged behind it.
#[test]
fn a_server_is_let_in_as_it_is_and_here() {
    let desk = Desk::new();
    desk.run(&["unblock", "gis", "--reason", "maps", "-y"]).ok();
    assert_eq!(items(&desk, "denied"), ["tool@internal"]);
    let text = desk.run(&["config", "explain"]).ok().stdout;
    assert!(text.contains("https://gis.corp.example/mcp"), "{text}");

    let mut other = org();
    let server = &mut other["profiles"]["platform"]["additional_mcp_servers"][0];
    server["url"] = json!("https://gis.corp.example/mcp?tenant=other");
    desk.org(&other);
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis"]);
    desk.org(&org());
    assert_eq!(items(&desk, "denied"), ["tool@internal"]);

    let elsewhere = desk.context.path("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let elsewhere = elsewhere.to_str().unwrap();
    std::fs::write(format!("{elsewhere}/.scc.yaml"), "{}\n").unwrap();
    let args = ["config", "explain", "--field", "denied", "--json"];
    let run = desk.run(&[&args[..], &["--workspace", elsewhere]].concat());
    let denied = run.ok().json()["data"]["denied"].clone();
    assert_eq!(denied.as_array().unwrap().len(), 2, "{denied}");
    assert_eq!(denied[1]["target"], "https://gis.corp.example/mcp");
    let args = ["config", "explain", "--field", "ignored", "--json"];
    let run = desk.run(&[&args[..], &["--workspace", elsewhere]].concat());
    let ignored = run.ok().json()["data"]["ignored"].clone();
    assert_eq!(ignored[0]["reason"], "other-workspace", "{ignored}");
}

#[test]
fn only_the_organization_lifts_a_block() {
    let desk = Desk::new();
    let run = desk.run(&["unblock", "evil", "--reason", "r", "-y"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stderr.contains("only the organization can lift this"));
    assert!(run.stderr.contains("help@corp.example"), "{}", run.stderr);
    let args = [
        "exceptions",
        "create",
        "--allow-plugin",
        "*",
        "--reason",
        "r",
    ];
    let run = desk.run(&args);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("fits everything"), "{}", run.stderr);
    desk.run(&[&args[..], &["-y"]].concat()).ok();
    assert_eq!(items(&desk, "blocked"), ["evil@internal"]);
    let run = desk.run(&["unblock", "nothing", "--reason", "r", "-y"]);
    assert_eq!(run.status, 1);

    let mut lifted = org();
    lifted["exceptions"] = json!([{
        "id": "one", "reason": "r", "expires_at": "2999-01-01T00:00:00Z",
        "allow": { "plugins": ["evil"] },
    }]);
    desk.org(&lifted);
    assert!(items(&desk, "blocked").is_empty());
}

#[test]
fn an_exception_is_bounded_by_the_organization() {
    let desk = Desk::new();
    let run = desk.run(&["unblock", "gis", "--reason", "r", "-y", "--ttl", "13h"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stderr.contains("at most 12 hours"), "{}", run.stderr);
    let run = desk.run(&["unblock", "gis", "--reason", "r", "-y", "--ttl", "soon"]);
    assert_eq!(run.status, 2);
    let past = ["--expires-at", "2020-01-01T00:00:00Z"];
    let run = desk.run(&[&["unblock", "gis", "--reason", "r", "-y"], &past[..]].concat());
    assert_eq!(run.status, 2);
}

#[test]
fn a_shared_exception_counts_after_it_was_accepted() {
    let desk = Desk::new();
    desk.run(&["unblock", "gis", "--reason", "r", "-y", "--shared"])
        .ok();
    assert_eq!(items(&desk, "denied"), ["tool@internal"]);
    // What an agent changes does not count until somebody looked at it.
    let file = desk.workspace().join(".scc/exceptions.json");
    let mut stored: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    stored["exceptions"][0]["allow"]["plugins"] = json!(["*"]);
    std::fs::write(&file, stored.to_string()).unwrap();
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis"]);
    let id = stored["exceptions"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(items(&desk, "ignored"), [id.as_str()]);
    let text = desk.run(&["config", "explain"]).ok().stdout;
    assert!(
        text.contains(&format!("scc exceptions accept {id}")),
        "{text}"
    );
    let list = desk.run(&["exceptions", "list"]).ok().stdout;
    assert!(list.contains("not-accepted"), "{list}");

    assert_eq!(desk.run(&["exceptions", "accept", &id]).status, 2);
    desk.run(&["exceptions", "accept", &id, "-y"]).ok();
    assert!(items(&desk, "denied").is_empty());
    assert_eq!(items(&desk, "blocked"), ["evil@internal"]);
    assert_eq!(desk.run(&["exceptions", "accept", "no", "-y"]).status, 1);
}

#[test]
fn exceptions_are_ended() {
    let desk = Desk::new();
    let create = |id: &str, more: &[&str]| {
        let mut args = vec![
            "exceptions",
            "create",
            "--id",
            id,
            "--reason",
            "r",
            "--allow-mcp",
            "gis",
        ];
        args.extend(more);
        desk.run(&args)
    };
    create("one", &[]).ok();
    assert_eq!(create("one", &[]).status, 1);
    create("two", &["--shared"]).ok();
    assert_eq!(desk.run(&["exceptions", "delete", "o"]).status, 2);
    desk.run(&["exceptions", "delete", "o", "-y"]).ok();
    assert_eq!(desk.last_event("exception.deleted")["data"]["id"], "one");
    assert_eq!(desk.run(&["exceptions", "delete", "o", "-y"]).status, 1);
    let file = desk.workspace().join(".scc/exceptions.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut stored: Value = serde_json::from_str(&text).unwrap();
    stored["exceptions"][0]["expires_at"] = json!("2020-01-01T00:00:00Z");
    std::fs::write(&file, stored.to_string()).unwrap();
    let expired = desk.data(
        &["exceptions", "list", "--expired", "--json"],
        "ExceptionList",
    );
    assert_eq!(expired[0]["state"], "expired");
    let gone = desk.data(&["exceptions", "cleanup", "--json"], "ExceptionCleanup");
    assert_eq!(gone, json!([{ "store": "repository", "id": "two" }]));

    create("three", &[]).ok();
    let run = desk.run(&["exceptions", "reset", "-y"]);
    assert_eq!(run.status, 2);
    let both = "--user for yours, --repo for those of this repository";
    assert!(run.stderr.contains(both), "{}", run.stderr);
    assert_eq!(desk.run(&["exceptions", "reset", "--user"]).status, 2);
    desk.run(&["exceptions", "reset", "--user", "-y"]).ok();
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis"]);
}

#[test]
fn an_exception_says_who_made_it_and_why() {
    let desk = Desk::new();
    let environment = [("LOGNAME", "ada")];
    let args = [
        "unblock", "gis", "--reason", "maps", "--ticket", "OPS-7", "-y", "--json",
    ];
    let run = desk.run_with(&args, &environment).ok();
    let exception = &run.json()["data"]["exception"];
    assert_eq!(exception["created_by"], "ada");
    assert_eq!(exception["ticket"], "OPS-7");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(exception["created_on"], host.trim());
    assert_eq!(
        desk.last_event("exception.created")["data"]["ticket"],
        "OPS-7"
    );
    let list = desk.data(&["exceptions", "list", "--json"], "ExceptionList");
    assert_eq!(list[0]["exception"]["created_by"], "ada");
}

#[test]
fn a_policy_exception_is_written_for_the_organizations_document() {
    let desk = Desk::new();
    let create = |more: &[&str]| {
        let args = ["exceptions", "create", "--policy", "--allow-plugin", "evil"];
        desk.run(&[&args, more].concat())
    };
    let run = create(&["--reason", "a review", "--ticket", "OPS-7", "--ttl", "2d"]).ok();
    assert!(
        run.stderr
            .contains("`exceptions` of the organization's document"),
        "{run:?}"
    );
    let entry: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(entry["reason"], "a review (OPS-7)");
    // Nothing is recorded here, and nothing lifted.
    assert_eq!(
        desk.data(&["exceptions", "list", "--json"], "ExceptionList"),
        json!([])
    );
    assert_eq!(items(&desk, "blocked"), ["evil@internal"]);

    let mut lifted = org();
    lifted["exceptions"] = json!([entry]);
    desk.org(&lifted);
    assert!(items(&desk, "blocked").is_empty());

    for (more, status) in [
        (&["--reason", "r", "--shared"] as &[&str], 2),
        (&["--reason", "r", "--allow-mcp", " "], 2),
        (&["--reason", "", "--id", "x"], 2),
        (&["--reason", "r", "--ttl", "9000h"], 6),
        (&[], 2),
    ] {
        assert_eq!(create(more).status, status, "{more:?}");
    }
    // It needs no organization here: an administrator may be standalone.
    desk.settings(&json!({ "standalone": true }));
    create(&["--reason", "r"]).ok();
}

#[test]
fn what_an_exception_would_not_change_is_not_excepted() {
    let desk = Desk::new();
    let mut rules = org();
    rules["security"]["allow_stdio_mcp"] = json!(true);
    rules["security"]["allowed_stdio_prefixes"] = json!(["/opt/corp"]);
    rules["defaults"]["allowed_providers"] = json!(["script"]);
    rules["profiles"]["platform"] = json!({
        "additional_plugins": ["tool@nowhere"],
        "additional_mcp_servers": [{ "name": "local", "type": "stdio", "command": "/usr/bin/x" }],
    });
    desk.org(&rules);
    for (target, why, next) in [
        (
            "local",
            "besides, its program lies in no allowed folder",
            "help@corp.example",
        ),
        (
            "tool",
            "besides, there is no marketplace `nowhere`",
            "--field marketplaces",
        ),
        (
            "claude",
            "the organization does not allow this provider",
            "help@corp.example",
        ),
    ] {
        let run = desk.run(&["unblock", target, "--reason", "r", "-y"]);
        assert_eq!(run.status, 6, "{run:?}");
        assert!(
            run.stderr.contains(why) && run.stderr.contains(next),
            "{run:?}"
        );
    }
    let text = desk.run(&["config", "explain"]).ok().stdout;
    assert!(!text.contains("scc unblock"), "{text}");
    let list = desk.data(&["exceptions", "list", "--json"], "ExceptionList");
    assert_eq!(list, json!([]));
}

#[test]
fn explain_says_which_exception_lets_something_through() {
    let desk = Desk::new();
    let create = ["exceptions", "create", "--id", "maps", "--reason", "r"];
    let run = desk
        .run(&[&create[..], &["--allow-mcp", "gis"]].concat())
        .ok();
    assert!(!run.stderr.contains("nothing here needs it"), "{run:?}");
    let other = [
        "exceptions",
        "create",
        "--reason",
        "r",
        "--allow-mcp",
        "g s",
    ];
    let run = desk.run(&other).ok();
    assert!(run.stderr.contains("nothing here needs it"), "{run:?}");
    let args = ["config", "explain", "--field", "excepted"];
    let data = desk.data(&[&args[..], &["--json"]].concat(), "ConfigExplain");
    assert_eq!(data["excepted"][0]["item"], "gis");
    assert_eq!(data["excepted"][0]["rule"]["layer"], "exception");
    let text = desk.run(&args).ok().stdout;
    assert!(text.contains("allowed by exception maps (user)"), "{text}");
}

#[test]
fn an_exception_without_effect_is_not_listed_as_active() {
    let desk = Desk::new();
    desk.run(&["unblock", "gis", "--reason", "r", "-y", "--ttl", "12h"])
        .ok();
    let mut shorter = org();
    shorter["delegation"]["exceptions"]["max_ttl_hours"] = json!(1);
    desk.org(&shorter);
    let list = desk.data(&["exceptions", "list", "--json"], "ExceptionList");
    assert_eq!(list[0]["state"], "ignored");
    let why = "longer than the 1 hours that the organization allows";
    assert!(list[0]["reason"].as_str().unwrap().contains(why), "{list}");
    let run = desk.run(&["exceptions", "list"]).ok();
    assert!(run.stderr.contains(why), "{run:?}");
    std::fs::remove_file(desk.context.path("home/.config/scc/org.json")).unwrap();
    let run = desk.run(&["exceptions", "list"]).ok();
    assert!(run.stdout.contains("unknown"), "{run:?}");
    assert!(run.stderr.contains("cannot be read"), "{run:?}");
}

/// Whoever writes the workspace's document chooses what stands behind a name.
#[test]
fn a_name_lets_in_no_server_that_the_workspace_adds() {
    let desk = Desk::new();
    let server = |name: &str, host: &str| {
        format!("  - {{name: {name}, type: http, url: 'https://{host}/mcp'}}\n")
    };
    let project = format!(
        "additional_mcp_servers:\n{}{}",
        server("maps", "maps.corp.example"),
        server("other", "evil.example")
    );
    std::fs::write(desk.workspace().join(".scc.yaml"), project).unwrap();
    let create = |pattern: &str| {
        let args = ["exceptions", "create", "--reason", "r", "--allow-mcp"];
        desk.run(&[&args[..], &[pattern]].concat()).ok()
    };
    let run = create("maps");
    assert!(run.stderr.contains("`maps` stays out"), "{run:?}");
    assert!(run.stderr.contains("scc unblock maps"), "{run:?}");
    let all = ["tool@internal", "gis", "maps", "other"];
    assert_eq!(items(&desk, "denied"), all);
    let text = desk.run(&["config", "explain"]).ok().stdout;
    assert!(text.contains("does not lift this"), "{text}");

    // Nor a word that is as well a beginning of hosts, which the workspace chooses.
    create("maps*");
    assert_eq!(items(&desk, "denied"), all);

    let run = create("maps.corp.example");
    assert!(!run.stderr.contains("stays out"), "{run:?}");
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis", "other"]);
    desk.run(&["unblock", "other", "--reason", "r", "-y"]).ok();
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis"]);
}

/// Before a server of the workspace is let in, what it is started with and what it takes is shown.
#[test]
fn what_is_let_in_is_shown_before() {
    let desk = Desk::new();
    let project = "additional_mcp_servers:
  - {name: files, type: http, url: 'https://files.example/mcp',
     headers: {Authorization: 'Bearer ${GITHUB_TOKEN}'}}
";
    std::fs::write(desk.workspace().join(".scc.yaml"), project).unwrap();
    let mut command = desk.context.command(Path::new(SCRIPTED));
    command.args(["unblock", "files", "--reason", "r"]);
    command.env("XDG_CACHE_HOME", desk.context.path("home/.cache"));
    let mut terminal = Terminal::start(command.current_dir(desk.workspace()), 24, 100);
    let limit = Duration::from_secs(30);
    terminal.wait_for_text("Allow files", limit);
    let screen = terminal.screen();
    assert!(screen.contains("headers: Authorization"), "{screen}");
    assert!(
        screen.contains("takes from this machine: GITHUB_TOKEN"),
        "{screen}"
    );
    terminal.send("n\r");
    assert_eq!(terminal.wait(limit), 130);
}

#[test]
fn an_exception_for_servers_holds_in_its_workspace() {
    let desk = Desk::new();
    let args = ["exceptions", "create", "--reason", "r", "--json"];
    let made = |more: &[&str]| desk.run(&[&args[..], more].concat()).ok().json()["data"].clone();
    let here = desk.workspace().canonicalize().unwrap();
    assert_eq!(
        made(&["--allow-mcp", "gis"])["workspace"],
        json!(here.to_str().unwrap())
    );
    assert_eq!(made(&["--allow-plugin", "tool"])["workspace"], Value::Null);
    let shared = made(&["--allow-mcp", "gis", "--shared"]);
    assert_eq!(shared["workspace"], Value::Null);
}

/// What is left of an exception that can be read in part is not what somebody made.
#[test]
fn an_exception_with_a_pattern_that_says_something_else_does_not_hold() {
    let desk = Desk::new();
    let args = ["exceptions", "create", "--reason", "r", "--allow-plugin"];
    let run = desk.run(&[&args[..], &["tool[a"]].concat());
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("a `[` without its `]`"), "{run:?}");
    desk.run(&[&args[..], &["tool"]].concat()).ok();
    assert_eq!(items(&desk, "denied"), ["gis"]);
    let file = desk.context.path("home/.config/scc/exceptions.json");
    let mut stored: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    stored["exceptions"][0]["allow"]["plugins"] = json!(["tool", "x[a"]);
    std::fs::write(&file, stored.to_string()).unwrap();
    assert_eq!(items(&desk, "denied"), ["tool@internal", "gis"]);
    let run = desk.run(&["config", "explain"]).ok();
    assert!(run.stderr.contains("does not hold"), "{run:?}");
}

#[test]
fn an_id_is_given_once_however_many_ask_for_it() {
    let desk = Desk::new();
    let args = [
        "exceptions",
        "create",
        "--reason",
        "r",
        "--allow-plugin",
        "tool",
        "--id",
        "mine",
    ];
    let mut children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = desk.context.command(std::path::Path::new(SCRIPTED));
            command.args(args).current_dir(desk.workspace());
            command.stdin(std::process::Stdio::null());
            command.stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    let made = children.iter_mut().map(|child| child.wait().unwrap());
    assert_eq!(made.filter(|status| status.success()).count(), 1);
    assert_eq!(desk.events("exception.created").len(), 1);
    let list = desk.data(&["exceptions", "list", "--json"], "ExceptionList");
    assert_eq!(list.as_array().unwrap().len(), 1);
}
