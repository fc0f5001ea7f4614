//! Facts about git repositories, read in process: where one is, its branch, the user's identity.
//!
//! No git binary runs, no hook or filter either, and no environment variable counts: the answer
//! depends on the arguments and the file system alone. A repository that belongs to another user is
//! read like any other, since only facts are read. What an agent can write is not believed:
//! `core.worktree` does not move the root, and a linked worktree counts only when the repository it
//! names knows it (see [`discover`]).
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! assert_eq!(scc_git::discover(folder.path())?, None);
//!
//! let global = folder.path().join(".gitconfig");
//! std::fs::write(&global, "[user]\n\tname = Ada\n\temail = ada@example.org\n")?;
//! let identity = scc_git::identity(&[global], None)?;
//! assert_eq!(identity.name.as_deref(), Some("Ada"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod discovery;
mod error;
mod identity;
mod origin;
mod read;

pub use discovery::{RepositoryFacts, discover, worktrees};
pub use error::GitError;
pub use identity::{Identity, has_worktree_config, identity};
pub use origin::origin_url;
