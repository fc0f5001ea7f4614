//! What scc remembers between commands: sessions, workspaces, exceptions, personal profiles, the
//! audit log; locked and atomic.
//!
//! Almost everything lives below one directory (mode 0700, files 0600) that [`StateDir::open`] is given.
//! Documents are JSON with a `version`; they are written to a temporary file beside them, synced
//! and renamed under a lock that is a file of its own, so that many scc processes at once lose
//! nothing and a killed one leaves nothing half-made. A damaged document is set aside as
//! `<name>.damaged-<timestamp>` and reported, never emptied; one of a newer scc is an error.
//! Files elsewhere follow the same rules: [`ExceptionStore`], and the user's settings by
//! [`update_private_file`].
//!
//! ```
//! use scc_state::{SessionRecord, SessionState, StateDir};
//!
//! let folder = tempfile::tempdir()?;
//! let now: jiff::Timestamp = "2026-11-24T02:00:00Z".parse()?;
//! let state = StateDir::open(folder.path().join("scc"))?;
//! state.update_sessions(now, |sessions| {
//!     sessions.push(SessionRecord {
//!         id: "0001".into(),
//!         name: None,
//!         workspace: "/work/project".into(),
//!         branch: Some("main".into()),
//!         provider: "script".into(),
//!         team: None,
//!         container: "scc-0001".into(),
//!         endpoint: "unix:///run/engine.sock".into(),
//!         state: SessionState::Starting,
//!         started_at: now,
//!         ended_at: None,
//!         exit_status: None,
//!         owner_pid: None,
//!         conversation: None,
//!         volume: None,
//!         continues: None,
//!     });
//! })?;
//! assert_eq!(state.sessions()?.value.len(), 1);
//!
//! let audit = state.audit();
//! audit.append("launch.requested", Some("0001"), serde_json::Map::new(), now)?;
//! assert_eq!(audit.verify()?.first_bad, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accepted;
mod applied;
mod audit;
mod beneath;
mod chain;
mod collected;
mod document;
mod error;
mod exception;
mod exceptions;
mod expiry;
pub mod files;
mod history;
mod lock;
mod marketplaces;
mod memory;
mod pins;
mod private;
mod profile;
mod recall;
mod repositories;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use applied::AppliedProfile;
pub use audit::{AuditEvent, AuditLog, AuditReport, BadLine};
pub use beneath::Beneath;
pub use error::StateError;
pub use exception::{Allowance, Exception, ExceptionScope};
pub use exceptions::ExceptionStore;
pub use expiry::{DEFAULT_EXCEPTION_HOURS, Expiry, ExpiryError, MAX_EXCEPTION_HOURS};
pub use history::{Retention, Session, SessionFilter, called, history, prunable};
pub use lock::LaunchLock;
pub use marketplaces::MarketplacePin;
pub use pins::TeamPin;
pub use private::{update_private_file, write_private_file};
pub use profile::{PersonalProfile, ProfileError};
pub use repositories::{RepositoryTrust, WorkspaceRepository};
pub use session::{SessionRecord, SessionState};

/// What was read, and what had to be set right to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What was read.
    pub value: T,
    /// Sentences for the user, such as that a damaged file was set aside.
    pub warnings: Vec<String>,
}

/// The directory in which scc keeps its state. Cheap to clone; clones share pending warnings.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl StateDir {
    /// Opens the directory, making it and its parents (0700) where they are missing. A directory
    /// that others can enter is closed to them.
    ///
    /// # Errors
    /// When the directory cannot be made or its mode cannot be set.
    pub fn open(root: PathBuf) -> Result<Self, StateError> {
        files::private_dir(&root)?;
        Ok(Self {
            root,
            warnings: Arc::default(),
        })
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The audit log of this directory.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.root.join("audit"))
    }

    /// Warnings of calls that return none themselves (such as [`StateDir::update_sessions`]),
    /// since the last time somebody asked. [`StateDir::sessions`] hands them out as well.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn warn(&self, warnings: Vec<String>) {
        self.warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(warnings);
    }
}
