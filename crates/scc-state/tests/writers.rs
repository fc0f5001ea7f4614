//! Eight processes write each store twenty times at once, and nothing is lost.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panic as tests do"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use scc_state::{
    Allowance, Exception, ExceptionScope, ExceptionStore, Loaded, PersonalProfile, StateDir,
    StateError, update_private_file,
};
use serde_json::{Map, json};

const PROCESSES: usize = 8;
const WRITES: usize = 20;

fn now() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

fn add_exception(store: &ExceptionStore, seed: u16) {
    let loaded = store
        .update(|all| {
            let exception = Exception {
                id: Exception::new_id(now(), seed, all),
                created_at: now(),
                expires_at: now() + 8.hours(),
                reason: "a trial".to_owned(),
                scope: ExceptionScope::Local,
                allow: Allowance::default(),
                created_by: None,
                created_on: None,
                source: None,
                ticket: None,
                extra: Map::new(),
            };
            all.push(exception);
        })
        .unwrap();
    assert!(loaded.warnings.is_empty());
}

fn add_plugin(state: &StateDir, name: &str) {
    state
        .update_profile("remote:a/b", now(), |slot| {
            let profile = slot.get_or_insert_with(|| PersonalProfile {
                repository: "remote:a/b".to_owned(),
                saved_at: now(),
                plugins: Vec::new(),
                mcp_servers: Vec::new(),
            });
            profile.plugins.push(name.to_owned());
            profile.mcp_servers.push(json!({ "name": name }));
        })
        .unwrap();
}

fn add_setting(file: &Path, name: &str) {
    update_private_file::<StateError>(file, |old| {
        let mut settings: Map<_, _> = old
            .map(|bytes| serde_json::from_slice(&bytes).unwrap())
            .unwrap_or_default();
        settings.insert(name.to_owned(), json!(true));
        Ok(Some(serde_json::to_vec(&settings).unwrap()))
    })
    .unwrap();
}

struct Stores {
    user: ExceptionStore,
    shared: ExceptionStore,
    state: StateDir,
    settings: PathBuf,
}

fn stores(root: &Path) -> Stores {
    Stores {
        user: ExceptionStore::user(&root.join("config")),
        shared: ExceptionStore::repository(&root.join("ws"), &root.join("state")),
        state: StateDir::open(root.join("state")).unwrap(),
        settings: root.join("config/config.json"),
    }
}

#[test]
fn a_hundred_and_sixty_writes_of_each_store_all_count() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ws")).unwrap();
    let child = |number: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--ignored"])
            .env("SCC_TEST_ROOT", folder.path())
            .env("SCC_TEST_NAME", number.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let start = Instant::now();
    let children: Vec<_> = (0..PROCESSES).map(child).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    println!("5 stores, 160 writes each: {:?}", start.elapsed());
    let stores = stores(folder.path());
    for store in [&stores.user, &stores.shared] {
        let mut ids: Vec<_> = store
            .read()
            .unwrap()
            .value
            .into_iter()
            .map(|e| e.id)
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 160);
    }
    let profile = stores.state.profile("remote:a/b").unwrap().unwrap();
    assert_eq!(
        (profile.plugins.len(), profile.mcp_servers.len()),
        (160, 160)
    );
    assert_eq!(stores.state.workspace_teams().unwrap().value.len(), 160);
    assert_eq!(settings(&stores.settings).len(), 160);
    assert!(stores.state.take_warnings().is_empty());
}

#[test]
fn a_writer_that_is_killed_leaves_every_store_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ws")).unwrap();
    let (mut least, mut most) = (usize::MAX, 0);
    for round in 0..20_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--ignored"])
            .env("SCC_TEST_ROOT", folder.path())
            .env("SCC_TEST_NAME", format!("round-{round}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let settings_file = folder.path().join("config/config.json");
        while !settings_file.exists() && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(10 + round * 7 % 60));
        child.kill().unwrap();
        child.wait().unwrap();
        let stores = stores(folder.path());
        let profile = stores.state.profile("remote:a/b").unwrap();
        let counts = [
            whole(&stores.user.read().unwrap()),
            whole(&stores.shared.read().unwrap()),
            profile.map_or(0, |profile| profile.plugins.len()),
            stores.state.workspace_teams().unwrap().value.len(),
            settings(&stores.settings).len(),
        ];
        assert!(stores.state.take_warnings().is_empty());
        // The five are written one after the other.
        least = counts.into_iter().min().unwrap();
        let last = most;
        most = counts.into_iter().max().unwrap();
        assert!(most >= last, "something was lost: {counts:?}");
    }
    println!("{least} to {most} writes in each store after 20 kills");
    assert!(
        most - least <= 20,
        "a round at most is unfinished in one of them"
    );
    assert!(most > 0);
}

fn whole(loaded: &Loaded<Vec<Exception>>) -> usize {
    assert!(loaded.warnings.is_empty(), "{loaded:?}");
    loaded.value.len()
}

fn settings(file: &Path) -> Map<String, serde_json::Value> {
    let bytes = std::fs::read(file).unwrap_or_else(|_| b"{}".to_vec());
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
#[ignore = "the other side of `a_hundred_and_sixty_writes_of_each_store_all_count`"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test process is told its part by environment"
)]
fn child_process() {
    let root = PathBuf::from(std::env::var_os("SCC_TEST_ROOT").unwrap());
    let name = std::env::var("SCC_TEST_NAME").unwrap();
    let stores = stores(&root);
    for number in 0..WRITES {
        let key = format!("{name}-{number}");
        // All processes start from the same digits, so that ids would collide without the lock.
        add_exception(&stores.user, 7);
        add_exception(&stores.shared, 7);
        add_plugin(&stores.state, &key);
        let workspace = Path::new("/work").join(&key);
        stores
            .state
            .pin_workspace_team(&workspace, Some("backend"), now())
            .unwrap();
        add_setting(&stores.settings, &key);
    }
}
