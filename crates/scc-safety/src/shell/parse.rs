//! From a text to a syntax tree, without trusting the parser: it recurses, and a few shapes of
//! text take it exponential time or make it panic.

use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use brush_parser::ast::Program;
use brush_parser::{Parser, ParserOptions};

use crate::rules::{self, RuleInfo};

/// The longest text that is judged, in bytes.
pub(crate) const MAX_LENGTH: usize = 32 * 1024;

/// How deeply a text may be nested. The parser needs up to 40 KiB of stack a level in a debug
/// build, so that [`STACK`] holds several times as many.
const MAX_NESTING: usize = 200;

/// Four levels take the parser half a second in a debug build, and each further one 16 times as long.
const MAX_INDICES: usize = 3;

/// Each further parenthesis that is not closed takes the parser twice as long, since it reads `((`
/// as arithmetic first. Sixteen take it 40 ms.
const MAX_PARENTHESES: usize = 14;

/// A text with at most this many openers is parsed on the caller's stack.
const FEW: usize = 12;

const STACK: usize = 64 * 1024 * 1024;

/// The parser needs less than 100 ms for any text that people write.
const PATIENCE: Duration = Duration::from_secs(3);

/// Parses a text, or says by which rule it is refused.
pub(crate) fn parse(text: &str) -> Result<Program, &'static RuleInfo> {
    if text.len() > MAX_LENGTH {
        return Err(rules::TOO_LONG);
    }
    let shape = Shape::of(text);
    if names_huge_descriptor(text) || has_empty_delimiter(text) {
        return Err(rules::UNPARSABLE);
    }
    let is_deep = shape.nesting > MAX_NESTING || shape.parentheses > MAX_PARENTHESES;
    if is_deep || shape.indices > MAX_INDICES {
        return Err(rules::TOO_DEEP);
    }
    if shape.openers <= FEW && shape.indices <= 1 {
        return guarded(text);
    }
    apart(text.to_owned())
}

/// A number of more than nine digits before `<` or `>`, with which the parser panics.
fn names_huge_descriptor(text: &str) -> bool {
    let bytes = text.as_bytes();
    let signs = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| b"<>".contains(byte));
    let digits = |at: usize| {
        bytes[..at]
            .iter()
            .rev()
            .take(10)
            .take_while(|byte| byte.is_ascii_digit())
    };
    signs.into_iter().any(|(at, _)| digits(at).count() > 9)
}

/// What is left out of a delimiter, or is nothing but quotes around nothing.
const NOTHING: [&str; 8] = ["$\"\"", "$''", "\"", "'", "\\\n", "\r", "\x0b", "\x0c"];

/// What ends a word.
const ENDS: [char; 10] = [' ', '\t', '\n', ';', '&', '|', '<', '>', '(', ')'];

/// A here-document that ends at an empty line (`<<""`), or that the parser takes for one, or whose end
/// is named by a substitution without an end: where the text ends behind its operator, the parser takes
/// memory without end.
fn has_empty_delimiter(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = text[at..].find('<') {
        let start = at + found;
        let run = bytes[start..].iter().take_while(|byte| **byte == b'<');
        at = start + run.count();
        // Three are taken first; a backslash takes the first.
        let escaped = start > 0 && bytes[start - 1] == b'\\';
        let is_operator = match (at - start) % 3 {
            2 => true,
            0 => escaped,
            _ => false,
        };
        let behind = &text[at..];
        if is_operator && (is_empty_word(&text[..start], behind) || has_open_substitution(behind)) {
            return true;
        }
    }
    false
}

/// Whether the parser finds nothing behind an operator for a here-document.
fn is_empty_word(before: &str, behind: &str) -> bool {
    let behind = behind.strip_prefix('-').unwrap_or(behind);
    if is_blank_word(before, behind) {
        return true;
    }
    let rest = behind.trim_start_matches(['-', ' ', '\t', '\\', '\n']);
    let mut word = rest;
    while let Some(after) = NOTHING
        .iter()
        .find_map(|nothing| word.strip_prefix(nothing))
    {
        word = after;
    }
    word.len() < rest.len() && (word.is_empty() || word.starts_with(ENDS))
}

/// The word behind an operator has a substitution in it that does not end.
fn has_open_substitution(behind: &str) -> bool {
    let word = behind.trim_start_matches(['-', ' ', '\t', '\\', '\n']);
    let mut quote = None;
    let mut is_between_ticks = false;
    for (at, char) in word.char_indices() {
        is_between_ticks ^= char == '`';
        match (char, quote) {
            ('"' | '\'', None) => quote = Some(char),
            (_, Some(open)) if char == open => quote = None,
            (_, None) if ENDS.contains(&char) => return false,
            _ => {}
        }
        let rest = &word[at + char.len_utf8()..];
        let is_open = match (char, rest.chars().next()) {
            ('`', _) => is_between_ticks && !rest.contains('`'),
            ('$', Some('(')) => !is_closed(rest, '(', ')'),
            ('$', Some('{')) => !is_closed(rest, '{', '}'),
            ('$', Some('[')) => !is_closed(rest, '[', ']'),
            _ => false,
        };
        if is_open {
            return true;
        }
    }
    false
}

