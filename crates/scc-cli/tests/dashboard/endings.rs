//! Every way out gives the terminal back.

use scc_testkit::context::TestContext;
use scc_testkit::pty::Terminal;

use crate::support::{LIMIT, SCC, assert_restored, child_of, command, context, shell, signal};

#[test]
fn quitting() {
    let context = context();
    let mut terminal = shell(&context);
    terminal.send("q");
    assert_restored(&terminal, 0);
}

#[test]
fn control_c() {
    let context = context();
    let mut terminal = shell(&context);
    terminal.send("/x\x03");
    assert_restored(&terminal, 130);
}

#[test]
fn signals() {
    let context = context();
    for (name, status) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130)] {
        let terminal = shell(&context);
        signal(child_of(terminal.pid()), name);
        assert_restored(&terminal, status);
    }
}

#[test]
fn a_window_that_is_closed() {
    let context = context();
    assert_eq!(
        Terminal::close_at(&command(&context), "[Status]", LIMIT),
        129
    );
}

/// The same where nobody tells: the terminal alone is gone.
#[test]
fn a_terminal_that_is_gone() {
    let context = context();
    let mut deaf = context.command("/bin/sh".as_ref());
    let line = format!("trap '' HUP; {SCC} dashboard; echo $? > status");
    deaf.args(["-c", &line]).current_dir(context.workspace());
    assert_eq!(Terminal::close_at(&deaf, "[Status]", LIMIT), 0);
    let status = std::fs::read_to_string(context.workspace().join("status"));
    assert_eq!(status.unwrap(), "129\n");
}

/// A shell that has jobs.
fn job_shell(context: &TestContext) -> Terminal {
    let mut shell = context.command("/bin/bash".as_ref());
    shell.args(["--norc", "--noprofile", "-i"]);
    shell
        .env("PS1", "prompt> ")
        .current_dir(context.workspace());
    Terminal::start(&shell, 24, 80)
}

/// Waits for the shell's prompt of that number, counted from 1.
fn wait_for_prompt(terminal: &Terminal, number: usize) {
    terminal.wait_until("at the prompt", LIMIT, |screen| {
        let contents = screen.contents();
        contents.matches("prompt>").count() == number && contents.ends_with("prompt> ")
    });
}

#[test]
fn stopped_and_continued() {
    let context = context();
    let mut terminal = job_shell(&context);
    wait_for_prompt(&terminal, 1);
    terminal.send(&format!("{SCC} dashboard\r"));
    terminal.wait_for_text("[Status]", LIMIT);
    terminal.send("3j\x1a");
    wait_for_prompt(&terminal, 2);
    assert!(!terminal.is_alternate());
    terminal.send("stty -a | grep -o -- '[-]*icanon'\r");
    wait_for_prompt(&terminal, 3);
    assert!(
        terminal.screen().contains("\nicanon\n"),
        "{}",
        terminal.screen()
    );
    terminal.send("fg\r");
    terminal.wait_for_text("> invoices", LIMIT);
    terminal.send("k");
    terminal.wait_for_text("> checkout", LIMIT);
    terminal.send("q");
    wait_for_prompt(&terminal, 4);
    terminal.send("echo status=$?\r");
    terminal.wait_for_text("\nstatus=0", LIMIT);
}

/// Stopped by somebody else, without a chance to give the terminal back.
#[test]
fn stopped_from_outside() {
    let context = context();
    let mut terminal = job_shell(&context);
    wait_for_prompt(&terminal, 1);
    terminal.send(&format!("{SCC} dashboard\r"));
    terminal.wait_for_text("[Status]", LIMIT);
    signal(child_of(terminal.pid()), "-STOP");
    terminal.wait_for_text("Stopped", LIMIT);
    terminal.send("fg\r");
    terminal.wait_until_gone("Stopped", LIMIT);
    terminal.send("3");
    terminal.wait_for_text("> checkout", LIMIT);
}
