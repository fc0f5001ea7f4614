//! The dashboard with agents that run.

use std::process::Command;

use scc_testkit::context::TestContext;
use scc_testkit::picture;
use scc_testkit::pty::Terminal;

use crate::support::{
    LIMIT, SCC, Session, child_of, context, go_on_here, list, scc, sessions, signal,
};

fn command(context: &TestContext) -> Command {
    let mut command = context.command(SCC.as_ref());
    command.arg("dashboard").current_dir(context.workspace());
    command
}

/// The dashboard at its containers, as the engine has confirmed them.
fn containers(context: &TestContext) -> Terminal {
    let mut terminal = Terminal::start(&command(context), 24, 90);
    terminal.wait_for_text("[Status]", LIMIT);
    terminal.send("2");
    terminal.wait_for_text("[Containers", LIMIT);
    terminal.wait_until_gone("asking the engine", LIMIT);
    terminal
}

#[test]
fn a_running_agent_is_stopped() {
    let context = context();
    let mut session = Session::start(&context, &["--session", "work"]);
    let mut terminal = containers(&context);
    terminal.wait_for_text("> work", LIMIT);
    terminal.wait_for_text("running", LIMIT);
    terminal.send("K");
    terminal.wait_for_text("Stop work? Its agent ends.", LIMIT);
    terminal.send("n");
    terminal.wait_until_gone("Stop work?", LIMIT);
    assert_eq!(list(&context)[0]["state"], "running");
    terminal.send("Ky");
    terminal.wait_for_text("stopping…", LIMIT);
    terminal.wait_for_text("stopped work", LIMIT);
    terminal.wait_for_text("stopped  ", LIMIT);
    assert_eq!(list(&context)[0]["state"], "stopped");
    assert_eq!(sessions(&context)[0]["state"], "ended");
    session.wait();
    terminal.send("3");
    terminal.wait_for_text("ended (", LIMIT);
    terminal.send("2D");
    terminal.wait_for_text("Remove the stopped sandbox work?", LIMIT);
    terminal.send("y");
    terminal.wait_for_text("removed work", LIMIT);
    terminal.wait_for_text("[Containers 0]", LIMIT);
    assert!(context.engine().containers(context.namespace()).is_empty());
    terminal.send("q");
    assert_eq!(terminal.wait(LIMIT), 0);
}

/// An agent that somebody else starts appears, and goes when it has ended, without a key.
#[test]
fn what_happens_elsewhere_is_seen() {
    let context = context();
    let terminal = containers(&context);
    terminal.wait_for_text("no sandboxes; n starts an agent here", LIMIT);
    let session = Session::start(&context, &["--session", "elsewhere"]);
    terminal.wait_for_text("> elsewhere", LIMIT);
    terminal.wait_for_text("running", LIMIT);
    signal(session.pid(), "-TERM");
    terminal.wait_for_text("stopped", LIMIT);
}

#[test]
fn attaching_and_returning() {
    let context = context();
    let mut start = context.command(SCC.as_ref());
    start.args(["start", "--session", "talk"]);
    let mut first = Terminal::start(start.current_dir(context.workspace()), 24, 80);
    go_on_here(&mut first);
    first.wait_for_text("agent: ready", LIMIT);
    first.hang_up();
    assert_eq!(first.wait(LIMIT), 129);
    let mut terminal = containers(&context);
    terminal.wait_for_text("> talk", LIMIT);
    terminal.send("\r");
    terminal.wait_for_text("attached to talk", LIMIT);
    terminal.send("hello\r");
    terminal.wait_for_text("agent: hello", LIMIT);
    terminal.send("quit 0\r");
    terminal.wait_until("back", LIMIT, vt100::Screen::alternate_screen);
    terminal.wait_for_text("stopped", LIMIT);
    // No key is lost to what read for the agent.
    terminal.send("3");
    terminal.wait_for_text("> talk", LIMIT);
    terminal.send("q");
    assert_eq!(terminal.wait(LIMIT), 0);
    assert_eq!(sessions(&context)[0]["exit_status"], 0);
}

#[test]
fn an_agent_is_started_and_its_status_is_told() {
    let context = context();
    let mut terminal = containers(&context);
    terminal.send("n");
    go_on_here(&mut terminal);
    terminal.wait_for_text("agent: ready", LIMIT);
    terminal.send("quit 7\r");
    terminal.wait_for_text("has ended with status 7; press Enter", LIMIT);
    terminal.send("\r");
    terminal.wait_until("back", LIMIT, vt100::Screen::alternate_screen);
    terminal.wait_for_text("[Containers 1]", LIMIT);
}

