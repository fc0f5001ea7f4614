use scc_dashboard::{Action, Level, Note, Operation, Row, TabRows};
use scc_state::{SessionRecord, SessionState};

use super::{Desk, detail};
use crate::dashboard::facts::Engine;
use crate::output::age;
use crate::resume::state;

impl Desk<'_> {
    pub(super) fn sessions(&self) -> TabRows {
        let sessions = self.facts.sessions.as_ref();
        let rows = sessions.map_or_else(
            |_| Vec::new(),
            |sessions| sessions.iter().map(|record| self.session(record)).collect(),
        );
        let trouble = self.facts.sessions.as_ref().err();
        let note = trouble.map(|trouble| Note::new(Level::Error, &trouble.message));
        TabRows {
            rows,
            note: note.or_else(|| self.unconfirmed()),
            empty: "no sessions yet".to_owned(),
        }
    }

    fn session(&self, record: &SessionRecord) -> Row {
        let state = state(record);
        let branch = record.branch.clone().unwrap_or_default();
        let cells = [
            record.label().to_owned(),
            record.provider.clone(),
            state.clone(),
            format!("{} ago", age(record.started_at, self.now)),
            branch,
            self.context.readable(&record.workspace),
        ];
        let mut row = Row::new(&record.id, cells);
        row.level = match record.state {
            SessionState::Running => Level::Good,
            SessionState::Failed => Level::Error,
            SessionState::Starting => Level::Plain,
            SessionState::Ended | SessionState::TimedOut => Level::Faint,
        };
        detail(&mut row, "Session", Some(&record.id));
        detail(&mut row, "Name", record.name.as_ref());
        detail(&mut row, "Agent", Some(&record.provider));
        detail(&mut row, "State", Some(state));
        detail(&mut row, "Started", Some(record.started_at.to_string()));
        detail(
            &mut row,
            "Ended",
            record.ended_at.map(|time| time.to_string()),
        );
        detail(&mut row, "Branch", record.branch.as_ref());
        detail(&mut row, "Team", record.team.as_ref());
        detail(
            &mut row,
            "Workspace",
            Some(record.workspace.display().to_string()),
        );
        detail(&mut row, "Container", Some(&record.container));
        row.actions = self.session_actions(record);
        row
    }

    fn session_actions(&self, record: &SessionRecord) -> Vec<Action> {
        if self.is_running(record) {
            return [Operation::Attach, Operation::Stop, Operation::Logs]
                .map(|operation| Action::new(operation, &record.container))
                .into();
        }
        match record.state {
            SessionState::Ended | SessionState::TimedOut | SessionState::Failed => {
                let path = record.workspace.to_string_lossy();
                let start = "Start a new session in its workspace";
                vec![
                    Action::new(Operation::Resume, &record.id),
                    Action::labelled(Operation::Start, path, start),
                    Action::new(Operation::Forget, &record.id),
                ]
            }
            SessionState::Starting | SessionState::Running => Vec::new(),
        }
    }

    /// Whether the engine says so.
    fn is_running(&self, record: &SessionRecord) -> bool {
        let Engine::Answered { sandboxes, .. } = &self.facts.engine else {
            return false;
        };
        let is_its = |id: &Option<String>| id.as_deref() == Some(&record.id);
        let mut running = sandboxes.iter().filter(|sandbox| sandbox.is_running());
        running.any(|sandbox| is_its(&sandbox.session_id))
    }
}
