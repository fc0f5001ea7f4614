//! Which exceptions of a repository were accepted on this machine.
//!
//! An agent can write the file that a repository shares. An exception in it counts only when its
//! content, as it is now, was accepted here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chain::hex;
use crate::document::Document;
use crate::{Exception, StateDir, StateError};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Acceptance {
    id: String,
    accepted_at: Timestamp,
    expires_at: Timestamp,
}

/// Root of a workspace → digest → when.
type Accepted = BTreeMap<PathBuf, BTreeMap<String, Acceptance>>;

impl Exception {
    /// SHA-256 of everything that the exception says, in hex.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn digest(&self) -> Result<String, StateError> {
        let mut value =
            serde_json::to_value(self).map_err(StateError::encode(Path::new(&self.id)))?;
        value.sort_all_objects();
        Ok(hex(&Sha256::digest(value.to_string().as_bytes())))
    }
}

impl StateDir {
    /// The digests of the exceptions that were accepted for this workspace.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn accepted_exceptions(&self, workspace: &Path) -> Result<Vec<String>, StateError> {
        let mut loaded = self.accepted().read::<Accepted>()?;
        self.warn(loaded.warnings);
        let accepted = loaded.value.remove(workspace).unwrap_or_default();
        Ok(accepted.into_keys().collect())
    }

    /// Accepts an exception of this workspace as it is now. Those whose time is over are forgotten.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn accept_exception(
        &self,
        workspace: &Path,
        exception: &Exception,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let digest = exception.digest()?;
        let acceptance = Acceptance {
            id: exception.id.clone(),
            accepted_at: now,
            expires_at: exception.expires_at,
        };
        let change = |accepted: &mut Accepted| {
            for exceptions in accepted.values_mut() {
                exceptions.retain(|_, earlier| now < earlier.expires_at);
            }
            accepted.retain(|_, exceptions| !exceptions.is_empty());
            let here = accepted.entry(workspace.to_owned()).or_default();
            here.insert(digest, acceptance);
        };
        let loaded = self.accepted().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn accepted(&self) -> Document {
        Document::new(self.root(), "accepted-exceptions")
    }
}
