mod prune;

use std::path::PathBuf;

use jiff::Timestamp;
use scc_state::{Session, SessionFilter, SessionRecord, history};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::governance::workspace_root;
use crate::output::{age, span, table};
use crate::prompt::Prompter;
use crate::resume::{self, state};

/// List recent sessions, the latest first
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Prune(prune::Args),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// How many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    limit: usize,
    /// However many there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Those of this workspace
    #[arg(short, long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Those of this agent
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Those of this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Those that began on this branch
    #[arg(short, long, value_name = "NAME")]
    branch: Option<String>,
    /// Those with this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Choose one and go on with it
    #[arg(short, long, conflicts_with = "json")]
    select: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.action {
            Some(Action::Prune(args)) => args.json,
            None => self.list.json,
        }
    }
}

/// A session in JSON: its latest launch, and what is known of it as a whole.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionReport<'a> {
    #[serde(flatten)]
    latest: &'a SessionRecord,
    launches: usize,
    began_at: Timestamp,
    duration_seconds: i64,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    match args.action {
        Some(Action::Prune(args)) => prune::run(&args, context).await,
        None => list(&args.list, context).await,
    }
}

/// Brings the records in line with what the engine knows; without an engine they have to do.
async fn settle(context: &Context) -> Result<(), CliError> {
    let state = context.state()?;
    match context.engine().await {
        Ok(runtime) => {
            let (tidied, _) = context.launcher(&runtime, &state).tidy().await?;
            super::report_tidied(&tidied, context);
        }
        Err(error) => context
            .printer
            .warning(&format!("{error}: states may be out of date")),
    }
    Ok(())
}

async fn list(args: &ListArgs, context: &Context) -> Result<u8, CliError> {
    settle(context).await?;
    let workspace = match &args.workspace {
        Some(dir) => Some(workspace_root(Some(dir))?),
        None => None,
    };
    let loaded = context.state()?.sessions()?;
    let filter = SessionFilter {
        workspace: workspace.as_deref(),
        provider: args.provider.as_deref(),
        team: args.team.as_deref(),
        branch: args.branch.as_deref(),
        name: args.name.as_deref(),
    };
    let mut sessions = history(&loaded.value, &filter);
    if !args.all {
        sessions.truncate(args.limit);
    }
    let now = Timestamp::now();
    let reports: Vec<_> = sessions
        .iter()
        .map(|session| report(session, now))
        .collect();
    let printer = context.printer;
    printer.data("SessionList", &reports, &loaded.warnings);
    if sessions.is_empty() {
        printer.note(&match loaded.value.len() {
            0 => "no sessions; start one: scc start".to_owned(),
            _ => "no session matches; all of them: scc sessions --all".to_owned(),
        });
        return Ok(0);
    }
    if args.select {
        let record = resume::select(&sessions, Some(context), Prompter::new(true))?.clone();
        let start = super::start::Args::going_on(&record);
        return super::start::run(start, context).await;
    }
    let rows = sessions.iter().map(|session| row(session, now)).collect();
    let header = [
        "SESSION",
        "PROVIDER",
        "TEAM",
        "STATE",
        "STARTED",
        "LASTED",
        "BRANCH",
        "WORKSPACE",
    ];
    printer.result(&table(&header, rows));
    Ok(0)
}

fn report<'a>(session: &Session<'a>, now: Timestamp) -> SessionReport<'a> {
    SessionReport {
        latest: session.latest,
        launches: session.launches(),
        began_at: session.began_at(),
        duration_seconds: lasted(session.latest, now),
    }
}

/// How long the latest launch took, or takes so far, in seconds.
fn lasted(record: &SessionRecord, now: Timestamp) -> i64 {
    let end = record.ended_at.unwrap_or(now);
    end.duration_since(record.started_at).as_secs().max(0)
}

fn row(session: &Session<'_>, now: Timestamp) -> Vec<String> {
    let record = session.latest;
    vec![
        record.label().to_owned(),
        record.provider.clone(),
        record.team.clone().unwrap_or_default(),
        state(record),
        format!("{} ago", age(record.started_at, now)),
        span(lasted(record, now)),
        record.branch.clone().unwrap_or_default(),
        record.workspace.display().to_string(),
    ]
}
