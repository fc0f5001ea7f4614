//! `git reset`.

use crate::git::Call;
use crate::judge::Judge;
use crate::options::{Given, Parsed, Table};
use crate::rules;

pub(super) const RESET: Table = Table::new(
    "q,quiet no-refresh mixed soft hard merge keep recurse-submodules? p,patch N,intent-to-add \
     U,unified= inter-hunk-context= pathspec-from-file= pathspec-file-nul",
);

const MODES: [&str; 5] = ["mixed", "soft", "hard", "merge", "keep"];

pub(super) fn reset(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(RESET);
    if parsed.help {
        return;
    }
    // Behind a commit there may be any number of paths.
    let commit = call
        .operand(&parsed, 0)
        .is_some_and(|word| word.get().is_some());
    let usual = if commit { usize::MAX } else { 1 };
    let Some(mode) = mode(&parsed) else {
        return call.find_stray(judge, &parsed, usual, rules::RESET_UNKNOWN);
    };
    let word = call.args().get(mode.index).cloned().unwrap_or_default();
    match mode.name {
        "hard" => call.find(judge, rules::RESET_HARD, &[&word]),
        "merge" if call.may_have_staged(judge) => {
            call.find(judge, rules::RESET_MERGE, &[&word]);
        }
        _ => call.find_stray(judge, &parsed, usual, rules::RESET_UNKNOWN),
    }
}

/// The last mode wins; of an ambiguous abbreviation the worst counts.
fn mode(parsed: &Parsed) -> Option<&Given> {
    let modes = parsed
        .given
        .iter()
        .filter(|given| given.on && MODES.contains(&given.name));
    let last = modes.clone().next_back()?;
    let same_word = modes.filter(|given| given.index == last.index);
    same_word.max_by_key(|given| match given.name {
        "hard" => 2,
        "merge" => 1,
        _ => 0,
    })
}
