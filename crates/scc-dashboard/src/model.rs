//! The state, and what events do to it.

mod press;

use crate::list::List;
use crate::overlay::Overlay;
use crate::view::{body_height, scroll_limit};
use crate::{Action, Key, Note, Row, Snapshot, Tab};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size, in columns and rows.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// This is what there is now.
    Snapshot(Box<Snapshot>),
    /// An action is being carried out while the dashboard goes on.
    Began(Action),
    /// It is over, and this is to be said about it.
    Ended(Action, Note),
    /// Something is to be said.
    Message(Note),
}

/// What the caller is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Carry out an action.
    Do(Action),
    /// Read again now what there is.
    Refresh,
    /// Send everything to the terminal again.
    Redraw,
    /// Give the terminal back, and stop until the user's shell says to go on.
    Suspend,
    /// End; the user is done.
    Quit,
    /// End; the user pressed Ctrl-C.
    Interrupt,
}

/// Everything that the dashboard is at one moment.
#[derive(Debug, Default)]
pub struct Model {
    width: u16,
    height: u16,
    tab: Tab,
    snapshot: Snapshot,
    lists: [List; 4],
    /// The filter of the tab is being typed.
    is_filtering: bool,
    overlay: Option<Overlay>,
    message: Option<Note>,
    /// What is being carried out.
    pending: Vec<Action>,
    /// The user was told what goes on, and may quit all the same.
    was_warned: bool,
}

impl Model {
    /// A dashboard without content, for a terminal of that many columns and rows.
    #[must_use]
    pub fn new(width: u16, height: u16) -> Self {
        Self {
            width,
            height,
            ..Self::default()
        }
    }

    /// Takes an event, and says what is to be done about it.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => return self.press(&key),
            Event::Resize { width, height } => {
                (self.width, self.height) = (width, height);
                self.settle();
            }
            Event::Snapshot(snapshot) => self.take(*snapshot),
            Event::Began(action) => self.pending.push(action),
            Event::Ended(action, note) => {
                self.pending.retain(|pending| *pending != action);
                self.message = Some(note);
            }
            Event::Message(note) => self.message = Some(note),
        }
        Vec::new()
    }

    pub(crate) fn size(&self) -> (u16, u16) {
        (self.width, self.height)
    }

    pub(crate) fn tab(&self) -> Tab {
        self.tab
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn list(&self) -> &List {
        &self.lists[self.tab.index()]
    }

    pub(crate) fn is_filtering(&self) -> bool {
        self.is_filtering
    }

    pub(crate) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    pub(crate) fn message(&self) -> Option<&Note> {
        self.message.as_ref()
    }

    pub(crate) fn selected(&self) -> Option<&Row> {
        self.list().selected(self.snapshot.list(self.tab))
    }

    /// The row of the tab with that identifier.
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        let rows = &self.snapshot.list(self.tab).rows;
        rows.iter().find(|row| row.id == id)
    }

    /// What is being done to a row.
    pub(crate) fn pending(&self, row: &Row) -> Option<&'static str> {
        let action = row.actions.iter().find(|a| self.pending.contains(a))?;
        action.operation.progress()
    }

    fn take(&mut self, snapshot: Snapshot) {
        self.snapshot = snapshot.cleaned();
        for tab in Tab::ALL {
            let height = body_height(self.height, tab);
            let rows = self.snapshot.list(tab);
            self.lists[tab.index()].take(rows, tab.layout(), height);
        }
        self.limit_scroll();
    }

    fn settle(&mut self) {
        for tab in Tab::ALL {
            let height = body_height(self.height, tab);
            self.lists[tab.index()].settle(self.snapshot.list(tab), height);
        }
        self.limit_scroll();
    }

    /// A text that has become shorter, or a window that has become larger, is scrolled less.
    fn limit_scroll(&mut self) {
        let limit = scroll_limit(self);
        if let Some(Overlay::Help { top } | Overlay::Details { top, .. }) = &mut self.overlay {
            *top = limit.min(*top);
        }
    }
}

#[cfg(test)]
mod tests;
