//! Sessions and memories: many writers, damage, versions, modes.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panic as tests do"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use jiff::Timestamp;
use scc_state::{SessionRecord, SessionState, StateDir, StateError};

fn now() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

fn session(id: &str) -> SessionRecord {
    SessionRecord {
        id: id.to_owned(),
        name: Some("a name".to_owned()),
        workspace: PathBuf::from("/work/project"),
        branch: Some("main".to_owned()),
        provider: "script".to_owned(),
        team: None,
        container: format!("scc-{id}"),
        endpoint: "unix:///run/engine.sock".to_owned(),
        state: SessionState::Running,
        started_at: now(),
        ended_at: None,
        exit_status: Some(0),
        owner_pid: Some(7),
        conversation: None,
        volume: None,
        continues: None,
    }
}

fn add(root: &Path, prefix: &str, count: usize) {
    let state = StateDir::open(root.to_owned()).unwrap();
    for number in 0..count {
        let record = session(&format!("{prefix}-{number}"));
        state
            .update_sessions(now(), |sessions| sessions.push(record))
            .unwrap();
    }
}

#[test]
fn a_hundred_threads_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    std::thread::scope(|scope| {
        for thread in 0..100 {
            let root = &root;
            scope.spawn(move || add(root, &thread.to_string(), 2));
        }
    });
    let loaded = StateDir::open(root).unwrap().sessions().unwrap();
    assert_eq!((loaded.value.len(), loaded.warnings.len()), (200, 0));
}

#[test]
fn eight_processes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    let child = |number: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--ignored"])
            .env("SCC_TEST_ROOT", &root)
            .env("SCC_TEST_NAME", number.to_string())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..8).map(child).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let state = StateDir::open(root).unwrap();
    let mut ids: Vec<String> = state
        .sessions()
        .unwrap()
        .value
        .into_iter()
        .map(|session| session.id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 80);
    assert_eq!(state.audit().verify().unwrap().events, 80);
}

#[test]
#[ignore = "the other side of `eight_processes_lose_nothing`"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test process is told its part by environment"
)]
fn child_process() {
    let root = PathBuf::from(std::env::var_os("SCC_TEST_ROOT").unwrap());
    let name = std::env::var("SCC_TEST_NAME").unwrap();
    add(&root, &name, 10);
    let audit = StateDir::open(root).unwrap().audit();
    for _ in 0..10 {
        audit
            .append("test.event", Some(&name), serde_json::Map::new(), now())
            .unwrap();
    }
}

#[test]
fn records_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let length = state
        .update_sessions(now(), |sessions| {
            sessions.push(session("1"));
            sessions.len()
        })
        .unwrap();
    assert_eq!(length, 1);
    assert_eq!(state.sessions().unwrap().value, [session("1")]);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    state
        .update_sessions(now(), |sessions| sessions.clear())
        .unwrap();
    assert!(!folder.path().join("sessions.json").exists());
}

#[test]
fn a_damaged_file_is_set_aside_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let file = folder.path().join("sessions.json");
    for text in [
        "",
        "{\"version\":1,\"data\":[",
        "[]",
        "{\"version\":1,\"data\":7}",
        "\0\0\0",
    ] {
        fs::write(&file, text).unwrap();
        let loaded = state.sessions().unwrap();
        assert!(loaded.value.is_empty());
        assert_eq!(loaded.warnings.len(), 1, "{text:?}");
        assert!(!file.exists());
        let again = state.sessions().unwrap();
        assert!(again.warnings.is_empty());
    }
    let aside = |entry: &fs::DirEntry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("sessions.json.damaged-")
    };
    let kept: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .filter(aside)
        .collect();
    assert_eq!(kept.len(), 5);

    fs::write(&file, "broken").unwrap();
    state
        .update_sessions(now(), |sessions| sessions.push(session("1")))
        .unwrap();
    let loaded = state.sessions().unwrap();
    assert_eq!((loaded.value.len(), loaded.warnings.len()), (1, 1));
    assert!(state.take_warnings().is_empty());
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let file = folder.path().join("sessions.json");
    let text = "{\"version\":2,\"sessions\":{}}";
    fs::write(&file, text).unwrap();
    let refused = |error: StateError| matches!(error, StateError::NewerVersion { found: 2, .. });
    assert!(refused(state.sessions().unwrap_err()));
    assert!(refused(
        state.update_sessions(now(), Vec::clear).unwrap_err()
    ));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn everything_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a/b");
    fs::create_dir_all(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    let state = StateDir::open(root.clone()).unwrap();
    add(&root, "x", 1);
    state.record_sign_in("e", "v", true).unwrap();
    state
        .audit()
        .append("x", None, serde_json::Map::new(), now())
        .unwrap();
    let _lock = state.try_launch_lock("k").unwrap().unwrap();
    let mut folders = vec![root];
    while let Some(path) = folders.pop() {
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o700,
            "{path:?}"
        );
        for entry in fs::read_dir(path).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
                    assert_eq!(mode, 0o600, "{entry:?}");
                }
            }
        }
    }
}

#[test]
fn what_a_killed_writer_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join(".sessions.json.tmp-abc");
    fs::write(&left, "half").unwrap();
    add(folder.path(), "x", 1);
    assert!(!left.exists());
}

#[test]
fn small_memories() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let workspace = Path::new("/work/project");
    assert_eq!(state.workspace_provider(workspace).unwrap(), None);
    state
        .remember_workspace_provider(workspace, "script", now())
        .unwrap();
    assert_eq!(
        state.workspace_provider(workspace).unwrap().as_deref(),
        Some("script")
    );
    assert_eq!(state.sign_in("engine", "volume").unwrap(), None);
    state.record_sign_in("engine", "volume", true).unwrap();
    state.record_sign_in("engine", "other", false).unwrap();
    assert_eq!(state.sign_in("engine", "volume").unwrap(), Some(true));
    assert_eq!(state.sign_in("engine", "other").unwrap(), Some(false));
    assert_eq!(state.sign_in("other", "volume").unwrap(), None);
    fs::write(folder.path().join("workspaces.json"), "x").unwrap();
    assert_eq!(state.workspace_provider(workspace).unwrap(), None);
    assert_eq!(state.take_warnings().len(), 1);
}

#[test]
fn a_thousand_records_are_read_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let records = (0..1000).map(|number| session(&number.to_string()));
    state
        .update_sessions(now(), |sessions| sessions.extend(records))
        .unwrap();
    let start = Instant::now();
    assert_eq!(state.sessions().unwrap().value.len(), 1000);
    let took = start.elapsed();
    println!("1000 records: {took:?}");
    assert!(took.as_millis() < 500, "{took:?}");
}
