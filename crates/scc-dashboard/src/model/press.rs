//! What keys do.

use super::{Effect, Model};
use crate::list::Step;
use crate::overlay::{Menu, Overlay, Reply};
use crate::view::{body_height, scroll_limit};
use crate::{Action, Key, Level, Note, Operation, Row, Tab};

impl Model {
    pub(super) fn press(&mut self, key: &Key) -> Vec<Effect> {
        match key {
            Key::Ctrl('c') => return vec![Effect::Interrupt],
            Key::Ctrl('z') => return vec![Effect::Suspend],
            Key::Ctrl('l') => return vec![Effect::Redraw],
            _ => {}
        }
        self.message = None;
        let warned = std::mem::take(&mut self.was_warned);
        if self.overlay.is_some() {
            return self.press_overlay(key);
        }
        if self.is_filtering && self.type_filter(key) {
            return Vec::new();
        }
        if self.navigate(key) {
            return Vec::new();
        }
        match key {
            Key::Char('q') => self.quit(warned),
            Key::Char('r') => vec![Effect::Refresh],
            Key::Enter => self.primary(),
            key => self.command(key),
        }
    }

    fn quit(&mut self, warned: bool) -> Vec<Effect> {
        if self.pending.is_empty() || warned {
            return vec![Effect::Quit];
        }
        self.was_warned = true;
        let text = "something is still being done; q again quits all the same";
        self.message = Some(Note::new(Level::Warning, text));
        Vec::new()
    }

    fn press_overlay(&mut self, key: &Key) -> Vec<Effect> {
        let limit = scroll_limit(self);
        let Some(overlay) = &mut self.overlay else {
            return Vec::new();
        };
        match overlay.press(key, limit) {
            Reply::Stay => Vec::new(),
            Reply::Close => {
                self.overlay = None;
                Vec::new()
            }
            Reply::Choose(action, name) => {
                self.overlay = None;
                self.begin(action, &name)
            }
            Reply::Do(action) => {
                self.overlay = None;
                vec![Effect::Do(action)]
            }
        }
    }

    /// A key while the filter is typed; whether it was for the filter.
    fn type_filter(&mut self, key: &Key) -> bool {
        let mut filter = self.list().filter().to_owned();
        match key {
            Key::Char(c) => filter.push(*c),
            Key::Paste(text) => filter.extend(text.chars().filter(|c| !c.is_control())),
            Key::Backspace if filter.is_empty() => self.is_filtering = false,
            Key::Backspace => {
                filter.pop();
            }
            Key::Ctrl('u') => filter.clear(),
            Key::Enter => self.is_filtering = false,
            Key::Esc => {
                self.is_filtering = false;
                filter.clear();
            }
            Key::Tab | Key::BackTab => {
                self.is_filtering = false;
                return false;
            }
            _ => return false,
        }
        self.set_filter(filter);
        true
    }

    fn set_filter(&mut self, filter: String) {
        let height = body_height(self.height, self.tab);
        let rows = self.snapshot.list(self.tab);
        self.lists[self.tab.index()].set_filter(filter, rows, height);
    }

    /// A key that goes somewhere; whether it was one.
    fn navigate(&mut self, key: &Key) -> bool {
        let page = body_height(self.height, self.tab).max(1);
        let step = match key {
            Key::Up | Key::Char('k') => Step::Up(1),
            Key::Down | Key::Char('j') => Step::Down(1),
            Key::PageUp => Step::Up(page),
            Key::PageDown => Step::Down(page),
            Key::Home | Key::Char('g') => Step::First,
            Key::End | Key::Char('G') => Step::Last,
            key => return self.change_page(key),
        };
        let rows = self.snapshot.list(self.tab);
        self.lists[self.tab.index()].step(step, rows, page);
        true
    }

    fn change_page(&mut self, key: &Key) -> bool {
        match key {
            Key::Tab | Key::Right => self.tab = self.tab.beside(true),
            Key::BackTab | Key::Left => self.tab = self.tab.beside(false),
            Key::Char(c @ '1'..='4') => self.tab = Tab::ALL[*c as usize - '1' as usize],
            Key::Char('/') => self.is_filtering = true,
            Key::Backspace => {
                let mut filter = self.list().filter().to_owned();
                filter.pop();
                self.set_filter(filter);
            }
            Key::Esc => self.set_filter(String::new()),
            Key::Char('?') => self.overlay = Some(Overlay::Help { top: 0 }),
            Key::Char(' ') => self.show_details(),
            _ => return false,
        }
        true
    }

