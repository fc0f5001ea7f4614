//! What is on the screen, frame by frame.

#![expect(clippy::unwrap_used, reason = "tests")]

use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use ratatui::text::Line;
use scc_dashboard::{
    Action, Event, Key, Level, Model, Note, Operation, Row, Snapshot, Tab, Theme, draw,
};

fn action(operation: Operation, target: &str) -> Action {
    Action::new(operation, target)
}

fn details(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn container(name: &str, state: &str, path: &str) -> Row {
    let mut row = Row::new(name, [name, "script", state, "12m", path]);
    let operations = match state {
        "running" => {
            row.level = Level::Good;
            vec![
                Operation::Attach,
                Operation::Stop,
                Operation::Logs,
                Operation::Shell,
            ]
        }
        _ => {
            row.level = Level::Faint;
            vec![Operation::Resume, Operation::Remove]
        }
    };
    row.actions = operations.iter().map(|o| action(*o, name)).collect();
    row.details = details(&[
        ("Container", "scc-shop-script-1f2e3d4c"),
        ("Session", "01999999-aaaa-7bbb-8ccc-0123456789ab"),
        ("Workspace", path),
        ("Started", "2026-11-25 19:41"),
    ]);
    row
}

fn session(name: &str, state: &str, branch: &str) -> Row {
    let cells = [name, "script", state, "3h ago", branch, "~/src/shop"];
    let mut row = Row::new(name, cells);
    row.level = if state == "failed" {
        Level::Error
    } else {
        Level::Plain
    };
    row.actions = vec![action(Operation::Resume, name)];
    row
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut mode = Row::new(
        "mode",
        ["Mode", "standalone: no organization's rules apply"],
    );
    mode.level = Level::Warning;
    let mut engine = Row::new("engine", ["Engine", "Docker Engine 28.5.2"]);
    engine.level = Level::Good;
    snapshot.list_mut(Tab::Status).rows = vec![
        mode,
        Row::new("provider", ["Provider", "script"]),
        engine,
        Row::new("running", ["Running", "2"]),
    ];
    let containers = snapshot.list_mut(Tab::Containers);
    containers.rows = vec![
        container("shop", "running", "~/src/shop"),
        container("漢字の仕事", "running", "~/src/größe/漢字/プロジェクト"),
        container("blog", "stopped", "~/src/blog"),
    ];
    containers.empty = "No sandboxes. n starts an agent here.".to_owned();
    snapshot.list_mut(Tab::Sessions).rows = vec![
        session("checkout", "running", "main"),
        session("payment", "ended (0)", "feature/payment-by-invoice"),
        session("0123abcd", "failed", "main"),
    ];
    snapshot.list_mut(Tab::Worktrees).rows = vec![
        Row::new("1", ["main", "main", "running", "~/src/shop"]),
        Row::new(
            "2",
            [
                "invoice",
                "scc/invoice",
                "-",
                "~/src/shop-worktrees/invoice",
            ],
        ),
    ];
    snapshot.general = vec![
        action(Operation::Start, "/home/ada/src/shop"),
        action(Operation::CreateWorktree, ""),
        action(Operation::SwitchTeam, ""),
    ];
    snapshot.maintenance = vec![
        Action::labelled(Operation::Maintain, "doctor", "Check what scc needs"),
        Action::labelled(Operation::Maintain, "prune", "Remove stopped sandboxes"),
    ];
    snapshot.recent = vec![Action::labelled(Operation::Start, "/w", "~/src/blog")];
    snapshot
}

fn model(width: u16, height: u16, tab: Tab) -> Model {
    let mut model = Model::new(width, height);
    model.update(Event::Snapshot(Box::new(snapshot())));
    let digit = Tab::ALL.iter().position(|other| *other == tab).unwrap() + 1;
    press(&mut model, &digit.to_string());
    model
}

fn press(model: &mut Model, keys: &str) {
    for c in keys.chars() {
        model.update(Event::Key(Key::Char(c)));
    }
}

fn terminal(model: &Model, theme: Theme, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let paint = |frame: &mut ratatui::Frame<'_>| {
        let area = frame.area();
        if let Some(cursor) = draw(model, theme, area, frame.buffer_mut()) {
            frame.set_cursor_position(cursor);
        }
    };
    terminal.draw(paint).unwrap();
    terminal
}

/// The frame as text, with a border that shows its size.
fn frame(model: &Model, width: u16, height: u16) -> String {
    let plain = terminal(model, Theme::PLAIN, width, height);
    let coloured = terminal(model, Theme::COLOUR, width, height);
    let lines = lines(plain.backend().buffer());
    let coloured = coloured.backend().buffer();
    assert_eq!(lines, self::lines(coloured), "colour only adds");
    for cell in plain.backend().buffer().content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    let border = "─".repeat(usize::from(width));
    let lines: Vec<_> = lines.iter().map(|line| format!("│{line}│")).collect();
    format!("┌{border}┐\n{}\n└{border}┘", lines.join("\n"))
}

/// What a terminal shows: a wide character hides the cell after it, which has to be empty.
fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let lines = buffer.content().chunks(width).map(|cells| {
        let mut line = String::new();
        let mut columns = 0;
        for (at, cell) in cells.iter().enumerate() {
            if at < columns {
                assert_eq!(cell.symbol(), " ", "hidden after `{line}`");
                continue;
            }
            line.push_str(cell.symbol());
            columns += Line::raw(cell.symbol()).width();
        }
        assert_eq!(columns, width, "`{line}`");
        line
    });
    lines.collect()
}

#[test]
fn the_tabs_in_80_by_24() {
    for tab in Tab::ALL {
        let model = model(80, 24, tab);
        assert_snapshot!(format!("80x24_{}", tab.title()), frame(&model, 80, 24));
    }
}

