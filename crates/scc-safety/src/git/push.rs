//! `git push`, `git send-pack`.

use crate::git::Call;
use crate::git::config::may_be_true;
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules;
use crate::word::{Doubt, Word};

pub(super) const PUSH: Table = Table::new(
    "v,verbose q,quiet repo= all branches mirror d,delete tags n,dry-run porcelain f,force \
     force-with-lease? force-if-includes recurse-submodules= thin receive-pack= exec= \
     u,set-upstream progress prune no-verify follow-tags signed? atomic o,push-option= 4,ipv4 6,ipv6",
);

pub(super) const SEND_PACK: Table = Table::new(
    "v,verbose q,quiet receive-pack= exec= remote= all n,dry-run mirror f,force signed? \
     push-option= progress thin atomic stateless-rpc stdin helper-status force-with-lease? \
     force-if-includes",
);

pub(super) fn push(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(PUSH);
    if parsed.help || parsed.surely_on("dry-run") {
        return;
    }
    let before = judge.mark();
    common(judge, call, &parsed);
    call.find_option(judge, &parsed, "delete", rules::PUSH_DELETE);
    call.find_option(judge, &parsed, "prune", rules::PUSH_PRUNE);
    // Without refspecs git takes those of the configuration.
    if parsed.operands.len() < 2 && !parsed.surely_on("tags") {
        configured(judge, call, &parsed, before);
    }
}

pub(super) fn send_pack(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(SEND_PACK);
    if parsed.help || parsed.surely_on("dry-run") {
        return;
    }
    common(judge, call, &parsed);
    call.find_option(judge, &parsed, "stdin", rules::PUSH_UNKNOWN);
}

fn common(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed) {
    call.find_option(judge, parsed, "force", rules::PUSH_FORCE);
    call.find_option(judge, parsed, "mirror", rules::PUSH_MIRROR);
    for refspec in call.operands(parsed, 1) {
        judge_refspec(judge, call, refspec);
    }
    // The remote, and what is pushed. No file holds the name of a remote.
    let from_file = call
        .operand(parsed, 0)
        .filter(|word| word.doubt() == Some(Doubt::Printed));
    if let Some(word) = from_file.filter(|_| judge.or_worse(None)) {
        call.find(judge, rules::PUSH_UNKNOWN, &[word]);
    }
    call.find_stray(judge, parsed, 2, rules::PUSH_UNKNOWN);
}

fn judge_refspec(judge: &mut Judge<'_>, call: &Call<'_>, refspec: &Word) {
    let text = refspec.start();
    if text.starts_with('+') {
        call.find(judge, rules::PUSH_FORCE, &[refspec]);
    } else if text.starts_with(':') && !refspec.is(":") {
        call.find(judge, rules::PUSH_DELETE, &[refspec]);
    }
}

/// `remote.NAME.mirror` and `remote.NAME.push`. What was found since `mark` is of the same push, and
/// what is suggested instead must not depend on such a setting.
fn configured(judge: &mut Judge<'_>, call: &Call<'_>, parsed: &Parsed, mark: usize) {
    let Some(config) = call.config(judge) else {
        return;
    };
    if judge.world.has_remote_files(&call.invocation.globals) == Some(true) {
        call.find(judge, rules::PUSH_UNKNOWN, &[]);
    }
    let remote = call
        .operand(parsed, 0)
        .or_else(|| parsed.value("repo"))
        .and_then(Word::get);
    let (start, mirror, push) = match remote {
        Some(name) => (
            format!("remote.{name}"),
            format!("remote.{name}.mirror"),
            format!("remote.{name}.push"),
        ),
        None => (
            "remote.".to_owned(),
            ".mirror".to_owned(),
            ".push".to_owned(),
        ),
    };
    let matching = |end: &str| {
        let entries = if remote.is_some() {
            config.all(end, "")
        } else {
            config.all(&start, end)
        };
        entries.cloned().collect::<Vec<_>>()
    };
    let mut instead = None;
    // The last value counts, but each of several remotes may be meant.
    let mirrors = matching(&mirror);
    for (key, value) in &mirrors {
        let last = config
            .last(key)
            .is_some_and(|value| value.is_none_or(may_be_true));
        if last && value.as_ref().is_none_or(may_be_true) {
            call.find_setting(judge, rules::PUSH_MIRROR, &setting(key, value.as_ref()));
            instead = instead.or_else(|| {
                let name = remote_of(key)?;
                Some(format!(
                    "git -c remote.{name}.mirror=false push {name} HEAD"
                ))
            });
        }
    }
    for (key, value) in matching(&push) {
        let value = value.unwrap_or_default();
        let shown = setting(&key, Some(&value));
        if value.start().starts_with('+') {
            call.find_setting(judge, rules::PUSH_FORCE, &shown);
        } else if value.start().starts_with(':') && !value.is(":") {
            call.find_setting(judge, rules::PUSH_DELETE, &shown);
        } else {
            continue;
        }
        let named = || Some(format!("git push {} HEAD", remote_of(&key)?));
        instead = instead.or_else(named);
    }
    if let Some(command) = instead {
        judge.suggest(mark, &format!("push what is meant: `{command}`"));
    }
}

/// The remote of a setting, where its name may stand in a command as it is.
fn remote_of(key: &str) -> Option<&str> {
    let (name, _) = key.strip_prefix("remote.")?.rsplit_once('.')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    (!name.starts_with('-') && name.chars().all(is_plain)).then_some(name)
}

/// A setting, for people.
pub(super) fn setting(key: &str, value: Option<&Word>) -> Word {
    let span = value.map_or(0..0, |value| value.span.clone());
    let mut word = Word::known(key, span);
    if let Some(value) = value {
        word.push_str("=");
        word.push_word(value);
    }
    word
}
