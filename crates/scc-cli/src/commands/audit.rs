pub(crate) mod egress;

use scc_state::AuditEvent;

use super::plugin;
use crate::context::Context;
use crate::error::CliError;
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
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
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

/// The event of a record of refusals that holds no more.
const RECORD_FULL: &str = "safety.record-full";

/// What the events of the safety net begin with.
const SAFETY: &str = "safety.";

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match args.action {
        Some(Action::Verify) => verify(context),
        Some(Action::Safety) => {
            collect(context).await?;
            show(args, context, SAFETY)
        }
        Some(Action::Egress) => egress::run(args.limit, context),
        Some(Action::Plugins) => plugin::audit(context),
        None => show(args, context, ""),
    }
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
    let log = context.state()?.audit();
    let loaded = match prefix {
        "" => log.read(args.limit)?,
        _ => log.read(usize::MAX)?,
    };
    let mut events = loaded.value;
    events.retain(|event| event.event.starts_with(prefix));
    let surplus = events.len().saturating_sub(args.limit);
    events.drain(..surplus);
    let mut warnings = loaded.warnings;
    warnings.extend(events.iter().filter_map(full));
    context.printer.data("AuditLog", &events, &warnings);
    for warning in &warnings {
        context.printer.warning(warning);
    }
    let rows = events
        .iter()
        .map(|event| {
            let session = event.session.clone().unwrap_or_default();
            let data = serde_json::Value::Object(event.data.clone()).to_string();
            vec![event.time.to_string(), event.event.clone(), session, data]
        })
        .collect();
    context
        .printer
        .result(&table(&["TIME", "EVENT", "SESSION", "DATA"], rows));
    Ok(0)
}

/// What is missing in the log, where an event says so.
fn full(event: &AuditEvent) -> Option<String> {
    let session = event.session.as_deref().unwrap_or_default();
    (event.event == RECORD_FULL).then(|| {
        format!(
            "the record of session {session} is full: what was refused there later is not in the log"
        )
    })
}
