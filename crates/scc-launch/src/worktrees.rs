//! Worktrees for agents: where they are, what they are called, and what they need before an agent
//! can work in them.

mod install;
mod target;

pub(crate) use install::with_installers;
pub use install::{Installer, installers};
pub use target::{Target, find_worktree};

use std::path::{Path, PathBuf};

use scc_git::RepositoryFacts;

/// What the branches of worktrees that scc makes begin with.
pub const BRANCH_PREFIX: &str = "scc/";

/// The name of a worktree from what a person calls it: lower case, `-` between words. `None` when
/// nothing is left.
#[must_use]
pub fn worktree_name(text: &str) -> Option<String> {
    let text = text.strip_prefix(BRANCH_PREFIX).unwrap_or(text);
    let lower = text.to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric();
    let words = lower.split(|c| !plain(c)).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    let name: String = name.chars().take(60).collect();
    let name = name.trim_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

/// Where a repository's worktrees are: beside it, in a directory of their own.
#[must_use]
pub fn worktrees_dir(facts: &RepositoryFacts) -> PathBuf {
    let main = scc_git::main_worktree(facts).unwrap_or_else(|| facts.common_dir.clone());
    let name = main.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".git").unwrap_or(&name).to_owned();
    let parent = main.parent().unwrap_or(Path::new("/"));
    parent.join(format!("{name}-worktrees"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("feature", Some("feature")),
            ("Feat B/x", Some("feat-b-x")),
            ("scc/again", Some("again")),
            ("../../etc", Some("etc")),
            ("--force", Some("force")),
            ("a__b", Some("a-b")),
            ("Ünïcode", Some("n-code")),
            ("", None),
            ("..", None),
            ("日本", None),
        ] {
            assert_eq!(worktree_name(text).as_deref(), name, "{text}");
        }
        let long = "x-".repeat(100);
        assert!(worktree_name(&long).unwrap().len() <= 60);
    }

    #[test]
    fn worktrees_are_beside_their_repository() {
        let facts = |common: &str| RepositoryFacts {
            root: "/w/other".into(),
            common_dir: common.into(),
            git_dir: common.into(),
            is_linked_worktree: false,
            branch: None,
            is_bare: false,
        };
        let dir = |common: &str| worktrees_dir(&facts(common));
        assert_eq!(dir("/w/shop/.git"), Path::new("/w/shop-worktrees"));
        assert_eq!(dir("/w/shop.git"), Path::new("/w/shop-worktrees"));
    }
}
