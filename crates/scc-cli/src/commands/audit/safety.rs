//! What sandboxes refused and warned about, for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use scc_state::{AuditEvent, SessionRecord};
use serde_json::Value;

use crate::output::table;

/// The event of a record of refusals that holds no more.
const RECORD_FULL: &str = "safety.record-full";

/// The longest command on a line, in characters; JSON has all that is known of it.
const LONGEST: usize = 60;

/// One line a finding, the time that of the refusal.
pub(super) fn describe(events: &[AuditEvent], sessions: &[SessionRecord]) -> String {
    let rows = events.iter().flat_map(|event| rows(event, sessions));
    let header = ["TIME", "SESSION", "WHAT", "RULE", "COMMAND"];
    table(&header, rows.collect())
}

fn rows(event: &AuditEvent, sessions: &[SessionRecord]) -> Vec<Vec<String>> {
    let time = happened(event).to_zoned(TimeZone::system());
    let time = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let what = event.event.trim_start_matches(super::SAFETY).to_owned();
    let start = vec![time, session(event, sessions), what];
    let findings = event.data.get("findings").and_then(Value::as_array);
    let findings = findings.map(Vec::as_slice).unwrap_or_default();
    if findings.is_empty() {
        return vec![start];
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |finding: &Value| {
        let end = vec![text(&finding["rule"]), cut(&text(&finding["command"]))];
        [start.clone(), end].concat()
    };
    findings.iter().map(row).collect()
}

fn cut(command: &str) -> String {
    let line = command.replace(['\n', '\t'], " ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// When it happened in the sandbox, which may be long before it came to the log.
pub(super) fn happened(event: &AuditEvent) -> Timestamp {
    let at = event.data.get("at").and_then(Value::as_str);
    at.and_then(|at| at.parse().ok()).unwrap_or(event.time)
}

/// The session's name, or that of its container.
fn session(event: &AuditEvent, sessions: &[SessionRecord]) -> String {
    let id = event.session.as_deref().unwrap_or_default();
    let record = sessions.iter().find(|record| record.id == id);
    record.map_or_else(|| id.to_owned(), |record| named(record).to_owned())
}

fn named(record: &SessionRecord) -> &str {
    record.name.as_deref().unwrap_or(&record.container)
}

/// Whether an event is of the session that is called so: by its name, its container or its identifier.
pub(super) fn is_of(event: &AuditEvent, sessions: &[SessionRecord], name: &str) -> bool {
    let id = event.session.as_deref();
    let known = sessions
        .iter()
        .find(|record| id == Some(record.id.as_str()));
    id == Some(name)
        || known
            .is_some_and(|record| record.container == name || record.name.as_deref() == Some(name))
}

/// What is missing in the log, where an event says so.
pub(super) fn full(event: &AuditEvent, sessions: &[SessionRecord]) -> Option<String> {
    let session = session(event, sessions);
    (event.event == RECORD_FULL).then(|| {
        format!(
            "the record of session {session} is full: what was refused there later is not in the log"
        )
    })
}
