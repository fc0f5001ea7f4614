//! Worktrees come and go.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::progress::Discard;
use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use gix::worktree::add::Head;
use gix::worktree::remove::Force;

use crate::open::open;
use crate::worktrees::{has_reference, linked_worktree, registered};
use crate::{GitError, RepositoryFacts, Worktree, default_branch, read, worktrees};

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

/// Makes a worktree, with its branch where that does not exist. No hook runs, no filter either,
/// and nothing is fetched.
///
/// # Errors
/// [`GitError::NoCommit`] when the base does not name a commit, [`GitError::BaseOfExisting`] when
/// the branch is there, so that it cannot begin at a base, [`GitError::Planted`] when the
/// repository is laid out to write elsewhere, [`GitError::CheckedOut`] when the branch is checked
/// out in another worktree, and when something is in the way. Nothing half-made stays.
pub fn add_worktree(facts: &RepositoryFacts, new: NewWorktree<'_>) -> Result<Added, GitError> {
    check_layout(facts, new.branch)?;
    let repo = open(&facts.common_dir)?;
    let full = format!("refs/heads/{}", new.branch);
    let name = FullName::try_from(full.as_str()).map_err(|_| GitError::BadBranch {
        name: new.branch.to_owned(),
    })?;
    let base = match (has_reference(&repo, &full), new.base) {
        (true, Some(base)) => {
            return Err(GitError::BaseOfExisting {
                name: new.branch.to_owned(),
                base: base.to_owned(),
            });
        }
        (true, None) => None,
        (false, base) => Some(make_branch(&repo, facts, &name, base)?),
    };
    let made = not_checked_out(facts, new.branch).and_then(|()| check_out(&repo, new.path, &name));
    if let (Err(_), Some((_, commit))) = (&made, &base) {
        let expected = PreviousValue::MustExistAndMatch(Target::Object(*commit));
        // Who has changed it meanwhile keeps it; the reason of the failure says more than this.
        let _ = repo.edit_reference(RefEdit::delete(name, expected));
    }
    made.map(|()| Added {
        base: base.map(|(base, _)| base),
    })
}

/// Makes the branch; what it begins at, and that commit.
fn make_branch(
    repo: &gix::Repository,
    facts: &RepositoryFacts,
    name: &FullName,
    base: Option<&str>,
) -> Result<(String, gix::ObjectId), GitError> {
    let (base, commit) = base_commit(repo, facts, base)?;
    let log = format!("branch: Created from {base}");
    repo.reference(name.clone(), commit, PreviousValue::MustNotExist, log)
        .map_err(GitError::change(&facts.root, "make a branch in"))?;
    Ok((base, commit))
}

fn not_checked_out(facts: &RepositoryFacts, branch: &str) -> Result<(), GitError> {
    let all = worktrees(facts)?;
    let mut holders = all.into_iter();
    match holders.find(|worktree| worktree.branch.as_deref() == Some(branch)) {
        None => Ok(()),
        Some(holder) => Err(GitError::CheckedOut {
            name: branch.to_owned(),
            path: holder.path,
        }),
    }
}

