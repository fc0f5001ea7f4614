//! `git fetch`, `git pull`: branches and tags of this repository that the remote's overwrite.

use crate::git::Call;
use crate::git::config::{Config, may_be_true};
use crate::git::push::setting;
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules;
use crate::word::Word;

pub(super) const FETCH: Table = Table::new(
    "v,verbose q,quiet all set-upstream a,append atomic upload-pack= f,force m,multiple t,tags n \
     j,jobs= prefetch p,prune P,prune-tags recurse-submodules? dry-run porcelain write-fetch-head \
     k,keep u,update-head-ok progress depth= shallow-since= shallow-exclude= deepen= unshallow \
     refetch submodule-prefix= recurse-submodules-default= update-shallow refmap= \
     o,server-option= 4,ipv4 6,ipv6 negotiation-tip= negotiate-only filter= auto-maintenance \
     auto-gc show-forced-updates write-commit-graph stdin",
);

pub(super) const PULL: Table = Table::new(
    "v,verbose q,quiet progress recurse-submodules? r,rebase? n stat summary compact-summary log? \
     signoff squash commit edit cleanup= ff ff-only verify verify-signatures autostash s,strategy= \
     X,strategy-option= S,gpg-sign? allow-unrelated-histories all a,append upload-pack= f,force \
     t,tags p,prune j,jobs= dry-run k,keep depth= shallow-since= shallow-exclude= deepen= unshallow \
     update-shallow refmap= o,server-option= 4,ipv4 6,ipv6 negotiation-tip= show-forced-updates \
     set-upstream",
);

pub(super) fn fetch(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(FETCH);
    common(judge, call, &parsed);
}

pub(super) fn pull(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(PULL);
    common(judge, call, &parsed);
}

fn common(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed) {
    if parsed.help || parsed.surely_on("dry-run") {
        return;
    }
    let inline = Config::inline(call.invocation);
    if parsed.on("tags").is_some() {
        call.find_option(judge, parsed, "force", rules::FETCH_FORCE);
    }
    call.find_option(judge, parsed, "prune-tags", rules::FETCH_PRUNE);
    let prunes_tags = inline
        .all("", ".prunetags")
        .any(|(_, value)| value.as_ref().is_none_or(may_be_true));
    if prunes_tags {
        call.find(judge, rules::FETCH_PRUNE, &[]);
    }
    let configured: Vec<Word> = inline
        .all("remote.", ".fetch")
        .filter_map(|(_, value)| value.clone())
        .collect();
    let mapped = parsed.given.iter().filter(|given| given.name == "refmap");
    let mapped: Vec<Word> = mapped.filter_map(|given| given.value.clone()).collect();
    let given = given(call, parsed);
    for refspec in given.iter().chain(&configured).chain(&mapped) {
        judge_refspec(judge, call, parsed, refspec);
    }
    call.find_stray(judge, parsed, 2, rules::HISTORY_UNKNOWN);
    if parsed.operands.len() < 2
        && judge.world.has_remote_files(&call.invocation.globals) == Some(true)
    {
        call.find(judge, rules::HISTORY_UNKNOWN, &[]);
    }
    from_files(judge, call, parsed);
}

/// `remote.NAME.fetch` of the configuration's files, where it overwrites branches. A mirror is made
/// to be overwritten, and tags and other references are often kept so.
fn from_files(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed) {
    let Some(config) = call.config(judge) else {
        return;
    };
    let several = parsed.on("all").is_some()
        || parsed.on("multiple").is_some()
        || config.all("remotes.", "").next().is_some();
    let named = call.operand(parsed, 0).and_then(Word::get);
    let named = named.filter(|_| !several);
    let is_meant =
        |remote: &str| named.is_none_or(|name| remote.strip_prefix("remote.") == Some(name));
    let mut overwriting = Vec::new();
    let says_tags = parsed
        .given
        .iter()
        .any(|given| matches!(given.name, "tags" | "n"));
    for (key, value) in config.all("remote.", ".tagopt") {
        if let Some(value) = value
            && value.get().is_none_or(|text| text == "--tags")
            && is_meant(key.trim_end_matches(".tagopt"))
            && !says_tags
            && parsed.on("force").is_some()
        {
            overwriting.push(setting(key, Some(value)));
        }
    }
    for (key, value) in config.all("remote.", ".fetch") {
        let remote = key.trim_end_matches(".fetch");
        let is_mirror = config
            .last(&format!("{remote}.mirror"))
            .is_some_and(|value| value.is_none_or(may_be_true));
        let forced = parsed.on("force").is_some();
        if let Some(value) = value
            && is_meant(remote)
            && !is_mirror
            && overwrites_branches(value.start(), forced)
        {
            overwriting.push(setting(key, Some(value)));
        }
    }
    for shown in overwriting {
        call.find(judge, rules::FETCH_FORCE, &[&shown]);
    }
}

