//! The audit log: append-only, hash-chained JSON lines.

mod writer;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::{self, Entry, Head, Link};
use crate::{Loaded, StateError, files};
use writer::Writer;

/// The audit log below a state directory: `audit/events.jsonl` and `audit/head.json`.
///
/// Every line holds the hash of the line before it, so an edited, deleted, inserted or moved line
/// is found by [`AuditLog::verify`]; the head file holds number and hash of the last event, so a
/// cut or rewritten tail is found too, and later events do not cover it up. This holds against
/// somebody who can change one of the two files; even he can add one event at the end, which looks
/// like a crash before the head was written (after a crash while several were written at once, as
/// many as were still to come). Whoever can write both can rewrite history: for more,
/// copy the log elsewhere as it grows. Nothing in a sandbox can reach either.
#[derive(Debug, Clone)]
pub struct AuditLog {
    dir: PathBuf,
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened, by the clock of whoever appended it.
    pub time: Timestamp,
    /// What happened, such as `launch.started`.
    pub event: String,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The particulars.
    pub data: Map<String, Value>,
    /// The hash of the event before it, in hex; zeros for the first.
    pub prev: String,
    /// SHA-256 in hex over the line without this field.
    pub hash: String,
}

/// What [`AuditLog::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditReport {
    /// How many good events come before the first bad line, or at all.
    pub events: u64,
    /// The first line that is not as it was written.
    pub first_bad: Option<BadLine>,
}

/// A line that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BadLine {
    /// Its number in the file, from 1; one past the end when events are missing there.
    pub line: u64,
    /// Why, as a fragment for a message.
    pub reason: String,
}

impl AuditLog {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The file that holds the events.
    pub fn path(&self) -> PathBuf {
        self.dir.join("events.jsonl")
    }

    /// Appends an event and returns its number, once it is safely on disk. An unfinished line that
    /// a crash left is cut off first, kept as `events.jsonl.torn-<time>` and recorded.
    ///
    /// # Errors
    /// When a file cannot be locked, read or written. The caller should then not do what the event
    /// would have recorded.
    pub fn append(
        &self,
        event: &str,
        session: Option<&str>,
        data: Map<String, Value>,
        now: Timestamp,
    ) -> Result<u64, StateError> {
        files::private_dir(&self.dir)?;
        let _lock = files::lock(&self.dir.join("events.lock"))?;
        let mut writer = Writer::open(self)?;
        writer.set_right(now)?;
        writer.append(&Entry {
            event,
            session,
            data,
            time: now,
        })
    }

    /// Appends events of one session, which happened in this order, with one write to disk for all
    /// of them: for hundreds at a time. They are numbered one after the other.
    ///
    /// # Errors
    /// As for [`AuditLog::append`]; some of the events may then be in the log.
    pub fn append_all(
        &self,
        events: Vec<(&str, Map<String, Value>)>,
        session: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        if events.is_empty() {
            return Ok(());
        }
        files::private_dir(&self.dir)?;
        let _lock = files::lock(&self.dir.join("events.lock"))?;
        let mut writer = Writer::open(self)?;
        writer.set_right(now)?;
        let entries = events.into_iter().map(|(event, data)| Entry {
            event,
            session,
            data,
            time: now,
        });
        writer.append_all(&entries.collect::<Vec<_>>())
    }

