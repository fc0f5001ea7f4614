//! What to do instead, where it depends on the state that the repository is in: `git stash` is no
//! help in the middle of a merge.

use crate::git::Call;
use crate::judge::Judge;
use crate::rules::{self, RuleInfo};
use crate::verdict::Finding;
use crate::world::{GitState, Ongoing};

/// What a rule's alternative is about.
#[derive(Debug, Clone, Copy)]
enum About {
    /// All uncommitted changes, and where the branch is.
    Reset,
    /// All uncommitted changes, on the way to another branch.
    Changes,
    /// The changes of some files.
    Files,
    /// The same; the rule's alternative is good where nothing is in conflict.
    Restored,
    /// Files that git does not know.
    Untracked,
}

impl About {
    fn of(rule: &RuleInfo) -> Option<Self> {
        let all: [(&[&RuleInfo], Self); 5] = [
            (
                &[rules::RESET_HARD, rules::RESET_MERGE, rules::RESET_UNKNOWN],
                Self::Reset,
            ),
            (
                &[
                    rules::CHECKOUT_FORCE,
                    rules::CHECKOUT_UNKNOWN,
                    rules::SWITCH_DISCARD,
                    rules::READ_TREE,
                ],
                Self::Changes,
            ),
            (&[rules::CHECKOUT_PATHS], Self::Files),
            (&[rules::RESTORE_WORKTREE], Self::Restored),
            (
                &[rules::CLEAN_FORCE, rules::CLEAN_INTERACTIVE],
                Self::Untracked,
            ),
        ];
        all.into_iter().find_map(|(some, about)| {
            some.iter()
                .any(|other| other.id == rule.id)
                .then_some(about)
        })
    }

    /// The alternative in this state; `None` where that of the rule is good.
    fn instead(self, state: GitState) -> Option<&'static str> {
        if !state.has_commit {
            return Some(self.without_commit());
        }
        let held_up = state.has_conflicts || state.ongoing.is_some();
        match self {
            Self::Reset | Self::Changes if held_up => Some(end(state.ongoing)),
            Self::Reset => Some(
                "`git stash` puts the changes aside, and `git reset --keep HEAD` moves the branch \
                 without touching them",
            ),
            Self::Files | Self::Restored if state.has_conflicts => Some(
                "of a file in conflict, `git show :2:FILE` prints our version and `git show :3:FILE` \
                 theirs: write one to the file, then `git add FILE`",
            ),
            Self::Files => Some(
                "`git stash push -- FILE` puts the changes aside; `git show HEAD:FILE` prints the \
                 committed version",
            ),
            Self::Untracked if state.has_conflicts => Some(MOVE),
            Self::Changes | Self::Restored | Self::Untracked => None,
        }
    }

    fn without_commit(self) -> &'static str {
        match self {
            Self::Reset | Self::Changes => {
                "there is no commit to go back to: `git add --all`, then `git commit -m MESSAGE` keeps \
                 the work"
            }
            Self::Files | Self::Restored => {
                "`git diff FILE` shows the changes, and `git show :FILE` prints the staged version; \
                 `git add FILE` keeps the changes"
            }
            Self::Untracked => MOVE,
        }
    }
}

const MOVE: &str = "`git clean --dry-run` shows them; move what is in the way to another folder";

/// How what is going on is ended.
fn end(ongoing: Option<Ongoing>) -> &'static str {
    match ongoing {
        Some(Ongoing::Merge) => "`git merge --abort` ends the merge and goes back to before it",
        Some(Ongoing::Rebase) => "`git rebase --abort` ends the rebase and goes back to before it",
        Some(Ongoing::CherryPick) => {
            "`git cherry-pick --abort` ends the cherry-pick and goes back to before it"
        }
        Some(Ongoing::Revert) => "`git revert --abort` ends the revert and goes back to before it",
        Some(Ongoing::Am) => "`git am --abort` ends it and goes back to before it",
        None => {
            "`git reset` ends the conflict and keeps the files as they are; then `git stash` puts the \
             changes aside"
        }
    }
}

/// Makes the alternatives of what was found fit the repository's state, which is asked only where
/// one depends on it.
pub(super) fn fit(judge: &mut Judge<'_>, call: &Call<'_>, mark: usize) {
    let mut state = None;
    let world = judge.world;
    let globals = &call.invocation.globals;
    for finding in judge.findings_since(mark) {
        let Some(about) = about(finding) else {
            continue;
        };
        let state = *state.get_or_insert_with(|| world.git_state(globals));
        if let Some(text) = state.and_then(|state| about.instead(state)) {
            finding.alternative = Some(text.to_owned());
        }
    }
}

/// Nothing where the alternative is no longer the rule's own.
fn about(finding: &Finding) -> Option<About> {
    let rule = rules::rule(finding.rule.as_str())?;
    let is_own = finding.alternative.as_deref() == rule.alternative;
    About::of(rule).filter(|_| is_own)
}
