//! `scc` alone: goes on where the work was left.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use scc_launch::{Workspace, WorkspaceKind, detect_workspace};
use scc_state::{Session, SessionFilter, SessionRecord, SessionState, StateDir, history};

use super::{attach, start};
use crate::context::Context;
use crate::error::CliError;
use crate::prompt::Prompter;
use crate::resume;

/// How many sessions are offered at once.
const OFFERED: usize = 9;
/// How long the engine may take to say what runs before the offer is made without that.
const PATIENCE: Duration = Duration::from_millis(500);

/// In a workspace with sessions: offers to go on with one. In one without: starts. Elsewhere it
/// shows the dashboard. Without a terminal it says what can be typed.
pub(crate) async fn run(context: &Context) -> Result<u8, CliError> {
    let prompter = Prompter::new(true);
    if !prompter.asks() {
        return Err(CliError::Usage {
            message: "there is no terminal, and nothing says what to do".to_owned(),
            hint: "start an agent: scc start; go on with the latest: scc start --resume; see what \
                   runs: scc list; see all commands: scc --help"
                .to_owned(),
        });
    }
    let workspace = detect_workspace(Path::new("."))?;
    if workspace.kind == WorkspaceKind::Directory {
        return super::dashboard::run(&super::dashboard::Args { json: false }, context).await;
    }
    let state = context.state()?;
    let records = state.session_records()?;
    context.report_warnings(&state);
    let mut sessions = offered(&records, &workspace, &state)?;
    if sessions.is_empty() {
        return Box::pin(start::run(start::Args::default(), context)).await;
    }
    // An engine that does not answer does not hold the offer up.
    let asked = tokio::time::timeout(PATIENCE, running(context)).await;
    let running = asked.ok().flatten();
    sessions.truncate(OFFERED);
    match choose(&sessions, running.as_deref(), &workspace, prompter)? {
        None => Box::pin(start::run(start::Args::default(), context)).await,
        Some(record) => go_on(record, running.as_deref(), context).await,
    }
}

/// The sessions of this workspace and of the worktrees of its repository, unless they are to be
/// forgotten.
fn offered<'a>(
    records: &'a [SessionRecord],
    workspace: &Workspace,
    state: &StateDir,
) -> Result<Vec<Session<'a>>, CliError> {
    let places = places(workspace);
    let mut sessions = history(records, &SessionFilter::default());
    sessions.retain(|session| places.contains(&session.latest.workspace));
    let here = state.forgotten_before(&workspace.root)?;
    let mut forgotten = HashMap::new();
    for place in &places {
        forgotten.insert(place, here.max(state.forgotten_before(place)?));
    }
    sessions.retain(|session| {
        let record = session.latest;
        let since = forgotten.get(&record.workspace).copied().flatten();
        let is_forgotten = since.is_some_and(|since| record.started_at < since);
        // What runs cannot be forgotten, and what never started is not worth an offer.
        is_open(record) || !is_forgotten && record.state != SessionState::Failed
    });
    Ok(sessions)
}

/// Where the work of this repository is done.
fn places(workspace: &Workspace) -> Vec<PathBuf> {
    let facts = scc_git::discover(&workspace.root).ok().flatten();
    let worktrees = facts.and_then(|facts| scc_git::worktrees(&facts).ok());
    let worktrees = worktrees.unwrap_or_default().into_iter();
    let there = worktrees.filter(|worktree| !worktree.is_missing);
    let mut places: Vec<_> = there.map(|worktree| worktree.path).collect();
    places.push(workspace.root.clone());
    places
}

fn is_open(record: &SessionRecord) -> bool {
    matches!(record.state, SessionState::Running | SessionState::Starting)
}

/// The sessions whose agents run, by their identifiers; `None` when no engine says so.
async fn running(context: &Context) -> Option<Vec<String>> {
    let runtime = context.engine().await.ok()?;
    let state = context.state().ok()?;
    let views = context.launcher(&runtime, &state).running().await.ok()?;
    Some(
        views
            .into_iter()
            .filter_map(|view| view.session_id)
            .collect(),
    )
}

/// The session that the user chooses; `None` is a new one.
fn choose<'a>(
    sessions: &[Session<'a>],
    running: Option<&[String]>,
    workspace: &Workspace,
    prompter: Prompter,
) -> Result<Option<&'a SessionRecord>, CliError> {
    let state = |record: &SessionRecord| match running {
        Some(running) if running.contains(&record.id) => "running".to_owned(),
        Some(_) if is_open(record) => "stopped".to_owned(),
        Some(_) => resume::state(record),
        None => "unknown".to_owned(),
    };
    let mut options = resume::lines(sessions, &state, None, Timestamp::now());
    options.push("A new session".to_owned());
    let name = workspace.root.file_name().unwrap_or_default();
    let question = format!("Go on in {}?", name.to_string_lossy());
    let instead = CliError::CANCELLED;
    let index = prompter.select(&question, &options, 0, instead)?;
    Ok(sessions.get(index).map(|session| session.latest))
}

async fn go_on(
    record: &SessionRecord,
    running: Option<&[String]>,
    context: &Context,
) -> Result<u8, CliError> {
    if running.is_some_and(|running| running.contains(&record.id)) {
        return attach::to(Some(record.container.clone()), context).await;
    }
    Box::pin(start::run(start::Args::going_on(record), context)).await
}
