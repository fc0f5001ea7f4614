//! What there is, as plain rows.

use crate::column::Column;
use crate::text::clean;
use crate::{Action, Operation};

/// A page of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tab {
    /// How scc is set up, and what is wrong.
    #[default]
    Status,
    /// The sandboxes of the engine.
    Containers,
    /// What was started, the latest first.
    Sessions,
    /// The worktrees of the current repository.
    Worktrees,
}

impl Tab {
    /// All of them, from left to right.
    pub const ALL: [Self; 4] = [
        Self::Status,
        Self::Containers,
        Self::Sessions,
        Self::Worktrees,
    ];

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Status => "Status",
            Self::Containers => "Containers",
            Self::Sessions => "Sessions",
            Self::Worktrees => "Worktrees",
        }
    }

    /// The titles of the columns; a [`Row`] has a cell for each.
    #[must_use]
    pub fn columns(self) -> Vec<&'static str> {
        self.layout().iter().map(|column| column.title).collect()
    }

    pub(crate) fn layout(self) -> &'static [Column] {
        match self {
            Self::Status => &STATUS,
            Self::Containers => &CONTAINERS,
            Self::Sessions => &SESSIONS,
            Self::Worktrees => &WORKTREES,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Where a tab to the right, or to the left, is; round the end.
    pub(crate) fn beside(self, right: bool) -> Self {
        let count = Self::ALL.len();
        let step = if right { 1 } else { count - 1 };
        Self::ALL[(self.index() + step) % count]
    }
}

const STATUS: [Column; 2] = [Column::text("", 10, 0), Column::value()];
const CONTAINERS: [Column; 5] = [
    Column::name("NAME"),
    Column::text("AGENT", 6, 2),
    Column::state("STATE"),
    Column::text("AGE", 3, 3),
    Column::path("WORKSPACE"),
];
const SESSIONS: [Column; 6] = [
    Column::name("SESSION"),
    Column::text("AGENT", 6, 3),
    Column::state("STATE"),
    Column::text("STARTED", 7, 2),
    Column::text("BRANCH", 8, 4),
    Column::path("WORKSPACE"),
];
const WORKTREES: [Column; 4] = [
    Column::name("NAME"),
    Column::text("BRANCH", 8, 3),
    Column::state("STATE"),
    Column::path("PATH"),
];

/// How something is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// As it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Not as it should be.
    Warning,
    /// Something is wrong.
    Error,
    /// Of no importance now.
    Faint,
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How it is to be taken.
    pub level: Level,
    /// The sentence.
    pub text: String,
}

impl Note {
    /// A sentence of that level.
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
        }
    }
}

/// A line of a tab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// What tells it from the others of its tab, now and in later snapshots.
    pub id: String,
    /// A cell for each of the tab's columns; the first one is the row's name.
    pub cells: Vec<String>,
    /// How its state is to be taken.
    pub level: Level,
    /// What more there is to know, as name and value.
    pub details: Vec<(String, String)>,
    /// What can be done; the first one is what Enter does.
    pub actions: Vec<Action>,
}

impl Row {
    /// A plain row.
    pub fn new<C: Into<String>>(id: impl Into<String>, cells: impl IntoIterator<Item = C>) -> Self {
        Self {
            id: id.into(),
            cells: cells.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.cells.first().map_or("", String::as_str)
    }
}

/// The lines of a tab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TabRows {
    /// In the order in which they are shown.
    pub rows: Vec<Row>,
    /// What is to be known about all of them, such as that they are old.
    pub note: Option<Note>,
    /// What is said where there are none.
    pub empty: String,
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    tabs: [TabRows; 4],
    /// What can be done whatever is selected.
    pub general: Vec<Action>,
    /// The menu of settings and maintenance.
    pub maintenance: Vec<Action>,
    /// Where an agent was started lately, the latest first.
    pub recent: Vec<Action>,
}

impl Snapshot {
    /// The lines of a tab.
    #[must_use]
    pub fn list(&self, tab: Tab) -> &TabRows {
        &self.tabs[tab.index()]
    }

    /// The lines of a tab, to be set.
    pub fn list_mut(&mut self, tab: Tab) -> &mut TabRows {
        &mut self.tabs[tab.index()]
    }

    /// Whether this can be done to anything.
    pub(crate) fn offers(&self, operation: Operation) -> bool {
        let rows = self.tabs.iter().flat_map(|tab| &tab.rows);
        let mut actions = rows.flat_map(|row| &row.actions).chain(&self.general);
        actions.any(|action| action.operation == operation)
    }

    /// The same with every text as it can be shown.
    pub(crate) fn cleaned(mut self) -> Self {
        for tab in &mut self.tabs {
            for row in &mut tab.rows {
                row.clean();
            }
        }
        let lists = [&mut self.general, &mut self.maintenance, &mut self.recent];
        for action in lists.into_iter().flatten() {
            action.label = clean(&action.label);
        }
        self
    }
}

impl Row {
    fn clean(&mut self) {
        for cell in &mut self.cells {
            *cell = clean(cell);
        }
        for (_, value) in &mut self.details {
            let lines: Vec<_> = value.lines().map(clean).collect();
            *value = lines.join("\n");
        }
        for action in &mut self.actions {
            action.label = clean(&action.label);
        }
    }
}
