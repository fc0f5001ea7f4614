pub(crate) mod egress;
mod safety;

use jiff::{SignedDuration, Timestamp};
use scc_state::AuditEvent;

use super::plugin;
use crate::context::Context;
use crate::error::CliError;
use crate::extensions::Where;
use crate::output::table;

/// Show the audit log, what sandboxes were refused or have asked for, which plugins are enabled, or
/// whether the log is unchanged
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `safety`: only the commands that were refused or warned about; `egress`: what sandboxes with
    /// enforced egress have asked for (of those that run: `scc network log`); `plugins`: what the rules
    /// enable and refuse here, who asked for it, and of which version it is; `verify`: check the chain
    /// of hashes
    #[arg(value_enum)]
    action: Option<Action>,
    /// How many events, the latest last
    #[arg(
        short = 'n',
        long,
        value_name = "COUNT",
        default_value_t = 20,
        allow_negative_numbers = true
    )]
    limit: usize,
    /// Only of this session: its name, its container or its identifier
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// Only since then: `30m`, `2h`, or a time like `2026-11-26T06:00:00Z`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// `plugins` for this agent instead of the one that would start
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// `plugins` as if you worked in this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is to be seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    Safety,
    Egress,
    Plugins,
    Verify,
}

/// What the events of the safety net begin with.
const SAFETY: &str = "safety.";

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let filters = args.session.is_some() || args.since.is_some();
    if filters && !matches!(args.action, None | Some(Action::Safety)) {
        return Err(CliError::Usage {
            message: "--session and --since choose from the log and from `safety`".to_owned(),
            hint: "scc audit safety --session NAME --since 2h".to_owned(),
        });
    }
    let whose = args.provider.is_some() || args.team.is_some();
    if whose && args.action != Some(Action::Plugins) {
        return Err(CliError::Usage {
            message: "--provider and --team are for `plugins`".to_owned(),
            hint: "scc audit plugins --provider ID --team NAME".to_owned(),
        });
    }
    match args.action {
        Some(Action::Verify) => verify(context),
        Some(Action::Safety) => {
            collect(context).await?;
            show(args, context, SAFETY)
        }
        Some(Action::Egress) => egress::run(args.limit, context),
        Some(Action::Plugins) => {
            let place = Where::for_agent(args.provider.clone(), args.team.clone());
            plugin::audit(&place, context)
        }
        None => show(args, context, ""),
    }
}

/// The moment of `--since`.
fn since(args: &Args) -> Result<Option<Timestamp>, CliError> {
    let Some(text) = &args.since else {
        return Ok(None);
    };
    let before = |age: SignedDuration| Timestamp::now().checked_sub(age).ok();
    let age = text.parse::<SignedDuration>().ok();
    let since = age.map_or_else(|| text.parse().ok(), before);
    since.map(Some).ok_or_else(|| CliError::Usage {
        message: format!("`{text}` is neither an age nor a time"),
        hint: "write it like 30m, 2h or 2026-11-26T06:00:00Z".to_owned(),
    })
}

/// Fetches what running sandboxes have recorded. What is in the log already is shown all the same
/// where the engine does not answer.
async fn collect(context: &Context) -> Result<(), CliError> {
    let state = context.state()?;
    match context.engine().await {
        Ok(runtime) => Ok(context
            .launcher(&runtime, &state)
            .collect_all_records()
            .await?),
        Err(error) => {
            let message = format!("what running sandboxes recorded is missing: {error}");
            context.printer.warning(&message);
            Ok(())
        }
    }
}

fn verify(context: &Context) -> Result<u8, CliError> {
    let log = context.state()?.audit();
    let report = log.verify()?;
    context.printer.data("AuditVerify", &report, &[]);
    if let Some(bad) = report.first_bad {
        return Err(CliError::Failed {
            message: format!(
                "the audit log was changed at line {}: {}",
                bad.line, bad.reason
            ),
            hint: String::new(),
        });
    }
    context
        .printer
        .result(&format!("{} events, the chain is whole", report.events));
    Ok(0)
}

/// The last events whose names begin like this.
fn show(args: &Args, context: &Context, prefix: &str) -> Result<u8, CliError> {
    let since = since(args)?;
    let state = context.state()?;
    let log = state.audit();
    let sessions = state.session_records()?;
    let is_all = prefix.is_empty() && since.is_none() && args.session.is_none();
    let loaded = log.read(if is_all { args.limit } else { usize::MAX })?;
    let mut events = loaded.value;
    events.retain(|event| {
        event.event.starts_with(prefix)
            && since.is_none_or(|since| safety::happened(event) >= since)
            && args
                .session
                .as_ref()
                .is_none_or(|name| safety::is_of(event, &sessions, name))
    });
    let count = events.len();
    let surplus = count.saturating_sub(args.limit);
    events.drain(..surplus);
    let mut warnings = loaded.warnings;
    let full = events
        .iter()
        .filter_map(|event| safety::full(event, &sessions));
    warnings.extend(full);
    context.printer.data("AuditLog", &events, &warnings);
    context.printer.warnings(&warnings);
    context.printer.result(&match prefix {
        SAFETY => safety::describe(&events, &sessions),
        _ => describe(&events),
    });
    if surplus > 0 {
        let shown = events.len();
        let note = format!("the last {shown} of {count} (all: -n {count})");
        context.printer.note(&note);
    }
    Ok(0)
}

fn describe(events: &[AuditEvent]) -> String {
    let rows = events.iter().map(|event| {
        let session = event.session.clone().unwrap_or_default();
        let data = serde_json::Value::Object(event.data.clone()).to_string();
        vec![event.time.to_string(), event.event.clone(), session, data]
    });
    table(&["TIME", "EVENT", "SESSION", "DATA"], rows.collect())
}
