//! The terminal passes through, and comes back.

use std::process::Command;

use scc_testkit::context::Run;
use scc_testkit::gate::{Gate, Side};
use scc_testkit::pty::Terminal;
use scc_testkit::wait_for;

use crate::support::{
    LIMIT, SCC, Session, child_of, command, context, go_on_here, launch_events, list, scc,
    sessions, signal,
};

/// A shell that shows whether the terminal is in order after scc, and scc's status.
fn shell(context: &scc_testkit::context::TestContext, script: &str) -> Command {
    let line = format!(
        "{SCC} start --fresh -- {script}; echo status=$?; stty -a | grep -o -- '[-]*icanon'"
    );
    let mut command = context.command("/bin/sh".as_ref());
    command.args(["-c", &line]).current_dir(context.workspace());
    command
}

#[test]
fn size_resize_input_and_status() {
    let context = context();
    let script = "bash -c 'trap \"stty size\" WINCH; stty size; while ! read -t 1 line; do :; done; \
                  echo got $line; exit 7'";
    let mut terminal = Terminal::start(&shell(&context, script), 30, 90);
    terminal.wait_for_text("30 90", LIMIT);
    terminal.resize(41, 101);
    terminal.wait_for_text("41 101", LIMIT);
    terminal.send("hello\r");
    terminal.wait_for_text("got hello", LIMIT);
    terminal.wait_for_text("status=7", LIMIT);
    terminal.wait(LIMIT);
    assert!(
        terminal.screen().ends_with("\nicanon\n")
            || terminal.screen().trim_end().ends_with("icanon")
    );
    assert!(
        !terminal.screen().contains("-icanon"),
        "{}",
        terminal.screen()
    );
}

#[test]
fn control_c_reaches_the_agent() {
    let context = context();
    let script =
        "bash -c 'trap \"echo interrupted; exit 9\" INT; echo ready; while :; do sleep 1; done'";
    let mut terminal = Terminal::start(&shell(&context, script), 24, 80);
    terminal.wait_for_text("ready", LIMIT);
    terminal.send("\x03");
    terminal.wait_for_text("interrupted", LIMIT);
    terminal.wait_for_text("status=9", LIMIT);
}

#[test]
fn attaching_again_after_the_terminal_has_gone() {
    let context = context();
    let mut start = context.command(SCC.as_ref());
    start.args(["start", "--session", "away"]);
    let mut first = Terminal::start(start.current_dir(context.workspace()), 24, 80);
    go_on_here(&mut first);
    first.wait_for_text("agent: ready", LIMIT);
    first.hang_up();
    assert_eq!(first.wait(LIMIT), 129);
    drop(first);
    assert_eq!(list(&context)[0]["state"], "running");
    let mut attach = context.command(SCC.as_ref());
    attach.args(["attach", "away"]);
    let mut second = Terminal::start(attach.current_dir(context.workspace()), 24, 80);
    second.send("hello\r");
    second.wait_for_text("agent: hello", LIMIT);
    second.send("quit 5\r");
    assert_eq!(second.wait(LIMIT), 5);
    assert_eq!(sessions(&context)[0]["exit_status"], 5);
}

#[test]
fn a_command_beside_the_agent_has_a_terminal() {
    let context = context();
    let _session = Session::start(&context, &["--session", "work"]);
    for _ in 0..5 {
        let mut exec = context.command(SCC.as_ref());
        exec.args([
            "exec",
            "work",
            "--",
            "bash",
            "-c",
            "until [ \"$(stty size)\" = '31 91' ]; do sleep 0.05; done; stty size; exit 3",
        ]);
        let mut terminal = Terminal::start(exec.current_dir(context.workspace()), 31, 91);
        terminal.wait_for_text("31 91", LIMIT);
        assert_eq!(terminal.wait(LIMIT), 3);
    }
}