/// Makes a work tree with this branch. The head is put on the branch here: to do it, gix would
/// read the heads of all worktrees, and a pipe in the place of one would hold it.
fn check_out(repo: &gix::Repository, path: &Path, name: &FullName) -> Result<(), GitError> {
    let interrupted = AtomicBool::new(false);
    let make = || -> Result<(), gix::Error> {
        let commit = repo.find_reference(name)?.peel_to_commit()?.id;
        let head = Head::Detached(commit);
        let made = repo.prepare_add_worktree(path, head, &interrupted)?;
        let head = FullName::try_from("HEAD").map_err(gix::Error::from_error)?;
        let log = format!("checkout: moving to {}", name.shorten());
        let target = Target::Symbolic(name.clone());
        let edit = RefEdit::update(head, target, PreviousValue::Any, log);
        made.repo().edit_reference(edit.with_deref(false))?;
        made.checkout(Discard, &interrupted)?;
        Ok(())
    };
    make().map_err(GitError::change(path, "make the worktree"))
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
        if places(name).any(|place| read::is_special(&facts.common_dir.join(place))) {
            return None;
        }
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

/// Where git looks for a reference of this name. A pipe there would hold whoever opens it.
fn places(name: &str) -> impl Iterator<Item = String> {
    let end = name.find(['~', '^', '@', ':']).unwrap_or(name.len());
    let reference = name[..end].to_owned();
    let below = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
    below
        .into_iter()
        .map(move |dir| format!("{dir}{reference}"))
}

/// What is written to make a worktree or a branch must be in the repository: an agent can put links
/// in it.
pub(crate) fn check_layout(facts: &RepositoryFacts, branch: &str) -> Result<(), GitError> {
    let mut places = ["worktrees", "objects", "HEAD", "logs/HEAD"]
        .map(PathBuf::from)
        .to_vec();
    for below in ["refs/heads", "logs/refs/heads"] {
        let full = Path::new(below).join(branch);
        places.extend(full.ancestors().map(Path::to_owned));
    }
    places.retain(|place| !place.as_os_str().is_empty());
    let dirs = [&facts.common_dir, &facts.git_dir];
    let mut paths = dirs
        .iter()
        .flat_map(|dir| places.iter().map(|place| dir.join(place)));
    let is_planted = |path: &PathBuf| {
        let meta = path.symlink_metadata();
        meta.is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
    };
    match paths.find(is_planted) {
        Some(path) => Err(GitError::Planted(path)),
        None => Ok(()),
    }
}

/// Removes a worktree with everything in it; its branch stays. With `discard` also one with
/// changes that are not committed, and one that is [broken](Worktree::broken). A locked one is
/// never removed.
///
/// # Errors
/// When it is no worktree of this repository, is locked, or has changes.
pub fn remove_worktree(
    facts: &RepositoryFacts,
    path: &Path,
    discard: bool,
) -> Result<(), GitError> {
    if let Some((worktree, git_dir)) = broken_at(facts, path)? {
        return remove_broken(&worktree, &git_dir, discard);
    }
    let failed = || GitError::change(path, "remove the worktree");
    let repo = open(&facts.common_dir)?;
    let force = match discard {
        true => Force::DiscardChanges,
        false => Force::Never,
    };
    let target = repo.prepare_remove_worktree(path).map_err(failed())?;
    target.remove(force, Discard).map_err(failed())
}

/// The broken worktree with this path, and the directory that it is kept in.
fn broken_at(
    facts: &RepositoryFacts,
    path: &Path,
) -> Result<Option<(Worktree, PathBuf)>, GitError> {
    let all = registered(&facts.common_dir)?.into_iter();
    let mut all = all.filter_map(|dir| Some((linked_worktree(&dir)?, dir)));
    Ok(all.find(|(worktree, _)| worktree.path == path && worktree.broken.is_some()))
}

/// Removes what git itself could not read. Links are removed, and not followed.
fn remove_broken(worktree: &Worktree, git_dir: &Path, discard: bool) -> Result<(), GitError> {
    let failed = || GitError::change(&worktree.path, "remove the worktree");
    let reason = worktree.broken.clone().unwrap_or_default();
    if let Some(lock) = &worktree.locked {
        return Err(failed()(std::io::Error::other(format!("locked: {lock}"))));
    }
    if !discard {
        return Err(failed()(std::io::Error::other(reason)));
    }
    if !worktree.is_missing {
        fs::remove_dir_all(&worktree.path).map_err(failed())?;
    }
    fs::remove_dir_all(git_dir).map_err(failed())
}

/// Forgets the worktrees whose directory is gone, unless they are locked or broken; returns their paths. With
/// `dry_run` they are only named.
///
/// # Errors
/// When the repository cannot be read or changed.
pub fn prune_worktrees(facts: &RepositoryFacts, dry_run: bool) -> Result<Vec<PathBuf>, GitError> {
    let mut gone = Vec::new();
    for git_dir in registered(&facts.common_dir)? {
        let Some(worktree) = linked_worktree(&git_dir) else {
            continue;
        };
        let is_there = worktree.path.join(".git").symlink_metadata().is_ok();
        if is_there || worktree.locked.is_some() || worktree.broken.is_some() {
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
