//! What a sandbox's guard refused and warned about, brought into the audit log.
//!
//! In the sandbox a collector runs as a user of its own and writes records down where the agent's user
//! cannot read or change them; the agent can send it false ones. They are fetched when the session
//! is closed, and on demand before.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scc_runtime::{
    Attachment, ExecSpec, Mount, MountSource, SandboxRuntime, SandboxState, UserIds,
};
use scc_safety::Decision;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{LaunchError, Launcher, LiveSession};

/// The collector's own volume, whose place is compiled into the guard.
const DIRECTORY: &str = "/var/lib/scc";
const EVENTS: &str = "/var/lib/scc/events";

/// Its user, in an image or on a machine nobody's.
const COLLECTOR: u32 = 61_937;

/// The most findings of one record, and the longest texts in one, in characters; the guard keeps to
/// them, and puts a mark behind what it cuts.
const MOST_FINDINGS: usize = 16;
const LONGEST_TEXT: usize = 501;

/// The collector's user, which is never the agent's.
pub(crate) fn collector(agent: UserIds) -> UserIds {
    let id = COLLECTOR + u32::from(agent.uid == COLLECTOR);
    UserIds { uid: id, gid: id }
}

/// Where records are written, for as long as the sandbox is there.
pub(crate) fn mount() -> Mount {
    Mount {
        source: MountSource::Own,
        target: DIRECTORY.to_owned(),
        read_only: false,
    }
}

/// A line of the collector's file. What is in `event` may come from the agent; the rest is the
/// collector's own.
#[derive(Deserialize)]
struct Line {
    time_ms: i64,
    event: Option<Event>,
    /// There was no room for more: the last line.
    #[serde(default)]
    full: bool,
}

