//! `xargs`: a command whose last words come from its input.

use crate::judge::Judge;
use crate::options::Table;
use crate::shell::Input;
use crate::word::{Doubt, Word};

const XARGS: Table = Table::leading(
    "0,null a,arg-file= d,delimiter= E= e,eof? I= i,replace? L= l,max-lines? n,max-args= \
     P,max-procs= o,open-tty p,interactive process-slot-var= r,no-run-if-empty s,max-chars= \
     show-limits t,verbose x,exit",
);

/// Words that are taken from a known input.
const MAX_WORDS: usize = 64;

pub(super) fn judge(judge: &mut Judge<'_>, words: &[Word], input: &Input) {
    let args = &words[1..];
    let parsed = XARGS.parse(args);
    let Some(start) = parsed.operands.first() else {
        return;
    };
    let command = &args[*start..];
    let replaced = match (parsed.value("I"), parsed.on("replace")) {
        (Some(text), _) => text.get().map(str::to_owned),
        (None, Some(given)) => Some(
            given
                .value
                .as_ref()
                .and_then(Word::get)
                .unwrap_or("{}")
                .to_owned(),
        ),
        (None, None) => None,
    };
    let values = values(input, parsed.on("arg-file").is_some(), command);
    match replaced {
        Some(mark) => {
            for value in values {
                let words: Vec<Word> = command
                    .iter()
                    .map(|word| filled(word, &mark, &value))
                    .collect();
                super::inner(judge, &words, &Input::Inherited);
            }
        }
        None => {
            let words = [command, &values].concat();
            super::inner(judge, &words, &Input::Inherited);
        }
    }
}

/// The words that come from the input.
fn values(input: &Input, from_file: bool, command: &[Word]) -> Vec<Word> {
    let span = command.last().map_or(0..0, |word| word.span.clone());
    let known = match input {
        Input::Text(text) if !from_file => text.get(),
        _ => None,
    };
    if let Some(text) = known {
        let words = text.split_ascii_whitespace().take(MAX_WORDS);
        let unquoted = words.map(|word| word.replace(['\'', '"', '\\'], ""));
        return unquoted
            .map(|word| Word::known(word, span.clone()))
            .collect();
    }
    let doubt = match input {
        Input::Text(text) => text.doubt().unwrap_or(Doubt::Flag),
        Input::Inherited => Doubt::Flag,
    };
    // Behind other words it is taken for what the command works on.
    let worst = if command.len() > 2 {
        Doubt::Value
    } else {
        Doubt::List
    };
    vec![Word::unknown(doubt.min(worst), span)]
}

/// A word with a mark in it, which a value replaces.
pub(super) fn filled(word: &Word, mark: &str, value: &Word) -> Word {
    let Some(text) = word.get() else {
        return word.clone();
    };
    let mut filled = Word::known("", word.span.clone());
    for (number, part) in text.split(mark).enumerate() {
        if number > 0 {
            filled.push_word(value);
        }
        filled.push_str(part);
    }
    filled
}
