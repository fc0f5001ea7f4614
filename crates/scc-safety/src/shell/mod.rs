//! Texts that a shell would run: parsed, walked command by command, constants worked out.

mod brace;
mod builtins;
mod expand;
mod output;
mod parameter;
mod parse;
pub(crate) mod pattern;
mod quote;
mod scan;
mod simple;
mod state;
mod walk;

use std::ops::Range;

use crate::judge::Judge;
use crate::rules;
use crate::word::{Doubt, Piece, Word};

pub(crate) use builtins::run;
pub(crate) use parse::MAX_LENGTH;
pub(crate) use state::State;

/// What a command reads.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// What the whole text reads: a terminal, or nothing.
    Inherited,
    /// A text.
    Text(Word),
}

/// What is known after a command.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) states: Vec<State>,
    /// What it prints.
    pub(crate) output: Word,
}

impl Ran {
    /// A command that leaves the shell as it was.
    pub(crate) fn unchanged(judge: &Judge<'_>, output: Word) -> Self {
        Self {
            states: vec![judge.state.clone()],
            output,
        }
    }
}

/// Judges a whole text.
pub(crate) fn judge(judge: &mut Judge<'_>, text: &str) {
    let program = match parse::parse(text) {
        Ok(program) => program,
        Err(rule) => return judge.give_up(rule, 0..text.len()),
    };
    let states = vec![judge.state.clone()];
    let ran = walk::Walk::new(judge, text).program(&program, states, &Input::Inherited);
    walk::unused(judge, &ran.states);
}

/// Judges a text inside another one, which the word `text` becomes. The states afterwards are for
/// a text that runs in the same shell.
pub(crate) fn script(judge: &mut Judge<'_>, text: &Word, input: &Input) -> Ran {
    let saved = judge.state.clone();
    let ran = judge.deeper(&text.span, |judge| nested(judge, text, input));
    judge.state = saved;
    ran
}

/// Judges a command substitution, and returns what it prints.
pub(crate) fn printed_by(judge: &mut Judge<'_>, text: &Word) -> Word {
    let ran = script(judge, text, &Input::Inherited);
    without_last_lines(&ran.output)
}

fn nested(judge: &mut Judge<'_>, text: &Word, input: &Input) -> Ran {
    if let Some(unknown) = wholly_unknown(text) {
        if unknown != Doubt::Printed {
            judge.find(rules::UNKNOWN_SCRIPT, &[text], &[]);
        }
        return Ran::unchanged(judge, Word::unknown(Doubt::Flag, text.span.clone()));
    }
    let source = bind_gaps(judge, text);
    if !judge.spend(1 + source.len() / 8, &text.span) {
        return Ran::default();
    }
    let program = match parse::parse(&source) {
        Ok(program) => program,
        Err(rule) => {
            judge.give_up(rule, text.span.clone());
            return Ran::default();
        }
    };
    within(judge, &text.span, |judge| {
        let states = vec![judge.state.clone()];
        walk::Walk::new(judge, &source).program(&program, states, input)
    })
}

/// Judges something whose own places mean nothing outside of it.
pub(crate) fn within<T>(
    judge: &mut Judge<'_>,
    span: &Range<usize>,
    inner: impl FnOnce(&mut Judge<'_>) -> T,
) -> T {
    let saved = judge.outer.clone();
    judge.outer.get_or_insert_with(|| span.clone());
    let result = inner(judge);
    judge.outer = saved;
    result
}

/// The worst doubt of a text of which nothing is known.
fn wholly_unknown(text: &Word) -> Option<Doubt> {
    let known = text.pieces().iter().any(|piece| match piece {
        Piece::Text(text) => !text.trim().is_empty(),
        Piece::Gap(_) => false,
    });
    if known { None } else { text.doubt() }
}

/// The source of a text whose unknown parts are made variables of.
fn bind_gaps(judge: &mut Judge<'_>, text: &Word) -> String {
    let mut source = String::new();
    for piece in text.pieces() {
        match piece {
            Piece::Text(text) => source.push_str(text),
            Piece::Gap(doubt) => {
                let name = format!("__unknown_{doubt:?}");
                source.push_str(&format!("${{{name}}}"));
                let value = Word::unknown(*doubt, text.span.clone());
                judge.state.set_scalar(&name, value);
            }
        }
    }
    source
}

/// A command substitution drops the line feeds at the end.
fn without_last_lines(text: &Word) -> Word {
    let mut word = Word::known("", text.span.clone());
    let last = text.pieces().len().saturating_sub(1);
    for (number, piece) in text.pieces().iter().enumerate() {
        match piece {
            Piece::Text(text) if number == last => word.push_str(text.trim_end_matches('\n')),
            Piece::Text(text) => word.push_str(text),
            Piece::Gap(doubt) => word.push_gap(*doubt),
        }
    }
    word
}