#[derive(Deserialize)]
struct Event {
    decision: Decision,
    surface: Surface,
    findings: Vec<Finding>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Surface {
    Guard,
    Hook,
}

#[derive(Serialize, Deserialize)]
struct Finding {
    rule: String,
    command: String,
}

/// The event of a record that holds no more.
const FULL: &str = "safety.record-full";

/// The name and the facts of an event for the audit log; nothing where the line is no record.
fn read(line: &[u8]) -> Option<(&'static str, Map<String, Value>)> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let at = Timestamp::from_millisecond(line.time_ms).ok()?;
    let Some(mut event) = line.event else {
        let facts = Map::from_iter([("at".to_owned(), json!(at))]);
        return line.full.then_some((FULL, facts));
    };
    let name = match event.decision {
        Decision::Refuse => "safety.refused",
        Decision::Warn => "safety.warned",
        Decision::Allow => return None,
    };
    event.findings.truncate(MOST_FINDINGS);
    for Finding { rule, command } in &mut event.findings {
        for text in [rule, command] {
            *text = text.chars().take(LONGEST_TEXT).collect();
        }
    }
    let facts = json!({
        "at": at,
        "reported_by": "sandbox",
        "surface": event.surface,
        "findings": event.findings,
    });
    match facts {
        Value::Object(facts) => Some((name, facts)),
        _ => None,
    }
}

/// The complete lines; one that is just being written has no end yet.
fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let all = content.split_inclusive(|byte| *byte == b'\n');
    all.take_while(|line| line.ends_with(b"\n"))
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Starts what records the refusals of a session whose agent has just started. The agent is not
    /// kept waiting for it: the guard waits for the collector where it has something to record.
    ///
    /// # Errors
    /// When it cannot be started. The session is not to go on then.
    pub async fn start_recording(&self, live: &LiveSession) -> Result<(), LaunchError> {
        match live.judged() {
            Some(agent) => self.start_collector(&live.sandbox, agent).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Starts the collector of a sandbox that has just started. It writes a line when it is ready; there
    /// is nothing to read where the sandbox has ended.
    pub(crate) async fn start_collector(
        &self,
        id: &str,
        agent: UserIds,
    ) -> Result<Option<Attachment>, LaunchError> {
        let spec = ExecSpec {
            argv: vec![scc_guard_bin::PATH.to_owned(), "collect".to_owned()],
            env: BTreeMap::new(),
            working_dir: Some("/".to_owned()),
            user: Some(collector(agent)),
            terminal: None,
        };
        let error = match self.runtime.exec(id, &spec).await {
            Ok((_, attachment)) => return Ok(Some(attachment)),
            Err(error) => error,
        };
        // The agent may have ended by now, and the sandbox with it.
        match self.runtime.inspect(id).await? {
            Some(sandbox) if sandbox.state == SandboxState::Running => Err(error.into()),
            _ => Ok(None),
        }
    }

    /// Brings what a session's sandbox has recorded since the last time into the audit log, and says
    /// whether its record is full. What cannot be read is noted there too.
    pub(crate) async fn collect_records(
        &self,
        session: &str,
        id: &str,
    ) -> Result<bool, LaunchError> {
        let Some(_lock) = self.state.try_launch_lock(&format!("records-{session}"))? else {
            // Somebody else is at it.
            return Ok(false);
        };
        if self.is_closed(session)? {
            return Ok(false);
        }
        let content = match self.runtime.read_sandbox_file(id, EVENTS).await {
            Ok(content) => content.unwrap_or_default(),
            Err(error) => {
                let mut facts = Map::new();
                facts.insert("reason".to_owned(), json!(error.to_string()));
                self.audit("safety.unread", session, facts)?;
                return Ok(false);
            }
        };
        let before = self.state.collected_records(session)?;
        let count = lines(&content).count() as u64;
        if count > before {
            let known = usize::try_from(before).unwrap_or(usize::MAX);
            let events = lines(&content).skip(known).filter_map(read).collect();
            let log = self.state.audit();
            log.append_all(events, Some(session), self.now())?;
            self.state.set_collected_records(session, Some(count))?;
        }
        Ok(lines(&content)
            .last()
            .and_then(read)
            .is_some_and(|(event, _)| event == FULL))
    }

    /// Whether a sandbox has recorded anything.
    pub(crate) async fn has_records(&self, id: &str) -> Result<bool, LaunchError> {
        let content = self.runtime.read_sandbox_file(id, EVENTS).await?;
        let content = content.unwrap_or_default();
        Ok(content
            .split(|byte| *byte == b'\n')
            .any(|line| read(line).is_some_and(|(event, _)| event != FULL)))
    }

    /// The same for every sandbox of a session that runs.
    ///
    /// # Errors
    /// When the engine does not answer, or the audit log cannot be written.
    pub async fn collect_all_records(&self) -> Result<(), LaunchError> {
        for view in self.running().await? {
            if let Some(session) = &view.session_id {
                self.collect_records(session, &view.id).await?;
            }
        }
        Ok(())
    }

    fn is_closed(&self, session: &str) -> Result<bool, LaunchError> {
        let sessions = self.state.session_records()?;
        let record = sessions.iter().find(|record| record.id == session);
        Ok(record.is_none_or(|record| record.ended_at.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collector_is_never_the_agent() {
        for uid in [0, 1000, COLLECTOR, COLLECTOR + 1] {
            let agent = UserIds { uid, gid: uid };
            assert_ne!(collector(agent).uid, uid);
        }
    }

    #[test]
    fn records_become_facts() {
        let line = br#"{"time_ms":1000,"event":{"schema":1,"decision":"refuse","surface":"hook",
            "findings":[{"rule":"git.push.force","command":"git push -f"}]}}"#;
        let (name, facts) = read(line).unwrap();
        assert_eq!(name, "safety.refused");
        assert_eq!(facts["at"], "1970-01-01T00:00:01Z");
        assert_eq!(facts["surface"], "hook");
        assert_eq!(facts["findings"][0]["command"], "git push -f");
    }

    /// Only the collector writes beside the event.
    #[test]
    fn a_full_record_is_an_event() {
        let (name, facts) = read(br#"{"time_ms":1000,"full":true}"#).unwrap();
        assert_eq!(name, "safety.record-full");
        assert_eq!(facts["at"], "1970-01-01T00:00:01Z");
    }

    #[test]
    fn what_an_agent_makes_up_stays_small() {
        let long = "x".repeat(100_000);
        let finding = json!({ "rule": long, "command": long });
        let event = json!({
            "decision": "warn",
            "surface": "guard",
            "findings": vec![finding; 100],
            "more": long,
        });
        let line = json!({ "time_ms": 1, "event": event }).to_string();
        let (_, facts) = read(line.as_bytes()).unwrap();
        assert!(Value::Object(facts).to_string().len() < 20_000);
        for line in [
            "",
            "{}",
            r#"{"time_ms":1}"#,
            r#"{"time_ms":1,"full":false}"#,
            r#"{"time_ms":1,"event":{}}"#,
            r#"{"time_ms":1,"event":{"full":true}}"#,
            r#"{"time_ms":1,"event":{"decision":"allow","surface":"guard","findings":[]}}"#,
            r#"{"time_ms":9223372036854775807,"event":{"decision":"warn","surface":"guard","findings":[]}}"#,
        ] {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
    }
}
