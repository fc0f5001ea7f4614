//! `git clean`.

use crate::git::Call;
use crate::judge::Judge;
use crate::options::Table;
use crate::rules;

pub(super) const CLEAN: Table =
    Table::new("q,quiet n,dry-run f,force i,interactive e,exclude= d x X");

pub(super) fn clean(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(CLEAN);
    if parsed.help || parsed.surely_on("dry-run") {
        return;
    }
    let forced = call.find_option(judge, &parsed, "force", rules::CLEAN_FORCE);
    let asks = call.find_option(judge, &parsed, "interactive", rules::CLEAN_INTERACTIVE);
    if forced || asks {
        return;
    }
    // Without either git refuses, unless it is configured not to.
    let Some(config) = call.config(judge) else {
        return;
    };
    if config.may_be_false("clean.requireforce") {
        call.find(judge, rules::CLEAN_FORCE, &[]);
    }
    // Without `--force` the command is of no use, so that a word that is not known is likely to be it.
    call.find_stray(judge, &parsed, 0, rules::CLEAN_UNKNOWN);
}
