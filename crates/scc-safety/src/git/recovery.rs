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
    let mark = judge.mark();
    expiry(judge, call, &parsed, "prune");
    configured(judge, call, mark);
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

/// What was found since `mark` is of the same command; what is suggested instead must not depend on the
/// settings.
fn configured(judge: &mut Judge<'_>, call: &Call<'_>, mark: usize) {
    let Some(config) = call.config(judge) else {
        return;
    };
    let keys: BTreeSet<&String> = EXPIRIES
        .iter()
        .flat_map(|end| config.all("gc", end))
        .map(|(key, _)| key)
        .filter(|key| key.starts_with("gc."))
        .collect();
    // A key with wildcards or blanks does not stand in a command as it is.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/');
    let mut settings = Vec::new();
    let mut all_plain = true;
    for key in keys {
        if too_young(judge, call, &config, key) {
            all_plain &= key.chars().all(is_plain);
            settings.push(format!("-c {key}=90.days.ago"));
        }
    }
    if !settings.is_empty() && all_plain {
        let command = format!("git {} gc", settings.join(" "));
        judge.suggest(mark, &format!("`{command}` keeps what recovery may need"));
    }
}

/// True if it is, and was found.
fn too_young(judge: &mut Judge<'_>, call: &Call<'_>, config: &Config, key: &str) -> bool {
    let Some(Some(value)) = config.last(key) else {
        return false;
    };
    if age::is_harmless(value) {
        return false;
    }
    let mut shown = Word::known(format!("{key}="), value.span.clone());
    shown.push_word(value);
    call.find_setting(judge, rules::GC_PRUNE, &shown);
    true
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
        Some(subcommand) if subcommand.is("run") => {
            let mark = judge.mark();
            configured(judge, call, mark);
        }
        Some(subcommand) if subcommand.get().is_none() => {
            call.find(judge, rules::REFLOG_UNKNOWN, &[subcommand]);
        }
        _ => {}
    }
}
