//! From the text of a word to the words that a shell makes of it.

use std::ops::Range;

use crate::judge::Judge;
use crate::shell::scan::{
    closing_arithmetic, closing_brace, closing_double_quote, closing_paren, closing_quote,
};
use crate::shell::state::Value;
use crate::shell::{brace, parameter, quote};
use crate::word::{Doubt, Piece, Word};

/// More words than this from one are not followed.
const MAX_WORDS: usize = 1024;

/// Every word that one becomes: braces, variables, substitutions, quotes, splitting.
pub(crate) fn words(judge: &mut Judge<'_>, text: &str, span: &Range<usize>) -> Vec<Word> {
    let special = |byte: u8| b"\\'\"$`{~*?[".contains(&byte);
    if !text.bytes().any(special) {
        return vec![Word::known(text, span.clone())];
    }
    let Some(texts) = brace::expand(text, MAX_WORDS) else {
        judge.spend(usize::MAX, span);
        return Vec::new();
    };
    let mut words = Vec::new();
    for text in texts {
        if !judge.spend(1 + text.len() / 16, span) {
            return Vec::new();
        }
        let mut expansion = Expansion::new(judge, span, true);
        expansion.unquoted(&text);
        words.append(&mut expansion.finish());
    }
    words
}

/// The one word that a text becomes where no splitting happens: an assigned value, a file name.
pub(crate) fn word(judge: &mut Judge<'_>, text: &str, span: &Range<usize>) -> Word {
    let mut expansion = Expansion::new(judge, span, false);
    expansion.unquoted(text);
    expansion.open
}

/// The text of a here-document whose end was not quoted.
pub(crate) fn here_document(judge: &mut Judge<'_>, text: &str, span: &Range<usize>) -> Word {
    let mut expansion = Expansion::new(judge, span, false);
    expansion.quoted(text, false);
    expansion.open
}

/// Runs what an arithmetic expression substitutes; its result is a number.
pub(crate) fn arithmetic(judge: &mut Judge<'_>, text: &str, span: &Range<usize>) {
    if text.contains(['$', '`']) {
        here_document(judge, text, span);
    }
}

/// A word in the making.
pub(crate) struct Expansion<'j, 'a> {
    pub(crate) judge: &'j mut Judge<'a>,
    pub(crate) span: &'j Range<usize>,
    /// Results that are not quoted are split into words.
    splits: bool,
    done: Vec<Word>,
    open: Word,
    /// The word is there, even if it is empty.
    started: bool,
}

impl<'j, 'a> Expansion<'j, 'a> {
    fn new(judge: &'j mut Judge<'a>, span: &'j Range<usize>, splits: bool) -> Self {
        Self {
            judge,
            span,
            splits,
            done: Vec::new(),
            open: Word::known("", span.clone()),
            started: false,
        }
    }

    fn finish(mut self) -> Vec<Word> {
        if self.started || !self.open.is_empty() {
            self.done.push(self.open);
        }
        self.done
    }