/// Without a terminal Ctrl-C does not pass through it; the command ends with scc all the same.
#[test]
fn an_interrupted_command_does_not_go_on() {
    let context = context();
    let _session = Session::start(&context, &["--session", "work"]);
    let count = || {
        let script = "n=0; for p in /proc/[0-9]*; do read -r c <$p/comm; [ \"$c\" = tail ] && n=$((n+1)); done; echo $n";
        scc(&context, &["exec", "work", "--", "bash", "-c", script])
            .ok()
            .stdout
    };
    let exec = ["exec", "work", "--", "tail", "-f", "/dev/null"];
    let mut child = command(&context, &exec).spawn().unwrap();
    scc_testkit::wait_for("the command", LIMIT, || (count() == "1\n").then_some(()));
    signal(child.id(), "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(count(), "0\n");
    assert_eq!(list(&context)[0]["state"], "running");
}

#[test]
fn an_interrupt_without_a_terminal_ends_the_agent() {
    let context = context();
    let mut session = Session::start(&context, &[]);
    signal(session.pid(), "-INT");
    assert_eq!(session.wait(), Some(130));
    assert_eq!(list(&context)[0]["state"], "stopped");
    assert_eq!(sessions(&context)[0]["state"], "ended");
}

/// Held at its first step, so that it is certain to be in a launch.
#[test]
fn an_interrupted_launch_leaves_nothing() {
    let context = context();
    let gate = Gate::open(&context.path("gate.sock"), &context.engine().host()).unwrap();
    gate.hold_at(0, Side::After);
    let mut start = command(&context, &["start", "--", "sleep", "1000"]);
    let mut child = start.env("DOCKER_HOST", gate.host()).spawn().unwrap();
    gate.wait_until_held(LIMIT);
    signal(child.id(), "-INT");
    gate.release();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let engine = context.engine();
    assert!(engine.sessions(context.namespace()).is_empty());
    let ended = ["launch.ended", "launch.requested", "launch.cancelled"];
    assert_eq!(launch_events(&context, 3), ended);
}

#[test]
fn an_output_that_nobody_reads_ends_the_agent() {
    let context = context();
    let line = format!("{SCC} start -- yes | head -1; echo ended");
    let mut shell = context.command("/bin/bash".as_ref());
    shell.args(["-c", &line]).current_dir(context.workspace());
    let run = Run::of(&shell.output().unwrap());
    assert_eq!(run.stdout, "y\nended\n", "{}", run.stderr);
    assert_eq!(list(&context)[0]["state"], "stopped");
    assert_eq!(sessions(&context)[0]["state"], "ended");
}

#[test]
fn a_sign_in_whose_terminal_has_gone_can_be_tried_again() {
    let context = context();
    let login = || {
        let mut login = context.command(SCC.as_ref());
        login.args(["provider", "login", "script"]);
        Terminal::start(login.current_dir(context.workspace()), 24, 80)
    };
    let mut first = login();
    first.wait_for_text("code:", LIMIT);
    first.hang_up();
    assert_eq!(first.wait(LIMIT), 129);
    let mut second = login();
    second.wait_for_text("code:", LIMIT);
    second.send("signed in\r");
    assert_eq!(second.wait(LIMIT), 0, "{}", second.screen());
}

#[test]
fn sigterm_in_a_question_restores_the_terminal() {
    let context = context();
    let _session = Session::start(&context, &[]);
    let line = format!("{SCC} start; echo status=$?; stty -a | grep -o -- '[-]*icanon'");
    let mut shell = context.command("/bin/sh".as_ref());
    shell.args(["-c", &line]).current_dir(context.workspace());
    let mut terminal = Terminal::start(&shell, 24, 100);
    go_on_here(&mut terminal);
    terminal.wait_for_text("Attach to it", LIMIT);
    signal(child_of(terminal.pid()), "-TERM");
    assert_given_back(&mut terminal);
    let events = launch_events(&context, 2);
    assert_eq!(events, ["launch.requested", "launch.cancelled"]);
}

/// Two keys leave an agent, which goes on and is returned to.
#[test]
fn leaving_an_agent_by_its_keys() {
    let context = context();
    let mut terminal = Terminal::start(&shell(&context, "bash -c 'read a; echo got $a'"), 24, 80);
    wait_for("a running agent", LIMIT, || {
        (list(&context)[0]["state"] == "running").then_some(())
    });
    terminal.send("\x10");
    terminal.wait_for_text("^P", LIMIT);
    terminal.send("\x11");
    terminal.wait_for_text("which goes on; return to it: scc attach", LIMIT);
    terminal.wait_for_text("status=0", LIMIT);
    terminal.wait(LIMIT);
    assert_eq!(list(&context)[0]["state"], "running");
    let mut attach = context.command(SCC.as_ref());
    attach.arg("attach").current_dir(context.workspace());
    let mut terminal = Terminal::start(&attach, 24, 80);
    terminal.wait_for_text("attached to", LIMIT);
    terminal.send("x\r");
    terminal.wait_for_text("got", LIMIT);
    assert_eq!(terminal.wait(LIMIT), 0);
}

/// A question that comes after another one ends by a signal, too.
#[test]
fn sigterm_in_a_later_question_restores_the_terminal() {
    let context = context();
    let line = format!("{SCC} start; echo status=$?; stty -a | grep -o -- '[-]*icanon'");
    let mut shell = context.command("/bin/sh".as_ref());
    shell.args(["-c", &line]).current_dir(context.workspace());
    let mut terminal = Terminal::start(&shell, 24, 100);
    terminal.wait_for_text("Where is the agent to work?", LIMIT);
    terminal.send("new worktree\r");
    terminal.wait_for_text("Name of the worktree:", LIMIT);
    signal(child_of(terminal.pid()), "-TERM");
    assert_given_back(&mut terminal);
}

fn assert_given_back(terminal: &mut Terminal) {
    terminal.wait_for_text("status=143", LIMIT);
    terminal.wait(LIMIT);
    let screen = terminal.screen();
    assert!(
        screen.contains("icanon") && !screen.contains("-icanon"),
        "{screen}"
    );
}

#[test]
fn sigterm_stops_the_agent_and_restores_the_terminal() {
    let context = context();
    let mut terminal = Terminal::start(
        &shell(&context, "bash -c 'echo ready; exec sleep 1000'"),
        24,
        80,
    );
    terminal.wait_for_text("ready", LIMIT);
    signal(child_of(terminal.pid()), "-TERM");
    terminal.wait_for_text("status=143", LIMIT);
    terminal.wait(LIMIT);
    assert!(
        !terminal.screen().contains("-icanon"),
        "{}",
        terminal.screen()
    );
    assert!(
        terminal.screen().contains("icanon"),
        "{}",
        terminal.screen()
    );
}