    fn show_details(&mut self) {
        let with_details = self.selected().filter(|row| !row.details.is_empty());
        let id = with_details.map(|row| row.id.clone());
        self.overlay = id.map(|id| Overlay::Details { id, top: 0 });
    }

    /// Enter: the first thing that the row offers, else its details.
    fn primary(&mut self) -> Vec<Effect> {
        let first = self.selected().and_then(|row| {
            let action = row.actions.first()?.clone();
            Some((action, row.name().to_owned()))
        });
        match first {
            Some((action, name)) => self.begin(action, &name),
            None => {
                self.show_details();
                Vec::new()
            }
        }
    }

    fn command(&mut self, key: &Key) -> Vec<Effect> {
        match key {
            Key::Char('a') => self.row_menu(),
            Key::Char('s') => {
                let entries = self.snapshot.maintenance.clone();
                let title = "Settings and maintenance".to_owned();
                self.open_menu(title, String::new(), entries);
            }
            Key::Char('w') => {
                let entries = self.snapshot.recent.clone();
                self.open_menu("Start in".to_owned(), String::new(), entries);
            }
            key => return self.by_key(key),
        }
        Vec::new()
    }

    /// Actions on what is called `name` to choose from; no menu where there are none.
    fn open_menu(&mut self, title: String, name: String, entries: Vec<Action>) {
        let menu = Menu {
            title,
            name,
            entries,
            at: 0,
        };
        self.overlay = (!menu.entries.is_empty()).then_some(Overlay::Menu(menu));
    }

    /// What can be done to the selected row, and whatever is selected.
    fn row_menu(&mut self) {
        let row = self.selected();
        let name = row.map_or("", Row::name).to_owned();
        let mut entries = row.map_or_else(Vec::new, |row| row.actions.clone());
        entries.extend(self.snapshot.general.iter().cloned());
        let title = if name.is_empty() { "Actions" } else { &name };
        self.open_menu(title.to_owned(), name.clone(), entries);
    }

    /// A key that stands for an operation: of the selected row, else whatever is selected.
    fn by_key(&mut self, key: &Key) -> Vec<Effect> {
        let is_for = |action: &&Action| action.operation.is_for(key);
        let row = self.selected();
        let of_row = row.and_then(|row| row.actions.iter().find(is_for));
        let found = match key {
            // A new session is one where we are; Enter starts one where the row is.
            Key::Char('n') => self.snapshot.general.iter().find(is_for).or(of_row),
            _ => of_row.or_else(|| self.snapshot.general.iter().find(is_for)),
        };
        let name = row.map_or("", Row::name).to_owned();
        match found.cloned() {
            Some(action) => self.begin(action, &name),
            None => {
                self.explain(key);
                Vec::new()
            }
        }
    }

    /// Says that a key has nothing to act on here, where it would have elsewhere.
    fn explain(&mut self, key: &Key) {
        let known = [
            Operation::Stop,
            Operation::Resume,
            Operation::Remove,
            Operation::Logs,
            Operation::Shell,
        ];
        if let Some(operation) = known.into_iter().find(|o| o.is_for(key)) {
            let text = format!("nothing to {} here", operation.label().to_lowercase());
            self.message = Some(Note::new(Level::Plain, text));
        }
    }

    /// Asks what has to be asked first.
    fn begin(&mut self, action: Action, name: &str) -> Vec<Effect> {
        if self.pending.contains(&action) {
            return Vec::new();
        }
        if action.operation == Operation::Show {
            let tab = Tab::ALL.into_iter().find(|t| t.title() == action.target);
            self.tab = tab.unwrap_or(self.tab);
            return Vec::new();
        }
        if action.operation.takes_name() {
            let text = String::new();
            self.overlay = Some(Overlay::Input { action, text });
            return Vec::new();
        }
        // Two worktrees can have one name.
        let name = match action.operation {
            Operation::RemoveWorktree => &action.target,
            _ => name,
        };
        match action.operation.question(name) {
            None => vec![Effect::Do(action)],
            Some(question) => {
                self.overlay = Some(Overlay::Confirm { action, question });
                Vec::new()
            }
        }
    }
}
