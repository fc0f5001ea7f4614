//! From facts to rows.

mod containers;
mod sessions;
mod status;
mod worktrees;

use std::path::Path;

use jiff::Timestamp;
use scc_dashboard::{Action, Level, Note, Operation, Row, Snapshot, Tab};

use super::facts::{Engine, Facts};
use crate::context::Context;

/// How many recent workspaces are offered.
const RECENT: usize = 20;

/// What rows are made of.
pub(super) struct Desk<'a> {
    pub(super) facts: &'a Facts,
    pub(super) context: &'a Context,
    /// What this scc can do from the dashboard; nothing else is offered.
    pub(super) offered: &'a [Operation],
    pub(super) now: Timestamp,
}

impl Desk<'_> {
    /// Everything that is shown.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (tab, rows) in [
            (Tab::Status, self.status()),
            (Tab::Containers, self.containers()),
            (Tab::Sessions, self.sessions()),
            (Tab::Worktrees, self.worktrees()),
        ] {
            *snapshot.list_mut(tab) = rows;
        }
        snapshot.general = self.general();
        snapshot.maintenance = self.maintenance();
        snapshot.recent = self.recent();
        for tab in Tab::ALL {
            for row in &mut snapshot.list_mut(tab).rows {
                self.keep_offered(&mut row.actions);
            }
        }
        for actions in [
            &mut snapshot.general,
            &mut snapshot.maintenance,
            &mut snapshot.recent,
        ] {
            self.keep_offered(actions);
        }
        snapshot
    }

    fn keep_offered(&self, actions: &mut Vec<Action>) {
        actions.retain(|action| self.offered.contains(&action.operation));
    }

    fn general(&self) -> Vec<Action> {
        let mut general = Vec::new();
        if let Some(here) = self
            .facts
            .here
            .as_ref()
            .filter(|_| self.facts.is_in_workspace())
        {
            let path = here.root.to_string_lossy();
            let label = format!("Start an agent in {}", self.context.readable(&here.root));
            general.push(Action::labelled(Operation::Start, path, label));
            if !self.facts.worktrees.is_empty() {
                general.push(Action::new(Operation::CreateWorktree, ""));
            }
            general.push(Action::new(Operation::Profile, ""));
            general.push(Action::new(Operation::Init, ""));
        }
        general.push(Action::new(Operation::SwitchTeam, ""));
        general
    }

    fn maintenance(&self) -> Vec<Action> {
        let entry = |id: &str, label: &str| Action::labelled(Operation::Maintain, id, label);
        let mut entries = vec![
            entry("doctor", "Check what scc needs"),
            entry("explain", "Explain the rules that apply here"),
            entry("settings", "Show the settings"),
            entry("prune", "Remove all stopped sandboxes"),
            entry("audit", "Verify the audit log"),
        ];
        let config = self.facts.config.as_ref().ok();
        if config.is_some_and(|config| config.organization.is_some() && !config.standalone) {
            entries.push(entry("update", "Fetch the organization's document again"));
        }
        let ids = self.context.registry.ids();
        entries.extend(ids.iter().map(|id| {
            let label = format!("Prefer the agent {id}");
            Action::labelled(Operation::Maintain, format!("prefer {id}"), label)
        }));
        entries
    }

    /// The workspaces of the latest sessions.
    fn recent(&self) -> Vec<Action> {
        let mut recent: Vec<Action> = Vec::new();
        for session in self.facts.sessions.iter().flatten() {
            let path = session.workspace.to_string_lossy();
            if recent.len() < RECENT && recent.iter().all(|action| action.target != path) {
                let label = self.context.readable(&session.workspace);
                recent.push(Action::labelled(Operation::Start, path, label));
            }
        }
        recent
    }

    /// What is to be known about rows that the engine should have confirmed.
    fn unconfirmed(&self) -> Option<Note> {
        match &self.facts.engine {
            Engine::Answered { .. } => None,
            Engine::Asked => Some(Note::new(Level::Faint, "as recorded; asking the engine…")),
            Engine::Silent(trouble) => {
                let text = format!("as recorded, since {}", trouble.message);
                Some(Note::new(Level::Warning, text))
            }
        }
    }

    /// The container of the agent that runs in a workspace, by what the engine says.
    fn running_in(&self, workspace: &Path) -> Option<&str> {
        let Engine::Answered { sandboxes, .. } = &self.facts.engine else {
            return None;
        };
        let workspace = workspace.to_string_lossy();
        let mut running = sandboxes.iter().filter(|sandbox| sandbox.is_running());
        let found = running.find(|sandbox| sandbox.workspace.as_deref() == Some(&*workspace))?;
        Some(&found.container)
    }
}

/// A detail, where there is one.
fn detail(row: &mut Row, name: &str, value: Option<impl Into<String>>) {
    row.details
        .extend(value.map(|value| (name.to_owned(), value.into())));
}

#[cfg(test)]
mod tests;
