//! No engine, no terminal, no settings.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

use scc_testkit::context::Run;
use scc_testkit::pty::Terminal;

use crate::support::{LIMIT, SCC, command, context, dashboard};

#[test]
fn an_engine_that_is_down_is_a_line() {
    let context = context();
    let mut terminal = dashboard(&context);
    terminal.wait_for_text("Engine    no container engine answers", LIMIT);
    terminal.send("jj ");
    terminal.wait_for_text("tried unix:///nonexistent/engine.sock", LIMIT);
    terminal.send("\x1b");
    terminal.wait_until_gone("tried", LIMIT);
    terminal.send("2");
    terminal.wait_for_text("! as recorded, since no container engine answers", LIMIT);
    terminal.send("r3");
    terminal.wait_for_text("> checkout", LIMIT);
    terminal.send("q");
    assert_eq!(terminal.wait(LIMIT), 0);
}

/// An engine that never answers: what is stored is there, keys are answered, and the end is not
/// waited for.
#[test]
fn an_engine_that_hangs_holds_nothing_up() {
    let context = context();
    let socket = context.path("engine.sock");
    let _engine = UnixListener::bind(&socket).unwrap();
    let mut command = command(&context);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let mut terminal = Terminal::start(&command, 24, 80);
    terminal.wait_for_text("Engine    asking…", LIMIT);
    terminal.send("3j");
    terminal.wait_for_text("> invoices", LIMIT);
    terminal.wait_for_text("as recorded; asking the engine…", LIMIT);
    let asked_to_end = Instant::now();
    terminal.send("q");
    assert_eq!(terminal.wait(LIMIT), 0);
    let took = asked_to_end.elapsed();
    assert!(
        took.as_secs() < 3,
        "the engine is given 5 s to answer: {took:?}"
    );
}

#[test]
fn settings_that_cannot_be_read_are_a_line() {
    let context = context();
    std::fs::write(
        context.path("home/.config/scc/config.json"),
        "{ \"teem\": 1 }",
    )
    .unwrap();
    let store = context.path("home/.local/state/scc/sessions.json");
    std::fs::write(&store, "{ broken").unwrap();
    let mut terminal = dashboard(&context);
    terminal.wait_for_text("config.json:1:3: unknown key", LIMIT);
    // The damaged store is set aside once, and that is still said after it.
    terminal.wait_for_text("Noticed", LIMIT);
    terminal.wait_for_text("no container engine answers", LIMIT);
    assert!(
        terminal.screen().contains("Noticed"),
        "{}",
        terminal.screen()
    );
    terminal.send("3");
    terminal.wait_for_text("no sessions yet", LIMIT);
}

#[test]
fn without_a_terminal_it_says_what_to_type() {
    let context = context();
    let run = |args: &[&str]| {
        let mut command = context.command(Path::new(SCC));
        command.args(args).stdin(std::process::Stdio::null());
        Run::of(&command.output().unwrap())
    };
    for args in [&["dashboard"] as &[&str], &[]] {
        let run = run(args);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stderr.contains("scc list"), "{}", run.stderr);
    }
    let json = run(&["dashboard", "--json"]);
    assert_eq!(json.status, 2);
    let envelope = json.json();
    assert_eq!(envelope["kind"], "Error");
    assert!(
        envelope["data"]["hints"]
            .to_string()
            .contains("scc status --json")
    );
}

#[test]
fn a_terminal_that_can_only_print_is_none() {
    let context = context();
    let mut dumb = command(&context);
    dumb.env("TERM", "dumb");
    let mut terminal = Terminal::start(&dumb, 24, 80);
    assert_eq!(terminal.wait(LIMIT), 2);
    assert!(
        terminal.screen().contains("needs a terminal"),
        "{}",
        terminal.screen()
    );
}

#[test]
fn scc_alone_outside_a_workspace() {
    let context = context();
    let mut alone = context.command(SCC.as_ref());
    let outside = context.path("home");
    let mut terminal = Terminal::start(alone.current_dir(outside), 24, 80);
    terminal.wait_for_text("[Status]", LIMIT);
    terminal.wait_for_text("no workspace", LIMIT);
    terminal.send("w");
    terminal.wait_for_text("┌ Start in", LIMIT);
    terminal.wait_for_text("~/src/blog", LIMIT);
    terminal.send("\x1b");
    terminal.wait_until_gone("┌ Start in", LIMIT);
    terminal.send("q");
    assert_eq!(terminal.wait(LIMIT), 0);
}
