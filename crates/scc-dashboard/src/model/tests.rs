//! What keys do.

use super::*;
use crate::overlay::Overlay;
use crate::{Key, Level, Operation};

fn action(operation: Operation, target: &str) -> Action {
    Action::new(operation, target)
}

/// A running and a stopped container, and what can be done anywhere.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut running = Row::new("c1", ["shop", "script", "running"]);
    running.actions = [Operation::Attach, Operation::Stop, Operation::Logs]
        .map(|operation| action(operation, "c1"))
        .into();
    running.details = vec![("Container".to_owned(), "c1".to_owned())];
    let mut stopped = Row::new("c2", ["blog", "script", "stopped"]);
    stopped.actions = vec![
        action(Operation::Resume, "s2"),
        action(Operation::Remove, "c2"),
    ];
    snapshot.list_mut(Tab::Containers).rows = vec![running, stopped];
    let plain = Row::new("w1", ["docs", "docs"]);
    snapshot.list_mut(Tab::Worktrees).rows = vec![plain];
    snapshot.general = vec![
        action(Operation::Start, "/here"),
        action(Operation::CreateWorktree, ""),
    ];
    snapshot.maintenance = vec![Action::labelled(Operation::Maintain, "doctor", "Check")];
    snapshot.recent = vec![Action::labelled(Operation::Start, "/there", "~/there")];
    snapshot
}

fn model() -> Model {
    let mut model = Model::new(80, 24);
    model.update(Event::Snapshot(Box::new(snapshot())));
    model.update(Event::Key(Key::Tab));
    model
}

/// Types keys; `\t`, `\r`, `\x1b` and `\x08` are the keys of that name.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for c in keys.chars() {
        let key = match c {
            '\t' => Key::Tab,
            '\r' => Key::Enter,
            '\x1b' => Key::Esc,
            '\x08' => Key::Backspace,
            c => Key::Char(c),
        };
        effects.extend(model.update(Event::Key(key)));
    }
    effects
}

#[test]
fn tabs_go_round() {
    let mut model = model();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(model.tab());
        press(&mut model, "\t");
    }
    assert_eq!(
        seen,
        [Tab::Containers, Tab::Sessions, Tab::Worktrees, Tab::Status]
    );
    model.update(Event::Key(Key::BackTab));
    assert_eq!(model.tab(), Tab::Status);
    press(&mut model, "4");
    assert_eq!(model.tab(), Tab::Worktrees);
}

#[test]
fn enter_does_the_first_thing() {
    let mut model = model();
    let attach = Effect::Do(action(Operation::Attach, "c1"));
    assert_eq!(press(&mut model, "\r"), [attach]);
    let resume = Effect::Do(action(Operation::Resume, "s2"));
    assert_eq!(press(&mut model, "j\r"), [resume]);
}

#[test]
fn what_ends_something_is_asked_about() {
    let mut model = model();
    assert_eq!(press(&mut model, "K"), []);
    assert_eq!(press(&mut model, "\r"), [], "Enter is no answer");
    assert_eq!(press(&mut model, "n"), []);
    let stop = Effect::Do(action(Operation::Stop, "c1"));
    assert_eq!(press(&mut model, "Ky"), [stop]);
    let remove = Effect::Do(action(Operation::Remove, "c2"));
    assert_eq!(press(&mut model, "jDy"), [remove]);
    assert_eq!(press(&mut model, "K"), []);
    assert_eq!(model.message().unwrap().text, "nothing to stop here");
}

#[test]
fn a_paste_is_no_key() {
    let mut model = model();
    let pasted = Event::Key(Key::Paste("Kyq".to_owned()));
    assert_eq!(model.update(pasted.clone()), []);
    assert!(model.overlay().is_none());
    press(&mut model, "/");
    model.update(pasted);
    assert_eq!(model.list().filter(), "Kyq");
}