fn overwrites_branches(refspec: &str, forced: bool) -> bool {
    let (plus, text) = match refspec.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, refspec),
    };
    let Some((_, target)) = text.split_once(':') else {
        return false;
    };
    let (start, has_star) = match target.split_once('*') {
        Some((start, _)) => (start, true),
        None => (target, false),
    };
    let is_branch = start.starts_with("refs/heads/")
        || !start.starts_with("refs/") && !start.is_empty()
        || has_star && "refs/heads/".starts_with(start);
    (plus || forced) && is_branch
}

/// The refspecs of the command line; `tag NAME` is one for a tag.
fn given(call: &Call<'_>, parsed: &Parsed) -> Vec<Word> {
    let mut words = call.operands(parsed, 1);
    let mut refspecs = Vec::new();
    while let Some(word) = words.next() {
        match words.next().filter(|_| word.is("tag")) {
            Some(name) => {
                let mut refspec = Word::known("refs/tags/", name.span.clone());
                refspec.push_word(name);
                refspec.push_str(":refs/tags/");
                refspec.push_word(name);
                refspecs.push(refspec);
            }
            None => refspecs.push(word.clone()),
        }
    }
    refspecs
}

/// What a fetch must not overwrite: a branch, a tag, a stash, notes, replaced objects.
const KEPT: [&str; 5] = [
    "refs/heads/",
    "refs/tags/",
    "refs/stash",
    "refs/notes/",
    "refs/replace/",
];

/// A reference of this repository that holds what is nowhere else, or may. What stands for the
/// remote's branches is overwritten by every fetch, and of other references nobody's work is made.
fn is_kept(target: &str) -> bool {
    let is_full = target.starts_with("refs/");
    let is_half = ["heads/", "tags/", "remotes/"]
        .iter()
        .any(|start| target.starts_with(start));
    let start = match (is_full, is_half) {
        (true, _) => "",
        (false, true) => "refs/",
        (false, false) => "refs/heads/",
    };
    let full = format!("{start}{target}");
    // A pattern, or what is not known.
    match full.split_once(['*', '…']) {
        Some((start, _)) => KEPT
            .iter()
            .any(|kept| start.starts_with(kept) || kept.starts_with(start)),
        None => KEPT.iter().any(|kept| full.starts_with(kept)),
    }
}

/// What is fetched is neither a branch nor a tag, and is written to no reference.
fn is_passing(source: &str) -> bool {
    let is_hash = source.len() >= 7 && source.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash || source.starts_with("refs/") && !is_kept(source)
}

fn judge_refspec(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed, refspec: &Word) {
    let shown = refspec.shown();
    let (plus, text) = match shown.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, shown.as_ref()),
    };
    let target = text.split_once(':').map(|(_, target)| target);
    let is_own = match target {
        Some(target) => !target.is_empty() && is_kept(target),
        None => !is_passing(text),
    };
    let forced = plus || (target.is_some() && parsed.on("force").is_some());
    if is_own && forced {
        call.find(judge, rules::FETCH_FORCE, &[refspec]);
    } else if is_own
        && target.is_some_and(|target| target.contains('*'))
        && parsed.on("prune").is_some()
    {
        call.find(judge, rules::FETCH_PRUNE, &[refspec]);
    }
}
