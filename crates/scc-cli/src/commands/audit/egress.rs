//! What sandboxes whose session has ended have asked their proxy for.

use scc_launch::{EGRESS_EVENT, EgressSum};
use scc_state::AuditEvent;
use schemars::JsonSchema;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// Requests that a session has made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EgressReport {
    /// The session, which has ended.
    session: String,
    #[serde(flatten)]
    requests: EgressSum,
}

/// The requests of sessions that have ended, one row for all that are alike.
pub(super) fn run(limit: usize, context: &Context) -> Result<u8, CliError> {
    let loaded = context.state()?.audit().read(usize::MAX)?;
    let mut found = Vec::new();
    let mut warnings = loaded.warnings;
    for event in &loaded.value {
        if event.event == EGRESS_EVENT {
            let session = event.session.clone().unwrap_or_default();
            warnings.extend(gaps(event).map(|gap| format!("session {session}: {gap}")));
            found.extend(requests(event).map(|requests| EgressReport {
                session: session.clone(),
                requests,
            }));
        }
    }
    let found = found.split_off(found.len().saturating_sub(limit));
    context.printer.data("AuditEgress", &found, &warnings);
    let head = [
        "LAST", "SESSION", "", "HOST", "TIMES", "SENT", "RECEIVED", "WHY",
    ];
    if found.is_empty() {
        let note = "no session with enforced egress has ended; those that run: scc network log";
        context.printer.note(note);
        return Ok(0);
    }
    let rows = found.iter().map(row).collect();
    context.printer.result(&table(&head, rows));
    Ok(0)
}

/// What is not in the record of a session.
fn gaps(event: &AuditEvent) -> impl Iterator<Item = String> {
    let left_out = event.data.get("left_out").and_then(Value::as_u64);
    let left_out =
        left_out.map(|count| format!("{count} more kinds of requests are not recorded singly"));
    let incomplete = event.data.get("incomplete").and_then(Value::as_bool);
    let incomplete = incomplete == Some(true);
    let incomplete = incomplete.then(|| "the first requests are not recorded".to_owned());
    let unread = event.data.get("unread").and_then(Value::as_str);
    let unread = unread.map(|why| format!("what was asked for could not be read: {why}"));
    [left_out, incomplete, unread].into_iter().flatten()
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
