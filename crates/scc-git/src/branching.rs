//! A new branch at the commit that is checked out.

use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::refs::{FullName, Target};

use crate::open::open;
use crate::worktrees::check_layout;
use crate::{GitError, RepositoryFacts};

/// Makes a branch at the commit that is checked out in the work tree, and checks it out: no file
/// changes, and what is not committed stays. No hook runs.
///
/// # Errors
/// When the branch is there already or its name cannot be one, there is no commit yet, or the
/// repository cannot be changed.
pub fn start_branch(facts: &RepositoryFacts, branch: &str) -> Result<(), GitError> {
    check_layout(&facts.common_dir, branch)?;
    let repo = open(&facts.git_dir)?;
    let failed = || GitError::change(&facts.root, "make a branch in");
    let bad = |_| GitError::BadBranch {
        name: branch.to_owned(),
    };
    let name = FullName::try_from(format!("refs/heads/{branch}")).map_err(bad)?;
    let commit = repo.head_id().map_err(|_| GitError::NoCommit {
        path: facts.root.clone(),
        name: "HEAD".to_owned(),
    })?;
    let from = facts.branch.as_deref().unwrap_or("HEAD");
    let log = format!("branch: Created from {from}");
    repo.reference(name.clone(), commit, PreviousValue::MustNotExist, log)
        .map_err(failed())?;
    let head = FullName::try_from("HEAD").map_err(bad)?;
    let log = format!("checkout: moving from {from} to {branch}");
    let edit = RefEdit::update(head, Target::Symbolic(name), PreviousValue::Any, log);
    repo.edit_reference(edit.with_deref(false))
        .map_err(failed())?;
    Ok(())
}
