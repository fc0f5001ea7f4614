//! Where a repository is, of which kind, and on which branch.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gix::discover::is_git;
use gix::discover::repository::Path as Found;

use crate::open::check_found;
use crate::{GitError, read};

/// What there is to know about a repository. All paths are absolute and without symbolic links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// The root of the work tree; for a bare repository the repository itself.
    pub root: PathBuf,
    /// The directory that all worktrees share: the main repository's `.git`. The same as
    /// `git_dir` unless this is a linked worktree.
    pub common_dir: PathBuf,
    /// The directory with this work tree's own `HEAD` and index.
    pub git_dir: PathBuf,
    /// Made by `git worktree add`.
    pub is_linked_worktree: bool,
    /// The branch, without `refs/heads/`, also before its first commit; `None` when the head is
    /// detached.
    pub branch: Option<String>,
    /// Has no work tree.
    pub is_bare: bool,
}

/// Looks for the repository that `path` is in, upwards, without leaving its file system. `Ok(None)`
/// when there is none. Inside of a `.git` directory, the answer is its work tree.
///
/// The root is where `.git` was found, whatever `core.worktree` says. A linked worktree must lie
/// in its repository's `worktrees` directory and be named there as this root; so nobody who can
/// write a `.git` file can make a foreign directory look like the repository's.
///
/// # Errors
/// When `path` does not exist, a file of the repository cannot be read, or a worktree and its
/// repository do not point at each other.
pub fn discover(path: &Path) -> Result<Option<RepositoryFacts>, GitError> {
    let start = absolute(path)?;
    let device = device(&start)?;
    for dir in start.ancestors() {
        if self::device(dir)? != device {
            break;
        }
        // One directory after the other, so that nothing above the repository is of any account.
        check_place(dir)?;
        if let Some(found) = repository_at(dir) {
            return facts(found).map(Some);
        }
    }
    Ok(None)
}

fn device(dir: &Path) -> Result<u64, GitError> {
    let meta = dir.metadata().map_err(|source| GitError::Read {
        path: dir.to_owned(),
        source,
    })?;
    Ok(meta.dev())
}

/// The repository whose work tree or own directory this is.
fn repository_at(dir: &Path) -> Option<Found> {
    let dot_git = match dir.file_name() == Some(OsStr::new(".git")) {
        true => dir.to_owned(),
        false => dir.join(".git"),
    };
    let places = [dot_git, dir.to_owned()];
    let found = places.into_iter().find_map(|place| {
        let kind = is_git(&place).ok()?;
        Some((place, kind))
    });
    let (place, kind) = found?;
    Found::from_dot_git_dir(place, kind, Path::new("/"))
}

/// The search reads these files of each directory on its way up.
fn check_place(dir: &Path) -> Result<(), GitError> {
    read::check_regular(&dir.join("HEAD"))?;
    let dot_git = dir.join(".git");
    match dot_git.metadata() {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => check_found(&dot_git),
        Ok(_) => {
            let link = read::small_file(&dot_git)?.unwrap_or_default();
            match link.strip_prefix(b"gitdir:") {
                Some(target) => check_found(&dir.join(trimmed(target.trim_ascii_start()))),
                None => Ok(()),
            }
        }
    }
}

fn facts(found: Found) -> Result<RepositoryFacts, GitError> {
    let (git_dir, root) = match found {
        Found::WorkTree(root) => (root.join(".git"), Some(root)),
        Found::LinkedWorkTree { work_dir, git_dir } => (git_dir, Some(work_dir)),
        Found::Repository(git_dir) => (git_dir, None),
    };
    let git_dir = absolute(&git_dir)?;
    let is_bare = root.is_none();
    let root = match root {
        Some(root) => absolute(&root)?,
        None => git_dir.clone(),
    };
    let linked = linked_to(&root, &git_dir)?;
    Ok(RepositoryFacts {
        branch: branch(&git_dir)?,
        is_linked_worktree: linked.is_some(),
        common_dir: linked.unwrap_or_else(|| git_dir.clone()),
        root,
        git_dir,
        is_bare,
    })
}

/// The main repository's directory if `git_dir` is that of a linked worktree.
pub(crate) fn linked_to(root: &Path, git_dir: &Path) -> Result<Option<PathBuf>, GitError> {
    let Some(common) = read::small_file(&git_dir.join("commondir"))? else {
        return Ok(None);
    };
    let unlinked = |reason: String| GitError::Unlinked {
        path: root.to_owned(),
        reason,
    };
    let common = absolute(&git_dir.join(trimmed(&common)))?;
    if git_dir.parent() != Some(&common.join("worktrees")) {
        let reason = format!("`{}` is not its `worktrees` directory", git_dir.display());
        return Err(unlinked(reason));
    }
    let back = git_dir.join("gitdir");
    let named = read::small_file(&back)?.unwrap_or_default();
    let named = absolute(&git_dir.join(trimmed(&named)));
    match named.is_ok_and(|named| named == root.join(".git")) {
        true => Ok(Some(common)),
        false => Err(unlinked(format!(
            "`{}` names another directory",
            back.display()
        ))),
    }
}

pub(crate) fn branch(git_dir: &Path) -> Result<Option<String>, GitError> {
    let path = git_dir.join("HEAD");
    let head = read::small_file(&path)?.unwrap_or_default();
    let name = head.strip_prefix(b"ref:").map(<[u8]>::trim_ascii);
    let branch = name.and_then(|name| name.strip_prefix(b"refs/heads/"));
    Ok(branch.map(|branch| String::from_utf8_lossy(branch).into_owned()))
}

pub(crate) fn trimmed(line: &[u8]) -> &Path {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b'\n' | b'\r'))
        .map_or(0, |at| at + 1);
    Path::new(OsStr::from_bytes(&line[..end]))
}

fn absolute(path: &Path) -> Result<PathBuf, GitError> {
    path.canonicalize().map_err(|source| GitError::Read {
        path: path.to_owned(),
        source,
    })
}