    /// The last `limit` events, oldest first. Lines that cannot be read are left out and warned
    /// about; a line that is just being written is left out silently.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, limit: usize) -> Result<Loaded<Vec<AuditEvent>>, StateError> {
        let bytes = self.tail(limit)?;
        let mut loaded = Loaded {
            value: Vec::new(),
            warnings: Vec::new(),
        };
        for line in complete_lines(&bytes) {
            match serde_json::from_slice(line) {
                Ok(event) => loaded.value.push(event),
                Err(error) => loaded
                    .warnings
                    .push(format!("an audit line is damaged: {error}")),
            }
        }
        let surplus = loaded.value.len().saturating_sub(limit);
        loaded.value.drain(..surplus);
        Ok(loaded)
    }

    /// Checks every line against its hash, its number and the line before it, and the last one
    /// against the head file. Not finding anything bad means what [`AuditLog`] says it means.
    ///
    /// # Errors
    /// When a file cannot be read or locked.
    pub fn verify(&self) -> Result<AuditReport, StateError> {
        if !self.dir.exists() {
            return Ok(AuditReport {
                events: 0,
                first_bad: None,
            });
        }
        let (bytes, head) = {
            let _lock = files::lock(&self.dir.join("events.lock"))?;
            (files::read(&self.path())?.unwrap_or_default(), self.head()?)
        };
        let mut last = Link::genesis();
        // The event that the head names, once it was seen in the chain.
        let mut named = head.clone().filter(|head| head.link == last);
        let bad = |events: u64, line: u64, reason: String| {
            Ok(AuditReport {
                events,
                first_bad: Some(BadLine { line, reason }),
            })
        };
        let mut lines = 0;
        for line in complete_lines(&bytes) {
            match chain::read(line).and_then(|event| follows(event, &last)) {
                Ok(link) => last = link,
                Err(reason) => return bad(lines, lines + 1, reason),
            }
            named = named.or_else(|| head.clone().filter(|head| head.link == last));
            lines += 1;
        }
        if bytes.last().is_some_and(|last| *last != b'\n') {
            let reason = "the line is unfinished: a crash, or a cut; the next event sets it aside";
            return bad(lines, lines + 1, reason.to_owned());
        }
        match end_differs(head.as_ref(), named.is_some(), &last) {
            Some(reason) => bad(lines, lines + 1, reason),
            None => Ok(AuditReport {
                events: lines,
                first_bad: None,
            }),
        }
    }

    fn head(&self) -> Result<Option<Head>, StateError> {
        let bytes = files::read(&self.dir.join("head.json"))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Enough of the file's end to hold `limit` complete lines and an unfinished one.
    fn tail(&self, limit: usize) -> Result<Vec<u8>, StateError> {
        let path = self.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StateError::io("read", &path)(error)),
        };
        tail_of(&file, limit).map_err(StateError::io("read", &path))
    }
}

/// Reads backwards, in steps that double, until more than `limit` newlines are seen or the start.
fn tail_of(file: &File, limit: usize) -> std::io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut size = 64 * 1024;
    loop {
        let start = length.saturating_sub(size);
        let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, start)?;
        if start == 0 {
            return Ok(bytes);
        }
        if bytes.iter().filter(|byte| **byte == b'\n').count() > limit {
            // The first line of the piece is a part of one.
            let first = bytes
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            bytes.drain(..first);
            return Ok(bytes);
        }
        size *= 2;
    }
}

fn complete_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    bytes[..end]
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| &line[..line.len() - 1])
}

fn follows(event: AuditEvent, last: &Link) -> Result<Link, String> {
    let expected = last.seq + 1;
    if event.seq > expected {
        return Err(format!(
            "events {expected} to {} are missing",
            event.seq - 1
        ));
    }
    if event.seq < expected {
        return Err(format!(
            "event {} stands where event {expected} belongs",
            event.seq
        ));
    }
    if event.prev != last.hash {
        return Err("it does not follow the line before it".to_owned());
    }
    Ok(event.into())
}

impl From<AuditEvent> for Link {
    fn from(event: AuditEvent) -> Self {
        Self {
            seq: event.seq,
            hash: event.hash,
        }
    }
}

/// Compares the end of a good chain with the head file; `named` where the chain has the event that
/// the head names. A crash between the writes leaves the head behind, which is in order.
fn end_differs(head: Option<&Head>, named: bool, last: &Link) -> Option<String> {
    match head {
        Some(head) if named && last.seq <= head.until() => None,
        None if last.seq <= 1 => None,
        None => Some("the head file is missing or damaged, the tail may have been cut".to_owned()),
        Some(head) if head.link.seq > last.seq => Some(format!(
            "events {} to {} are missing at the end",
            last.seq + 1,
            head.link.seq
        )),
        Some(head) => Some(format!(
            "the head file names another event {}",
            head.link.seq
        )),
    }
}
