//! The audit log: append-only, hash-chained JSON lines.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::{self, Entry, Link};
use crate::{Loaded, StateError, files};

/// The event that records a line which a crash left unfinished.
const TORN: &str = "audit.torn-line";
/// The event that records that the head file was missing or damaged.
const HEAD_LOST: &str = "audit.head-lost";

/// The audit log below a state directory: `audit/events.jsonl` and `audit/head.json`.
///
/// Every line holds the hash of the line before it, so an edited, deleted, inserted or moved line
/// is found by [`AuditLog::verify`]; the head file holds number and hash of the last event, so a
/// cut or rewritten tail is found too, and later events do not cover it up. This holds against
/// somebody who can change one of the two files; even he can add one event at the end, which looks
/// like a crash before the head was written. Whoever can write both can rewrite history: for more,
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
        let mut before = Link::genesis();
        let bad = |events: u64, line: u64, reason: String| {
            Ok(AuditReport {
                events,
                first_bad: Some(BadLine { line, reason }),
            })
        };
        let mut lines = 0;
        for line in complete_lines(&bytes) {
            match chain::read(line).and_then(|event| follows(event, &last)) {
                Ok(link) => before = std::mem::replace(&mut last, link),
                Err(reason) => return bad(lines, lines + 1, reason),
            }
            lines += 1;
        }
        if bytes.last().is_some_and(|last| *last != b'\n') {
            let reason = "the line is unfinished: a crash, or a cut; the next event sets it aside";
            return bad(lines, lines + 1, reason.to_owned());
        }
        match end_differs(&head, &last, &before) {
            Some(reason) => bad(lines, lines + 1, reason),
            None => Ok(AuditReport {
                events: lines,
                first_bad: None,
            }),
        }
    }

    fn head(&self) -> Result<Option<Link>, StateError> {
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

/// Compares the end of a good chain with the head file. A crash between the two writes leaves the
/// head one event behind, which is in order.
fn end_differs(head: &Option<Link>, last: &Link, before: &Link) -> Option<String> {
    match head {
        Some(head) if head == last || (head == before && last.seq == before.seq + 1) => None,
        None if last.seq <= 1 => None,
        None => Some("the head file is missing or damaged, the tail may have been cut".to_owned()),
        Some(head) if head.seq > last.seq => Some(format!(
            "events {} to {} are missing at the end",
            last.seq + 1,
            head.seq
        )),
        Some(head) => Some(format!("the head file names another event {}", head.seq)),
    }
}

/// The log while its lock is held.
struct Writer<'a> {
    log: &'a AuditLog,
    file: File,
    path: PathBuf,
}

impl<'a> Writer<'a> {
    fn open(log: &'a AuditLog) -> Result<Self, StateError> {
        let path = log.path();
        let new = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(StateError::io("open", &path))?;
        if new {
            files::sync_dir(&log.dir).map_err(StateError::io("sync", &log.dir))?;
        }
        Ok(Self { log, file, path })
    }

    /// Cuts off an unfinished last line and says so in the log; says so when the head is lost.
    fn set_right(&mut self, now: Timestamp) -> Result<(), StateError> {
        if let Some(data) = self.cut_torn_line(now)? {
            self.append(&Entry {
                event: TORN,
                session: None,
                data,
                time: now,
            })?;
        }
        let lost = self.log.head()?.is_none() && self.last_line()?.is_some_and(|last| last.seq > 1);
        if lost {
            let data = Map::new();
            self.append(&Entry {
                event: HEAD_LOST,
                session: None,
                data,
                time: now,
            })?;
        }
        Ok(())
    }

    fn append(&mut self, entry: &Entry<'_>) -> Result<u64, StateError> {
        let last = self.last()?;
        let (line, link) = chain::line(entry, &last).map_err(StateError::encode(&self.path))?;
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(StateError::io("write", &self.path))?;
        let head = self.log.dir.join("head.json");
        let json = serde_json::to_vec(&link).map_err(StateError::encode(&head))?;
        files::replace(&head, &json)?;
        Ok(link.seq)
    }

    /// What the next event follows: the head, or the last line where a crash left the head one
    /// behind. In every other case the files were tampered with, and following the head keeps the
    /// break in the chain visible for ever.
    fn last(&self) -> Result<Link, StateError> {
        let line = self.last_line()?;
        let last = match (self.log.head()?, line) {
            (Some(head), Some(line)) if line.prev == head.hash && line.seq == head.seq + 1 => {
                line.into()
            }
            (Some(head), _) => head,
            (None, Some(line)) => line.into(),
            (None, None) => Link::genesis(),
        };
        Ok(last)
    }

    fn last_line(&self) -> Result<Option<AuditEvent>, StateError> {
        let bytes = tail_of(&self.file, 1).map_err(StateError::io("read", &self.path))?;
        Ok(complete_lines(&bytes)
            .last()
            .and_then(|line| chain::read(line).ok()))
    }

    fn cut_torn_line(&mut self, now: Timestamp) -> Result<Option<Map<String, Value>>, StateError> {
        let bytes = tail_of(&self.file, 0).map_err(StateError::io("read", &self.path))?;
        let end = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let torn = &bytes[end..];
        if torn.is_empty() {
            return Ok(None);
        }
        let aside = files::free_name(&self.path, "torn", &files::file_time(now));
        files::replace(&aside, torn)?;
        let length = self
            .file
            .metadata()
            .map_err(StateError::io("inspect", &self.path))?
            .len();
        let keep = length - torn.len() as u64;
        self.file
            .set_len(keep)
            .and_then(|()| self.file.sync_all())
            .map_err(StateError::io("shorten", &self.path))?;
        let name = aside
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Some(Map::from_iter([
            ("bytes".to_owned(), torn.len().into()),
            ("kept_as".to_owned(), name.into()),
        ])))
    }
}
