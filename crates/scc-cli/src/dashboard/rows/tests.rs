//! Which rows are made of which facts, and that what they offer can be done.

use std::ffi::OsString;

use clap::Parser as _;
use scc_config::UserConfig;
use scc_launch::{HostFacts, Scope, SessionView, Workspace, WorkspaceKind};
use scc_runtime::EngineInfo;
use serde_json::json;

use super::*;
use crate::cli::Cli;
use crate::commands::dashboard::OFFERED;
use crate::dashboard::act::Way;
use crate::dashboard::facts::Trouble;
use crate::output::Printer;

fn context() -> Context {
    Context {
        registry: crate::providers::all(),
        printer: Printer::new(false, true),
        config_file: "/home/ada/.config/scc/config.json".into(),
        state_root: "/home/ada/.local/state/scc".into(),
        cache_root: "/home/ada/.cache/scc".into(),
        scope: Scope {
            namespace: "test".to_owned(),
            owner: 1000,
        },
        host: HostFacts {
            home: Some("/home/ada".into()),
            ..HostFacts::default()
        },
        opened: std::sync::OnceLock::new(),
    }
}

fn sandbox(name: &str, state: &'static str) -> SessionView {
    SessionView {
        container: format!("scc-{name}"),
        id: format!("id of {name}"),
        session_id: Some(format!("session of {name}")),
        name: Some(name.to_owned()),
        workspace: Some(format!("/home/ada/src/{name}")),
        provider: Some("agent".to_owned()),
        state,
        created_at: "2026-11-25T10:00:00Z".to_owned(),
    }
}

/// A session that is recorded as running or as ended.
fn record(name: &str, state: &str) -> scc_state::SessionRecord {
    let ended = (state == "ended").then_some("2026-11-25T11:00:00Z");
    let record = json!({
        "id": format!("session of {name}"),
        "name": name,
        "workspace": format!("/home/ada/src/{name}"),
        "branch": "main",
        "provider": "agent",
        "team": "core",
        "container": format!("scc-{name}"),
        "endpoint": "unix:///engine.sock",
        "state": state,
        "started_at": "2026-11-25T10:00:00Z",
        "ended_at": ended,
        "exit_status": ended.map(|_| 3),
        "owner_pid": null,
    });
    serde_json::from_value(record).unwrap()
}

fn facts(engine: Engine) -> Facts {
    let organized = json!({ "organization": { "source": "https://example.invalid/org.json" } });
    let config: UserConfig = serde_json::from_value(organized).unwrap();
    Facts {
        config: Ok(config),
        sessions: Ok(vec![record("shop", "running"), record("blog", "ended")]),
        warnings: vec!["a file was set aside".to_owned()],
        here: Some(Workspace {
            root: "/home/ada/src/shop".into(),
            kind: WorkspaceKind::Repository,
            branch: Some("main".to_owned()),
            worktree_of: None,
            git_elsewhere: None,
        }),
        worktrees: Vec::new(),
        engine,
    }
}

fn answered() -> Engine {
    Engine::Answered {
        info: EngineInfo {
            endpoint: "unix:///engine.sock".to_owned(),
            name: "Docker Engine".to_owned(),
            version: "28".to_owned(),
            api_version: "1.51".to_owned(),
            platform: "linux/amd64".to_owned(),
        },
        sandboxes: vec![sandbox("shop", "running"), sandbox("blog", "stopped")],
    }
}

fn silent() -> Engine {
    Engine::Silent(Trouble {
        message: "no container engine answers".to_owned(),
        details: vec!["hint: start Docker".to_owned()],
    })
}

fn snapshot(engine: Engine) -> Snapshot {
    let desk = Desk {
        facts: &facts(engine),
        context: &context(),
        offered: OFFERED,
        now: "2026-11-25T12:00:00Z".parse().unwrap(),
    };
    desk.snapshot()
}

fn cells(snapshot: &Snapshot, tab: Tab) -> Vec<String> {
    let rows = &snapshot.list(tab).rows;
    rows.iter().map(|row| row.cells.join(" | ")).collect()
}

fn operations(snapshot: &Snapshot, tab: Tab) -> Vec<Vec<Operation>> {
    let rows = snapshot.list(tab).rows.iter();
    rows.map(|row| row.actions.iter().map(|action| action.operation).collect())
        .collect()
}

