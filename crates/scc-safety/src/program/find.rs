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
    for (at, word) in words.iter().enumerate() {
        match word.get() {
            Some("-exec" | "-execdir" | "-ok" | "-okdir") => {
                let found = found(words, at);
                let command: Vec<Word> = words[at + 1..]
                    .iter()
                    .take_while(|word| !word.is(";") && !word.is("+"))
                    .map(|word| filled(word, "{}", &found))
                    .collect();
                super::inner(judge, &command, input);
            }
            Some("-delete") if is_vital(&found(words, at)) => {
                judge.find(rules::RM_GIT, &[&words[0], word], words);
            }
            _ => {}
        }
    }
}

/// What `find` prints: the path that stands for all that are found, on a line of its own.
pub(crate) fn printed(words: &[Word]) -> Word {
    let print = words
        .iter()
        .position(|word| word.start().starts_with("-print"));
    let mut text = found(words, print.unwrap_or(words.len()));
    text.push_str("\n");
    text
}

/// The path that stands for all that are found by the tests of an action, which stands at `action`.
fn found(words: &[Word], action: usize) -> Word {
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
    let test = words.windows(2).enumerate().find(|(at, pair)| {
        let named = pair[0].get().is_some_and(|test| NAME_TESTS.contains(&test));
        named
            && is_git_pattern(&pair[1])
            && !is_negated(words, *at)
            && !is_apart(words, *at, action)
    });
    match test {
        Some(_) => path.push_str(".git"),
        None => path.push_gap(Doubt::Name),
    }
    path
}

fn is_not(word: &Word) -> bool {
    word.is("!") || word.is("-not")
}

/// The test, or brackets that it is in, have a `!` before them.
fn is_negated(words: &[Word], test: usize) -> bool {
    let mut level = 0_usize;
    for at in (0..=test).rev() {
        match words[at].get() {
            Some(")") => level += 1,
            Some("(") if level > 0 => {
                level -= 1;
                continue;
            }
            Some("(") => {}
            _ if at == test => {}
            _ => continue,
        }
        if level == 0 && at > 0 && is_not(&words[at - 1]) {
            return true;
        }
    }
    false
}

/// Between the test and the action is an `-o` or a `,`, so that what the test finds is not what the
/// action works on. One in brackets of its own, or of the test's, is none between them.
fn is_apart(words: &[Word], test: usize, action: usize) -> bool {
    let between = words
        .get(test.min(action)..test.max(action))
        .unwrap_or_default();
    let mut level = 0_i64;
    let (mut lowest, mut apart) = (0, false);
    for word in between {
        match word.get() {
            Some("(") => level += 1,
            Some(")") => {
                level -= 1;
                if level < lowest {
                    (lowest, apart) = (level, false);
                }
            }
            Some("-o" | "-or" | ",") if level == lowest => apart = true,
            _ => {}
        }
    }
    apart
}

/// A pattern that is there to find `.git`.
fn is_git_pattern(word: &Word) -> bool {
    let text = word.get().unwrap_or_default();
    text.split('/')
        .any(|part| part == ".git" || part == ".git*")
}
