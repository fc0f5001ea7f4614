//! `git stash`.

use crate::git::Call;
use crate::judge::Judge;
use crate::options::Table;
use crate::rules;

pub(super) const DROP: Table = Table::new("q,quiet");

pub(super) fn stash(judge: &mut Judge<'_>, call: &Call<'_>) {
    // An option before the subcommand makes it a `push`.
    let Some((subcommand, args)) = call.args().split_first() else {
        return;
    };
    if subcommand.get().is_none() && !subcommand.start().starts_with('-') {
        return call.find(judge, rules::STASH_UNKNOWN, &[subcommand]);
    }
    let rule = match subcommand.get() {
        Some("drop") => rules::STASH_DROP,
        Some("clear") => rules::STASH_CLEAR,
        _ => return,
    };
    if !DROP.parse(args).help {
        call.find(judge, rule, &[subcommand]);
    }
}
