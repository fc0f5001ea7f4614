//! How the dashboard's actions are carried out: by scc's own commands, which have the terminal
//! meanwhile, or behind the dashboard.

use std::collections::HashSet;
use std::ffi::OsString;

use jiff::Timestamp;
use scc_dashboard::{Action, Level, Note, Operation};
use scc_launch::{SessionView, Wanted};
use scc_state::{Session, SessionFilter, SessionRecord, history};

use crate::context::Context;
use crate::error::CliError;

/// How an action is carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By this command of scc.
    Command(Command),
    /// Without the terminal, while the dashboard goes on.
    Behind,
}

/// A command of scc, which gets the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) args: Vec<OsString>,
    /// It ends at once, so what it says has to be read before the dashboard is there again.
    pub(super) is_report: bool,
}

impl Way {
    /// How this scc does it; `None` for what it has no command for, which is not offered.
    pub(super) fn of(action: &Action) -> Option<Self> {
        let target = action.target.as_str();
        Some(match action.operation {
            Operation::Stop | Operation::Remove | Operation::Forget => Self::Behind,
            Operation::Resume => Self::visit(&["start", "--resume", "--session", target]),
            Operation::CreateWorktree => Self::visit(&["worktree", "create", target]),
            Operation::RemoveWorktree => Self::report(&["worktree", "remove", "--yes", target]),
            Operation::Start => Self::visit(&["start", target]),
            Operation::Attach => Self::visit(&["attach", target]),
            Operation::Shell => Self::visit(&["exec", target]),
            Operation::Logs => Self::report(&["logs", target]),
            Operation::SwitchTeam => Self::report(&["team", "switch"]),
            Operation::Init => Self::report(&["init"]),
            Operation::Profile => Self::report(&["profile", "status"]),
            Operation::Maintain => Self::maintenance(target)?,
            Operation::Show => return None,
        })
    }

    fn maintenance(target: &str) -> Option<Self> {
        Some(match target {
            "doctor" => Self::report(&["doctor"]),
            "explain" => Self::report(&["config", "explain"]),
            "settings" => Self::report(&["config", "show"]),
            "providers" => Self::report(&["provider", "show"]),
            "prune" => Self::report(&["prune"]),
            "audit" => Self::report(&["audit", "verify"]),
            "update" => Self::report(&["org", "update"]),
            other => Self::report(&["provider", "set", other.strip_prefix("prefer ")?]),
        })
    }

    fn visit(args: &[&str]) -> Self {
        Self::Command(Command {
            args: args.iter().map(OsString::from).collect(),
            is_report: false,
        })
    }

    fn report(args: &[&str]) -> Self {
        Self::Command(Command {
            args: args.iter().map(OsString::from).collect(),
            is_report: true,
        })
    }
}

impl Command {
    /// As it would be typed.
    pub(super) fn typed(&self) -> String {
        let args = self.args.iter().map(|arg| arg.to_string_lossy());
        args.fold("scc".to_owned(), |typed, arg| format!("{typed} {arg}"))
    }
}

/// Carries out what needs no terminal, and says how that went.
pub(super) async fn behind(context: &Context, action: &Action) -> Note {
    let outcome = match action.operation {
        Operation::Stop => stop(context, &action.target).await,
        Operation::Remove => remove(context, &action.target).await,
        Operation::Forget => forget(context, &action.target).await,
        other => Err(CliError::Failed {
            message: format!("`{}` cannot be done from here", other.label()),
            hint: String::new(),
        }),
    };
    match outcome {
        Ok(text) => Note::new(Level::Good, text),
        Err(error) => {
            let hint = error.hints().into_iter().next();
            let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            Note::new(Level::Error, format!("{}{hint}", error.full_message()))
        }
    }
}

async fn stop(context: &Context, container: &str) -> Result<String, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find(&Wanted::Named(container.to_owned())).await?;
    launcher.stop(&view).await?;
    Ok(format!("stopped {}", name(&view)))
}

async fn remove(context: &Context, container: &str) -> Result<String, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find(&Wanted::Named(container.to_owned())).await?;
    launcher.remove(&view).await?;
    Ok(format!("removed {}", name(&view)))
}

/// Forgets a session with all its launches, and the sandboxes that are left of it: by them it would
/// be known again.
async fn forget(context: &Context, id: &str) -> Result<String, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let launches = launches(&state.session_records()?, id);
    let (views, _) = launcher.sandboxes().await?;
    let is_left = |view: &&SessionView| {
        view.session_id
            .as_ref()
            .is_some_and(|id| launches.contains(id))
    };
    for view in views.iter().filter(is_left) {
        launcher.remove(view).await?;
    }
    let forgotten = state.update_sessions(Timestamp::now(), |sessions| {
        let is_of_it = |record: &SessionRecord| launches.contains(&record.id);
        // One that runs again meanwhile stays.
        if sessions
            .iter()
            .any(|record| is_of_it(record) && record.ended_at.is_none())
        {
            return false;
        }
        sessions.retain(|record| !is_of_it(record));
        true
    })?;
    match forgotten {
        true => Ok("forgot the session".to_owned()),
        false => Err(CliError::Failed {
            message: "the session has not ended".to_owned(),
            hint: "stop it first".to_owned(),
        }),
    }
}

/// The identifiers of all launches of the session that has this one.
fn launches(records: &[SessionRecord], id: &str) -> HashSet<String> {
    let sessions = history(records, &SessionFilter::default());
    let found = sessions
        .iter()
        .find(|session| session.ids().any(|other| other == id));
    let ids = found.into_iter().flat_map(Session::ids);
    ids.map(str::to_owned).collect()
}

fn name(view: &SessionView) -> &str {
    view.name.as_deref().unwrap_or(&view.container)
}
