//! What lies over a tab: help, details, a menu, a question, a line of input.

use crate::model::Model;
use crate::text::wrap;
use crate::{Action, Key, Operation};

/// What lies over a tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlay {
    Help { top: usize },
    Details { id: String, top: usize },
    Menu(Menu),
    Confirm { action: Action, question: String },
    Input { action: Action, text: String },
}

/// Actions to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Menu {
    pub(crate) title: String,
    /// What the actions are done to.
    pub(crate) name: String,
    pub(crate) entries: Vec<Action>,
    pub(crate) at: usize,
}

/// What a key does to an overlay.
pub(crate) enum Reply {
    Stay,
    Close,
    /// Close, and do this to what is called so.
    Choose(Action, String),
    /// Close, and do this: it was confirmed, or its name was given.
    Do(Action),
}

/// The longest name that can be typed.
const NAME_LIMIT: usize = 200;

impl Overlay {
    /// What the key does; `limit` is how far its text can be scrolled.
    pub(crate) fn press(&mut self, key: &Key, limit: usize) -> Reply {
        match self {
            Self::Help { top } | Self::Details { top, .. } => scroll(top, key, limit),
            Self::Menu(menu) => menu.press(key),
            Self::Confirm { action, .. } => match key {
                Key::Char('y' | 'Y') => Reply::Do(action.clone()),
                Key::Char('n' | 'N' | 'q') | Key::Esc | Key::Backspace => Reply::Close,
                _ => Reply::Stay,
            },
            Self::Input { action, text } => type_name(action, text, key),
        }
    }

    /// Its lines, where it is a text, when `columns` are wide.
    pub(crate) fn lines(&self, model: &Model, columns: u16) -> Vec<String> {
        match self {
            Self::Help { .. } => pairs(&help(model), columns),
            Self::Details { id, .. } => match model.row(id) {
                Some(row) => pairs(&row.details, columns),
                None => vec!["It is gone.".to_owned()],
            },
            Self::Menu(menu) => menu.entries.iter().map(entry).collect(),
            Self::Confirm { question, .. } => {
                let mut lines = wrap(question, columns);
                lines.extend([String::new(), "y yes   n no".to_owned()]);
                lines
            }
            Self::Input { text, .. } => vec![text.clone()],
        }
    }
}

fn scroll(top: &mut usize, key: &Key, limit: usize) -> Reply {
    const PAGE: usize = 10;
    *top = match key {
        Key::Up | Key::Char('k') => top.saturating_sub(1),
        Key::Down | Key::Char('j') => *top + 1,
        Key::PageUp => top.saturating_sub(PAGE),
        Key::PageDown => *top + PAGE,
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => limit,
        Key::Esc | Key::Enter | Key::Backspace | Key::Char('q' | ' ' | '?') => return Reply::Close,
        _ => *top,
    }
    .min(limit);
    Reply::Stay
}

fn type_name(action: &Action, text: &mut String, key: &Key) -> Reply {
    match key {
        Key::Char(c) => text.push(*c),
        Key::Paste(pasted) => text.extend(pasted.trim().chars().filter(|c| !c.is_control())),
        Key::Backspace => {
            text.pop();
        }
        Key::Ctrl('u') => text.clear(),
        Key::Esc => return Reply::Close,
        Key::Enter if !text.trim().is_empty() => {
            let target = text.trim().to_owned();
            let action = action.clone();
            return Reply::Do(Action { target, ..action });
        }
        _ => {}
    }
    if let Some((end, _)) = text.char_indices().nth(NAME_LIMIT) {
        text.truncate(end);
    }
    Reply::Stay
}

impl Menu {
    fn press(&mut self, key: &Key) -> Reply {
        let last = self.entries.len().saturating_sub(1);
        match key {
            Key::Up | Key::Char('k') => self.at = self.at.saturating_sub(1),
            Key::Down | Key::Char('j') => self.at = (self.at + 1).min(last),
            Key::Home => self.at = 0,
            Key::End => self.at = last,
            Key::Enter => return self.choose(self.at),
            Key::Esc | Key::Backspace | Key::Char('q') => return Reply::Close,
            key => {
                let found = self.entries.iter().position(|e| e.operation.is_for(key));
                return found.map_or(Reply::Stay, |at| self.choose(at));
            }
        }
        Reply::Stay
    }

    fn choose(&self, at: usize) -> Reply {
        match self.entries.get(at) {
            Some(action) => Reply::Choose(action.clone(), self.name.clone()),
            None => Reply::Close,
        }
    }
}

fn entry(action: &Action) -> String {
    let key = action.operation.key().map_or(' ', |key| key);
    format!("{key}  {}", action.label)
}

/// Names and values side by side; a value that is too long goes on below itself.
fn pairs(pairs: &[(String, String)], columns: u16) -> Vec<String> {
    let longest = pairs.iter().map(|(name, _)| name.chars().count()).max();
    let indent = longest.unwrap_or_default() + 2;
    let room = columns.saturating_sub(u16::try_from(indent).unwrap_or(u16::MAX));
    let mut lines = Vec::new();
    for (name, value) in pairs {
        let mut name = name.as_str();
        for line in wrap(value, room.max(10)) {
            lines.push(format!("{name:<indent$}{line}").trim_end().to_owned());
            name = "";
        }
    }
    lines
}

/// The keys that mean something, as far as there is something for them to do.
fn help(model: &Model) -> Vec<(String, String)> {
    let snapshot = model.snapshot();
    let offered = |operation: Operation, meaning| {
        let key = operation.key().filter(|_| snapshot.offers(operation))?;
        Some((key.to_string(), meaning))
    };
    let always = |keys: &str, meaning| Some((keys.to_owned(), meaning));
    let shown = |is: bool, keys: &str, meaning| is.then(|| (keys.to_owned(), meaning));
    let keys = [
        always("Tab  Shift+Tab  1-4", "another tab"),
        always("↑ k  ↓ j  PgUp PgDn", "move; Home g and End G for the ends"),
        always("/", "filter as you type; Enter keeps it, Esc clears it"),
        always("Enter", "do the first thing that the selected line offers"),
        always("a", "choose what to do with it"),
        always("Space", "details"),
        offered(Operation::Start, "start an agent here"),
        shown(
            !snapshot.recent.is_empty(),
            "w",
            "start in a recent workspace",
        ),
        offered(Operation::Stop, "stop"),
        offered(Operation::Resume, "resume"),
        delete(model),
        offered(Operation::Logs, "what the agent has printed"),
        offered(Operation::Shell, "a shell beside the agent"),
        offered(Operation::CreateWorktree, "create a worktree"),
        offered(Operation::SwitchTeam, "choose a team"),
        offered(Operation::Profile, "personal profile"),
        offered(Operation::Init, "write a .scc.yaml"),
        shown(
            !snapshot.maintenance.is_empty(),
            "s",
            "settings and maintenance",
        ),
        always("r", "ask the engine again now"),
        always("?", "this help"),
        always("q  Ctrl+C", "quit; agents go on"),
    ];
    let keys = keys.into_iter().flatten();
    keys.map(|(keys, meaning)| (keys, meaning.to_owned()))
        .collect()
}

fn delete(model: &Model) -> Option<(String, &'static str)> {
    let snapshot = model.snapshot();
    let all = [
        Operation::Remove,
        Operation::Forget,
        Operation::RemoveWorktree,
    ];
    let any = all.iter().any(|operation| snapshot.offers(*operation));
    any.then(|| ("D".to_owned(), "remove what is selected"))
}
