//! Changes to a repository, made as its owner. Where scc runs as root in a repository of somebody
//! else, what it makes has to belong to that user, and nothing that an agent may have put into the
//! repository may lead root astray: a process of the owner does the work.

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scc_git::{GitError, NewWorktree, RepositoryFacts};
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// A change to a repository. Its paths are such strings as JSON can have whatever their bytes are.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Change {
    Add {
        path: OsString,
        branch: String,
        base: Option<String>,
    },
    Remove {
        path: OsString,
        discard: bool,
    },
    Prune {
        dry_run: bool,
    },
    /// A new branch at what is checked out.
    Branch {
        name: String,
    },
}

/// What a change did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changed {
    /// What a new branch begins at.
    pub(super) base: Option<String>,
    /// The worktrees that were forgotten.
    pub(super) forgotten: Vec<OsString>,
}

/// Why a change was not made.
#[derive(Debug, Serialize, Deserialize)]
struct Trouble {
    message: String,
    hint: String,
}

/// Change a repository as this user, for an scc that runs as root
#[derive(Debug, clap::Args)]
pub(crate) struct HelperArgs {
    /// A directory of the repository
    repository: PathBuf,
    /// The change, as JSON
    change: String,
}

/// Makes a change as the repository's owner.
pub(crate) fn apply(facts: &RepositoryFacts, change: &Change) -> Result<Changed, CliError> {
    let changed = match other_owner(&facts.common_dir) {
        Some(owner) => apply_as(owner, facts, change)?,
        None => apply_here(facts, change),
    };
    changed.map_err(|Trouble { message, hint }| CliError::Failed { message, hint })
}

/// Makes the directory that worktrees are in, for the repository's owner.
pub(super) fn make_parent(facts: &RepositoryFacts, dir: &Path) -> Result<(), CliError> {
    let failed = |source| CliError::Write {
        path: dir.to_owned(),
        source,
    };
    match std::fs::create_dir(dir) {
        Ok(()) => match other_owner(&facts.common_dir) {
            Some((uid, gid)) => lchown(dir, Some(uid), Some(gid)).map_err(failed),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            // Where the repository is in another workspace, an agent may have put a link there.
            match dir.symlink_metadata().map_err(failed)?.is_symlink() {
                true => Err(GitError::Planted(dir.to_owned()).into()),
                false => Ok(()),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// User and group that own the repository, where this is root and they are others.
fn other_owner(common_dir: &Path) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let meta = std::fs::metadata(common_dir).ok()?;
    (meta.uid() != 0).then(|| (meta.uid(), meta.gid()))
}

fn apply_here(facts: &RepositoryFacts, change: &Change) -> Result<Changed, Trouble> {
    let mut changed = Changed::default();
    match change {
        Change::Add { path, branch, base } => {
            let new = NewWorktree {
                path: path.as_ref(),
                branch,
                base: base.as_deref(),
            };
            changed.base = scc_git::add_worktree(facts, new)?.base;
        }
        Change::Remove { path, discard } => {
            scc_git::remove_worktree(facts, path.as_ref(), *discard)?;
        }
        Change::Branch { name } => scc_git::start_branch(facts, name)?,
        Change::Prune { dry_run } => {
            let forgotten = scc_git::prune_worktrees(facts, *dry_run)?;
            changed.forgotten = forgotten.into_iter().map(OsString::from).collect();
        }
    }
    Ok(changed)
}

fn apply_as(
    (uid, gid): (u32, u32),
    facts: &RepositoryFacts,
    change: &Change,
) -> Result<Result<Changed, Trouble>, CliError> {
    let failed = |reason: String| CliError::Failed {
        message: format!("the repository cannot be changed as its owner: {reason}"),
        hint: "run scc as that user".to_owned(),
    };
    let change = serde_json::to_string(change).map_err(|error| failed(error.to_string()))?;
    let output = Command::new(own_program()?)
        .arg("git-change")
        .arg(&facts.root)
        .arg(change)
        .env_clear()
        .env("HOME", "/")
        .uid(uid)
        .gid(gid)
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|_| failed(output.status.to_string()))
}

/// This program, also where its directory is closed to others.
fn own_program() -> Result<PathBuf, CliError> {
    let running = PathBuf::from("/proc/self/exe");
    match running.exists() {
        true => Ok(running),
        false => std::env::current_exe().map_err(CliError::Runtime),
    }
}

/// The other side of [`apply_as`].
pub(crate) fn run_helper(args: &HelperArgs) -> Result<u8, CliError> {
    let bad = |error: serde_json::Error| CliError::Usage {
        message: format!("the change is not valid: {error}"),
        hint: String::new(),
    };
    let change: Change = serde_json::from_str(&args.change).map_err(bad)?;
    let facts = scc_git::discover(&args.repository)?;
    let changed = match &facts {
        Some(facts) => apply_here(facts, &change),
        None => Err(Trouble {
            message: format!("`{}` is no repository", args.repository.display()),
            hint: String::new(),
        }),
    };
    let answer = serde_json::to_string(&changed).map_err(bad)?;
    let mut stdout = std::io::stdout();
    std::io::Write::write_all(&mut stdout, answer.as_bytes()).map_err(CliError::Runtime)?;
    Ok(0)
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Self {
        let hint = match &error {
            GitError::NoCommit { .. } => {
                "name a branch, tag or commit with --base; a new \
                                          repository needs its first commit"
            }
            GitError::BaseOfExisting { .. } => {
                "leave out --base to go on with that branch, or choose another name"
            }
            GitError::CheckedOut { .. } => "see what there is: scc worktree list",
            GitError::Planted(_) => "look at it, and remove it: an agent may have made it",
            _ => "",
        };
        Self {
            hint: hint.to_owned(),
            message: crate::error::chain(&error),
        }
    }
}
