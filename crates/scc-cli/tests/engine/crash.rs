//! A killed scc leaves nothing that the next command does not set right.

use std::process::Stdio;
use std::time::Instant;

use crate::support::{Session, command, context, list, scc, sessions, signal};

#[test]
fn a_session_outlives_the_scc_that_attends_it() {
    let context = context();
    let session = Session::start(&context, &["--session", "orphan"]);
    signal(session.pid(), "-KILL");
    drop(session);
    assert_eq!(list(&context)[0]["state"], "running");
    assert_eq!(sessions(&context)[0]["state"], "running");
    scc(&context, &["stop", "orphan"]).ok();
    assert_eq!(sessions(&context)[0]["state"], "ended");
}

/// Kills scc at many moments of a launch. What is there afterwards is either nothing, or a session
/// that runs and is recorded as running.
#[test]
fn killed_at_any_moment_of_a_launch() {
    let context = context();
    let clock = Instant::now();
    scc(&context, &["start", "--fresh", "--", "true"]).ok();
    let launch = clock.elapsed();
    let (mut nothing, mut running) = (0, 0);
    for step in 0..24_u32 {
        scc(&context, &["stop", "--all"]).ok();
        scc(&context, &["prune"]).ok();
        let mut start = command(
            &context,
            &["start", "--non-interactive", "--", "sleep", "1000"],
        );
        let mut child = start
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(launch * step / 12);
        child.kill().unwrap();
        child.wait().unwrap();
        let all = list(&context);
        let open = sessions(&context);
        let open = open
            .as_array()
            .unwrap()
            .iter()
            .filter(|s| s["ended_at"].is_null())
            .count();
        match all.as_array().unwrap().as_slice() {
            [] => {
                nothing += 1;
                assert_eq!(open, 0, "a record without a sandbox");
                assert!(context.engine().sessions(context.namespace()).is_empty());
            }
            [only] => {
                running += 1;
                assert_eq!(only["state"], "running", "{only}");
                assert_eq!(open, 1, "a sandbox without a record");
            }
            more => assert!(more.len() < 2, "{more:?}"),
        }
    }
    assert!(
        nothing > 0 && running > 0,
        "the moments were not spread: {nothing}, {running}"
    );
    scc(&context, &["audit", "verify"]).ok();
    // Whatever was left half-made, the next launch succeeds.
    scc(&context, &["start", "--fresh", "--", "true"]).ok();
}
