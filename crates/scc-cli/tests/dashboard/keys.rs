//! Going about.

use scc_testkit::picture;
use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

use crate::support::{LIMIT, command, context, dashboard, session};

#[test]
fn tabs_rows_details_and_help() {
    let context = context();
    let mut terminal = dashboard(&context);
    terminal.send("\t");
    terminal.wait_for_text("[Containers 0]", LIMIT);
    terminal.send("\t");
    terminal.wait_for_text("> checkout", LIMIT);
    terminal.wait_for_text("2d ago", LIMIT);
    terminal.send("j");
    terminal.wait_for_text("> invoices", LIMIT);
    terminal.send("\x1b[B");
    terminal.wait_for_text("> 漢字", LIMIT);
    terminal.send("k ");
    terminal.wait_for_text("Session    01999999-0000-7000-8000-000000000005", LIMIT);
    terminal.send("\x1b");
    terminal.wait_until_gone("Session    0", LIMIT);
    terminal.send("?");
    terminal.wait_for_text("┌ Keys", LIMIT);
    terminal.send("\x1b");
    terminal.wait_until_gone("┌ Keys", LIMIT);
    terminal.send("\x1b[Z");
    terminal.wait_for_text("[Containers 0]", LIMIT);
    terminal.send("4");
    terminal.wait_for_text("[Worktrees 1]", LIMIT);
    terminal.wait_for_text("> ws", LIMIT);
    terminal.send("q");
    assert_eq!(terminal.wait(LIMIT), 0);
}

#[test]
fn a_filter_acts_while_it_is_typed() {
    let context = context();
    let mut terminal = dashboard(&context);
    terminal.send("3/bl");
    terminal.wait_for_text("1 of 3", LIMIT);
    terminal.wait_for_text("> 漢字", LIMIT);
    terminal.send("\x7f\x7fSHOP inv\r");
    terminal.wait_for_text("> invoices", LIMIT);
    terminal.send("\x1b");
    terminal.wait_for_text("checkout", LIMIT);
    assert!(!terminal.screen().contains("of 3"), "{}", terminal.screen());
    terminal.send("/\x1b[200~inv\x1b[201~");
    terminal.wait_for_text("1 of 3", LIMIT);
}

#[test]
fn the_window_changes_its_size() {
    let context = context();
    let mut terminal = dashboard(&context);
    terminal.send("3");
    terminal.wait_for_text("~/src/shop", LIMIT);
    terminal.resize(10, 40);
    terminal.wait_for_text("[Sessions 3] 3/4", LIMIT);
    terminal.resize(5, 15);
    terminal.wait_for_text("too small", LIMIT);
    terminal.resize(40, 120);
    terminal.wait_for_text("WORKSPACE", LIMIT);
    let last = terminal.look(|screen| screen.rows(0, 120).nth(39));
    assert!(last.unwrap().contains("q quit"), "{}", terminal.screen());
}

#[test]
fn a_thousand_sessions() {
    let context = context();
    let sessions: Vec<Value> = (0..1000)
        .map(|n| session(&context, &format!("session-{n:03}"), "src/shop", n))
        .collect();
    context.remember_sessions(&sessions);
    let mut terminal = dashboard(&context);
    terminal.wait_for_text("Sessions 1000", LIMIT);
    terminal.send("3G");
    terminal.wait_for_text("> session-999", LIMIT);
    terminal.send("/77\r");
    terminal.wait_for_text("> session-077", LIMIT);
    terminal.wait_for_text("19 of 1000", LIMIT);
}

#[test]
fn without_colour_if_so_wanted() {
    let context = context();
    let has_colour = |terminal: &Terminal| {
        terminal.wait_for_text("standalone", LIMIT);
        terminal.look(|screen| {
            let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
            let mut cells = cells.filter_map(|(row, column)| screen.cell(row, column));
            cells.any(|cell| cell.fgcolor() != vt100::Color::Default)
        })
    };
    assert!(has_colour(&dashboard(&context)));
    let mut plain = command(&context);
    plain.env("NO_COLOR", "1");
    assert!(!has_colour(&Terminal::start(&plain, 24, 80)));
}

/// A command gets the terminal and gives it back; keys typed after that are the dashboard's.
#[test]
fn a_command_in_between() {
    let context = context();
    let mut terminal = dashboard(&context);
    terminal.send("sjj\r");
    terminal.wait_for_text("scc config show has ended; press Enter", LIMIT);
    assert!(!terminal.is_alternate());
    assert!(
        terminal.screen().contains("\"standalone\": true"),
        "{}",
        terminal.screen()
    );
    terminal.send("\r");
    terminal.wait_until("back", LIMIT, vt100::Screen::alternate_screen);
    terminal.send("3");
    terminal.wait_for_text("> checkout", LIMIT);
    terminal.send("t");
    terminal.wait_for_text("scc team switch has ended with status 1", LIMIT);
    terminal.send("\r");
    terminal.wait_for_text("! scc team switch has ended with status 1", LIMIT);
    terminal.send("j");
    terminal.wait_for_text("> invoices", LIMIT);
}

#[test]
fn preferring_an_agent_is_seen_at_once() {
    let context = context();
    context.configure(&json!({}));
    let mut terminal = dashboard(&context);
    terminal.wait_for_text("none preferred", LIMIT);
    terminal.send("s\x1b[F\r");
    terminal.wait_for_text("press Enter", LIMIT);
    terminal.send("\r");
    terminal.wait_for_text("Provider  script", LIMIT);
}

/// The picture in the documentation is what is on the screen.
#[test]
fn the_picture_of_sessions_is_fresh() {
    let context = context();
    let mut terminal = dashboard(&context);
    terminal.send("3j/main");
    terminal.wait_for_text("3 of 3", LIMIT);
    let svg = terminal.look(|screen| picture::svg(screen, "scc dashboard: sessions"));
    picture::check("dashboard-sessions", &svg);
}
