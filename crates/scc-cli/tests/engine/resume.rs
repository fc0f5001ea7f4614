//! An agent's conversation goes on after its sandbox has ended, and after it is gone.

use std::time::Duration;

use scc_testkit::context::TestContext;
use scc_testkit::model::{ModelServer, Step};
use scc_testkit::picture;
use scc_testkit::pty::Terminal;
use scc_testkit::wait_for;
use serde_json::{Value, json};

use crate::support::{
    LIMIT, SCC, Session, context, go_on_here, list, remember_earlier, scc, sessions,
};

const ANSWER: &str = "answered by the script";

fn scripted(provider: &str, path: &str) -> (TestContext, ModelServer) {
    let context = TestContext::with_engine();
    let script = vec![Step::Say(ANSWER.to_owned())];
    let model = ModelServer::start(&context.engine().gateway(), script).unwrap();
    let url = format!("{}{path}", model.url());
    context.configure(&json!({
        "provider": provider,
        "providers": { provider: { "base_url": url, "api_key": "command:echo test-key" } },
    }));
    (context, model)
}

/// The texts of the last request, with everything that was said before.
fn last_request(model: &ModelServer) -> String {
    let requests = model.requests();
    let asked = requests.iter().rev().find(|r| !r.body.is_null()).unwrap();
    asked.body.to_string()
}

fn assert_remembers(model: &ModelServer, texts: &[&str]) {
    let request = last_request(model);
    for text in texts {
        assert!(request.contains(text), "no `{text}` in {request}");
    }
}

/// Two turns by two launches, then stop, prune and a third.
fn turns(provider: &str, path: &str, ask: &[&str]) {
    let (context, model) = scripted(provider, path);
    let start = |more: &[&str], question: &str| {
        let mut args = vec!["start"];
        args.extend(more);
        args.push("--");
        args.extend(ask);
        args.push(question);
        scc(&context, &args)
    };
    start(&["--session", "fruit"], "about apples").ok();
    start(&["--resume"], "about pears").ok();
    assert_remembers(&model, &["about apples", ANSWER, "about pears"]);
    scc(&context, &["prune"]).ok();
    assert!(context.engine().sessions(context.namespace()).is_empty());
    let third = start(&["--resume", "--session", "fruit"], "about plums").ok();
    assert!(third.stdout.contains(ANSWER), "{third:?}");
    assert_remembers(&model, &["about apples", "about pears", "about plums"]);

    let all = sessions(&context);
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    assert_eq!(
        (&all[0]["name"], &all[0]["launches"]),
        (&json!("fruit"), &json!(3))
    );

    // A name alone is enough, and a new session is new.
    start(&["--session", "fruit"], "about cherries").ok();
    assert_remembers(&model, &["about plums", "about cherries"]);
    start(&["--session", "fruit", "--fresh"], "about nuts").ok();
    assert!(!last_request(&model).contains("about apples"));
}

#[test]
fn claude_code_goes_on() {
    turns("claude", "", &["-p"]);
}

#[test]
fn codex_goes_on() {
    turns("codex", "/v1", &["exec"]);
}

/// The same on the agent's own screen, which is stopped from elsewhere.
fn screens(provider: &str, path: &str, ready: &str) {
    let (context, model) = scripted(provider, path);
    // Makes the image, so that waiting for it is no part of what follows.
    scc(&context, &["start", "--", "--version"]).ok();
    let screen = |args: &[&str]| {
        let mut start = context.command(SCC.as_ref());
        start.args(args).current_dir(context.workspace());
        let mut terminal = Terminal::start(&start, 40, 100);
        if args == ["start"] {
            go_on_here(&mut terminal);
        }
        terminal.wait_for_text(ready, LIMIT);
        terminal
    };
    let ask = |terminal: &mut Terminal, question: &str, answers: usize| {
        terminal.send(question);
        terminal.wait_for_text(question, LIMIT);
        terminal.send("\r");
        wait_for("an answer", LIMIT, || {
            let answered = terminal.screen().matches(ANSWER).count() >= answers;
            (answered && last_request(&model).contains(question)).then_some(())
        });
    };
    let mut first = screen(&["start"]);
    ask(&mut first, "about apples", 1);
    ask(&mut first, "about pears", 2);
    scc(&context, &["stop"]).ok();
    first.wait(LIMIT);
    scc(&context, &["prune"]).ok();
    let mut second = screen(&["start", "--resume"]);
    ask(&mut second, "about plums", 1);
    assert_remembers(&model, &["about apples", "about pears", "about plums"]);
    second.press_until_end("\x03", LIMIT);
}

