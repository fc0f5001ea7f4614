//! Branches on which an agent had better not work.

/// Branches that others build on.
const PROTECTED: [&str; 5] = ["main", "master", "develop", "production", "staging"];

/// Whether a branch is one that others build on.
#[must_use]
pub fn is_protected_branch(branch: &str) -> bool {
    PROTECTED.contains(&branch)
}