#[test]
fn what_the_engine_says() {
    let snapshot = snapshot(answered());
    assert_eq!(
        cells(&snapshot, Tab::Containers),
        [
            "shop | agent | running | 2h | ~/src/shop",
            "blog | agent | stopped | 2h | ~/src/blog",
        ]
    );
    let running = vec![
        Operation::Attach,
        Operation::Stop,
        Operation::Logs,
        Operation::Shell,
    ];
    let stopped = &operations(&snapshot, Tab::Containers)[1];
    assert_eq!(operations(&snapshot, Tab::Containers)[0], running);
    assert!(stopped.contains(&Operation::Remove) && !stopped.contains(&Operation::Stop));
    assert_eq!(snapshot.list(Tab::Containers).note, None);
    assert_eq!(
        cells(&snapshot, Tab::Sessions),
        [
            "shop | agent | running | 2h ago | main | ~/src/shop",
            "blog | agent | ended (3) | 2h ago | main | ~/src/blog",
        ]
    );
    let attach = &snapshot.list(Tab::Sessions).rows[0].actions[0];
    assert_eq!(*attach, Action::new(Operation::Attach, "scc-shop"));
    let status = cells(&snapshot, Tab::Status);
    assert_eq!(
        status[2],
        "Engine | Docker Engine 28 at unix:///engine.sock"
    );
    assert_eq!(
        status[3..5],
        ["Running | 1: shop", "Here | ~/src/shop on main"]
    );
    assert_eq!(status[5], "Noticed | a file was set aside");
}

/// Nothing is offered to a sandbox that is only recorded.
#[test]
fn what_is_only_recorded() {
    for engine in [Engine::Asked, silent()] {
        let snapshot = snapshot(engine);
        assert_eq!(
            cells(&snapshot, Tab::Containers),
            ["shop | agent | recorded | 2h | ~/src/shop"]
        );
        assert_eq!(operations(&snapshot, Tab::Containers), [[]]);
        assert!(operations(&snapshot, Tab::Sessions)[0].is_empty());
        for tab in [Tab::Containers, Tab::Sessions] {
            let note = snapshot.list(tab).note.as_ref().unwrap();
            assert!(note.text.starts_with("as recorded"), "{note:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let trouble = Trouble {
        message: "the file is damaged".to_owned(),
        details: vec!["line 3".to_owned()],
    };
    let facts = Facts {
        config: Err(trouble.clone()),
        sessions: Err(trouble),
        here: None,
        ..facts(silent())
    };
    let desk = Desk {
        facts: &facts,
        context: &context(),
        offered: OFFERED,
        now: Timestamp::UNIX_EPOCH,
    };
    let snapshot = desk.snapshot();
    let status = cells(&snapshot, Tab::Status);
    assert_eq!(status[0], "Mode | the file is damaged");
    assert_eq!(status[1], "Engine | no container engine answers");
    assert_eq!(status[4], "Sessions | the file is damaged");
    let note = snapshot.list(Tab::Sessions).note.as_ref().unwrap();
    assert_eq!(note.level, Level::Error);
    let starts = |action: &Action| action.operation == Operation::Start;
    assert!(!snapshot.general.iter().any(starts), "this is no workspace");
}

/// What no command does is not offered, and each command that is offered is one that scc takes.
#[test]
fn every_offer_can_be_kept() {
    let snapshot = snapshot(answered());
    let rows = Tab::ALL
        .into_iter()
        .flat_map(|tab| &snapshot.list(tab).rows);
    let of_rows = rows.flat_map(|row| &row.actions);
    let menus = [&snapshot.general, &snapshot.maintenance, &snapshot.recent];
    let offers: Vec<_> = of_rows.chain(menus.into_iter().flatten()).collect();
    assert!(offers.len() > 20);
    for action in offers {
        assert!(OFFERED.contains(&action.operation), "{action:?}");
        match Way::of(action) {
            // The dashboard does this by itself.
            None => assert_eq!(action.operation, Operation::Show),
            Some(Way::Behind) => {}
            Some(Way::Command(command)) => {
                let line = [OsString::from("scc")]
                    .into_iter()
                    .chain(command.args.clone());
                let taken = Cli::try_parse_from(line);
                assert!(taken.is_ok(), "{}: {:?}", command.typed(), taken.err());
            }
        }
    }
}

/// The keys that the documentation names are those that there are.
#[test]
fn the_documentation_names_the_keys() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dashboard.md");
    let text = std::fs::read_to_string(file).unwrap();
    let first_cells = text.lines().filter_map(|line| line.strip_prefix("| "));
    let keys: String = first_cells
        .filter_map(|line| line.split(" | ").next())
        .collect();
    for operation in OFFERED {
        if let Some(key) = operation.key() {
            assert!(keys.contains(&format!("`{key}`")), "{operation:?}: {key}");
        }
    }
}