#[test]
fn claude_code_goes_on_on_its_screen() {
    screens("claude", "", "bypass permissions on");
}

#[test]
fn codex_goes_on_on_its_screen() {
    screens("codex", "/v1", "OpenAI Codex");
}

/// What cannot go on says so, and asks no model.
fn refusals(provider: &str, path: &str, silent: &[&str], ask: &[&str]) {
    let (context, model) = scripted(provider, path);
    let mut args = vec!["start", "--session", "quiet", "--"];
    args.extend(silent);
    scc(&context, &args).ok();
    let mut resume = vec!["start", "--resume", "--session", "quiet", "--"];
    resume.extend(ask);
    let refused = scc(&context, &resume);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("the session `quiet` has no conversation"),
        "{}",
        refused.stderr
    );
    assert!(model.requests().is_empty(), "{:?}", model.requests());
    // The latest that can go on is meant, and what is passed over is named.
    let mut first = vec!["start", "--session", "talk", "--fresh", "--"];
    first.extend(ask);
    scc(&context, &first).ok();
    args[2] = "later";
    args.insert(3, "--fresh");
    scc(&context, &args).ok();
    let mut latest = vec!["start", "--resume", "--"];
    latest.extend(ask);
    let run = scc(&context, &latest).ok();
    assert!(
        run.stderr
            .contains("`later` has no conversation; passed over"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("going on with the session `talk`"),
        "{}",
        run.stderr
    );

    // Gone from the volume: another one would be a new conversation.
    let volume = plan(&context)["provider"]["volume"]
        .as_str()
        .unwrap()
        .to_owned();
    empty(&context, &volume);
    let before = model.requests().len();
    latest.splice(2..2, ["--session", "talk"]);
    let refused = scc(&context, &latest);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert_eq!(model.requests().len(), before);
}

fn plan(context: &TestContext) -> Value {
    let run = scc(context, &["start", "--dry-run", "--json"]).ok();
    run.json()["data"].clone()
}

/// Removes a volume as a person would who wants to begin anew.
fn empty(context: &TestContext, volume: &str) {
    scc(context, &["prune"]).ok();
    let (status, body) =
        context
            .engine()
            .request("DELETE", &format!("/volumes/{volume}?force=true"), None);
    assert_eq!(status, 204, "{body}");
}

#[test]
fn claude_code_says_what_cannot_go_on() {
    refusals("claude", "", &["--version"], &["-p", "hello"]);
}

#[test]
fn codex_says_what_cannot_go_on() {
    refusals("codex", "/v1", &["--version"], &["exec", "hello"]);
}

/// An agent in another sandbox of the same volume has a conversation of its own.
#[test]
fn each_workspace_has_its_own() {
    let context = context();
    let other = context.repository("other");
    let say = |dir: &std::path::Path, text: &str| {
        let mut start = context.command(SCC.as_ref());
        start.args(["start", "--", "true", text]).current_dir(dir);
        assert!(start.status().unwrap().success());
    };
    say(&context.workspace(), "here");
    say(&other, "there");
    let mut resume = context.command(SCC.as_ref());
    resume.args(["start", "--resume", "--", "true"]);
    let run = resume.current_dir(context.workspace()).output().unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert_eq!(said, "agent: earlier: true here\n");
    let elsewhere = scc(&context, &["start", "--resume", "--session", "unknown"]);
    assert_eq!(elsewhere.status, 1, "{elsewhere:?}");
}

/// A session that runs is returned to; nothing new is started.
#[test]
fn one_that_is_running_is_returned_to() {
    let context = context();
    let mut start = context.command(SCC.as_ref());
    start.args(["start", "--session", "live"]);
    let mut first = Terminal::start(start.current_dir(context.workspace()), 24, 80);
    go_on_here(&mut first);
    first.wait_for_text("agent: ready", LIMIT);
    let id = list(&context)[0]["id"].clone();
    first.hang_up();
    first.wait(LIMIT);
    let mut resume = context.command(SCC.as_ref());
    resume.args(["start", "--resume"]);
    let mut second = Terminal::start(resume.current_dir(context.workspace()), 24, 80);
    second.send("hello\r");
    second.wait_for_text("agent: hello", LIMIT);
    assert_eq!(list(&context)[0]["id"], id);
    second.send("quit 4\r");
    assert_eq!(second.wait(Duration::from_secs(30)), 4);
}

