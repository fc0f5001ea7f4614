//! Small things remembered: the provider last used in a workspace, and which volumes are signed in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::{StateDir, StateError};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct WorkspaceMemory {
    provider: String,
    used_at: Timestamp,
}

type Workspaces = BTreeMap<PathBuf, WorkspaceMemory>;

/// Endpoint → volume → signed in.
type SignIns = BTreeMap<String, BTreeMap<String, bool>>;

impl StateDir {
    /// The provider last used in this workspace; paths are compared as they are.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn workspace_provider(&self, workspace: &Path) -> Result<Option<String>, StateError> {
        let loaded = self.document("workspaces").read::<Workspaces>()?;
        self.warn(loaded.warnings);
        Ok(loaded
            .value
            .get(workspace)
            .map(|memory| memory.provider.clone()))
    }

    /// Remembers the provider used in this workspace, at this time.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn remember_workspace_provider(
        &self,
        workspace: &Path,
        provider: &str,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let memory = WorkspaceMemory {
            provider: provider.to_owned(),
            used_at: now,
        };
        let change = |workspaces: &mut Workspaces| {
            workspaces.insert(workspace.to_owned(), memory);
        };
        let loaded = self.document("workspaces").update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    /// Forgets the provider used in one workspace, or in any.
    pub(crate) fn forget_workspace_provider(
        &self,
        workspace: Option<&Path>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let change = |workspaces: &mut Workspaces| match workspace {
            Some(path) => {
                workspaces.remove(path);
            }
            None => workspaces.clear(),
        };
        let loaded = self.document("workspaces").update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    /// Whether this credential volume of this engine was signed in when scc last looked; `None`
    /// when it never looked.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn sign_in(&self, endpoint: &str, volume: &str) -> Result<Option<bool>, StateError> {
        let loaded = self.document("sign-in").read::<SignIns>()?;
        self.warn(loaded.warnings);
        Ok(loaded
            .value
            .get(endpoint)
            .and_then(|volumes| volumes.get(volume))
            .copied())
    }

    /// The same for whichever engine has the volume; for plans, which ask none.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by a newer scc.
    pub fn signed_in_somewhere(&self, volume: &str) -> Result<bool, StateError> {
        let loaded = self.document("sign-in").read::<SignIns>()?;
        self.warn(loaded.warnings);
        let mut engines = loaded.value.values();
        Ok(engines.any(|volumes| volumes.get(volume) == Some(&true)))
    }

    /// Remembers whether this credential volume is signed in. It is a hint for what is shown
    /// before a launch; the volume itself is the truth.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn record_sign_in(
        &self,
        endpoint: &str,
        volume: &str,
        signed_in: bool,
    ) -> Result<(), StateError> {
        let change = |sign_ins: &mut SignIns| {
            sign_ins
                .entry(endpoint.to_owned())
                .or_default()
                .insert(volume.to_owned(), signed_in);
        };
        let loaded = self.document("sign-in").update(None, change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn document(&self, name: &str) -> Document {
        Document::new(self.root(), name)
    }
}
