use jiff::Timestamp;
use scc_state::{SessionRecord, SessionState};

use crate::context::Context;
use crate::error::CliError;
use crate::output::{age, table};

/// List recent sessions, the latest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    limit: usize,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let state = context.state()?;
    // What the engine knows is newer than what is recorded; without an engine the record has to do.
    match context.engine().await {
        Ok(runtime) => {
            let (tidied, _) = context.launcher(&runtime, &state).tidy().await?;
            super::report_tidied(&tidied, context);
        }
        Err(error) => context
            .printer
            .warning(&format!("{error}: states may be out of date")),
    }
    let loaded = state.sessions()?;
    let mut sessions = loaded.value;
    sessions.sort_by_key(|session| std::cmp::Reverse(session.started_at));
    if !args.all {
        sessions.truncate(args.limit);
    }
    context
        .printer
        .data("SessionList", &sessions, &loaded.warnings);
    if sessions.is_empty() {
        context
            .printer
            .note("no sessions yet; start one: scc start");
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows = sessions.iter().map(|session| row(session, now)).collect();
    let header = [
        "SESSION",
        "PROVIDER",
        "STATE",
        "STARTED",
        "BRANCH",
        "WORKSPACE",
    ];
    context.printer.result(&table(&header, rows));
    Ok(0)
}

/// How far a session came, in words.
pub(crate) fn state(session: &SessionRecord) -> String {
    match (&session.state, session.exit_status) {
        (SessionState::Starting, _) => "starting".to_owned(),
        (SessionState::Running, _) => "running".to_owned(),
        (SessionState::Failed, _) => "failed".to_owned(),
        (SessionState::Ended, Some(status)) => format!("ended ({status})"),
        (SessionState::Ended, None) => "ended".to_owned(),
    }
}

/// A session's name, else the end of its identifier.
pub(crate) fn label(session: &SessionRecord) -> String {
    let start = session.id.len().saturating_sub(8);
    let short = session.id.get(start..).unwrap_or(&session.id);
    session.name.as_deref().unwrap_or(short).to_owned()
}

fn row(session: &SessionRecord, now: Timestamp) -> Vec<String> {
    vec![
        label(session),
        session.provider.clone(),
        state(session),
        format!("{} ago", age(session.started_at, now)),
        session.branch.clone().unwrap_or_default(),
        session.workspace.display().to_string(),
    ]
}
