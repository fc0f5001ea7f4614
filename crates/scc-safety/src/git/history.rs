//! Rewriting history, deleting references and work trees.

use crate::git::{Call, programs, stray};
use crate::judge::Judge;
use crate::options::Table;
use crate::rules::{self, RuleInfo};
use crate::word::Word;

pub(super) const UPDATE_REF: Table = Table::new("m= d no-deref z stdin create-reflog");

const REMOVE: Table = Table::new(
    "n,dry-run q,quiet cached f,force r ignore-unmatch sparse pathspec-from-file= pathspec-file-nul",
);

pub(super) const SYMBOLIC_REF: Table = Table::new("q,quiet d,delete short recurse m=");

pub(super) const WORKTREE_ADD: Table = Table::new(
    "f,force b= B= orphan d,detach checkout lock reason= q,quiet track guess-remote relative-paths",
);

const FORCE: Table = Table::new("f,force q,quiet all");

const SUBMODULE_UPDATE: Table = Table::new(
    "q,quiet progress i,init remote N,no-fetch f,force rebase merge checkout recursive reference= \
     dissociate depth= j,jobs= recommend-shallow single-branch filter= require-init",
);

const FAST_IMPORT: Table = Table::new(
    "force max-pack-size= big-file-threshold= depth= active-branches= export-pack-edges= quiet \
     stats allow-unsafe-features cat-blob-fd= date-format= done import-marks= \
     import-marks-if-exists= export-marks= relative-marks rewrite-submodules-from= \
     rewrite-submodules-to=",
);

pub(super) fn filter_branch(judge: &mut Judge<'_>, call: &Call<'_>) {
    call.find(judge, rules::FILTER_BRANCH, &[]);
}

pub(super) fn filter_repo(judge: &mut Judge<'_>, call: &Call<'_>) {
    let reads = ["--analyze", "--dry-run", "--help", "-h", "--version"];
    let only_reads = call
        .args()
        .iter()
        .any(|word| reads.iter().any(|option| word.is(option)));
    if !only_reads {
        call.find(judge, rules::FILTER_REPO, &[]);
    }
}

pub(super) fn update_ref(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(UPDATE_REF);
    if parsed.help {
        return;
    }
    call.find_option(judge, &parsed, "d", rules::UPDATE_REF_DELETE);
    call.find_option(judge, &parsed, "stdin", rules::UPDATE_REF_STDIN);
    call.find_stray(judge, &parsed, 3, rules::HISTORY_UNKNOWN);
    let (Some(name), Some(value)) = (call.operand(&parsed, 0), call.operand(&parsed, 1)) else {
        return;
    };
    if value.get().is_some_and(is_null) {
        call.find(judge, rules::UPDATE_REF_DELETE, &[name, value]);
    } else if !call
        .operand(&parsed, 2)
        .and_then(Word::get)
        .is_some_and(is_null)
    {
        // With no value as the old one, git gives one only to what is not there.
        overwritten(judge, call, name);
    }
}

/// The value of a reference that is not there: giving it deletes the reference.
fn is_null(value: &str) -> bool {
    value.bytes().all(|digit| digit == b'0')
}

/// A branch or tag that is there, or may be, gets another value.
fn overwritten(judge: &mut Judge<'_>, call: &Call<'_>, name: &Word) {
    let Some(text) = name.get() else {
        return;
    };
    let is_kept = ["refs/heads/", "refs/tags/"]
        .iter()
        .any(|start| text.starts_with(start));
    let globals = &call.invocation.globals;
    if is_kept && judge.or_worse(judge.world.ref_exists(globals, text)) {
        call.find(judge, rules::UPDATE_REF_OVERWRITE, &[name]);
    }
}

pub(super) fn remove(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(REMOVE);
    let only_staged = parsed.surely_on("cached") || parsed.surely_on("dry-run");
    if !parsed.help && !only_staged {
        call.find_option(judge, &parsed, "force", rules::REMOVE_FORCE);
    }
}

pub(super) fn symbolic_ref(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(SYMBOLIC_REF);
    if parsed.help {
        return;
    }
    call.find_option(judge, &parsed, "delete", rules::UPDATE_REF_DELETE);
    if let Some(name) = call.operand(&parsed, 0)
        && parsed.operands.len() > 1
    {
        overwritten(judge, call, name);
    }
}

pub(super) fn worktree(judge: &mut Judge<'_>, call: &Call<'_>) {
    let Some((subcommand, args)) = call.args().split_first() else {
        return;
    };
    match subcommand.get() {
        Some("remove") => forced(judge, call, args, FORCE, rules::WORKTREE_REMOVE),
        Some("add") => {
            let parsed = WORKTREE_ADD.parse(args);
            if let Some(name) = parsed.value("B")
                && !parsed.help
                && call.may_exist(judge, "heads", name)
            {
                call.find(
                    judge,
                    rules::BRANCH_OVERWRITE,
                    &[subcommand, &args[index(&parsed, "B")]],
                );
            }
        }
        Some(_) => {}
        None => call.find(judge, rules::HISTORY_UNKNOWN, &[subcommand]),
    }
}

fn index(parsed: &crate::options::Parsed, option: &str) -> usize {
    parsed.on(option).map_or(0, |given| given.index)
}

/// A subcommand's own subcommand that destroys when it is forced.
fn forced(judge: &mut Judge<'_>, call: &Call<'_>, args: &[Word], table: Table, rule: &RuleInfo) {
    let parsed = table.parse(args);
    if parsed.help {
        return;
    }
    if let Some(given) = parsed.on("force") {
        call.find(judge, rule, &[&call.args()[0], &args[given.index]]);
    } else if let Some(word) = stray(judge, &parsed, args, usize::MAX) {
        call.find(judge, rules::HISTORY_UNKNOWN, &[word]);
    }
}

pub(super) fn submodule(judge: &mut Judge<'_>, call: &Call<'_>) {
    let is_option = |word: &&Word| word.start().starts_with('-');
    let skipped = call.args().iter().take_while(is_option).count();
    let Some((subcommand, args)) = call.args()[skipped..].split_first() else {
        return;
    };
    match subcommand.get() {
        Some("deinit") => forced(judge, call, args, FORCE, rules::SUBMODULE_DEINIT),
        Some("update") => {
            forced(judge, call, args, SUBMODULE_UPDATE, rules::SUBMODULE_UPDATE);
        }
        Some("foreach") => programs::foreach(judge, args),
        Some(_) => {}
        None => call.find(judge, rules::HISTORY_UNKNOWN, &[subcommand]),
    }
}

pub(super) fn fast_import(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(FAST_IMPORT);
    call.find_option(judge, &parsed, "force", rules::FAST_IMPORT);
}
