//! What can go wrong with the files of scc's state.

use std::io;
use std::path::{Path, PathBuf};

/// A state file that cannot be read or written. Nothing was lost: the file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The operating system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was being done, such as `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A newer scc wrote the file; this one leaves it alone.
    #[error(
        "`{}` was written by a newer scc (version {found}, this one reads up to {supported})",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
        /// The newest version this scc reads.
        supported: u64,
    },
    /// A file, or the directory that it is in, is not what scc would have made there.
    #[error("`{}` is {found}", path.display())]
    Unexpected {
        /// The file or directory.
        path: PathBuf,
        /// What it is, such as `a symbolic link`.
        found: &'static str,
    },
    /// A value has no JSON form, such as a path that is not Unicode.
    #[error("cannot express the contents of `{}` as json", path.display())]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
}

impl StateError {
    /// For `map_err`: an [`StateError::Io`] for this action on this path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn encode(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Encode { path, source }
    }
}
