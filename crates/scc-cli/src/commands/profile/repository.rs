//! Which repository a profile is for.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_launch::LaunchError;
use scc_state::{RepositoryTrust, StateDir};

use crate::error::CliError;

/// A repository, by what identifies it on every machine.
#[derive(Debug)]
pub(super) struct Repository {
    /// `remote:HOST/PATH` of its origin, else `path:` and where it is.
    pub(super) id: String,
    /// The root of the workspace.
    pub(super) root: PathBuf,
    found: scc_launch::Repository,
}

impl Repository {
    /// The repository that a directory is in; the current one where none is named.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, CliError> {
        let root = scc_launch::detect_workspace(named.unwrap_or(Path::new(".")))?.root;
        let found = scc_launch::Repository::find(&root).map_err(|source| LaunchError::Git {
            workspace: root.clone(),
            source,
        })?;
        Ok(Self {
            id: found.id.clone(),
            root,
            found,
        })
    }

    /// Whether the workspace is the repository that it was.
    pub(super) fn trust(&self, state: &StateDir) -> Result<RepositoryTrust, CliError> {
        let found = self.found.in_workspace(&self.root);
        Ok(state.see_repository(found, Timestamp::now())?)
    }

    /// What stands against taking the workspace for what it is now.
    pub(super) fn doubt(&self, state: &StateDir) -> Result<Option<String>, CliError> {
        Ok(self.found.doubt(&self.trust(state)?))
    }

    /// Itself, where the workspace is the repository that it was: an agent can change what a
    /// repository is known by, and another one's profile is not to be shown or changed for it.
    pub(super) fn known(self, state: &StateDir) -> Result<Self, CliError> {
        let Some(message) = self.doubt(state)? else {
            return Ok(self);
        };
        Err(CliError::Refused {
            message,
            hint: "look at it (git remote -v), and if it is right: scc profile apply".to_owned(),
        })
    }

    /// Remembers the workspace as what it is now.
    pub(super) fn accept(&self, state: &StateDir, now: Timestamp) -> Result<(), CliError> {
        Ok(state.accept_repository(self.found.in_workspace(&self.root), now)?)
    }
}
