//! Opening a repository that an agent may have written: its configuration names no program that
//! would run, no file outside it is read for its sake, and the environment does not count.

use std::path::Path;

use crate::{GitError, read};

/// The most memory that one object may take.
const LARGEST_OBJECT: &str = "gitoxide.objects.allocLimitIfReducedTrust=1073741824";

/// Opens the repository whose git directory this is. What its configuration says about filters,
/// helpers and other programs is not believed, whoever owns it.
pub(crate) fn open(git_dir: &Path) -> Result<gix::Repository, GitError> {
    check_files(git_dir)?;
    gix::open::Options::isolated()
        .with(gix::sec::Trust::Reduced)
        .open_path_as_is(true)
        .config_overrides([LARGEST_OBJECT, COMMITTER_NAME, COMMITTER_EMAIL])
        .open(git_dir)
        .map(Into::into)
        .map_err(GitError::change(git_dir, "open"))
}

/// Who is in the log of references that scc makes.
const COMMITTER_NAME: &str = "gitoxide.committer.nameFallback=scc";
const COMMITTER_EMAIL: &str = "gitoxide.committer.emailFallback=scc@localhost";

/// Files that are read to open a repository and its references, the first three also to find it.
const READ: [&str; 5] = ["HEAD", "commondir", "gitdir", "config", "packed-refs"];

/// A pipe in the place of a file would hold whoever opens it.
pub(crate) fn check_files(git_dir: &Path) -> Result<(), GitError> {
    check(git_dir, &READ)
}

/// The same for what is read to find the repository.
pub(crate) fn check_found(git_dir: &Path) -> Result<(), GitError> {
    check(git_dir, &READ[..3])
}

fn check(git_dir: &Path, names: &[&str]) -> Result<(), GitError> {
    let mut paths = names.iter().map(|name| git_dir.join(name));
    paths.try_for_each(|path| read::check_regular(&path))
}
