//! `rm` and the like, when they delete the repository.

use crate::judge::Judge;
use crate::rules;
use crate::shell::pattern;
use crate::word::{Piece, Word};

/// What a repository cannot do without, below `.git`.
const VITAL: [&str; 9] = [
    "HEAD",
    "config",
    "index",
    "logs",
    "modules",
    "objects",
    "packed-refs",
    "refs",
    "worktrees",
];

pub(super) fn judge(judge: &mut Judge<'_>, words: &[Word]) {
    let mut dashes = false;
    for word in &words[1..] {
        if word.is("--") && !dashes {
            dashes = true;
        } else if (dashes || !word.start().starts_with('-')) && is_vital(word) {
            judge.find(rules::RM_GIT, &[&words[0], word], words);
        }
    }
}

/// A path is `.git`, or something in it that holds history or staged work.
pub(super) fn is_vital(word: &Word) -> bool {
    let mut path = String::new();
    for piece in word.pieces() {
        match piece {
            Piece::Text(text) => path.push_str(text),
            // Something, but not `.git`.
            Piece::Gap(_) => path.push('\u{fffd}'),
        }
    }
    if path.ends_with(".lock") {
        return false;
    }
    let mut parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    let is_git = |part: &str| {
        part == ".git"
            || (word.glob && part.starts_with(['.', '?', '[']) && pattern::matches(part, ".git"))
    };
    if !parts.by_ref().any(is_git) {
        return false;
    }
    parts.next().is_none_or(|part| {
        let matches = |name: &&str| word.glob && pattern::matches(part, name);
        VITAL.contains(&part) || part == "\u{fffd}" || part == ".." || VITAL.iter().any(matches)
    })
}
