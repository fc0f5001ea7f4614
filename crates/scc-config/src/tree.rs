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
    Map(Mapping),
}

/// A key with the byte it starts at, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_start: usize,
    pub(crate) value: Node,
}

/// The keys and values of a mapping, in the order of the document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapping {
    entries: Vec<Entry>,
    /// The places of the entries, in the order of their keys. Empty where there are so few that
    /// looking at each is faster.
    sorted: Vec<usize>,
}

impl Mapping {
    const FEW: usize = 8;

    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut sorted = Vec::new();
        if entries.len() > Self::FEW {
            sorted.extend(0..entries.len());
            sorted.sort_by(|a, b| entries[*a].key.cmp(&entries[*b].key));
        }
        Self { entries, sorted }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.push(entry);
        *self = Self::new(entries);
    }

    /// Removes the entry at a place among [`Mapping::entries`].
    pub(crate) fn remove(&mut self, place: usize) -> Option<Entry> {
        let mut entries = std::mem::take(&mut self.entries);
        let removed = (place < entries.len()).then(|| entries.remove(place));
        *self = Self::new(entries);
        removed
    }

    /// The first entry with this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        if self.sorted.is_empty() {
            return self.entries.iter().find(|entry| entry.key == key);
        }
        let before = |place: &usize| self.entries[*place].key.as_str() < key;
        let place = *self.sorted.get(self.sorted.partition_point(before))?;
        Some(&self.entries[place]).filter(|entry| entry.key == key)
    }

    /// The first entry whose key was there before.
    fn doubled(&self) -> Option<&Entry> {
        let keys = |place: usize| self.entries[place].key.as_str();
        let place = if self.sorted.is_empty() {
            (1..self.entries.len()).find(|&i| (0..i).any(|earlier| keys(earlier) == keys(i)))
        } else {
            let pairs = self.sorted.windows(2);
            let same = pairs.filter(|pair| keys(pair[0]) == keys(pair[1]));
            same.map(|pair| pair[1]).min()
        };
        place.map(|place| &self.entries[place])
    }
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
            Kind::Map(mapping) => match mapping.doubled() {
                Some(entry) => Some(Doubled {
                    key: entry.key.clone(),
                    start: entry.key_start,
                }),
                None => {
                    let mut entries = mapping.entries().iter();
                    entries.find_map(|entry| entry.value.doubled_key())
                }
            },
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
            Kind::Map(mapping) => {
                let found = match token.contains('~') {
                    true => mapping.get(&token.replace("~1", "/").replace("~0", "~")),
                    false => mapping.get(token),
                }?;
                Some((&found.value, Some(found.key_start)))
            }
            _ => None,
        }
    }
}

/// A key as one token of a JSON pointer (RFC 6901).
pub fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Where the lines of a text start; found when first asked for.
#[derive(Debug, Default)]
pub(crate) struct Lines(OnceLock<Starts>);

#[derive(Debug)]
struct Starts {
    /// The byte at which each line starts.
    lines: Vec<usize>,
    /// The characters before each block of bytes: a document may be one line of many megabytes.
    characters: Vec<usize>,
}

/// A length of text that is counted in no time, in bytes.
const BLOCK: usize = 4096;

impl Starts {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        let blocks = text.as_bytes().chunks(BLOCK).map(characters);
        let sums = blocks.scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        Self {
            lines: lines.collect(),
            characters: std::iter::once(0).chain(sums).collect(),
        }
    }

    /// The number of the line that a byte is in, counted from 0.
    fn line(&self, byte: usize) -> usize {
        let after = self.lines.partition_point(|start| *start <= byte);
        after.saturating_sub(1)
    }

    fn characters_before(&self, text: &str, byte: usize) -> usize {
        let block = byte / BLOCK;
        let known = self.characters.get(block).copied().unwrap_or_default();
        let rest = text.as_bytes().get(block * BLOCK..byte);
        known + characters(rest.unwrap_or_default())
    }
}

/// How many characters start in these bytes.
fn characters(bytes: &[u8]) -> usize {
    let starts = bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80);
    starts.count()
}

impl Lines {
    fn starts(&self, text: &str) -> &Starts {
        self.0.get_or_init(|| Starts::of(text))
    }

    /// The place of a byte of `text`.
    pub(crate) fn place(&self, text: &str, byte: usize) -> Place {
        let byte = byte.min(text.len());
        let starts = self.starts(text);
        let line = starts.line(byte);
        let start = starts.lines.get(line).copied().unwrap_or_default();
        let before = starts.characters_before(text, byte) - starts.characters_before(text, start);
        Place {
            line: line as u64 + 1,
            column: before as u64 + 1,
        }
    }

    /// The line that a byte of `text` is in, without its end, and where it starts.
    pub(crate) fn line<'t>(&self, text: &'t str, byte: usize) -> (&'t str, usize) {
        let starts = self.starts(text);
        let line = starts.line(byte.min(text.len()));
        let start = starts.lines.get(line).copied().unwrap_or_default();
        let end = starts
            .lines
            .get(line + 1)
            .map_or(text.len(), |next| next - 1);
        let line = text.get(start..end).unwrap_or_default();
        (line.strip_suffix('\r').unwrap_or(line), start)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(keys: &[&str]) -> Mapping {
        let entries = keys.iter().enumerate().map(|(at, key)| Entry {
            key: (*key).to_owned(),
            key_start: at,
            value: Node {
                kind: Kind::Null,
                start: at,
                end: at,
            },
        });
        Mapping::new(entries.collect())
    }

    #[test]
    fn a_large_mapping_answers_as_a_small_one() {
        let names: Vec<String> = (0..40).map(|n| format!("k{}", n * 7 % 40)).collect();
        for count in [0, 1, 8, 9, 40] {
            let keys: Vec<&str> = names[..count].iter().map(String::as_str).collect();
            let all = mapping(&keys);
            assert!(all.doubled().is_none());
            assert!(all.get("a").is_none() && all.get("k").is_none() && all.get("z").is_none());
            for (at, key) in keys.iter().enumerate() {
                assert_eq!(all.get(key).map(|entry| entry.key_start), Some(at));
                let doubled = [&keys[..], &[*key, "late", "late"]].concat();
                let doubled = mapping(&doubled);
                assert_eq!(doubled.doubled().map(|entry| entry.key_start), Some(count));
                assert_eq!(doubled.get(key).map(|entry| entry.key_start), Some(at));
            }
        }
    }

    #[test]
    fn places_in_a_long_line() {
        let text = format!("é\r\n{}x\né", "aé€".repeat(BLOCK));
        let lines = Lines::default();
        for (byte, _) in text.char_indices().step_by(101).chain([(text.len(), 'é')]) {
            let before = &text[..byte];
            let start = before.rfind('\n').map_or(0, |end| end + 1);
            let expected = Place {
                line: before.matches('\n').count() as u64 + 1,
                column: text[start..byte].chars().count() as u64 + 1,
            };
            assert_eq!(lines.place(&text, byte), expected, "{byte}");
            let line = text[start..].lines().next().unwrap_or_default();
            assert_eq!(lines.line(&text, byte), (line, start));
        }
    }
}
