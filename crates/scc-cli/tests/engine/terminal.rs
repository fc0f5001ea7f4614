//! The terminal passes through, and comes back.

use std::process::Command;

use scc_testkit::pty::Terminal;

use crate::support::{LIMIT, SCC, context, signal};

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
fn sigterm_stops_the_agent_and_restores_the_terminal() {
    let context = context();
    let mut terminal = Terminal::start(
        &shell(&context, "bash -c 'echo ready; exec sleep 1000'"),
        24,
        80,
    );
    terminal.wait_for_text("ready", LIMIT);
    let children = Command::new("pgrep")
        .args(["-P", &terminal.pid().to_string()])
        .output()
        .unwrap();
    let pid = String::from_utf8(children.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    signal(pid, "-TERM");
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
