//! The worktrees of a repository: which there are, and how they come and go.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::progress::Discard;
use gix::refs::FullName;
use gix::refs::transaction::PreviousValue;
use gix::worktree::add::Head;
use gix::worktree::remove::Force;

use crate::discovery::{branch, linked_to, trimmed};
use crate::open::open;
use crate::{GitError, RepositoryFacts, read};

/// A work tree of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// Its root, absolute.
    pub path: PathBuf,
    /// The branch that is checked out; `None` when the head is detached.
    pub branch: Option<String>,
    /// The repository's own work tree, which cannot be removed.
    pub is_main: bool,
    /// Why it must not be removed, where somebody has locked it; the reason may be empty.
    pub locked: Option<String>,
    /// There is no work tree of this repository at the path.
    pub is_missing: bool,
}

impl Worktree {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// A worktree that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewWorktree<'a> {
    /// Its root; nothing is there, or an empty directory.
    pub path: &'a Path,
    /// The branch to check out, without `refs/heads/`. It is made where it does not exist.
    pub branch: &'a str,
    /// What a new branch begins at: any name of a commit that git knows. The default branch when
    /// there is none.
    pub base: Option<&'a str>,
}

/// What became of [`NewWorktree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// What the new branch begins at, as git names it; `None` when the branch was there before.
    pub base: Option<String>,
}

/// The repository's own work tree; `None` when it has none.
#[must_use]
pub fn main_worktree(facts: &RepositoryFacts) -> Option<PathBuf> {
    let is_dot_git = facts.common_dir.file_name() == Some(".git".as_ref());
    let root = facts.common_dir.parent()?;
    is_dot_git.then(|| root.to_owned())
}

/// All work trees of a repository, its own first, the others by path. A directory that does not
/// point back at the repository is missing, whatever the repository says about it.
///
/// # Errors
/// When the repository cannot be read.
pub fn worktrees(facts: &RepositoryFacts) -> Result<Vec<Worktree>, GitError> {
    let mut all = Vec::new();
    if let Some(path) = main_worktree(facts) {
        all.push(Worktree {
            path,
            branch: branch(&facts.common_dir)?,
            is_main: true,
            locked: None,
            is_missing: false,
        });
    }
    let mut linked = Vec::new();
    for git_dir in registered(&facts.common_dir)? {
        linked.extend(linked_worktree(&git_dir)?);
    }
    linked.sort_by(|a, b| a.path.cmp(&b.path));
    all.extend(linked);
    Ok(all)
}

