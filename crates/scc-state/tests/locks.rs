//! Launch locks: one holder, freed by drop and by death.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use scc_state::StateDir;

#[test]
fn one_holder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    for key in [
        "plain",
        "/work/project\u{0}script",
        "../../escape",
        ".",
        "",
        &"x".repeat(300),
    ] {
        assert!(state.launch_lock_free(key).unwrap());
        let lock = state.try_launch_lock(key).unwrap().expect(key);
        assert!(lock.path().starts_with(folder.path().join("locks")));
        assert!(state.try_launch_lock(key).unwrap().is_none());
        assert!(!state.launch_lock_free(key).unwrap());
        assert_eq!(
            state.launch_lock_holder(key).unwrap(),
            Some(std::process::id())
        );
        assert!(state.launch_lock_free("another").unwrap());
        drop(lock);
        assert!(state.launch_lock_free(key).unwrap());
        assert_eq!(state.launch_lock_holder(key).unwrap(), None);
        assert!(state.try_launch_lock(key).unwrap().is_some());
    }
}

#[test]
fn asking_never_makes_a_launch_fail() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    drop(state.try_launch_lock("key").unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    state.launch_lock_free("key").unwrap();
                }
            });
        }
        let failures = (0..300)
            .filter(|_| state.try_launch_lock("key").unwrap().is_none())
            .count();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(failures, 0);
    });
}

#[test]
fn the_kernel_frees_the_lock_of_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().to_owned()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process", "--ignored", "--nocapture"])
        .env("SCC_TEST_ROOT", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().contains("locked")));
    assert!(state.try_launch_lock("key").unwrap().is_none());
    assert_eq!(state.launch_lock_holder("key").unwrap(), Some(child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.launch_lock_free("key").unwrap());
    assert!(state.try_launch_lock("key").unwrap().is_some());
}

#[test]
#[ignore = "the other side of `the_kernel_frees_the_lock_of_a_killed_process`"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test process is told its part by environment"
)]
fn child_process() {
    let root = PathBuf::from(std::env::var_os("SCC_TEST_ROOT").unwrap());
    let state = StateDir::open(root).unwrap();
    let _lock = state.try_launch_lock("key").unwrap().unwrap();
    println!("\nlocked");
    std::thread::sleep(std::time::Duration::from_secs(60));
}
