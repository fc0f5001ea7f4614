//! What can go wrong while facts are read.

use std::io;
use std::path::PathBuf;

/// A repository or configuration file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The search for a repository failed (not: there is none).
    #[error("cannot look for a git repository at `{}`", path.display())]
    Discover {
        /// Where the search started.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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
}
