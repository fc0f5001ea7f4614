//! Facts about git repositories, read in process: where one is, its branch, the user's identity,
//! its worktrees and what is not committed in them; and worktrees that come and go.
//!
//! No git binary runs, no hook, filter or other program that a repository names either, and no
//! environment variable counts: the answer depends on the arguments and the file system alone. A
//! repository that belongs to another user is read like any other. What an agent can write is not
//! believed:
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

mod branching;
mod changes;
mod changing;
mod discovery;
mod error;
mod identity;
mod open;
mod origin;
mod read;
mod worktrees;

pub use branching::start_branch;
pub use changes::{Changes, changes};
pub use changing::{Added, NewWorktree, add_worktree, prune_worktrees, remove_worktree};
pub use discovery::{RepositoryFacts, discover};
pub use error::GitError;
pub use identity::{Identity, has_worktree_config, identity};
pub use origin::origin_url;
pub use worktrees::{Worktree, branches, default_branch, main_worktree, worktrees};
