//! A new branch at the commit that is checked out.

use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::refs::{FullName, Target};

use crate::changing::check_layout;
use crate::open::{check_files, open};
use crate::{GitError, RepositoryFacts};

/// Makes a branch at the commit that is checked out in the work tree, and checks it out: no file
/// changes, and what is not committed stays. No hook runs.
///
/// # Errors
/// When the branch is there already or its name cannot be one, there is no commit yet, links in the
/// repository lead elsewhere, or it cannot be changed.
pub fn start_branch(facts: &RepositoryFacts, branch: &str) -> Result<(), GitError> {
    check_layout(facts, branch)?;
    check_files(&facts.common_dir)?;
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
    // A reference that is there with the same commit would be no reason to refuse.
    if repo.try_find_reference(&name).map_err(failed())?.is_some() {
        return Err(GitError::BranchExists {
            name: branch.to_owned(),
        });
    }
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