/// By the identifier of an earlier launch, too, and with or without `--resume`.
#[test]
fn an_identifier_stays_good() {
    let context = context();
    scc(&context, &["start", "--fresh", "--", "true", "first"]).ok();
    let id = sessions(&context)[0]["id"].as_str().unwrap().to_owned();
    for args in [
        &["resume", &id, "--", "true"] as &[&str],
        &["start", "--resume", "--session", &id, "--", "true"],
        &["start", "--session", &id, "--", "true"],
    ] {
        let run = scc(&context, args).ok();
        assert!(
            run.stdout.starts_with("agent: earlier: true first"),
            "{args:?}: {run:?}"
        );
    }
    assert_eq!(sessions(&context)[0]["launches"], 4);
}

/// Whatever is asked of it, a running session is not talked to twice.
#[test]
fn one_that_is_running_takes_no_further_command() {
    let context = context();
    let _session = Session::start(&context, &["--session", "busy"]);
    let run = scc(&context, &["start", "--resume", "--", "true"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("is running"), "{}", run.stderr);
}

/// Chosen from a list, in a terminal; without one, the flag is named.
#[test]
fn one_is_chosen_from_a_list() {
    let context = context();
    for name in ["first", "second"] {
        scc(&context, &["start", "--session", name, "--", "true", name]).ok();
    }
    let refused = scc(&context, &["start", "--select"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("--resume --session NAME"),
        "{}",
        refused.stderr
    );
    let mut choose = context.command(SCC.as_ref());
    choose.args(["start", "--select"]);
    let mut terminal = Terminal::start(choose.current_dir(context.workspace()), 24, 100);
    terminal.wait_for_text("Which session?", LIMIT);
    terminal.wait_for_text("second", LIMIT);
    terminal.send("first");
    terminal.send("\r");
    terminal.wait_for_text("agent: earlier: true first", LIMIT);
    terminal.send("quit 0\r");
    assert_eq!(terminal.wait(LIMIT), 0);
}

/// The picture of the choice in the documentation is what is on the screen.
#[test]
fn the_picture_of_the_choice_is_fresh() {
    let context = TestContext::with_engine();
    let earlier = [
        ("checkout", "src/shop", "main", 3),
        ("search", "src/shop-worktrees/search", "scc/search", 20),
        ("invoices", "src/billing", "release-2", 70),
    ];
    remember_earlier(&context, &earlier);
    let mut choose = context.command(SCC.as_ref());
    let mut terminal = Terminal::start(choose.args(["sessions", "--select"]), 7, 80);
    terminal.wait_for_text("Which session?", LIMIT);
    terminal.send("shop");
    wait_for("the filtered list", LIMIT, || {
        let screen = terminal.screen();
        let is_whole = screen.contains("Which session? shop") && screen.contains("type to filter]");
        (is_whole && !screen.contains("invoices")).then_some(())
    });
    let svg = terminal.look(|screen| picture::svg(screen, "scc sessions --select"));
    picture::check("sessions-select", &svg);
    terminal.send("\x1b");
    assert_eq!(terminal.wait(LIMIT), 130, "{}", terminal.screen());
}

/// Chosen among all, and gone on with where it was.
#[test]
fn one_of_another_workspace_is_chosen_and_goes_on_there() {
    let context = context();
    let script = "pwd; echo said > made";
    scc(
        &context,
        &["start", "--session", "far", "--", "bash", "-c", script],
    )
    .ok();
    let mut choose = context.command(SCC.as_ref());
    choose.args(["sessions", "--select"]);
    let mut terminal = Terminal::start(choose.current_dir(context.path("home")), 24, 150);
    terminal.wait_for_text("Which session?", LIMIT);
    terminal.send("far\r");
    terminal.wait_for_text("agent: earlier: bash -c pwd; echo said > made", LIMIT);
    terminal.send("quit 6\r");
    assert_eq!(terminal.wait(LIMIT), 6);
    let latest = &sessions(&context)[0];
    assert_eq!(latest["workspace"], context.workspace().to_str().unwrap());
    assert_eq!(
        (&latest["name"], &latest["launches"]),
        (&json!("far"), &json!(2))
    );
}
