//! Subcommands that git does not have: aliases, and what `help.autocorrect` takes them for.

use crate::git::Call;
use crate::git::config::Config;
use crate::git::globals::Invocation;
use crate::judge::Judge;
use crate::rules;
use crate::shell::{Input, script};
use crate::word::Word;

/// Subcommands that git has had for long and that no alias can replace, for which the
/// configuration need not be read. What is not here is looked up.
const BUILTINS: [&str; 96] = [
    "add",
    "am",
    "annotate",
    "apply",
    "archive",
    "bisect",
    "blame",
    "bundle",
    "cat-file",
    "check-attr",
    "check-ignore",
    "check-mailmap",
    "check-ref-format",
    "cherry",
    "cherry-pick",
    "clone",
    "column",
    "commit",
    "commit-graph",
    "commit-tree",
    "config",
    "count-objects",
    "credential",
    "daemon",
    "describe",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "difftool",
    "fast-export",
    "fetch-pack",
    "fmt-merge-msg",
    "for-each-ref",
    "for-each-repo",
    "format-patch",
    "fsck",
    "grep",
    "hash-object",
    "help",
    "index-pack",
    "init",
    "init-db",
    "interpret-trailers",
    "log",
    "ls-files",
    "ls-remote",
    "ls-tree",
    "mailinfo",
    "mailsplit",
    "merge",
    "merge-base",
    "merge-file",
    "merge-index",
    "merge-tree",
    "mergetool",
    "mktag",
    "mktree",
    "multi-pack-index",
    "mv",
    "name-rev",
    "notes",
    "pack-objects",
    "pack-refs",
    "patch-id",
    "prune-packed",
    "range-diff",
    "rebase",
    "receive-pack",
    "remote",
    "remote-ext",
    "replace",
    "request-pull",
    "rerere",
    "rev-list",
    "rev-parse",
    "revert",
    "rm",
    "send-email",
    "shortlog",
    "show",
    "show-branch",
    "show-index",
    "show-ref",
    "sparse-checkout",
    "status",
    "stripspace",
    "submodule--helper",
    "unpack-file",
    "unpack-objects",
    "update-index",
    "update-server-info",
    "upload-archive",
    "upload-pack",
    "var",
    "version",
];

/// Subcommands with rules, which a mistyped one may be taken for.
const GUARDED: [&str; 22] = [
    "push",
    "send-pack",
    "reset",
    "branch",
    "tag",
    "checkout",
    "switch",
    "restore",
    "checkout-index",
    "read-tree",
    "clean",
    "stash",
    "reflog",
    "gc",
    "prune",
    "filter-branch",
    "update-ref",
    "worktree",
    "submodule",
    "fast-import",
    "fetch",
    "pull",
];

/// Git corrects a word that is this near to a subcommand (help.c, `SIMILARITY_FLOOR`).
const NEAR: usize = 7;

pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

/// Judges what a subcommand that git does not have stands for.
pub(super) fn judge(judge: &mut Judge<'_>, call: &Call<'_>) {
    let Some(config) = call.config(judge) else {
        return;
    };
    let name = call.invocation.subcommand();
    // The names of aliases are keys, and the case of a key's letters does not matter.
    let found = config
        .last_in_any_case(&format!("alias.{name}"))
        .or_else(|| config.last(&format!("alias.{name}.command")));
    match found.flatten() {
        Some(text) => resolve(judge, call, text),
        None => corrected(judge, call, &config),
    }
}

fn resolve(judge: &mut Judge<'_>, call: &Call<'_>, text: &Word) {
    let name = &call.invocation.name;
    if !judge.enter_alias() {
        return call.find(judge, rules::ALIAS_TOO_DEEP, &[]);
    }
    if text.start().starts_with('!') {
        let mut command = text.skip(1).with_span(&name.span);
        command.push_str(" \"$@\"");
        let saved = judge.state.clone();
        judge.state.positional = Some(std::rc::Rc::new(call.args().to_vec()));
        script(judge, &command, &Input::Inherited);
        judge.state = saved;
    } else if let Some(text) = text.get() {
        let alias = split_words(text)
            .into_iter()
            .map(|word| Word::known(word, name.span.clone()));
        let mut words = vec![Word::known("git", name.span.clone())];
        words.extend(call.invocation.global_words.iter().cloned());
        words.extend(alias);
        words.extend(call.args().iter().cloned());
        super::judge(judge, "git", &words);
    } else {
        call.find(judge, rules::UNKNOWN_SUBCOMMAND, &[text]);
    }
    judge.leave_alias();
}

