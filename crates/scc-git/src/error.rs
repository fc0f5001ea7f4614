//! What can go wrong while facts are read.

use std::io;
use std::path::{Path, PathBuf};

/// A repository or configuration file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A configuration file is not valid.
    #[error("cannot read the git configuration in `{}`", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A worktree and its repository do not point at each other; `git worktree repair` mends a
    /// worktree that was moved.
    #[error("`{}` is not a worktree of the repository it names: {reason}", path.display())]
    Unlinked {
        /// The worktree's root.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Something about a worktree cannot be done.
    #[error("cannot {action} `{}`", path.display())]
    Change {
        /// What was tried, such as `make the worktree`.
        action: &'static str,
        /// The worktree or repository.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A name stands for no commit of the repository.
    #[error("`{name}` is no commit of the repository `{}`", path.display())]
    NoCommit {
        /// The repository.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A name cannot be that of a branch.
    #[error("`{name}` cannot be the name of a branch")]
    BadBranch {
        /// The name.
        name: String,
    },
    /// A branch cannot begin at a base, since it is there.
    #[error("there is a branch `{name}` already, so it cannot begin at `{base}`")]
    BaseOfExisting {
        /// The name.
        name: String,
        /// What it should begin at.
        base: String,
    },
    /// Another worktree has the branch.
    #[error("the branch `{name}` is checked out in `{}`", path.display())]
    CheckedOut {
        /// The name.
        name: String,
        /// That worktree.
        path: PathBuf,
    },
    /// A branch that is to be made is there.
    #[error("there is a branch `{name}` already")]
    BranchExists {
        /// The name.
        name: String,
    },
    /// A link in the repository leads elsewhere, where this program would write, or a pipe or device
    /// is there.
    #[error("`{}` is a symbolic link or a special file; something else would be changed", .0.display())]
    Planted(
        /// The link.
        PathBuf,
    ),
    /// There is no work tree at that path.
    #[error("`{}` is no git work tree", .0.display())]
    NotAWorktree(
        /// The path.
        PathBuf,
    ),
}

impl GitError {
    /// For `map_err`: a [`GitError::Change`] for this action on this path.
    pub(crate) fn change<E>(path: &Path, action: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = path.to_owned();
        move |source| Self::Change {
            action,
            path,
            source: source.into(),
        }
    }
}
