//! The worktrees of a repository: which there are.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

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
    /// Why what the repository keeps about it cannot be read, where that is so.
    pub broken: Option<String>,
}

impl Worktree {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// The repository's own work tree; `None` when it has none.
#[must_use]
pub fn main_worktree(facts: &RepositoryFacts) -> Option<PathBuf> {
    let is_dot_git = facts.common_dir.file_name() == Some(".git".as_ref());
    let root = facts.common_dir.parent()?;
    is_dot_git.then(|| root.to_owned())
}

/// All work trees of a repository, its own first, the others by path. A directory that does not
/// point back at the repository is missing, whatever the repository says about it. What cannot be
/// read about one of them makes that one [`Worktree::broken`].
///
/// # Errors
/// When the repository cannot be read.
pub fn worktrees(facts: &RepositoryFacts) -> Result<Vec<Worktree>, GitError> {
    let mut all = Vec::new();
    if let Some(path) = main_worktree(facts) {
        let head = branch(&facts.common_dir);
        all.push(Worktree {
            path,
            is_main: true,
            locked: None,
            is_missing: false,
            broken: head.as_ref().err().map(reason),
            branch: head.unwrap_or_default(),
        });
    }
    let linked = registered(&facts.common_dir)?;
    let mut linked: Vec<_> = linked
        .iter()
        .filter_map(|dir| linked_worktree(dir))
        .collect();
    linked.sort_by(|a, b| a.path.cmp(&b.path));
    all.extend(linked);
    Ok(all)
}

/// The directories in which a repository keeps what belongs to its linked worktrees. Links are not
/// followed: they would lead to those of another repository.
pub(crate) fn registered(common_dir: &Path) -> Result<Vec<PathBuf>, GitError> {
    let dir = common_dir.join("worktrees");
    let unreadable = |source| GitError::Read {
        path: dir.clone(),
        source,
    };
    let entries = match dir.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => return Err(GitError::Planted(dir)),
        Ok(_) => fs::read_dir(&dir).map_err(unreadable)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
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

/// The worktree that is kept in `git_dir`; `None` when none is. Where nobody can say which
/// directory it is, its path is `git_dir`.
pub(crate) fn linked_worktree(git_dir: &Path) -> Option<Worktree> {
    let named = read::small_file(&git_dir.join("gitdir")).transpose()?;
    let place = named.map(|named| place(git_dir, trimmed(&named)));
    let common = read::small_file(&git_dir.join("commondir"));
    let head = branch(git_dir);
    let locked = read::small_file(&git_dir.join("locked"));
    let mut errors = place.as_ref().err().into_iter();
    let mut errors = errors
        .by_ref()
        .chain(common.as_ref().err())
        .chain(head.as_ref().err())
        .chain(locked.as_ref().err());
    let broken = errors.next().map(reason);
    let locked = locked.ok().flatten();
    let locked = locked.map(|reason| String::from_utf8_lossy(&reason).trim().to_owned());
    let is_missing = place
        .as_ref()
        .map_or(true, |path| !points_back(path, git_dir));
    Some(Worktree {
        path: place.unwrap_or_else(|_| git_dir.to_owned()),
        branch: head.unwrap_or_default(),
        is_main: false,
        locked,
        is_missing,
        broken,
    })
}

fn reason(error: &GitError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// The root of the work tree with this `.git`, which may be relative to `git_dir`; without links
/// where it is there, so that it can be compared.
fn place(git_dir: &Path, dot_git: &Path) -> PathBuf {
    let dot_git = git_dir.join(dot_git);
    let root = dot_git.parent().unwrap_or(&dot_git);
    real_path(root)
}

/// Without links and `..`, also where the end of the path does not exist.
fn real_path(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(parent), Some(name)) => real_path(parent).join(name),
        (Err(_), _, _) => path.to_owned(),
    }
}

/// Whether a directory says itself that it is the worktree that is kept in `git_dir`.
pub(crate) fn points_back(root: &Path, git_dir: &Path) -> bool {
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

/// Whether there is a reference of this name. A pipe in its place would hold whoever reads it.
pub(crate) fn has_reference(repo: &gix::Repository, name: &str) -> bool {
    let loose = repo.common_dir().join(name);
    !read::is_special(&loose) && matches!(repo.try_find_reference(name), Ok(Some(_)))
}
