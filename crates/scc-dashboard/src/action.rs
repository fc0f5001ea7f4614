//! What can be done from the dashboard.

use crate::Key;

/// A sort of thing to do. What its target is, is said with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Start an agent in a workspace: its path.
    Start,
    /// Return to a running agent: its container.
    Attach,
    /// Go on with a session that has ended: its identifier.
    Resume,
    /// Show what an agent has printed: its container.
    Logs,
    /// Open a shell beside a running agent: its container.
    Shell,
    /// Stop a running agent: its container.
    Stop,
    /// Remove a stopped sandbox: its container.
    Remove,
    /// Forget a session that has ended: its identifier.
    Forget,
    /// Make a worktree; the target is its name, which is asked for.
    CreateWorktree,
    /// Remove a worktree: its path.
    RemoveWorktree,
    /// Choose a team.
    SwitchTeam,
    /// Write a project's settings.
    Init,
    /// Show the personal profile.
    Profile,
    /// Something of the menu of settings and maintenance: what the caller calls it.
    Maintain,
    /// Show a tab: its title.
    Show,
}

impl Operation {
    /// The key for it, everywhere it is offered.
    #[must_use]
    pub fn key(self) -> Option<char> {
        Some(match self {
            Self::Start => 'n',
            Self::Resume => 'R',
            Self::Stop => 'K',
            Self::Remove | Self::Forget | Self::RemoveWorktree => 'D',
            Self::CreateWorktree => 'c',
            Self::SwitchTeam => 't',
            Self::Init => 'i',
            Self::Profile => 'p',
            Self::Logs => 'l',
            Self::Shell => 'x',
            Self::Attach | Self::Maintain | Self::Show => return None,
        })
    }

    /// What it is called where nothing better is known.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "Start an agent",
            Self::Attach => "Attach",
            Self::Resume => "Resume",
            Self::Logs => "Logs",
            Self::Shell => "Shell",
            Self::Stop => "Stop",
            Self::Remove => "Remove",
            Self::Forget => "Forget",
            Self::CreateWorktree => "Create a worktree",
            Self::RemoveWorktree => "Remove",
            Self::SwitchTeam => "Choose a team",
            Self::Init => "Write a .scc.yaml",
            Self::Profile => "Personal profile",
            Self::Maintain => "Maintenance",
            Self::Show => "Show",
        }
    }

    /// What is asked before it is done to what is called `name`; `None` where nothing is lost.
    #[must_use]
    pub(crate) fn question(self, name: &str) -> Option<String> {
        Some(match self {
            Self::Stop => format!("Stop {name}? Its agent ends."),
            Self::Remove => format!("Remove the stopped sandbox {name}?"),
            Self::Forget => format!("Forget the session {name}?"),
            Self::RemoveWorktree => format!("Remove the worktree {name}?"),
            _ => return None,
        })
    }

    /// What a row shows in place of its state while this is being done to it.
    pub(crate) fn progress(self) -> Option<&'static str> {
        match self {
            Self::Stop => Some("stopping…"),
            Self::Remove | Self::RemoveWorktree | Self::Forget => Some("removing…"),
            _ => None,
        }
    }

    /// Whether the target is a name that a person has to give.
    pub(crate) fn takes_name(self) -> bool {
        self == Self::CreateWorktree
    }

    pub(crate) fn is_for(self, key: &Key) -> bool {
        self.key().is_some_and(|own| *key == Key::Char(own))
    }
}

/// Something to do, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What to do.
    pub operation: Operation,
    /// To what; see [`Operation`].
    pub target: String,
    /// How it is offered.
    pub label: String,
}

impl Action {
    /// An action that is offered under the usual name.
    pub fn new(operation: Operation, target: impl Into<String>) -> Self {
        Self::labelled(operation, target, operation.label())
    }

    /// An action that is offered under a name of its own.
    pub fn labelled(
        operation: Operation,
        target: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            operation,
            target: target.into(),
            label: label.into(),
        }
    }
}
