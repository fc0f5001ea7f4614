//! `git push`, `git send-pack`.

use crate::git::Call;
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules;
use crate::word::Word;

const PUSH: Table = Table::new(
    "v,verbose q,quiet repo= all branches mirror d,delete tags n,dry-run porcelain f,force \
     force-with-lease? force-if-includes recurse-submodules= thin receive-pack= exec= \
     u,set-upstream progress prune no-verify follow-tags signed? atomic o,push-option= 4,ipv4 6,ipv6",
);

const SEND_PACK: Table = Table::new(
    "v,verbose q,quiet receive-pack= exec= remote= all n,dry-run mirror f,force signed? \
     push-option= progress thin atomic stateless-rpc stdin helper-status force-with-lease? \
     force-if-includes",
);

pub(super) fn push(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = PUSH.parse(call.args());
    if parsed.help {
        return;
    }
    let _ = judged(judge, call, &parsed);
}

pub(super) fn send_pack(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = SEND_PACK.parse(call.args());
    if parsed.help {
        return;
    }
    let _ = judged(judge, call, &parsed);
}

fn judged(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed) {
    if parsed.surely_on("dry-run") {
        return;
    }
    for (option, rule) in [
        ("force", rules::PUSH_FORCE),
        ("mirror", rules::PUSH_MIRROR),
        ("delete", rules::PUSH_DELETE),
        ("prune", rules::PUSH_PRUNE),
    ] {
        if let Some(given) = parsed.on(option) {
            judge.find(rule, &[&call.args()[given.index]], call.words);
        }
    }
    let refspecs = parsed.operands.iter().skip(1);
    for refspec in refspecs.map(|index| &call.args()[*index]) {
        judge_refspec(judge, call, refspec);
    }
    if let Some(stray) = parsed.stray(call.args(), 2) {
        judge.find(rules::PUSH_UNKNOWN, &[&call.args()[stray]], call.words);
    }
}

fn judge_refspec(judge: &mut Judge<'_>, call: &Call<'_>, refspec: &Word) {
    let text = refspec.start();
    if text.starts_with('+') {
        judge.find(rules::PUSH_FORCE, &[refspec], call.words);
    } else if text.starts_with(':') && refspec.get() != Some(":") {
        judge.find(rules::PUSH_DELETE, &[refspec], call.words);
    }
}
