//! Where a repository was cloned from.

use crate::identity::local;
use crate::{GitError, RepositoryFacts};

/// The address of the remote `origin` as it stands in the repository's own configuration; `None`
/// when there is none. It may hold a password: never show it. An agent can write that file.
///
/// # Errors
/// When the configuration cannot be read or is not valid.
pub fn origin_url(facts: &RepositoryFacts) -> Result<Option<String>, GitError> {
    let mut found = None;
    for config in local(facts)? {
        if let Some(url) = config.string("remote.origin.url") {
            found = Some(url.to_string());
        }
    }
    Ok(found.filter(|url| !url.trim().is_empty()))
}
