//! What the tests share.

use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scc_testkit::context::TestContext;
use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

pub(crate) const SCC: &str = env!("CARGO_BIN_EXE_scc-scripted");
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A context with three sessions that have ended, in workspaces of the user's home.
pub(crate) fn context() -> TestContext {
    let context = TestContext::new();
    context.configure(&json!({ "provider": "script" }));
    context.remember_sessions(&[
        session(&context, "checkout", "src/shop", 3),
        session(&context, "invoices", "src/shop", 5),
        session(&context, "漢字", "src/blog", 50),
    ]);
    context
}

/// A session that ended some hours ago, as it is stored.
pub(crate) fn session(context: &TestContext, name: &str, path: &str, hours: i64) -> Value {
    let began = Timestamp::now() - SignedDuration::from_hours(hours) - SignedDuration::from_mins(9);
    let workspace = context.path("home").join(path);
    json!({
        "id": format!("01999999-0000-7000-8000-{:012x}", hours),
        "name": name,
        "workspace": workspace,
        "branch": "main",
        "provider": "script",
        "team": null,
        "container": format!("scc-{name}"),
        "endpoint": "unix:///nonexistent/engine.sock",
        "state": "ended",
        "started_at": began.to_string(),
        "ended_at": began.to_string(),
        "exit_status": 0,
        "owner_pid": null,
    })
}

/// The dashboard's command line, in the workspace.
pub(crate) fn command(context: &TestContext) -> Command {
    let mut command = context.command(SCC.as_ref());
    command.arg("dashboard").current_dir(context.workspace());
    command
}

/// The dashboard, when it has drawn its first frame.
pub(crate) fn dashboard(context: &TestContext) -> Terminal {
    let terminal = Terminal::start(&command(context), 24, 80);
    terminal.wait_for_text("[Status]", LIMIT);
    terminal
}

/// A shell that runs the dashboard and says afterwards how it ended, and in which mode the terminal
/// is.
pub(crate) fn shell(context: &TestContext) -> Terminal {
    let line = format!(
        "echo before; {SCC} dashboard; echo status=$?; stty -a | grep -o -- '[-]*icanon'; echo end"
    );
    let mut shell = context.command("/bin/sh".as_ref());
    shell.args(["-c", &line]).current_dir(context.workspace());
    let terminal = Terminal::start(&shell, 24, 80);
    terminal.wait_for_text("[Status]", LIMIT);
    terminal
}

/// Checks that the terminal is as it was before, with that exit status.
pub(crate) fn assert_restored(terminal: &Terminal, status: u8) {
    terminal.wait_for_text("end", LIMIT);
    let wanted = format!("before\nstatus={status}\nicanon\nend");
    assert_eq!(terminal.screen().trim_end(), wanted);
    let is_plain = terminal.look(|screen| {
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    });
    assert!(is_plain, "the screen and the cursor are back");
}

/// The process that a shell in a terminal runs.
pub(crate) fn child_of(pid: u32) -> u32 {
    let children = Command::new("pgrep")
        .args(["-P", &pid.to_string()])
        .output();
    let children = String::from_utf8(children.unwrap().stdout).unwrap();
    children.trim().parse().unwrap()
}

pub(crate) fn signal(pid: u32, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}