/// The directories in which a repository keeps what belongs to its linked worktrees. Links are not
/// followed: they would lead to those of another repository.
fn registered(common_dir: &Path) -> Result<Vec<PathBuf>, GitError> {
    let dir = common_dir.join("worktrees");
    let unreadable = |source| GitError::Read {
        path: dir.clone(),
        source,
    };
    let entries = match dir.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => return Err(GitError::Planted(dir)),
        Ok(_) => fs::read_dir(&dir).map_err(unreadable)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().map_err(unreadable)?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn linked_worktree(git_dir: &Path) -> Result<Option<Worktree>, GitError> {
    let Some(dot_git) = read::small_file(&git_dir.join("gitdir"))? else {
        return Ok(None);
    };
    let dot_git = git_dir.join(trimmed(&dot_git));
    let Some(path) = dot_git.parent() else {
        return Ok(None);
    };
    let locked = read::small_file(&git_dir.join("locked"))?;
    Ok(Some(Worktree {
        path: path.to_owned(),
        branch: branch(git_dir)?,
        is_main: false,
        locked: locked.map(|reason| String::from_utf8_lossy(&reason).trim().to_owned()),
        is_missing: !points_back(path, git_dir),
    }))
}

/// Whether a directory says itself that it is the worktree that is kept in `git_dir`.
fn points_back(root: &Path, git_dir: &Path) -> bool {
    let Ok(Some(link)) = read::small_file(&root.join(".git")) else {
        return false;
    };
    let Some(target) = link.strip_prefix(b"gitdir:") else {
        return false;
    };
    let target = root.join(trimmed(target.trim_ascii_start()));
    let same = |target: PathBuf| git_dir.canonicalize().is_ok_and(|real| real == target);
    target.canonicalize().is_ok_and(same) && linked_to(root, git_dir).is_ok()
}

/// The branch that a repository's work begins at: what the remote `origin` calls its head, else
/// `main`, `master`, or the branch of its own work tree.
///
/// # Errors
/// When the repository cannot be read.
pub fn default_branch(facts: &RepositoryFacts) -> Result<Option<String>, GitError> {
    let repo = open(&facts.common_dir)?;
    let exists = |name: &str| has_reference(&repo, &format!("refs/heads/{name}"));
    let remote = read::small_file(&facts.common_dir.join("refs/remotes/origin/HEAD"))?;
    let remote = remote.unwrap_or_default();
    let remote = String::from_utf8_lossy(&remote);
    let remote = remote.trim().strip_prefix("ref: refs/remotes/origin/");
    if let Some(name) = remote {
        return Ok(Some(name.to_owned()));
    }
    if let Some(name) = ["main", "master"].into_iter().find(|name| exists(name)) {
        return Ok(Some(name.to_owned()));
    }
    branch(&facts.common_dir)
}

/// All local branches, in order.
///
/// # Errors
/// When the repository cannot be read.
pub fn branches(facts: &RepositoryFacts) -> Result<Vec<String>, GitError> {
    let repo = open(&facts.common_dir)?;
    let failed = GitError::change(&facts.common_dir, "list the branches of");
    let names = || -> Result<Vec<String>, gix::Error> {
        let platform = repo.references()?;
        let found = platform.local_branches()?.flatten();
        Ok(found.map(|r| r.name().shorten().to_string()).collect())
    };
    names().map_err(failed)
}

fn has_reference(repo: &gix::Repository, name: &str) -> bool {
    matches!(repo.try_find_reference(name), Ok(Some(_)))
}

/// Makes a worktree, with its branch where that does not exist. No hook runs, no filter either,
/// and nothing is fetched.
///
/// # Errors
/// [`GitError::NoCommit`] when the base does not name a commit, [`GitError::Planted`] when the
/// repository is laid out to write elsewhere, and when the branch is checked out in another
/// worktree or something is in the way. Nothing half-made stays but a new branch.
pub fn add_worktree(facts: &RepositoryFacts, new: NewWorktree<'_>) -> Result<Added, GitError> {
    check_layout(&facts.common_dir, new.branch)?;
    let repo = open(&facts.common_dir)?;
    let failed = || GitError::change(new.path, "make the worktree");
    let full = format!("refs/heads/{}", new.branch);
    let name = FullName::try_from(full.as_str()).map_err(|_| GitError::BadBranch {
        name: new.branch.to_owned(),
    })?;
    let base = match has_reference(&repo, &full) {
        true => None,
        false => {
            let (base, commit) = base_commit(&repo, facts, new.base)?;
            let log = format!("branch: Created from {base}");
            repo.reference(name.clone(), commit, PreviousValue::MustNotExist, log)
                .map_err(failed())?;
            Some(base)
        }
    };
    let interrupted = AtomicBool::new(false);
    repo.add_worktree(new.path, Head::Attached(name), Discard, &interrupted)
        .map_err(failed())?;
    Ok(Added { base })
}

/// What a branch begins at, and its commit.
fn base_commit(
    repo: &gix::Repository,
    facts: &RepositoryFacts,
    base: Option<&str>,
) -> Result<(String, gix::ObjectId), GitError> {
    let names = match base {
        Some(name) => vec![name.to_owned()],
        None => match default_branch(facts)? {
            Some(name) => vec![
                format!("refs/heads/{name}"),
                format!("refs/remotes/origin/{name}"),
            ],
            None => vec!["HEAD".to_owned()],
        },
    };
    let commit = |name: &String| {
        let id = repo.rev_parse_single(name.as_str()).ok()?;
        let commit = id.object().ok()?.peel_to_commit().ok()?;
        Some((name.clone(), commit.id))
    };
    names
        .iter()
        .find_map(commit)
        .ok_or_else(|| GitError::NoCommit {
            path: facts.root.clone(),
            name: names.first().cloned().unwrap_or_default(),
        })
}

/// What is written to make a worktree must be in the repository: an agent can put links in it.
pub(crate) fn check_layout(common_dir: &Path, branch: &str) -> Result<(), GitError> {
    let mut places = vec![PathBuf::from("worktrees"), PathBuf::from("objects")];
    for below in ["refs/heads", "logs/refs/heads"] {
        let full = Path::new(below).join(branch);
        places.extend(full.ancestors().map(Path::to_owned));
    }
    for place in places
        .into_iter()
        .filter(|place| !place.as_os_str().is_empty())
    {
        let path = common_dir.join(place);
        if path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
            return Err(GitError::Planted(path));
        }
    }
    Ok(())
}

/// Removes a worktree with everything in it; its branch stays. With `discard` also one with
/// changes that are not committed. A locked one is never removed.
///
/// # Errors
/// When it is no worktree of this repository, is locked, or has changes.
pub fn remove_worktree(
    facts: &RepositoryFacts,
    path: &Path,
    discard: bool,
) -> Result<(), GitError> {
    let failed = || GitError::change(path, "remove the worktree");
    let repo = open(&facts.common_dir)?;
    let force = match discard {
        true => Force::DiscardChanges,
        false => Force::Never,
    };
    let target = repo.prepare_remove_worktree(path).map_err(failed())?;
    target.remove(force, Discard).map_err(failed())
}

/// Forgets the worktrees whose directory is gone, unless they are locked; returns their paths. With
/// `dry_run` they are only named.
///
/// # Errors
/// When the repository cannot be read or changed.
pub fn prune_worktrees(facts: &RepositoryFacts, dry_run: bool) -> Result<Vec<PathBuf>, GitError> {
    let mut gone = Vec::new();
    for git_dir in registered(&facts.common_dir)? {
        let Some(worktree) = linked_worktree(&git_dir)? else {
            continue;
        };
        let is_there = worktree.path.join(".git").symlink_metadata().is_ok();
        if is_there || worktree.locked.is_some() {
            continue;
        }
        if !dry_run {
            fs::remove_dir_all(&git_dir).map_err(|source| GitError::Read {
                path: git_dir.clone(),
                source,
            })?;
        }
        gone.push(worktree.path);
    }
    gone.sort();
    Ok(gone)
}
