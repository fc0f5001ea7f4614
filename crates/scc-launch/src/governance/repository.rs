//! Which repository a workspace is.

use std::path::{Path, PathBuf};

use scc_config::normalized_source;
use scc_git::GitError;
use scc_state::{RepositoryTrust, WorkspaceRepository};

/// The repository of a workspace. An agent can write where it was cloned from:
/// [`StateDir::see_repository`](scc_state::StateDir::see_repository) says whether it is what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// What identifies it on every machine: `remote:HOST/PATH` of its origin, else `path:` and where
    /// it is.
    pub id: String,
    /// The directory that all its worktrees share; `None` where there is no repository.
    pub common_dir: Option<PathBuf>,
}

impl Repository {
    /// The repository that a workspace is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(workspace: &Path) -> Result<Self, GitError> {
        let Some(facts) = scc_git::discover(workspace)? else {
            return Ok(Self {
                id: format!("path:{}", workspace.display()),
                common_dir: None,
            });
        };
        let origin = scc_git::origin_url(&facts)?;
        let id = match origin.as_deref().and_then(normalized_source) {
            Some(remote) => format!("remote:{remote}"),
            None => {
                let main = facts
                    .common_dir
                    .parent()
                    .filter(|_| facts.is_linked_worktree);
                format!("path:{}", main.unwrap_or(&facts.root).display())
            }
        };
        Ok(Self {
            id,
            common_dir: Some(facts.common_dir),
        })
    }

    /// What stands against taking the workspace for this repository.
    pub fn doubt(&self, trust: &RepositoryTrust) -> Option<String> {
        match trust {
            RepositoryTrust::Known => None,
            RepositoryTrust::Changed(before) => Some(format!(
                "this workspace was `{before}` and is now `{}`, and an agent can change that",
                self.id
            )),
            RepositoryTrust::Inside(outer) => Some(format!(
                "this repository lies in the workspace `{}`, whose agent may have made it",
                outer.display()
            )),
        }
    }

    /// The same, as what scc remembers is asked.
    pub fn in_workspace<'a>(&'a self, workspace: &'a Path) -> WorkspaceRepository<'a> {
        WorkspaceRepository {
            workspace,
            repository: &self.id,
            common_dir: self.common_dir.as_deref(),
        }
    }
}
