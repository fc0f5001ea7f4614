use scc_launch::{EGRESS_EVENT, EgressSum};
use scc_state::{AuditEvent, AuditLog};
use schemars::JsonSchema;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// Show the audit log or what sandboxes have asked for, or verify that nothing in it was changed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `verify`: check the chain of hashes. `egress`: what sandboxes with enforced egress have asked
    /// for, of which those that run are in `scc network log`
    action: Option<Action>,
    /// How many events, the latest last
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Requests that a session has made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EgressReport {
    /// The session, which has ended.
    session: String,
    #[serde(flatten)]
    requests: EgressSum,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Action {
    Verify,
    Egress,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let log = context.state()?.audit();
    match args.action {
        Some(Action::Verify) => return verify(&log, context),
        Some(Action::Egress) => return egress(args, &log, context),
        None => {}
    }
    let loaded = log.read(args.limit)?;
    let events = loaded.value;
    context.printer.data("AuditLog", &events, &loaded.warnings);
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

fn verify(log: &AuditLog, context: &Context) -> Result<u8, CliError> {
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

/// The requests of sessions that have ended, one row for all that are alike.
fn egress(args: &Args, log: &AuditLog, context: &Context) -> Result<u8, CliError> {
    let loaded = log.read(usize::MAX)?;
    let mut found = Vec::new();
    for event in &loaded.value {
        if event.event == EGRESS_EVENT {
            let session = event.session.clone().unwrap_or_default();
            found.extend(requests(event).map(|requests| EgressReport {
                session: session.clone(),
                requests,
            }));
        }
    }
    let found = found.split_off(found.len().saturating_sub(args.limit));
    context
        .printer
        .data("AuditEgress", &found, &loaded.warnings);
    let head = [
        "LAST", "SESSION", "", "HOST", "TIMES", "SENT", "RECEIVED", "WHY",
    ];
    let rows = found.iter().map(row).collect();
    context.printer.result(&table(&head, rows));
    Ok(0)
}

fn requests(event: &AuditEvent) -> impl Iterator<Item = EgressSum> {
    let kept = event.data.get("requests").and_then(Value::as_array);
    // What another version has written otherwise is in `scc audit`.
    kept.into_iter()
        .flatten()
        .filter_map(|one| EgressSum::deserialize(one).ok())
}

fn row(report: &EgressReport) -> Vec<String> {
    let one = &report.requests;
    let word = if one.allowed { "allowed" } else { "denied" };
    vec![
        one.last.to_string(),
        report.session.clone(),
        word.to_owned(),
        format!("{}:{}", one.host, one.port),
        one.count.to_string(),
        one.sent.to_string(),
        one.received.to_string(),
        one.reason.clone().unwrap_or_default(),
    ]
}