#[test]
fn the_tabs_in_120_by_40() {
    for tab in Tab::ALL {
        let model = model(120, 40, tab);
        assert_snapshot!(format!("120x40_{}", tab.title()), frame(&model, 120, 40));
    }
}

#[test]
fn narrow_and_low() {
    for (width, height) in [(60, 12), (40, 10), (24, 7), (20, 6), (12, 4), (1, 1)] {
        let model = model(width, height, Tab::Sessions);
        let name = format!("small_{width}x{height}");
        assert_snapshot!(name, frame(&model, width, height));
    }
}

#[test]
fn a_filter() {
    let mut model = model(80, 12, Tab::Sessions);
    press(&mut model, "/main");
    assert_snapshot!(frame(&model, 80, 12));
    let mut terminal = terminal(&model, Theme::COLOUR, 80, 12);
    terminal.backend_mut().assert_cursor_position((7, 1));
}

#[test]
fn nothing_matches() {
    let mut model = model(80, 12, Tab::Sessions);
    press(&mut model, "/zzz");
    assert_snapshot!(frame(&model, 80, 12));
}

#[test]
fn a_menu() {
    let mut model = model(80, 16, Tab::Containers);
    press(&mut model, "aj");
    assert_snapshot!(frame(&model, 80, 16));
}

#[test]
fn a_menu_in_a_low_window() {
    let mut model = model(40, 8, Tab::Containers);
    press(&mut model, "ajjjj");
    assert_snapshot!(frame(&model, 40, 8));
}

#[test]
fn a_question() {
    let mut model = model(80, 12, Tab::Containers);
    press(&mut model, "K");
    assert_snapshot!(frame(&model, 80, 12));
}

#[test]
fn a_name_is_typed() {
    let mut model = model(80, 12, Tab::Worktrees);
    press(&mut model, "cinvoice");
    assert_snapshot!(frame(&model, 80, 12));
    let mut terminal = terminal(&model, Theme::COLOUR, 80, 12);
    terminal.backend_mut().assert_cursor_position((27, 5));
}

#[test]
fn details_of_a_row() {
    let mut model = model(80, 16, Tab::Containers);
    press(&mut model, "j ");
    assert_snapshot!(frame(&model, 80, 16));
}

#[test]
fn help() {
    let mut model = model(80, 24, Tab::Containers);
    press(&mut model, "?");
    assert_snapshot!(frame(&model, 80, 24));
    model.update(Event::Resize {
        width: 40,
        height: 10,
    });
    press(&mut model, "G");
    assert_snapshot!("help_scrolled", frame(&model, 40, 10));
}

#[test]
fn an_engine_that_is_down() {
    let mut snapshot = snapshot();
    let engine = &mut snapshot.list_mut(Tab::Status).rows[2];
    engine.cells[1] = "no container engine answers (scc doctor says more)".to_owned();
    engine.level = Level::Error;
    let containers = snapshot.list_mut(Tab::Containers);
    let text = "no container engine answers: these are as recorded";
    containers.note = Some(Note::new(Level::Warning, text));
    let mut model = model(80, 12, Tab::Containers);
    model.update(Event::Snapshot(Box::new(snapshot)));
    assert_snapshot!("engine_down_containers", frame(&model, 80, 12));
    press(&mut model, "1");
    assert_snapshot!("engine_down_status", frame(&model, 80, 12));
}

#[test]
fn a_failure_and_what_goes_on() {
    let mut model = model(80, 10, Tab::Containers);
    model.update(Event::Began(action(Operation::Stop, "shop")));
    let note = Note::new(Level::Error, "blog: the engine\u{1b}[2J refused");
    let ended = Event::Ended(action(Operation::Remove, "blog"), note);
    model.update(ended);
    assert_snapshot!(frame(&model, 80, 10));
}

#[test]
fn nothing_at_all() {
    let mut snapshot = Snapshot::default();
    for tab in Tab::ALL {
        let text = "Nothing is here. Press n to start an agent in the current directory.";
        snapshot.list_mut(tab).empty = text.to_owned();
    }
    let mut model = Model::new(40, 10);
    model.update(Event::Snapshot(Box::new(snapshot)));
    press(&mut model, "2");
    assert_snapshot!(frame(&model, 40, 10));
}

#[test]
fn a_thousand_rows() {
    let mut snapshot = Snapshot::default();
    snapshot.list_mut(Tab::Sessions).rows = (0..1000)
        .map(|n| session(&format!("session-{n:03}"), "ended (0)", "main"))
        .collect();
    let mut model = Model::new(80, 14);
    model.update(Event::Snapshot(Box::new(snapshot)));
    press(&mut model, "3G");
    assert_snapshot!("thousand_end", frame(&model, 80, 14));
    model.update(Event::Key(Key::PageUp));
    press(&mut model, "/99");
    assert_snapshot!("thousand_filtered", frame(&model, 80, 14));
}

/// A repository may give a branch any name.
#[test]
fn hostile_names() {
    let mut snapshot = Snapshot::default();
    let branch = "\u{1b}]0;x\u{7}\u{202e}niam\u{200b}";
    let mut row = session("two\nlines", "running", branch);
    row.details = details(&[("Branch", branch), ("More", "one\ntwo\u{1b}[2J")]);
    snapshot.list_mut(Tab::Sessions).rows = vec![row];
    let mut model = Model::new(80, 10);
    model.update(Event::Snapshot(Box::new(snapshot)));
    press(&mut model, "3");
    assert_snapshot!("hostile_row", frame(&model, 80, 10));
    press(&mut model, " ");
    assert_snapshot!("hostile_details", frame(&model, 80, 10));
}
