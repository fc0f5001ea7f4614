//! The real agents, whose only way to their model is the proxy.

use scc_testkit::https::{Reply, Request};
use scc_testkit::model::{self, Step};
use serde_json::json;

use super::world::{Plan, World};

/// What the agent is told to run: it tries a host that is not on the list as well.
const COMMAND: &str = "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"127.0.0.1:3128\"); \
     print $s \"CONNECT denied.test:443 HTTP/1.1\\r\\n\\r\\n\"; print <$s>' > answer.txt 2>&1";

/// The scripted model as a host of the internet.
fn answer(request: &Request, script: &[Step]) -> Reply {
    let request = model::Request {
        method: request.method.clone(),
        path: request.target.clone(),
        headers: request.headers.clone(),
        body: serde_json::from_slice(&request.body).unwrap_or_default(),
    };
    match model::answer(&request, script) {
        Some(stream) => Reply::ok(stream).with_header("content-type", "text/event-stream"),
        None => Reply::status(404),
    }
}

/// One turn in which the agent runs a command.
fn turn(provider: &str, path: &str, args: &[&str]) {
    let script = [
        Step::Shell(COMMAND.to_owned()),
        Step::Say("all done here".to_owned()),
    ];
    let plan = Plan {
        network: "{}",
        zone: &["model.test=@", "denied.test=@"],
        names: &["model.test", "denied.test"],
        settings: json!({
            "provider": provider,
            "providers": { provider: {
                "base_url": format!("https://model.test{path}"),
                "api_key": "command:echo test-key",
            } },
        }),
        ..Plan::default()
    };
    let world = World::serving(&plan, move |request| answer(request, &script));
    let mut start = vec!["start", "--provider", provider, "--"];
    start.extend(args);
    let run = world.scc(&start).ok();
    assert!(run.stdout.contains("all done here"), "{run:?}");

    let refusal = std::fs::read_to_string(world.context.workspace().join("answer.txt")).unwrap();
    assert!(refusal.starts_with("HTTP/1.1 403"), "{refusal}");
    assert!(
        refusal.contains("scc network explain denied.test"),
        "{refusal}"
    );
    let keyed = world.server.requests().into_iter().filter(|request| {
        request.header("authorization") == Some("Bearer test-key")
            && request.header("host") == Some("model.test")
    });
    // Agents repeat what was not answered in time.
    assert!(keyed.count() >= 2, "{:?}", world.server.requests());
    // Nobody else was even asked for.
    let questions = world.internet.questions();
    let others = questions
        .iter()
        .filter(|line| !line.starts_with("model.test "));
    assert_eq!(others.count(), 0, "{questions:?}");
}

#[test]
fn claude_code_completes_a_turn_through_the_proxy() {
    turn("claude", "", &["-p", "write the answer"]);
}

#[test]
fn codex_completes_a_turn_through_the_proxy() {
    turn("codex", "/v1", &["exec", "write the answer"]);
}
