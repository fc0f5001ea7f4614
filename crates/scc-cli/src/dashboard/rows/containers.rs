use jiff::Timestamp;
use scc_dashboard::{Action, Level, Operation, Row, TabRows};
use scc_launch::SessionView;
use scc_state::{SessionRecord, SessionState};

use super::{Desk, detail};
use crate::dashboard::facts::Engine;
use crate::output::age;

impl Desk<'_> {
    pub(super) fn containers(&self) -> TabRows {
        let rows = match &self.facts.engine {
            Engine::Answered { sandboxes, .. } => {
                sandboxes.iter().map(|view| self.sandbox(view)).collect()
            }
            _ => self.recorded(),
        };
        let empty = match self.facts.engine {
            Engine::Answered { .. } if self.facts.is_in_workspace() => {
                "no sandboxes; n starts an agent here"
            }
            Engine::Answered { .. } => "no sandboxes; w starts an agent in a recent workspace",
            _ => "no sandboxes are recorded",
        };
        TabRows {
            rows,
            note: self.unconfirmed(),
            empty: empty.to_owned(),
        }
    }

    fn sandbox(&self, view: &SessionView) -> Row {
        let created: Option<Timestamp> = view.created_at.parse().ok();
        let age = created.map_or_else(|| "-".to_owned(), |time| age(time, self.now));
        let workspace = view.workspace.as_deref().unwrap_or_default();
        let cells = [
            view.name.as_ref().unwrap_or(&view.container).clone(),
            view.provider.clone().unwrap_or_default(),
            view.state.to_owned(),
            age,
            self.context.readable(workspace.as_ref()),
        ];
        let mut row = Row::new(&view.container, cells);
        row.level = match view.state {
            "running" => Level::Good,
            "starting" => Level::Plain,
            _ => Level::Faint,
        };
        detail(&mut row, "Container", Some(&view.container));
        detail(&mut row, "Name", view.name.as_ref());
        detail(&mut row, "Session", view.session_id.as_ref());
        detail(&mut row, "Agent", view.provider.as_ref());
        detail(&mut row, "State", Some(view.state));
        detail(&mut row, "Created", Some(&view.created_at));
        detail(&mut row, "Workspace", Some(workspace));
        if let Some(record) = view.session_id.as_deref().and_then(|id| self.record(id)) {
            detail(&mut row, "Branch", record.branch.as_ref());
            detail(&mut row, "Team", record.team.as_ref());
        }
        row.actions = actions(view);
        row
    }

    fn record(&self, id: &str) -> Option<&SessionRecord> {
        self.facts
            .sessions
            .iter()
            .flatten()
            .find(|record| record.id == id)
    }

    /// The sandboxes that ran when scc last looked. Nothing is offered that the engine has not
    /// confirmed.
    fn recorded(&self) -> Vec<Row> {
        let sessions = self.facts.sessions.iter().flatten();
        let open = sessions.filter(|record| record.state == SessionState::Running);
        let rows = open.map(|record| {
            let cells = [
                record.name.as_ref().unwrap_or(&record.container).clone(),
                record.provider.clone(),
                "recorded".to_owned(),
                age(record.started_at, self.now),
                self.context.readable(&record.workspace),
            ];
            let mut row = Row::new(&record.container, cells);
            row.level = Level::Faint;
            detail(&mut row, "Container", Some(&record.container));
            detail(&mut row, "Engine", Some(&record.endpoint));
            row
        });
        rows.collect()
    }
}

/// What can be done to a sandbox, the most likely first.
fn actions(view: &SessionView) -> Vec<Action> {
    let on_container = |operation| Action::new(operation, &view.container);
    let of_session = |operation| {
        let session = view.session_id.as_deref();
        session.map(|session| Action::new(operation, session))
    };
    match view.state {
        "running" => [
            Operation::Attach,
            Operation::Stop,
            Operation::Logs,
            Operation::Shell,
        ]
        .map(on_container)
        .into(),
        "stopped" => {
            let mut actions: Vec<_> = of_session(Operation::Resume).into_iter().collect();
            actions.extend([Operation::Logs, Operation::Remove].map(on_container));
            actions
        }
        _ => Vec::new(),
    }
}
