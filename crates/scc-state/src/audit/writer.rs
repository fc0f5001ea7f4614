//! What appends to the audit log.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{AuditEvent, AuditLog, complete_lines, tail_of};
use crate::chain::{self, Entry, Head, Link};
use crate::{StateError, files};

/// The event that records a line which a crash left unfinished.
const TORN: &str = "audit.torn-line";
/// The event that records that the head file was missing or damaged.
const HEAD_LOST: &str = "audit.head-lost";

/// The log while its lock is held.
pub(super) struct Writer<'a> {
    log: &'a AuditLog,
    file: File,
    path: PathBuf,
}

impl<'a> Writer<'a> {
    pub(super) fn open(log: &'a AuditLog) -> Result<Self, StateError> {
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
    pub(super) fn set_right(&mut self, now: Timestamp) -> Result<(), StateError> {
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

    pub(super) fn append(&mut self, entry: &Entry<'_>) -> Result<u64, StateError> {
        let last = self.last()?;
        let (line, link) = chain::line(entry, &last).map_err(StateError::encode(&self.path))?;
        self.write(&line)?;
        let seq = link.seq;
        self.set_head(&Head::at(link))?;
        Ok(seq)
    }

    /// The head says first how many are to come, so that a crash while they are written is known
    /// for one.
    pub(super) fn append_all(&mut self, entries: &[Entry<'_>]) -> Result<(), StateError> {
        let before = self.last()?;
        let (mut lines, mut last) = (String::new(), before.clone());
        for entry in entries {
            let (line, link) = chain::line(entry, &last).map_err(StateError::encode(&self.path))?;
            lines.push_str(&line);
            last = link;
        }
        self.set_head(&Head {
            link: before,
            until: Some(last.seq),
        })?;
        self.write(&lines)?;
        self.set_head(&Head::at(last))
    }

    fn write(&mut self, lines: &str) -> Result<(), StateError> {
        self.file
            .write_all(lines.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(StateError::io("write", &self.path))
    }

    fn set_head(&self, head: &Head) -> Result<(), StateError> {
        let path = self.log.dir.join("head.json");
        let json = serde_json::to_vec(head).map_err(StateError::encode(&path))?;
        files::replace(&path, &json)
    }

    /// What the next event follows: the head, or the last line where a crash left the head behind.
    /// In every other case the files were tampered with, and following the head keeps the break in
    /// the chain visible for ever.
    fn last(&self) -> Result<Link, StateError> {
        let line = self.last_line()?;
        let last = match (self.log.head()?, line) {
            (Some(head), Some(line)) if head.may_be_before(&line) => line.into(),
            (Some(head), _) => head.link,
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
