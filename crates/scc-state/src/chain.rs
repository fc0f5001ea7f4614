//! The form of one line of the audit log, and how lines hang together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::AuditEvent;

/// `prev` of the very first event.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const HASH_LENGTH: usize = 64;
const BEFORE_HASH: &str = ",\"hash\":\"";
const AFTER_HASH: &str = "\"}";

/// What the hash covers: the event without its hash, `prev` last.
#[derive(Serialize)]
struct Unsigned<'a> {
    seq: u64,
    time: Timestamp,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    data: &'a Map<String, Value>,
    prev: &'a str,
}

/// The last event: its number and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) seq: u64,
    pub(crate) hash: String,
}

impl Link {
    pub(crate) fn genesis() -> Self {
        Self {
            seq: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

/// What the head file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    #[serde(flatten)]
    pub(crate) link: Link,
    /// While several events are written at once: the number of the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

impl Head {
    pub(crate) fn at(link: Link) -> Self {
        Self { link, until: None }
    }

    /// The highest number that an event may have that a crash left behind the head.
    pub(crate) fn until(&self) -> u64 {
        self.until.unwrap_or_default().max(self.link.seq + 1)
    }

    /// The last line of the log is one that a crash left behind the head. Of a line that does not
    /// follow the head itself, only the number says so; a chain that is broken between the two is
    /// found when it is checked.
    pub(crate) fn may_be_before(&self, line: &AuditEvent) -> bool {
        let next = self.link.seq + 1;
        let follows = line.seq == next && line.prev == self.link.hash;
        follows || (line.seq > next && line.seq <= self.until())
    }
}

/// What an event says, before it has a place in the log.
pub(crate) struct Entry<'a> {
    pub(crate) event: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) data: Map<String, Value>,
    pub(crate) time: Timestamp,
}

/// Writes the line (with its newline) that follows `last`.
pub(crate) fn line(entry: &Entry<'_>, last: &Link) -> serde_json::Result<(String, Link)> {
    let Entry {
        event,
        session,
        ref data,
        time,
    } = *entry;
    let seq = last.seq + 1;
    let unsigned = Unsigned {
        seq,
        time,
        event,
        session,
        data,
        prev: &last.hash,
    };
    let mut line = serde_json::to_string(&unsigned)?;
    let hash = hex(&Sha256::digest(line.as_bytes()));
    line.truncate(line.len() - 1);
    line.push_str(BEFORE_HASH);
    line.push_str(&hash);
    line.push_str(AFTER_HASH);
    line.push('\n');
    Ok((line, Link { seq, hash }))
}

/// Reads a line without its newline and checks its own hash. The hash is taken over the bytes as
/// they are written, not over a value that is written anew, so that no edit of any kind passes.
pub(crate) fn read(line: &[u8]) -> Result<AuditEvent, String> {
    let unsigned_length = line
        .len()
        .checked_sub(BEFORE_HASH.len() + HASH_LENGTH + AFTER_HASH.len())
        .ok_or("the line is too short to be an event")?;
    let (unsigned, tail) = line.split_at(unsigned_length);
    let event: AuditEvent = serde_json::from_slice(line)
        .map_err(|error| format!("the line is not an event: {error}"))?;
    let mut digest = Sha256::new();
    digest.update(unsigned);
    digest.update(b"}");
    let expected = format!("{BEFORE_HASH}{}{AFTER_HASH}", hex(&digest.finalize()));
    match tail == expected.as_bytes() {
        true => Ok(event),
        false => Err("the hash does not fit the line: it was edited".to_owned()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
