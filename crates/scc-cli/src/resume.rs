//! Which earlier session a start goes on from.

use std::path::Path;

use jiff::Timestamp;
use scc_launch::{LaunchError, Launcher, Resumed};
use scc_runtime::DockerRuntime;
use scc_state::{Session, SessionFilter, SessionRecord, SessionState, called, history};

use crate::context::Context;
use crate::error::CliError;
use crate::output::age;
use crate::prompt::Prompter;

/// What the user said about earlier sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing: a new session.
    New,
    /// The latest one goes on.
    Latest,
    /// One that is chosen from a list goes on.
    Select,
    /// The one with this name or identifier goes on.
    Named(String),
    /// The one with this name goes on, if there is one.
    NamedOrNew(String),
}

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) workspace: &'a Path,
    pub(crate) provider: Option<&'a str>,
    pub(crate) team: Option<&'a str>,
    /// Without asking the engine.
    pub(crate) dry_run: bool,
    pub(crate) prompter: Prompter,
}

/// What there is to go on from.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing: a new session.
    New,
    /// A session that is running.
    Running(Box<SessionRecord>),
    /// One that has ended, and its conversation.
    Ended(Box<SessionRecord>, Resumed),
}

/// How many sessions a list offers, and how many are looked at for one that can go on.
const OFFERED: usize = 20;

/// Finds the session that is meant.
pub(crate) async fn find(
    search: Search<'_>,
    wish: &Wish,
    context: &Context,
) -> Result<Found, CliError> {
    if *wish == Wish::New {
        return Ok(Found::New);
    }
    let state = context.state()?;
    if let Wish::NamedOrNew(name) = wish
        && !has_called(&state.session_records()?, search.workspace, name)
    {
        return Ok(Found::New);
    }
    let runtime = match search.dry_run {
        true => None,
        false => Some(context.engine().await?),
    };
    let launcher = runtime
        .as_ref()
        .map(|runtime| context.launcher(runtime, &state));
    if let Some(launcher) = &launcher {
        // What is recorded as running may have ended.
        let (tidied, _) = launcher.tidy().await?;
        crate::commands::report_tidied(&tidied, context);
    }
    let records = state.session_records()?;
    context.report_warnings(&state);
    let filter = SessionFilter {
        workspace: Some(search.workspace),
        provider: search.provider,
        team: search.team,
        ..SessionFilter::default()
    };
    let finder = Finder {
        search,
        records: &records,
        sessions: history(&records, &filter),
        launcher,
        context,
    };
    finder.find(wish).await
}

fn has_called(records: &[SessionRecord], workspace: &Path, name: &str) -> bool {
    let filter = SessionFilter {
        workspace: Some(workspace),
        ..SessionFilter::default()
    };
    !called(&history(records, &filter), name).is_empty()
}

struct Finder<'a> {
    search: Search<'a>,
    records: &'a [SessionRecord],
    sessions: Vec<Session<'a>>,
    launcher: Option<Launcher<'a, DockerRuntime>>,
    context: &'a Context,
}