#[test]
fn a_session_is_gone_on_with() {
    let context = context();
    scc(&context, &["sessions", "prune", "--all", "-y"]).ok();
    let start = ["start", "--session", "talk", "--", "true", "hello"];
    scc(&context, &start).ok();
    let mut terminal = containers(&context);
    terminal.send("3");
    terminal.wait_for_text("> talk", LIMIT);
    terminal.send("R");
    terminal.wait_for_text("agent: earlier: true hello", LIMIT);
    terminal.send("quit 0\r");
    terminal.wait_until("back", LIMIT, vt100::Screen::alternate_screen);
    terminal.wait_for_text("talk", LIMIT);
    // Both launches are one session, of which there are sandboxes, too.
    terminal.wait_for_text("[Sessions 1]", LIMIT);
    assert_eq!(sessions(&context)[0]["launches"], 2);
    terminal.send("gD");
    terminal.wait_for_text("Forget the session", LIMIT);
    terminal.send("y");
    terminal.wait_for_text("[Sessions 0]", LIMIT);
    assert!(sessions(&context).as_array().unwrap().is_empty());
    assert!(list(&context).as_array().unwrap().is_empty());
}

#[test]
fn a_worktree_is_made_and_removed() {
    let context = context();
    let mut terminal = containers(&context);
    terminal.send("4c");
    terminal.wait_for_text("ame", LIMIT);
    terminal.send("topic\r");
    terminal.wait_for_text("agent: ready", LIMIT);
    terminal.send("quit 0\r");
    terminal.wait_until("back", LIMIT, vt100::Screen::alternate_screen);
    terminal.wait_for_text("scc/topic", LIMIT);
    let path = context.path("ws-worktrees/topic");
    assert!(path.exists());
    terminal.send("GD");
    terminal.wait_for_text("Remove the worktree /", LIMIT);
    terminal.send("y");
    terminal.wait_for_text("press Enter to return", LIMIT);
    assert!(!path.exists());
    terminal.send("\r");
    terminal.wait_until("back", LIMIT, vt100::Screen::alternate_screen);
    terminal.wait_for_text("[Worktrees 1]", LIMIT);
}

/// The dashboard ends with the agent that it has given the terminal to.
#[test]
fn sigterm_while_an_agent_has_the_terminal() {
    let context = context();
    let line = format!("{SCC} dashboard; echo status=$?; stty -a | grep -o -- '[-]*icanon'");
    let mut shell = context.command("/bin/sh".as_ref());
    shell.args(["-c", &line]).current_dir(context.workspace());
    let mut terminal = Terminal::start(&shell, 24, 100);
    terminal.wait_for_text("[Status]", LIMIT);
    terminal.send("n");
    go_on_here(&mut terminal);
    terminal.wait_for_text("agent: ready", LIMIT);
    signal(child_of(terminal.pid()), "-TERM");
    terminal.wait_for_text("status=143", LIMIT);
    terminal.wait_for_text("\nicanon", LIMIT);
    assert_eq!(list(&context)[0]["state"], "stopped");
    assert_eq!(sessions(&context)[0]["state"], "ended");
}

/// Two agents in workspaces below the home, as in the picture of the documentation.
#[test]
fn the_picture_of_containers_is_fresh() {
    let context = context();
    let mut running = Vec::new();
    for (name, path) in [
        ("checkout", "home/src/shop"),
        ("invoices", "home/src/billing"),
    ] {
        context.repository(path);
        let mut start = context.command(SCC.as_ref());
        start.args(["start", "--session", name]);
        let mut terminal = Terminal::start(start.current_dir(context.path(path)), 24, 80);
        go_on_here(&mut terminal);
        terminal.wait_for_text("agent: ready", LIMIT);
        running.push(terminal);
    }
    let mut command = command(&context);
    command.current_dir(context.path("home/src/shop"));
    let mut terminal = Terminal::start(&command, 16, 90);
    terminal.wait_for_text("[Status]", LIMIT);
    terminal.send("2");
    terminal.wait_for_text("> invoices", LIMIT);
    terminal.wait_for_text("running", LIMIT);
    terminal.send("ja");
    terminal.wait_for_text("Start an agent in ~/src/shop", LIMIT);
    let svg = terminal.look(|screen| picture::svg(screen, "scc dashboard: containers"));
    picture::check("dashboard-containers", &of_one_age(svg));
}

/// The picture with the same age everywhere; how old a sandbox is when it is taken is chance.
fn of_one_age(mut svg: String) -> String {
    for number in 0..60 {
        for unit in ["s", "m"] {
            let age = format!("{number}{unit}");
            svg = svg.replace(&format!(">{age:<3}  ~"), ">8m   ~");
        }
    }
    svg
}
