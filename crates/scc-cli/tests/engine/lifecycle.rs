//! Sessions come, are seen, and go.

use std::io::Write as _;
use std::process::Stdio;

use scc_testkit::context::Run;

use crate::support::{LIMIT, Session, agent, command, context, list, scc, sessions};

#[test]
fn the_agent_changes_the_workspace_as_its_owner() {
    use std::os::unix::fs::MetadataExt as _;
    let context = context();
    agent(
        &context,
        "echo made > made.txt; git add made.txt; git commit -qm made",
    );
    let made = context.workspace().join("made.txt");
    let owner = std::fs::metadata(context.workspace()).unwrap().uid();
    assert_eq!(std::fs::metadata(made).unwrap().uid(), owner);
    let author = agent(&context, "git log -1 --format='%an <%ae>'");
    assert_eq!(author, "Ada Test <ada@example.invalid>\n");
}

#[test]
fn streams_and_status_pass_through() {
    let context = context();
    let args = ["start", "--", "bash", "-c", "cat; echo oops >&2; exit 42"];
    let mut child = command(&context, &args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"piped input\n")
        .unwrap();
    let run = Run::of(&child.wait_with_output().unwrap());
    assert_eq!((run.status, run.stdout.as_str()), (42, "piped input\n"));
    assert!(run.stderr.contains("oops"), "{}", run.stderr);
    assert_eq!(sessions(&context)[0]["exit_status"], 42);
}

#[test]
fn a_session_is_seen_everywhere_and_gone_after_stop_and_prune() {
    let context = context();
    let mut session = Session::start(&context, &["--session", "work"]);
    let all = list(&context);
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(
        (&all[0]["name"], &all[0]["state"]),
        (&"work".into(), &"running".into())
    );
    let status = scc(&context, &["status", "--json"]).ok().json();
    assert_eq!(status["data"]["running"][0]["name"], "work");
    assert_eq!(sessions(&context)[0]["name"], "work");
    let shown = scc(
        &context,
        &["exec", "work", "--", "bash", "-c", "id -u; exit 3"],
    );
    assert_eq!(shown.status, 3);
    assert_ne!(shown.stdout, "0\n");
    scc(&context, &["stop", "work"]).ok();
    assert_eq!(session.wait(), Some(143));
    assert_eq!(list(&context)[0]["state"], "stopped");
    assert_eq!(sessions(&context)[0]["state"], "ended");
    let dry = scc(&context, &["prune", "--dry-run", "--json"]).ok().json();
    assert_eq!(dry["data"]["containers"].as_array().unwrap().len(), 1);
    scc(&context, &["prune"]).ok();
    assert!(list(&context).as_array().unwrap().is_empty());
    let left = context.engine().containers(context.namespace());
    assert!(left.is_empty(), "{left:?}");
    scc(&context, &["audit", "verify"]).ok();
}

#[test]
fn what_an_agent_printed_can_be_read_again() {
    let context = context();
    agent(&context, "echo for the record");
    let name = list(&context)[0]["container"].as_str().unwrap().to_owned();
    assert_eq!(
        scc(&context, &["logs", &name]).ok().stdout,
        "for the record\n"
    );
}

#[test]
fn a_stopped_sandbox_is_replaced_and_a_running_one_only_if_asked() {
    let context = context();
    agent(&context, "true");
    let session = Session::start(&context, &[]);
    let first = list(&context)[0]["id"].clone();
    let refused = scc(&context, &["start", "--non-interactive", "--", "true"]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("scc start --fresh"),
        "{}",
        refused.stderr
    );
    assert_eq!(list(&context)[0]["id"], first);
    scc(&context, &["start", "--fresh", "--", "true"]).ok();
    assert_eq!(list(&context).as_array().unwrap().len(), 1);
    assert_ne!(list(&context)[0]["id"], first);
    drop(session);
}

#[test]
fn twenty_starts_at_once_make_one_sandbox() {
    let context = context();
    let start = || {
        let mut command = command(
            &context,
            &["start", "--non-interactive", "--", "sleep", "1000"],
        );
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut all: Vec<_> = (0..20).map(|_| start()).collect();
    let mut refused = Vec::new();
    scc_testkit::wait_for("19 refusals", LIMIT, || {
        all.retain_mut(|child| match child.try_wait().unwrap() {
            None => true,
            Some(status) => {
                let mut text = String::new();
                let mut stderr = child.stderr.take().unwrap();
                std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
                refused.push((status.code(), text));
                false
            }
        });
        (refused.len() == 19).then_some(())
    });
    for (status, text) in &refused {
        assert_eq!(*status, Some(1), "{text}");
        assert!(
            text.contains("right now") || text.contains("is running"),
            "{text}"
        );
    }
    assert_eq!(context.engine().sessions(context.namespace()).len(), 1);
    scc(&context, &["stop", "--all"]).ok();
    let status = scc_testkit::wait_for("the end of the winner", LIMIT, || {
        all[0].try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(143));
}

#[test]
fn a_failing_image_build_shows_its_log_and_leaves_no_tag() {
    let context = context();
    context.configure(&serde_json::json!({
        "images": { "base": "localhost/scc-empty:1" },
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    let run = scc(&context, &["start", "--provider", "script", "--", "true"]);
    assert_eq!(run.status, 4, "{run:?}");
    assert!(
        run.stderr.contains("building the image `scc-base:"),
        "{}",
        run.stderr
    );
    let plan = scc(
        &context,
        &["start", "--provider", "script", "--dry-run", "--json"],
    )
    .json();
    let image = plan["data"]["image"]["steps"][0]["reference"]
        .as_str()
        .unwrap();
    let (status, _) = context
        .engine()
        .request("GET", &format!("/images/{image}/json"), None);
    assert_eq!(status, 404);
}

#[test]
fn signed_out_says_how_to_sign_in() {
    let context = context();
    context.configure(&serde_json::json!({ "provider": "script" }));
    let run = scc(&context, &["start", "--", "true"]);
    assert_eq!(run.status, 5, "{run:?}");
    assert!(
        run.stderr.contains("scc provider login script"),
        "{}",
        run.stderr
    );
}