/// With `help.autocorrect` git runs the subcommand that is nearest.
fn corrected(judge: &mut Judge<'_>, call: &Call<'_>, config: &Config) {
    let corrects = config.last("help.autocorrect").is_some_and(|value| {
        value.is_none_or(|word| {
            let text = word.get().unwrap_or("1").to_ascii_lowercase();
            !matches!(
                text.as_str(),
                "0" | "never" | "prompt" | "show" | "false" | "no" | "off"
            )
        })
    });
    if !corrects {
        return;
    }
    let typed = call.invocation.subcommand();
    let nearest = GUARDED.map(|name| distance(typed, name)).into_iter().min();
    for name in GUARDED {
        let distance = distance(typed, name);
        if name.starts_with(typed) || (distance < NEAR && Some(distance) == nearest) {
            let invocation = Invocation {
                globals: call.invocation.globals.clone(),
                global_words: call.invocation.global_words.clone(),
                inline: call.invocation.inline.clone(),
                name: Word::known(name, call.invocation.name.span.clone()),
                args: call.invocation.args.clone(),
            };
            let meant = Call {
                words: call.words,
                invocation: &invocation,
            };
            meant.dispatch(judge, name);
        }
    }
}

/// The cost of making one word the other, with git's weights: a swap 0, a substitution 2, an
/// insertion 1, a deletion 3, and 1 for being another word at all.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let width = to.len() + 1;
    let mut rows: Vec<usize> = vec![0; (from.len() + 1) * width];
    let at = |row: usize, column: usize| row * width + column;
    for row in 0..=from.len() {
        for column in 0..=to.len() {
            let cell =
                |rows: &[usize], row: usize, column: usize| rows.get(at(row, column)).copied();
            let mut best = if row == 0 && column == 0 {
                0
            } else {
                usize::MAX
            };
            if row > 0 && column > 0 {
                let differs = 2 * usize::from(from[row - 1] != to[column - 1]);
                best = best.min(cell(&rows, row - 1, column - 1).unwrap_or(0) + differs);
            }
            if row > 1
                && column > 1
                && from[row - 1] == to[column - 2]
                && from[row - 2] == to[column - 1]
            {
                best = best.min(cell(&rows, row - 2, column - 2).unwrap_or(0));
            }
            if row > 0 {
                best = best.min(cell(&rows, row - 1, column).unwrap_or(0) + 3);
            }
            if column > 0 {
                best = best.min(cell(&rows, row, column - 1).unwrap_or(0) + 1);
            }
            if let Some(place) = rows.get_mut(at(row, column)) {
                *place = best;
            }
        }
    }
    rows.last().copied().unwrap_or(0) + 1
}

/// Splits a text at spaces outside of quotes, as git does with an alias: `'`, `"` and `\` quote.
pub(crate) fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, quote) {
            (_, None) if char.is_ascii_whitespace() => words.extend(word.take()),
            ('\'' | '"', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (_, Some(open)) if char == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_split_as_git_does() {
        for (text, words) in [
            ("push --force", vec!["push", "--force"]),
            ("  push  '--force' ", vec!["push", "--force"]),
            (r#"log "a b" c\ d"#, vec!["log", "a b", "c d"]),
            ("x ''", vec!["x", ""]),
            ("'a\\b'", vec!["a\\b"]),
            ("", vec![]),
        ] {
            assert_eq!(split_words(text), words, "{text}");
        }
    }

    #[test]
    fn mistyped_subcommands_are_near() {
        assert!(distance("psuh", "push") < NEAR);
        assert!(distance("pus", "push") < NEAR);
        assert!(distance("rest", "reset") < NEAR);
        assert!(distance("statsu", "push") >= NEAR);
    }
}
