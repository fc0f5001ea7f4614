use jiff::{SignedDuration, Timestamp};
use scc_state::{Expiry, Retention, SessionFilter, prunable};
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::findings::count;
use crate::prompt::Prompter;

/// Forget sessions that have ended
///
/// The agents' conversations stay in their volumes, but scc no longer knows them and cannot go on
/// with them. Sessions that are running are never forgotten.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Those that ended longer ago than this, such as `12h` or `30d`
    #[arg(long, value_name = "AGE", default_value = "30d", value_parser = duration)]
    older_than: SignedDuration,
    /// Keep so many of each team, the latest ones, however old they are
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    keep: usize,
    /// Only those of this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// All that have ended, however recent and many they are
    #[arg(long, conflicts_with_all = ["older_than", "keep"])]
    all: bool,
    /// Say what would be forgotten, and forget nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    match Expiry::ttl(text) {
        Ok(Expiry::After(duration)) => Ok(duration),
        _ => Err("use a whole number and `m`, `h` or `d`, such as `30d`".to_owned()),
    }
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    super::settle(context).await?;
    let state = context.state()?;
    let now = Timestamp::now();
    let retention = match args.all {
        true => Retention {
            ended_before: None,
            keep: 0,
        },
        false => Retention {
            ended_before: now.checked_sub(args.older_than).ok(),
            keep: args.keep,
        },
    };
    let filter = SessionFilter {
        team: args.team.as_deref(),
        ..SessionFilter::default()
    };
    let sessions = state.session_records()?;
    let mut gone = prunable(&sessions, &filter, retention);
    let forgets = !args.dry_run && !gone.is_empty();
    if forgets {
        confirm(args, gone.len())?;
        // Once more under the lock: what has begun to run meanwhile stays.
        state.update_sessions(now, |sessions| {
            gone = prunable(sessions, &filter, retention);
            sessions.retain(|record| !gone.contains(&record.id));
        })?;
    }
    let ids: Vec<_> = gone.iter().collect();
    let data = json!({ "forgotten": ids, "dry_run": args.dry_run });
    context.printer.data("SessionPrune", &data, &[]);
    let verb = if forgets { "forgot" } else { "would forget" };
    let text = match gone.len() {
        0 => "nothing to forget".to_owned(),
        number => format!("{verb} {}", count(number, "record")),
    };
    context.printer.result(&text);
    Ok(0)
}

fn confirm(args: &Args, number: usize) -> Result<(), CliError> {
    let instead = CliError::Usage {
        message: "this needs a yes".to_owned(),
        hint: "pass --yes".to_owned(),
    };
    let records = count(number, "record");
    let question = format!("Forget {records}? scc will not be able to go on with these sessions");
    if args.yes || Prompter::new(!args.json).confirm(&question, instead)? {
        return Ok(());
    }
    Err(CliError::CANCELLED)
}