/// Whether the bracket that the text begins with is closed again.
fn is_closed(text: &str, opening: char, closing: char) -> bool {
    let mut depth = 0_usize;
    for char in text.chars() {
        if char == opening {
            depth += 1;
        } else if char == closing {
            depth -= 1;
            if depth == 0 {
                return true;
            }
        }
    }
    false
}

/// In a substitution a blank is a word to the parser, where no other follows at once.
fn is_blank_word(before: &str, behind: &str) -> bool {
    let is_inside = before.contains("$(") || before.contains("$[");
    if !is_inside || is_shift(before) {
        return false;
    }
    let mut rest = behind;
    let mut blanks = 0;
    loop {
        rest = match (rest.strip_prefix("\\\n"), rest.strip_prefix([' ', '\t'])) {
            (Some(after), _) => after,
            (None, Some(after)) => {
                blanks += 1;
                after
            }
            (None, None) => break,
        };
    }
    blanks > 1
        || blanks == 1 && (rest.is_empty() || rest.starts_with(ENDS) || rest.starts_with(']'))
}

/// Whether what comes next is in arithmetic for certain, where `<<` is another operator.
fn is_shift(before: &str) -> bool {
    let begins = ["((", "$["].iter().filter_map(|opening| {
        let at = before.rfind(opening)?;
        Some(at + opening.len())
    });
    let Some(from) = begins.max() else {
        return false;
    };
    let (outside, inside) = before.split_at(from);
    let is_escaped = outside.trim_end_matches(['(', '$', '[']).ends_with('\\');
    !is_escaped && !inside.contains([')', ']', '`', '"', '\'', '\\', '#', '\n'])
}

fn guarded(text: &str) -> Result<Program, &'static RuleInfo> {
    let parsed = catch_unwind(|| {
        let options = ParserOptions::default();
        Parser::new(text.as_bytes(), &options).parse_program()
    });
    match parsed {
        Ok(Ok(program)) => Ok(program),
        Ok(Err(_)) | Err(_) => Err(rules::UNPARSABLE),
    }
}

/// Parses on a thread of its own, which has a big stack and is left behind if it takes too long.
fn apart(text: String) -> Result<Program, &'static RuleInfo> {
    let (send, receive) = mpsc::sync_channel(1);
    let parser = move || {
        let _ = send.send(guarded(&text));
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(parser);
    if thread.is_err() {
        return Err(rules::TOO_COMPLEX);
    }
    let result = receive.recv_timeout(PATIENCE);
    result.unwrap_or(Err(rules::TOO_COMPLEX))
}

/// What is seen of a text without parsing it.
#[derive(Debug, Default)]
struct Shape {
    /// Brackets and words that may open something.
    openers: usize,
    /// An upper bound of how deeply they are nested, unless closers hide in quotes.
    nesting: usize,
    /// The same for parentheses only.
    parentheses: usize,
    /// How deeply indices (`${a[…]}`, `a[…]=`) are nested. The parser reads each many times over,
    /// and what is in it as often again.
    indices: usize,
}

impl Shape {
    fn of(text: &str) -> Self {
        let mut shape = Self::default();
        let mut depth = 0_usize;
        let mut parentheses = 0_usize;
        let mut indices = 0_usize;
        let mut negations = 0_usize;
        let mut word_start = 0;
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().copied().enumerate() {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                negations = 0;
                continue;
            }
            // In `[[ … ]]` each is one level deeper.
            negations = match byte {
                b'!' => negations + 1,
                b' ' | b'\t' | b'\n' | b'\\' => negations,
                _ => 0,
            };
            match bytes.get(word_start..at).unwrap_or_default() {
                b"if" | b"case" | b"for" | b"while" | b"until" | b"select" | b"coproc"
                | b"elif" | b"function" => {
                    shape.openers += 1;
                    depth += 1;
                }
                b"fi" | b"esac" | b"done" => depth = depth.saturating_sub(1),
                _ => {}
            }
            match byte {
                b'(' | b'{' | b'[' | b'`' | b'!' => {
                    shape.openers += 1;
                    depth += usize::from(byte != b'`' && byte != b'!');
                }
                b')' | b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            match byte {
                b'(' => parentheses += 1,
                b')' => parentheses = parentheses.saturating_sub(1),
                b'[' if word_start < at => indices += 1,
                b']' => indices = indices.saturating_sub(1),
                _ => {}
            }
            shape.indices = shape.indices.max(indices);
            shape.nesting = shape.nesting.max(depth + negations);
            shape.parentheses = shape.parentheses.max(parentheses);
            word_start = at + 1;
        }
        shape
    }
}