#[test]
fn filtering() {
    let mut model = model();
    press(&mut model, "/bl");
    assert_eq!(model.list().shown(), [1]);
    assert_eq!(model.selected().unwrap().id, "c2");
    assert_eq!(press(&mut model, "q"), [], "a letter is for the filter");
    press(&mut model, "\x08\r");
    assert!(!model.is_filtering());
    let resume = Effect::Do(action(Operation::Resume, "s2"));
    assert_eq!(press(&mut model, "\r"), [resume]);
    press(&mut model, "\x1b");
    assert_eq!(model.list().shown(), [0, 1]);
    press(&mut model, "/zzz\x1b");
    assert_eq!(model.list().filter(), "");
    press(&mut model, "/x\t");
    assert_eq!(model.tab(), Tab::Sessions);
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

#[test]
fn menus_choose() {
    let mut model = model();
    let logs = Effect::Do(action(Operation::Logs, "c1"));
    for keys in ["ajj\r", "al"] {
        assert_eq!(press(&mut model, keys).first(), Some(&logs), "{keys}");
    }
    let stop = Effect::Do(action(Operation::Stop, "c1"));
    assert_eq!(press(&mut model, "aKy"), [stop]);
    assert_eq!(press(&mut model, "a\x1b"), []);
    assert!(model.overlay().is_none());
    let doctor = Action::labelled(Operation::Maintain, "doctor", "Check");
    assert_eq!(press(&mut model, "s\r"), [Effect::Do(doctor)]);
    let there = Action::labelled(Operation::Start, "/there", "~/there");
    assert_eq!(press(&mut model, "w\r"), [Effect::Do(there)]);
}

#[test]
fn new_means_here_whatever_is_selected() {
    let mut model = model();
    let start = Effect::Do(action(Operation::Start, "/here"));
    assert_eq!(press(&mut model, "n"), [start]);
}

#[test]
fn a_name_is_asked_for() {
    let mut model = model();
    press(&mut model, "cqjx\x08");
    model.update(Event::Key(Key::Paste(" y\n".to_owned())));
    let create = Effect::Do(action(Operation::CreateWorktree, "qjy"));
    assert_eq!(press(&mut model, "\r"), [create]);
    assert_eq!(press(&mut model, "c\r"), [], "a name there must be");
    assert_eq!(press(&mut model, "\x1b"), []);
    assert!(model.overlay().is_none());
}

#[test]
fn what_is_not_offered_has_no_key() {
    let mut model = Model::new(80, 24);
    for keys in [
        "n", "K", "R", "D", "c", "t", "i", "p", "l", "x", "s", "w", "a", "\r", " ",
    ] {
        assert_eq!(press(&mut model, keys), [], "{keys}");
        assert!(model.overlay().is_none(), "{keys}");
    }
}

#[test]
fn what_goes_on_is_shown_and_kept_from_being_lost() {
    let mut model = model();
    let stop = action(Operation::Stop, "c1");
    model.update(Event::Began(stop.clone()));
    let row = model.selected().unwrap();
    assert_eq!(model.pending(row), Some("stopping…"));
    assert_eq!(press(&mut model, "K"), []);
    assert!(model.overlay().is_none(), "it is being done");
    assert_eq!(press(&mut model, "q"), []);
    assert!(model.message().unwrap().text.contains("q again"));
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
    assert_eq!(press(&mut model, "qj"), []);
    model.update(Event::Ended(stop, Note::new(Level::Good, "stopped shop")));
    assert_eq!(model.message().unwrap().text, "stopped shop");
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

#[test]
fn details_are_closed_by_what_opens_them() {
    let mut model = model();
    press(&mut model, " ");
    assert!(matches!(model.overlay(), Some(Overlay::Details { id, .. }) if id == "c1"));
    press(&mut model, " ");
    assert!(model.overlay().is_none());
    press(&mut model, "?");
    assert!(matches!(model.overlay(), Some(Overlay::Help { .. })));
    assert_eq!(press(&mut model, "q"), []);
    assert!(model.overlay().is_none());
}

#[test]
fn control_keys_mean_the_same_everywhere() {
    let mut model = model();
    for keys in ["", "?", "a", "/"] {
        press(&mut model, keys);
        for (key, wanted) in [
            ('c', Effect::Interrupt),
            ('z', Effect::Suspend),
            ('l', Effect::Redraw),
        ] {
            assert_eq!(model.update(Event::Key(Key::Ctrl(key))), [wanted]);
        }
        press(&mut model, "\x1b");
    }
    assert_eq!(press(&mut model, "r"), [Effect::Refresh]);
}

#[test]
fn a_row_that_is_shown_may_go() {
    let mut model = model();
    press(&mut model, " ");
    model.update(Event::Snapshot(Box::default()));
    assert_eq!(model.selected(), None);
    assert_eq!(press(&mut model, "jk\x1b\r a"), []);
}

#[test]
fn showing_a_tab_is_no_effect() {
    let mut model = Model::new(80, 24);
    let mut snapshot = snapshot();
    let mut row = Row::new("running", ["Running", "1"]);
    row.actions = vec![Action::labelled(Operation::Show, "Containers", "Show them")];
    snapshot.list_mut(Tab::Status).rows = vec![row];
    model.update(Event::Snapshot(Box::new(snapshot)));
    assert_eq!(press(&mut model, "\r"), []);
    assert_eq!(model.tab(), Tab::Containers);
}
