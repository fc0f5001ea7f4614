//! The real agents, with a scripted model.

use std::os::unix::fs::MetadataExt as _;

use scc_testkit::context::TestContext;
use scc_testkit::model::{ModelServer, Step};
use serde_json::json;

use crate::support::{list, scc, sessions};

/// One scripted turn in which the agent changes a file.
fn turn(provider: &str, path: &str, args: &[&str]) {
    let context = TestContext::with_engine();
    let script = vec![
        Step::Shell("echo scripted > answer.txt && id -un".to_owned()),
        Step::Say("all done here".to_owned()),
    ];
    let model = ModelServer::start(&context.engine().gateway(), script).unwrap();
    let url = format!("{}{path}", model.url());
    context.configure(&json!({
        "provider": provider,
        "providers": { provider: { "base_url": url, "api_key": "command:echo test-key" } },
    }));
    let mut start = vec!["start", "--session", "turn", "--"];
    start.extend(args);
    let run = scc(&context, &start).ok();
    assert!(run.stdout.contains("all done here"), "{run:?}");
    let answer = context.workspace().join("answer.txt");
    assert_eq!(std::fs::read_to_string(&answer).unwrap(), "scripted\n");
    let owner = std::fs::metadata(context.workspace()).unwrap().uid();
    assert_eq!(std::fs::metadata(&answer).unwrap().uid(), owner);

    let requests = model.requests();
    let with_key = requests.iter().filter(|request| {
        request
            .headers
            .contains(&("authorization".to_owned(), "Bearer test-key".to_owned()))
    });
    assert_eq!(with_key.count(), 2, "{requests:?}");
    let result = requests.last().unwrap().body.to_string();
    assert!(
        result.contains("agent"),
        "the tool's output did not reach the model"
    );

    assert_eq!(list(&context)[0]["provider"], provider);
    assert_eq!(sessions(&context)[0]["exit_status"], 0);
    scc(&context, &["prune"]).ok();
    assert!(list(&context).as_array().unwrap().is_empty());
}

#[test]
fn claude_code_completes_a_turn() {
    turn("claude", "", &["-p", "write the answer"]);
}

#[test]
fn codex_completes_a_turn() {
    turn("codex", "/v1", &["exec", "write the answer"]);
}
