//! The plain part of YAML, straight from the parser's events: what nearly all documents are written in,
//! in half the time. Whatever is not plain is left to the engine, which knows all of YAML.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use crate::read::MAX_DEPTH;
use crate::tree::{Entry, Kind, Mapping, Node};

/// The tree of a text that holds nothing but mappings, lists, quoted texts and plain words and numbers;
/// `None` where it holds anything else, or is no YAML.
pub(crate) fn plain(text: &str, max_nodes: usize) -> Option<Node> {
    let mut events = Events {
        parser: Parser::new_from_str(text),
        left: max_nodes,
    };
    let Event::StreamStart = events.next()?.0 else {
        return None;
    };
    let Event::DocumentStart(_, None) = events.next()?.0 else {
        return None;
    };
    let first = events.next()?;
    let root = events.node(first, 0)?;
    let ended = matches!(events.next()?.0, Event::DocumentEnd);
    let alone = ended && matches!(events.next()?.0, Event::StreamEnd);
    alone.then_some(root)
}

struct Events<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// How many nodes there may still be.
    left: usize,
}

type At<'t> = (Event<'t>, Span);

impl<'t> Events<'t> {
    fn next(&mut self) -> Option<At<'t>> {
        self.parser.next()?.ok()
    }

    fn node(&mut self, (event, span): At<'t>, depth: usize) -> Option<Node> {
        self.left = self.left.checked_sub(1)?;
        if depth + 2 > MAX_DEPTH {
            return None;
        }
        let place = span.byte_range()?;
        let kind = match event {
            // Neither an anchor nor a tag.
            Event::Scalar(value, style, 0, None) => scalar(value, style)?,
            Event::SequenceStart(_, 0, None) => Kind::List(self.list(depth)?),
            Event::MappingStart(_, 0, None) => Kind::Map(self.mapping(depth)?),
            _ => return None,
        };
        Some(Node {
            kind,
            start: place.start,
            end: place.end,
        })
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Some(items),
                item => items.push(self.node(item, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Option<Mapping> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Some(Mapping::new(entries)),
                Event::Scalar(value, style, 0, None) if is_text(&value, style) => value,
                _ => return None,
            };
            let value = self.next()?;
            entries.push(Entry {
                key: key.into_owned(),
                key_start: span.byte_range()?.start,
                value: self.node(value, depth + 1)?,
            });
        }
    }
}

fn scalar(value: Cow<'_, str>, style: ScalarStyle) -> Option<Kind> {
    if is_text(&value, style) {
        return Some(Kind::Text(value.into_owned()));
    }
    match (style, &*value) {
        (ScalarStyle::Plain, "true") => Some(Kind::Bool(true)),
        (ScalarStyle::Plain, "false") => Some(Kind::Bool(false)),
        (ScalarStyle::Plain, digits) => number(digits).map(Kind::Integer),
        _ => None,
    }
}

/// A decimal number without a sign, written in the one way that all versions of YAML read alike.
fn number(digits: &str) -> Option<i128> {
    let decimal = digits.bytes().all(|b| b.is_ascii_digit());
    let usual = decimal && digits.len() <= 18 && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| usual)
}

/// What some version of YAML reads as something else than a text, and starts with a letter.
const WORDS: [&str; 13] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity", "t",
];

/// Whether a scalar is a text in every version of YAML. A block of lines is one too, but is left to
/// the engine for its place.
fn is_text(value: &str, style: ScalarStyle) -> bool {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => true,
        ScalarStyle::Plain => {
            let letter = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
            let word = letter && !WORDS.iter().any(|word| value.eq_ignore_ascii_case(word));
            word || is_version(value) || is_amount(value)
        }
        _ => false,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Three numbers, such as `1.0.0`.
fn is_version(text: &str) -> bool {
    text.split('.').count() == 3 && text.split('.').all(is_digits)
}

/// A number and a unit, such as `8g`.
fn is_amount(text: &str) -> bool {
    let units = ['g', 'G', 'm', 'M', 'k', 'K'];
    text.strip_suffix(units).is_some_and(is_digits)
}
