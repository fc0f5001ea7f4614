//! What git starts by itself: `git stash` runs `git reset --hard`, `git cherry-pick --abort` runs
//! `git reset --merge`, `git gc` runs `git prune`.
//! That git was judged when it was started.

use crate::git::globals::Invocation;
use crate::judge::Judge;
use crate::word::{Word, base_name};

/// Subcommands, and those that they start. (Seen in the sources and traces of git 2.39 and 2.47.)
const STARTS: [(&str, &[&str]); 21] = [
    (
        "stash",
        &["reset", "clean", "checkout", "checkout-index", "read-tree"],
    ),
    ("worktree", &["reset", "branch"]),
    ("submodule--helper", &["checkout", "reset", "read-tree"]),
    ("clone", &["checkout", "read-tree", "submodule"]),
    ("gc", &["reflog", "prune", "repack"]),
    ("maintenance", &["reflog", "prune", "repack", "gc"]),
    ("bisect", &["checkout", "reset"]),
    ("merge", &["read-tree"]),
    ("merge-one-file", &["checkout-index"]),
    ("cherry-pick", &["reset", "read-tree"]),
    ("revert", &["reset", "read-tree"]),
    // Where `submodule.recurse` is on.
    ("rebase", &["read-tree"]),
    ("pull", &["read-tree"]),
    ("am", &["read-tree"]),
    ("restore", &["read-tree"]),
    ("subtree", &["checkout", "update-ref"]),
    ("remote-http", &["send-pack", "http-push"]),
    ("remote-https", &["send-pack", "http-push"]),
    ("checkout", &["read-tree"]),
    ("switch", &["read-tree"]),
    ("reset", &["read-tree"]),
];

fn updates_submodules(helper: &Invocation) -> bool {
    let first = helper.args.first();
    first.is_some_and(|word| ["update", "clone", "add"].iter().any(|name| word.is(name)))
}

/// Git itself started this command.
pub(super) fn is_gits_own(judge: &Judge<'_>, invocation: &Invocation) -> bool {
    let Some(parent) = judge.world.git_parent() else {
        return false;
    };
    let Some((program, args)) = parent.split_first() else {
        return false;
    };
    let args: Vec<Word> = args
        .iter()
        .map(|arg| Word::known(arg.clone(), 0..0))
        .collect();
    let Ok(Some(parent)) = Invocation::read(judge, base_name(program), &args) else {
        return false;
    };
    // The others start nothing of the kind, or what the user's own command for each submodule is.
    if parent.subcommand() == "submodule--helper" && !updates_submodules(&parent) {
        return false;
    }
    let starts = STARTS.iter().find(|(name, _)| *name == parent.subcommand());
    starts.is_some_and(|(_, started)| started.contains(&invocation.subcommand()))
}
