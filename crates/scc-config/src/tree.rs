//! A document as a tree of values, each with its place in the text.

use std::sync::OnceLock;

/// A place in a document: line and column in characters, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Place {
    /// The line, counted from 1.
    pub line: u64,
    /// The column in characters, counted from 1.
    pub column: u64,
}

/// One value with the bytes it stands at; for lists and mappings only `start` is exact.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with the byte it starts at, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_start: usize,
    pub(crate) value: Node,
}

/// A doubled key: its text and the byte at which it stands for the second time.
pub(crate) struct Doubled {
    pub(crate) key: String,
    pub(crate) start: usize,
}

impl Node {
    /// The first key that appears twice in one mapping, anywhere in this tree.
    pub(crate) fn doubled_key(&self) -> Option<Doubled> {
        match &self.kind {
            Kind::List(items) => items.iter().find_map(Self::doubled_key),
            Kind::Map(entries) => doubled_here(entries)
                .or_else(|| entries.iter().find_map(|entry| entry.value.doubled_key())),
            _ => None,
        }
    }

    /// The node at a JSON pointer (RFC 6901), and the byte of its key where it has one.
    pub(crate) fn at(&self, pointer: &str) -> Option<(&Self, Option<usize>)> {
        let mut found = (self, None);
        if pointer.is_empty() {
            return Some(found);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            found = found.0.child(token)?;
        }
        Some(found)
    }

    fn child(&self, token: &str) -> Option<(&Self, Option<usize>)> {
        match &self.kind {
            Kind::List(items) => items
                .get(token.parse::<usize>().ok()?)
                .map(|item| (item, None)),
            Kind::Map(entries) if token.contains('~') => {
                let key = token.replace("~1", "/").replace("~0", "~");
                entry(entries, &key)
            }
            Kind::Map(entries) => entry(entries, token),
            _ => None,
        }
    }
}

fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<(&'a Node, Option<usize>)> {
    let found = entries.iter().find(|entry| entry.key == key)?;
    Some((&found.value, Some(found.key_start)))
}

fn doubled_here(entries: &[Entry]) -> Option<Doubled> {
    // Small mappings are by far the most frequent, and need no set.
    let doubled = if entries.len() <= 8 {
        (1..entries.len()).find(|&i| entries[..i].iter().any(|e| e.key == entries[i].key))
    } else {
        let mut seen = std::collections::HashSet::with_capacity(entries.len());
        entries
            .iter()
            .position(|entry| !seen.insert(entry.key.as_str()))
    }?;
    Some(Doubled {
        key: entries[doubled].key.clone(),
        start: entries[doubled].key_start,
    })
}

/// A key as one token of a JSON pointer (RFC 6901).
pub fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Where the lines of a text start; found when first asked for.
#[derive(Debug, Default)]
pub(crate) struct Lines(OnceLock<Vec<usize>>);

impl Lines {
    /// The place of a byte of `text`.
    pub(crate) fn place(&self, text: &str, byte: usize) -> Place {
        let starts = self.0.get_or_init(|| {
            let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect()
        });
        let line = starts.partition_point(|start| *start <= byte).max(1);
        let before = text.get(starts[line - 1]..byte).unwrap_or_default();
        Place {
            line: line as u64,
            column: before.chars().count() as u64 + 1,
        }
    }
}

/// The byte at a place; the end of the text where the place is past it.
pub(crate) fn byte_of(text: &str, line: u64, column: u64) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let skipped = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let rest = text[start..].char_indices().nth(skipped);
    rest.map_or(text.len(), |(at, _)| start + at)
}
