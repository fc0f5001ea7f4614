//! Sessions: one record for every launch.

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::{Loaded, StateDir, StateError};

/// One launch of an agent, from before it is attached until after it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct SessionRecord {
    /// Unique, and sortable by age when the caller uses sortable ids.
    pub id: String,
    /// The name given by the user.
    pub name: Option<String>,
    /// The workspace root on the host, absolute.
    pub workspace: PathBuf,
    /// The branch at the start; `None` outside git and for a detached head.
    pub branch: Option<String>,
    /// The provider's id.
    pub provider: String,
    /// The team profile in force.
    pub team: Option<String>,
    /// The container's name.
    pub container: String,
    /// The address of the engine that runs the container.
    pub endpoint: String,
    /// How far it came.
    pub state: SessionState,
    /// When the launch was recorded.
    pub started_at: Timestamp,
    /// When it ended or failed.
    pub ended_at: Option<Timestamp>,
    /// The agent's exit status.
    pub exit_status: Option<i64>,
    /// The scc process that looks after it.
    pub owner_pid: Option<u32>,
    /// The agent's identifier of its conversation, where it was known before the agent ran.
    #[serde(default)]
    pub conversation: Option<String>,
    /// The volume that holds the conversation.
    #[serde(default)]
    pub volume: Option<String>,
    /// The identifier of the session whose conversation goes on in this one.
    #[serde(default)]
    pub continues: Option<String>,
}

/// How far a session came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// Recorded, the container is not running yet.
    Starting,
    /// The agent runs.
    Running,
    /// The agent ended by itself or was stopped.
    Ended,
    /// The session's time was over, and the agent was ended.
    TimedOut,
    /// The launch did not succeed.
    Failed,
}

impl StateDir {
    /// All sessions, in the order in which they were added.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc. A damaged file is no error: it
    /// is set aside, the list is empty, and a warning says so.
    pub fn sessions(&self) -> Result<Loaded<Vec<SessionRecord>>, StateError> {
        let mut loaded: Loaded<Vec<SessionRecord>> = self.sessions_document().read()?;
        loaded.warnings.splice(0..0, self.take_warnings());
        Ok(loaded)
    }

    /// The same, for who has nobody to tell: warnings are kept for [`StateDir::take_warnings`].
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn session_records(&self) -> Result<Vec<SessionRecord>, StateError> {
        let loaded: Loaded<Vec<SessionRecord>> = self.sessions_document().read()?;
        self.warn(loaded.warnings);
        Ok(loaded.value)
    }

    /// Changes the sessions under the lock and writes them if they differ. Keep `change` short:
    /// every other scc waits for it, and it must not call this directory's methods again.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc; the change
    /// is then not kept. Warnings about a damaged file are kept for [`StateDir::take_warnings`].
    pub fn update_sessions<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Vec<SessionRecord>) -> T,
    ) -> Result<T, StateError> {
        let loaded = self.sessions_document().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(loaded.value)
    }

    fn sessions_document(&self) -> Document {
        Document::new(self.root(), "sessions")
    }
}