    fn unquoted(&mut self, text: &str) {
        let mut at = if text.starts_with('~') {
            self.tilde(text)
        } else {
            0
        };
        while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let behind = at + char.len_utf8();
            at = match char {
                '\\' => self.escaped(text, behind),
                '\'' => {
                    let end = closing_quote(text, behind, b'\'', false).unwrap_or(text.len());
                    self.literal(text.get(behind..end));
                    end + 1
                }
                '"' => self.double_quoted(text, behind),
                '$' if text[behind..].starts_with('\'') => {
                    let end = closing_quote(text, behind + 1, b'\'', true).unwrap_or(text.len());
                    let decoded = text.get(behind + 1..end).map(quote::ansi_c);
                    self.literal(decoded.as_deref());
                    end + 1
                }
                '$' if text[behind..].starts_with('"') => self.double_quoted(text, behind + 1),
                '$' => self.dollar(text, behind, false),
                '`' => self.backquoted(text, behind, false),
                '*' | '?' | '[' => {
                    self.open.glob = true;
                    self.open.push_char(char);
                    behind
                }
                _ => {
                    let rest = &text[at..];
                    let end = rest.find(['\\', '\'', '"', '$', '`', '*', '?', '[']);
                    let plain = &rest[..end.unwrap_or(rest.len()).max(char.len_utf8())];
                    self.open.push_str(plain);
                    at + plain.len()
                }
            };
        }
    }

    fn literal(&mut self, text: Option<&str>) {
        self.started = true;
        self.open.push_str(text.unwrap_or_default());
    }

    /// `~` and a user's name, which together are a path. The index behind them.
    fn tilde(&mut self, text: &str) -> usize {
        let end = text.find('/').unwrap_or(text.len());
        let name = &text[1..end];
        if !name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "._+-".contains(char))
        {
            return 0;
        }
        self.open.push_gap(Doubt::Name);
        end
    }

    /// A backslash outside of quotes; `at` is behind it.
    fn escaped(&mut self, text: &str, at: usize) -> usize {
        let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            self.open.push_char('\\');
            return at;
        };
        if char != '\n' {
            self.started = true;
            self.open.push_char(char);
        }
        at + char.len_utf8()
    }

    /// What stands in double quotes; `at` is behind the first. The index behind the last.
    fn double_quoted(&mut self, text: &str, at: usize) -> usize {
        let end = closing_double_quote(text, at).unwrap_or(text.len());
        let inner = text.get(at..end).unwrap_or_default();
        // "$@" of no words is no word.
        self.started |= !matches!(inner, "$@" | "${@}");
        self.quoted(inner, true);
        end + 1
    }

    /// A text in which only `$`, backquotes and a few escapes mean something.
    fn quoted(&mut self, text: &str, escapes_quote: bool) {
        let mut at = 0;
        while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let behind = at + char.len_utf8();
            at = match char {
                '\\' => {
                    let next = text.get(behind..).and_then(|rest| rest.chars().next());
                    match next {
                        Some('\n') => behind + 1,
                        Some(next @ ('$' | '`' | '\\')) => {
                            self.open.push_char(next);
                            behind + 1
                        }
                        Some('"') if escapes_quote => {
                            self.open.push_char('"');
                            behind + 1
                        }
                        _ => {
                            self.open.push_char('\\');
                            behind
                        }
                    }
                }
                '$' => self.dollar(text, behind, true),
                '`' => self.backquoted(text, behind, true),
                _ => {
                    let rest = &text[at..];
                    let end = rest.find(['\\', '$', '`']).unwrap_or(rest.len());
                    self.open.push_str(&rest[..end]);
                    at + end
                }
            };
        }
    }

    /// What follows a `$`; `at` is behind it. The index behind it all.
    fn dollar(&mut self, text: &str, at: usize, quoted: bool) -> usize {
        let rest = &text[at..];
        if rest.starts_with("((")
            && let Some(end) = closing_arithmetic(text, at + 2)
        {
            arithmetic(self.judge, &text[at + 2..end], self.span);
            self.open.push_gap(Doubt::Name);
            return end + 2;
        }
        if rest.starts_with('(') {
            let Some(end) = closing_paren(text, at + 1) else {
                return self.unreadable(text);
            };
            self.substitute(&text[at + 1..end], quoted);
            return end + 1;
        }
        if rest.starts_with('{') {
            let Some(end) = closing_brace(text, at + 1) else {
                return self.unreadable(text);
            };
            parameter::braced(self, &text[at + 1..end], quoted);
            return end + 1;
        }
        if rest.starts_with('[')
            && let Some(end) = rest.find(']')
        {
            arithmetic(self.judge, &rest[1..end], self.span);
            self.open.push_gap(Doubt::Name);
            return at + end + 1;
        }
        let length = parameter::name_length(rest);
        if length == 0 {
            self.open.push_char('$');
            return at;
        }
        let value = parameter::value(self.judge, &rest[..length]);
        self.push(value, quoted);
        at + length
    }

    /// A part without an end. The parser lets none through, so that this is for what it overlooks.
    fn unreadable(&mut self, text: &str) -> usize {
        let span = self.span.clone();
        self.judge.give_up(crate::rules::UNPARSABLE, span);
        text.len()
    }

    fn backquoted(&mut self, text: &str, at: usize, quoted: bool) -> usize {
        let end = closing_quote(text, at, b'`', true).unwrap_or(text.len());
        let raw = text.get(at..end).unwrap_or_default();
        let mut inner = String::with_capacity(raw.len());
        let mut chars = raw.chars().peekable();
        while let Some(char) = chars.next() {
            let escapes =
                |next: &char| matches!(next, '`' | '\\' | '$') || (quoted && *next == '"');
            match chars.peek() {
                Some(next) if char == '\\' && escapes(next) => {}
                _ => inner.push(char),
            }
            if char == '\\'
                && let Some(next) = chars.next()
            {
                inner.push(next);
            }
        }
        self.substitute(&inner, quoted);
        end + 1
    }

    /// Runs a command substitution and takes what it prints.
    fn substitute(&mut self, command: &str, quoted: bool) {
        let text = Word::known(command, self.span.clone());
        let printed = crate::shell::printed_by(self.judge, &text);
        self.push(Value::Scalar(printed), quoted);
    }

    /// Adds a value, split into words unless it is quoted.
    pub(crate) fn push(&mut self, value: Value, quoted: bool) {
        let length = match &value {
            Value::Scalar(word) => word.len(),
            Value::Array(words) => words.iter().map(|word| word.len() + 16).sum(),
            Value::Unset => 0,
        };
        if !self.judge.spend(length / 16, self.span) {
            return;
        }
        match value {
            Value::Scalar(word) if quoted || !self.splits => self.open.push_word(&word),
            Value::Scalar(word) => self.split(&word),
            Value::Array(words) => {
                for (number, word) in words.iter().enumerate() {
                    if number > 0 {
                        self.separate();
                    }
                    if quoted || !self.splits {
                        self.open.push_word(word);
                        self.started |= self.splits;
                    } else {
                        self.split(word);
                    }
                }
            }
            Value::Unset => {}
        }
    }

    fn separate(&mut self) {
        if !self.splits {
            self.open.push_char(' ');
        } else if self.started || !self.open.is_empty() {
            let next = Word::known("", self.span.clone());
            self.done.push(std::mem::replace(&mut self.open, next));
            self.started = false;
        }
    }

    fn split(&mut self, word: &Word) {
        let known = self.judge.state.scalar("IFS").and_then(Word::get);
        let separators = known.map_or_else(|| " \t\n".to_owned(), str::to_owned);
        for piece in word.pieces() {
            match piece {
                Piece::Gap(doubt) => self.open.push_gap(*doubt),
                Piece::Text(text) => {
                    for (number, part) in text.split(|c| separators.contains(c)).enumerate() {
                        if number > 0 {
                            self.separate();
                        }
                        self.open.push_str(part);
                        self.open.glob |= part.contains(['*', '?', '[']);
                    }
                }
            }
        }
    }
}
