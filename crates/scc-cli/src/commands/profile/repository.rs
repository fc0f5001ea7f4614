//! Which repository a profile is for.

use std::path::{Path, PathBuf};

use scc_launch::{LaunchError, repository_id};

use crate::error::CliError;

/// A repository, by what identifies it on every machine.
#[derive(Debug)]
pub(super) struct Repository {
    /// `remote:HOST/PATH` of its origin, else `path:` and where it is.
    pub(super) id: String,
    /// The root of the workspace.
    pub(super) root: PathBuf,
}

impl Repository {
    /// The repository that a directory is in; the current one where none is named.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, CliError> {
        let root = scc_launch::detect_workspace(named.unwrap_or(Path::new(".")))?.root;
        let id = repository_id(&root).map_err(|source| LaunchError::Git {
            workspace: root.clone(),
            source,
        })?;
        Ok(Self { id, root })
    }
}
