//! Which repository a profile is for.

use std::path::{Path, PathBuf};

use scc_config::normalized_source;
use scc_launch::LaunchError;

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
        let id = id(&root).map_err(|source| LaunchError::Git {
            workspace: root.clone(),
            source,
        })?;
        Ok(Self { id, root })
    }
}

/// All work trees of a repository share its profile.
fn id(root: &Path) -> Result<String, scc_git::GitError> {
    let Some(facts) = scc_git::discover(root)? else {
        return Ok(format!("path:{}", root.display()));
    };
    let origin = scc_git::origin_url(&facts)?;
    if let Some(remote) = origin.as_deref().and_then(normalized_source) {
        return Ok(format!("remote:{remote}"));
    }
    let main = match facts.is_linked_worktree {
        true => facts.common_dir.parent().unwrap_or(&facts.root),
        false => &facts.root,
    };
    Ok(format!("path:{}", main.display()))
}