impl Finder<'_> {
    async fn find(&self, wish: &Wish) -> Result<Found, CliError> {
        match wish {
            Wish::New => Ok(Found::New),
            Wish::Latest => self.latest().await,
            Wish::Select => self.go_on(self.select()?).await,
            Wish::Named(name) => self.go_on(self.named(name)?).await,
            Wish::NamedOrNew(name) => self.named_or_new(name).await,
        }
    }

    /// The latest session that can go on. What was started and never talked to is passed over.
    async fn latest(&self) -> Result<Found, CliError> {
        for session in self.sessions.iter().take(OFFERED) {
            match self.go_on(session.latest).await {
                Err(CliError::Launch(LaunchError::NoConversation { session, .. })) => {
                    let text = format!("the session `{session}` has no conversation; passed over");
                    self.context.printer.note(&text);
                }
                found => return found,
            }
        }
        Err(self.nothing("no session of this workspace can go on".to_owned()))
    }

    fn select(&self) -> Result<&SessionRecord, CliError> {
        if self.sessions.is_empty() {
            return Err(self.nothing("this workspace has no sessions".to_owned()));
        }
        select(&self.sessions, None, self.search.prompter)
    }

    fn named(&self, name: &str) -> Result<&SessionRecord, CliError> {
        match called(&self.sessions, name)[..] {
            [] => {}
            [record] => return Ok(record),
            [record, other, ..] => {
                return Err(CliError::Failed {
                    message: format!("`{name}` may be the session {} or {}", record.id, other.id),
                    hint: "give more of the identifier, or choose: scc start --select".to_owned(),
                });
            }
        }
        let elsewhere = self.records.iter().rev().find(|r| r.is_called(name));
        Err(match elsewhere {
            Some(record) if record.workspace != self.search.workspace => CliError::Failed {
                message: format!("the session `{name}` is not of this workspace"),
                hint: resume_hint(record, name),
            },
            // The agent or the team was named, too.
            Some(record) => self.nothing(format!(
                "the session `{name}` is of the agent {}{}",
                record.provider,
                record
                    .team
                    .as_ref()
                    .map_or_else(String::new, |team| format!(" and the team {team}"))
            )),
            None => self.nothing(format!("this workspace has no session `{name}`")),
        })
    }

    async fn named_or_new(&self, name: &str) -> Result<Found, CliError> {
        if called(&self.sessions, name).is_empty() {
            return Ok(Found::New);
        }
        let record = self.named(name)?;
        match self.go_on(record).await {
            // The launch itself says that it is running, and what can be done.
            Ok(Found::Running(_)) => Ok(Found::New),
            Err(CliError::Launch(LaunchError::NoConversation { .. })) => {
                let text = format!(
                    "the earlier session `{name}` has no conversation; this is a new session"
                );
                self.context.printer.note(&text);
                Ok(Found::New)
            }
            found => found,
        }
    }

    /// The session with its conversation.
    async fn go_on(&self, record: &SessionRecord) -> Result<Found, CliError> {
        let Some(launcher) = &self.launcher else {
            let resumed = Resumed::of(record, record.conversation.clone());
            return Ok(Found::Ended(Box::new(record.clone()), resumed));
        };
        if matches!(record.state, SessionState::Running | SessionState::Starting) {
            return Ok(Found::Running(Box::new(record.clone())));
        }
        let registry = &self.context.registry;
        let provider = registry.get(&record.provider).ok_or_else(|| {
            CliError::Launch(LaunchError::UnknownProvider {
                id: record.provider.clone(),
                known: registry.ids(),
            })
        })?;
        let id = launcher
            .conversation(record, self.records, provider)
            .await?;
        let ago = age(record.started_at, Timestamp::now());
        let label = record.label();
        self.context.printer.note(&format!(
            "going on with the session `{label}` of {ago} ago ({})",
            provider.display_name()
        ));
        let resumed = Resumed::of(record, Some(id));
        Ok(Found::Ended(Box::new(record.clone()), resumed))
    }

    fn nothing(&self, message: String) -> CliError {
        CliError::Failed {
            message,
            hint: "start a new one: scc start; see all: scc sessions --all".to_owned(),
        }
    }
}

/// How to go on with a session that works elsewhere.
fn resume_hint(record: &SessionRecord, name: &str) -> String {
    let path = record.workspace.display();
    match record.workspace.is_dir() {
        true => format!("scc start {path} --resume --session {name}"),
        false => format!("its directory {path} is gone; make it again, then go on there"),
    }
}

/// Lets the user choose a session. With a context the line says where each one works, too.
pub(crate) fn select<'a>(
    sessions: &[Session<'a>],
    places: Option<&Context>,
    prompter: Prompter,
) -> Result<&'a SessionRecord, CliError> {
    let now = Timestamp::now();
    let offered = &sessions[..sessions.len().min(OFFERED)];
    let options = lines(offered, &state, places, now);
    let instead = CliError::Usage {
        message: "there is no terminal on which to choose a session".to_owned(),
        hint: "name one: scc start --resume --session NAME; `scc sessions` shows them".to_owned(),
    };
    let index = prompter.select("Which session?", &options, 0, instead)?;
    Ok(offered[index].latest)
}

/// One line for each session, in columns, with what `state` says of it.
pub(crate) fn lines(
    sessions: &[Session<'_>],
    state: &dyn Fn(&SessionRecord) -> String,
    places: Option<&Context>,
    now: Timestamp,
) -> Vec<String> {
    let rows = sessions.iter().map(|session| {
        let record = session.latest;
        let mut row = vec![
            record.label().to_owned(),
            record.provider.clone(),
            record.team.clone().unwrap_or_default(),
            record.branch.clone().unwrap_or_default(),
            format!("{} ago", age(record.started_at, now)),
            state(record),
        ];
        if let Some(context) = places {
            row.push(context.readable(&record.workspace));
        }
        row
    });
    columns(&rows.collect::<Vec<_>>())
}

fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
            let padded = cells.map(|(cell, width)| format!("{cell:<width$}"));
            let line = padded.collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned()
        })
        .collect()
}

/// What became of a session, in a word or two.
pub(crate) fn state(record: &SessionRecord) -> String {
    match (record.state, record.exit_status) {
        (SessionState::Starting, _) => "starting".to_owned(),
        (SessionState::Running, _) => "running".to_owned(),
        (SessionState::Failed, _) => "failed".to_owned(),
        (SessionState::Ended, Some(status)) => format!("ended ({status})"),
        (SessionState::Ended, None) => "ended".to_owned(),
        (SessionState::TimedOut, _) => "timed out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_empty_take_no_room() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let lines = columns(&[row(["a", "", "x"]), row(["long", "", "y"])]);
        assert_eq!(lines, ["a     x", "long  y"]);
    }
}
