//! Which worktree a person means.

use scc_git::Worktree;

use super::BRANCH_PREFIX;

/// What a text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'a> {
    /// This worktree.
    One(&'a Worktree),
    /// One of these.
    Several(Vec<&'a Worktree>),
    /// A branch that no worktree has checked out.
    Branch(String),
    /// Nothing.
    None,
}

/// Finds the worktree that is meant: by the whole name of its branch, the same with
/// [`BRANCH_PREFIX`], the name of its directory, the begin of either, or a part of either; the
/// first of these that fits any decides. What is missing is never meant.
#[must_use]
pub fn find_worktree<'a>(text: &str, all: &'a [Worktree], branches: &[String]) -> Target<'a> {
    let there: Vec<_> = all.iter().filter(|worktree| !worktree.is_missing).collect();
    let prefixed = format!("{BRANCH_PREFIX}{text}");
    let is_whole = |branch: &&String| **branch == text || **branch == prefixed;
    for rule in Rule::ALL {
        // A branch of just this name is meant before worktrees of similar names.
        if rule == Rule::Begin
            && let Some(branch) = branches.iter().find(is_whole)
        {
            return Target::Branch(branch.clone());
        }
        let fit: Vec<_> = there
            .iter()
            .filter(|worktree| rule.fits(text, worktree))
            .copied()
            .collect();
        match fit.as_slice() {
            [] => {}
            [one] => return Target::One(one),
            _ => return Target::Several(fit),
        }
    }
    Target::None
}

/// How a text may stand for a worktree, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Branch,
    OwnBranch,
    Name,
    Begin,
    Part,
}

impl Rule {
    const ALL: [Self; 5] = [
        Self::Branch,
        Self::OwnBranch,
        Self::Name,
        Self::Begin,
        Self::Part,
    ];

    fn fits(self, text: &str, worktree: &Worktree) -> bool {
        let branch = worktree.branch.as_deref().unwrap_or_default();
        let own = branch.strip_prefix(BRANCH_PREFIX);
        let name = worktree.name();
        let lower = [branch, own.unwrap_or(branch), &name].map(str::to_lowercase);
        let text_lower = text.to_lowercase();
        match self {
            Self::Branch => branch == text,
            Self::OwnBranch => own == Some(text),
            Self::Name => name == text,
            Self::Begin => lower.iter().any(|all| all.starts_with(&text_lower)),
            Self::Part => lower.iter().any(|all| all.contains(&text_lower)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worktree(name: &str, branch: &str, is_missing: bool) -> Worktree {
        Worktree {
            path: format!("/w/{name}").into(),
            branch: Some(branch.to_owned()),
            is_main: name == "repo",
            locked: None,
            is_missing,
            broken: None,
        }
    }

    fn found(text: &str) -> String {
        let all = [
            worktree("repo", "main", false),
            worktree("pay", "scc/pay", false),
            worktree("payments", "scc/payments", false),
            worktree("search", "Topic/Search", false),
            worktree("gone", "scc/gone", true),
        ];
        let branches = ["main", "scc/old", "topic"].map(str::to_owned);
        match find_worktree(text, &all, &branches) {
            Target::One(one) => one.name(),
            Target::Several(all) => {
                let names: Vec<_> = all.iter().map(|one| one.name()).collect();
                names.join("|")
            }
            Target::Branch(branch) => format!("branch {branch}"),
            Target::None => "none".to_owned(),
        }
    }

    #[test]
    fn the_closest_is_meant() {
        for (text, wanted) in [
            ("main", "repo"),
            ("pay", "pay"),
            ("scc/pay", "pay"),
            ("paym", "payments"),
            ("pa", "pay|payments"),
            ("search", "search"),
            ("SEAR", "search"),
            ("ments", "payments"),
            ("repo", "repo"),
            ("old", "branch scc/old"),
            ("topic", "branch topic"),
            ("gone", "none"),
            ("zzz", "none"),
        ] {
            assert_eq!(found(text), wanted, "{text}");
        }
    }
}
