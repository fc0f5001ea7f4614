//! What recovery needs: `git reflog`, `gc`, `prune`, `repack`, `maintenance`.

use std::collections::BTreeSet;

use crate::git::config::Config;
use crate::git::{Call, age};
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules;
use crate::word::Word;

pub(super) const REFLOG: Table = Table::new(
    "n,dry-run rewrite updateref verbose expire= expire-unreachable= stale-fix all single-worktree",
);

pub(super) const GC: Table = Table::new(
    "q,quiet prune? cruft max-cruft-size= aggressive auto detach force keep-largest-pack expire-to=",
);

pub(super) const PRUNE: Table =
    Table::new("n,dry-run v,verbose progress expire= exclude-promisor-objects");

pub(super) const REPACK: Table = Table::new(
    "a A cruft cruft-expiration= max-cruft-size= d f F n q,quiet l,local b,write-bitmap-index \
     i,delta-islands unpack-unreachable= k,keep-unreachable window= window-memory= depth= threads= \
     max-pack-size= filter= pack-kept-objects keep-pack= g,geometric= m,write-midx expire-to= \
     filter-to=",
);

/// Settings that say how long recovery is possible. Those of reflogs may be for some references only
/// (`gc.refs/heads/*.reflogExpire`).
const EXPIRIES: [&str; 3] = [".pruneexpire", ".reflogexpire", ".reflogexpireunreachable"];

pub(super) fn reflog(judge: &mut Judge<'_>, call: &Call<'_>) {
    let Some((subcommand, args)) = call.args().split_first() else {
        return;
    };
    let rule = match subcommand.get() {
        Some("expire") => rules::REFLOG_EXPIRE,
        Some("delete" | "drop") => rules::REFLOG_DELETE,
        Some(_) => return,
        None => return call.find(judge, rules::REFLOG_UNKNOWN, &[subcommand]),
    };
    let parsed = REFLOG.parse(args);
    if !parsed.help && !parsed.surely_on("dry-run") {
        call.find(judge, rule, &[subcommand]);
    }
}

pub(super) fn gc(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(GC);
    if parsed.help {
        return;
    }
    expiry(judge, call, &parsed, "prune");
    configured(judge, call);
    call.find_stray(judge, &parsed, 0, rules::REFLOG_UNKNOWN);
}

/// An option with an age that is too young.
fn expiry(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed, option: &str) {
    if parsed
        .value(option)
        .is_some_and(|value| !age::is_harmless(value))
    {
        call.find_option(judge, parsed, option, rules::GC_PRUNE);
    }
}

fn configured(judge: &mut Judge<'_>, call: &Call<'_>) {
    let Some(config) = call.config(judge) else {
        return;
    };
    let keys: BTreeSet<&String> = EXPIRIES
        .iter()
        .flat_map(|end| config.all("gc", end))
        .map(|(key, _)| key)
        .filter(|key| key.starts_with("gc."))
        .collect();
    for key in keys {
        too_young(judge, call, &config, key);
    }
}

fn too_young(judge: &mut Judge<'_>, call: &Call<'_>, config: &Config, key: &str) {
    let Some(Some(value)) = config.last(key) else {
        return;
    };
    if !age::is_harmless(value) {
        let mut shown = Word::known(format!("{key}="), value.span.clone());
        shown.push_word(value);
        call.find(judge, rules::GC_PRUNE, &[&shown]);
    }
}

pub(super) fn prune(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(PRUNE);
    let spares = parsed.value("expire").is_some_and(age::is_harmless);
    if parsed.help || parsed.surely_on("dry-run") || spares {
        return;
    }
    call.find(judge, rules::PRUNE, &[]);
}

pub(super) fn repack(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(REPACK);
    if parsed.help {
        return;
    }
    expiry(judge, call, &parsed, "cruft-expiration");
    expiry(judge, call, &parsed, "unpack-unreachable");
    call.find_stray(judge, &parsed, 0, rules::REFLOG_UNKNOWN);
}

pub(super) fn maintenance(judge: &mut Judge<'_>, call: &Call<'_>) {
    match call.args().first() {
        Some(subcommand) if subcommand.is("run") => configured(judge, call),
        Some(subcommand) if subcommand.get().is_none() => {
            call.find(judge, rules::REFLOG_UNKNOWN, &[subcommand]);
        }
        _ => {}
    }
}
