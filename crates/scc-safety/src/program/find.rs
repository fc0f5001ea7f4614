//! `find`: the commands that it runs, and what it deletes.

use crate::judge::Judge;
use crate::program::remove::is_vital;
use crate::program::xargs::filled;
use crate::rules;
use crate::shell::Input;
use crate::word::{Doubt, Word};

/// Tests that name what is looked for.
const NAME_TESTS: [&str; 6] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-samefile",
];

pub(super) fn judge(judge: &mut Judge<'_>, words: &[Word], input: &Input) {
    let found = found(words);
    for (at, word) in words.iter().enumerate() {
        match word.get() {
            Some("-exec" | "-execdir" | "-ok" | "-okdir") => {
                let command: Vec<Word> = words[at + 1..]
                    .iter()
                    .take_while(|word| !word.is(";") && !word.is("+"))
                    .map(|word| filled(word, "{}", &found))
                    .collect();
                super::inner(judge, &command, input);
            }
            Some("-delete") if is_vital(&found) => {
                judge.find(rules::RM_GIT, &[&words[0], word], words);
            }
            _ => {}
        }
    }
}

/// The path that stands for all that are found.
fn found(words: &[Word]) -> Word {
    let is_expression = |word: &&Word| word.start().starts_with(['-', '(', '!']);
    let paths: Vec<&Word> = words[1..]
        .iter()
        .take_while(|word| !is_expression(word))
        .collect();
    let vital = paths.iter().find(|path| is_vital(path));
    let mut path = match vital.or(paths.first()) {
        Some(path) => (*path).clone(),
        None => Word::known(".", words[0].span.clone()),
    };
    if vital.is_some() {
        return path;
    }
    path.push_str("/");
    let pruned = words.iter().any(|word| word.is("-prune"));
    let tests = words.windows(2).enumerate().find(|(at, pair)| {
        let negated = *at > 0 && (words[at - 1].is("!") || words[at - 1].is("-not"));
        let named = pair[0].get().is_some_and(|test| NAME_TESTS.contains(&test));
        named && !negated && !pruned && is_git_pattern(&pair[1])
    });
    match tests {
        Some(_) => path.push_str(".git"),
        None => path.push_gap(Doubt::Name),
    }
    path
}

/// A pattern that is there to find `.git`.
fn is_git_pattern(word: &Word) -> bool {
    let text = word.get().unwrap_or_default();
    text.split('/')
        .any(|part| part == ".git" || part == ".git*")
}
