//! What came of asking for a document the last time.

use std::time::Duration;

use jiff::Timestamp;
use scc_state::{StateError, files};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache::{CopyInfo, SourceCache};
use crate::{Source, SourceError};

/// How long nobody is asked again in the background after an attempt.
const PAUSE: Duration = Duration::from_secs(60);

/// The last time that the other side was asked for a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the other side answered and refused: the right to read may be gone.
    #[serde(default)]
    pub refused: bool,
}

/// What came of asking for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// There was a new one.
    Updated,
    /// The copy is still right.
    Unchanged,
    /// None that can be used was to be had.
    Failed,
}

impl Attempt {
    pub(crate) fn failed(at: Timestamp, error: &SourceError) -> Self {
        Self {
            at,
            outcome: AttemptOutcome::Failed,
            reason: Some(error.to_string()),
            refused: error.is_refusal(),
        }
    }

    pub(crate) fn done(at: Timestamp, old: Option<&CopyInfo>, new: &CopyInfo) -> Self {
        let same = old.is_some_and(|old| old.sha256 == new.sha256);
        Self {
            at,
            outcome: match same {
                true => AttemptOutcome::Unchanged,
                false => AttemptOutcome::Updated,
            },
            reason: None,
            refused: false,
        }
    }

    /// Whether it was so short a time ago that asking again would be rude.
    pub(crate) fn is_recent(&self, now: Timestamp) -> bool {
        let ago = now.duration_since(self.at);
        ago.unsigned_abs() < PAUSE
    }
}

impl SourceCache {
    /// What came of asking for this source the last time; `None` when nobody ever asked, or what
    /// was noted cannot be read.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn last_attempt(&self, source: &Source) -> Result<Option<Attempt>, StateError> {
        let bytes = files::read(&self.attempt_path(source))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub(crate) fn note(&self, source: &Source, attempt: &Attempt) -> Result<(), StateError> {
        let path = self.attempt_path(source);
        let bytes = serde_json::to_vec(attempt).map_err(|source| StateError::Encode {
            path: path.clone(),
            source,
        })?;
        let _lock = self.write_lock(source)?;
        files::replace(&path, &bytes)
    }
}
