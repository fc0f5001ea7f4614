use scc_launch::EGRESS_EVENT;
use scc_state::{AuditEvent, AuditLog};
use serde_json::{Value, json};

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
    let mut rows = Vec::new();
    let mut found = Vec::new();
    for event in loaded
        .value
        .iter()
        .filter(|event| event.event == EGRESS_EVENT)
    {
        let session = event.session.clone().unwrap_or_default();
        for request in requests(event) {
            rows.push(row(&session, request));
            let mut request = request.clone();
            request["session"] = json!(session);
            found.push(request);
        }
    }
    let skipped = rows.len().saturating_sub(args.limit);
    context
        .printer
        .data("AuditEgress", &found.split_off(skipped), &loaded.warnings);
    let head = [
        "LAST", "SESSION", "", "HOST", "TIMES", "SENT", "RECEIVED", "WHY",
    ];
    context
        .printer
        .result(&table(&head, rows.split_off(skipped)));
    Ok(0)
}

fn requests(event: &AuditEvent) -> impl Iterator<Item = &Value> {
    event
        .data
        .get("requests")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn row(session: &str, request: &Value) -> Vec<String> {
    let text = |key: &str| match &request[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let word = if request["allowed"] == true {
        "allowed"
    } else {
        "denied"
    };
    vec![
        text("last"),
        session.to_owned(),
        word.to_owned(),
        format!("{}:{}", text("host"), text("port")),
        text("count"),
        text("sent"),
        text("received"),
        text("reason"),
    ]
}
