//! A document: its typed value, and where in the text each part of it stands.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::de::{DeError, NodeDeserializer, Problem};
use crate::error::Details;
use crate::read::{self, Language, Unreadable};
use crate::tree::{Kind, Lines, Node, Place, pointer_token};
use crate::{ConfigError, recover, secret, suggest};

/// A kind of document: how it is read, and what has to hold in it.
pub trait ConfigDocument: DeserializeOwned + schemars::JsonSchema {
    /// The largest text that is read, in bytes.
    const MAX_BYTES: usize;

    /// A mapping with the keys that such a document must have, in JSON.
    const REQUIRED: &'static str = "{}";

    /// What an empty text means; an error text where it means nothing.
    ///
    /// # Errors
    /// When a document of this kind must not be empty.
    fn empty() -> Result<Self, &'static str> {
        Err("the document is empty")
    }

    /// Every rule that a well-formed document breaks.
    fn check(_document: &Document<Self>) -> Vec<ConfigError> {
        Vec::new()
    }

    /// What a valid document probably does not mean.
    fn warn(_document: &Document<Self>, _known: &Known<'_>) -> Vec<ConfigError> {
        Vec::new()
    }
}

/// What is known outside of a document, to warn about what it probably does not mean.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The ids of the providers that exist.
    pub providers: &'a [&'a str],
    /// The current time.
    pub now: jiff::Timestamp,
}

/// A document that was read: the value, the file's name, and the places of its parts.
///
/// Places are found when they are asked for, so that a large document costs no more than its value.
#[derive(Debug)]
pub struct Document<T> {
    value: T,
    source: Source,
}

/// The text of a document and its tree.
#[derive(Debug)]
pub(crate) struct Source {
    file: PathBuf,
    text: String,
    root: Node,
    lines: Lines,
}

impl<T: ConfigDocument> Document<T> {
    /// Reads a document of JSON or YAML. `file` is only named in errors and places; where its name
    /// ends in `.json`, the text has to be JSON. Stops at the first thing that is not well-formed;
    /// what a well-formed document breaks is found by [`Document::check`].
    ///
    /// # Errors
    /// When the text is too large or too deep, is not JSON or YAML, or does not fit the closed
    /// structure of `T`.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        Self::read(text, file, false).map_err(|rejected| rejected.first)
    }

    /// As [`Document::parse`], with every place at which the structure does not fit, in the order of
    /// the places.
    ///
    /// # Errors
    /// As for [`Document::parse`]; at least one.
    pub fn parse_all(text: &str, file: &Path) -> Result<Self, Vec<ConfigError>> {
        Self::read(text, file, true).map_err(|rejected| rejected.sorted())
    }

    fn read(text: &str, file: &Path, all: bool) -> Result<Self, Box<Rejected>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Lines::default();
        let unreadable = |why: Unreadable| Rejected::one(unreadable_error(why, text, file, &lines));
        if text.len() > T::MAX_BYTES {
            let message = format!("the file is larger than {} MiB", T::MAX_BYTES >> 20);
            return Err(unreadable(Unreadable { message, at: None }));
        }
        let (root, language) = read::tree(text, file).map_err(unreadable)?;
        let value = if root.kind == Kind::Null {
            T::empty().map_err(|message| unreadable(Unreadable::at(0, message)))?
        } else {
            let plain = (language == Language::Yaml).then_some(text);
            let node = NodeDeserializer { node: &root, plain };
            T::deserialize(node).map_err(|error| {
                let mut rejected = Rejected::one(mismatch(&error, text, file, &lines));
                if all {
                    let further = recover::further::<T>(&root, plain, &error, T::REQUIRED);
                    let further = further.iter();
                    let further = further.map(|error| mismatch(error, text, file, &lines));
                    rejected.further.extend(further);
                }
                rejected
            })?
        };
        let source = Source {
            file: file.to_owned(),
            text: text.to_owned(),
            root,
            lines,
        };
        Ok(Self { value, source })
    }

    /// Reads the document in `file`; `None` when there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read, and as for [`Document::parse`].
    pub fn load(file: &Path) -> Result<Option<Self>, ConfigError> {
        let text = text_of(file)?;
        text.map(|text| Self::parse(&text, file)).transpose()
    }

    /// As [`Document::load`], with every place at which the structure does not fit.
    ///
    /// # Errors
    /// As for [`Document::load`]; at least one.
    pub fn load_all(file: &Path) -> Result<Option<Self>, Vec<ConfigError>> {
        let text = text_of(file).map_err(|error| vec![error])?;
        text.map(|text| Self::parse_all(&text, file)).transpose()
    }

    /// Every rule that this document breaks, in the order of their places. Each has a
    /// [`ConfigError::rule`].
    pub fn check(&self) -> Vec<ConfigError> {
        let mut findings = T::check(self);
        findings.sort_by_key(|finding| (finding.line(), finding.column()));
        findings
    }

    /// What this document says and probably does not mean, such as a pattern that fits nothing, in
    /// the order of the places. None of it makes the document invalid.
    pub fn warnings(&self, known: &Known<'_>) -> Vec<ConfigError> {
        let mut findings = T::warn(self, known);
        findings.sort_by_key(|finding| (finding.line(), finding.column()));
        findings
    }
}

/// Why a text is no document.
struct Rejected {
    first: ConfigError,
    further: Vec<ConfigError>,
}

impl Rejected {
    fn one(first: ConfigError) -> Box<Self> {
        Box::new(Self {
            first,
            further: Vec::new(),
        })
    }

    fn sorted(self) -> Vec<ConfigError> {
        let mut all = self.further;
        all.insert(0, self.first);
        all.sort_by_key(|error| (error.line(), error.column()));
        all
    }
}

/// The text of a file; `None` when there is no such file.
fn text_of(file: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::unreadable(file, error)),
    }
}

impl<T> Document<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The file as it was given.
    pub fn file(&self) -> &Path {
        &self.source.file
    }

    /// The place of the value at a JSON pointer (RFC 6901), such as
    /// `/profiles/platform/network_policy`; `None` where the document has no such value.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        let (node, _) = self.source.root.at(pointer)?;
        Some(self.source.lines.place(&self.source.text, node.start))
    }

    /// The place of the key that leads to the value at a JSON pointer; of the value itself where
    /// it has no key.
    pub fn key_place(&self, pointer: &str) -> Option<Place> {
        let (node, key) = self.source.root.at(pointer)?;
        let start = key.unwrap_or(node.start);
        Some(self.source.lines.place(&self.source.text, start))
    }

    /// The keys of the mapping that a pointer leads to, in the order of the document.
    pub(crate) fn keys(&self, pointer: &str) -> Vec<String> {
        match self.source.root.at(pointer).map(|(node, _)| &node.kind) {
            Some(Kind::Map(mapping)) => {
                let entries = mapping.entries().iter();
                entries.map(|entry| entry.key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A broken rule at the key, or item of a list, that a pointer leads to.
    pub(crate) fn finding(&self, pointer: &str, rule: &'static str, message: String) -> Details {
        let mut details = Details {
            file: self.source.file.clone(),
            message,
            rule: Some(rule),
            pointer: Some(pointer.to_owned()),
            ..Details::default()
        };
        if let Some((node, key)) = self.source.root.at(pointer) {
            let Source { text, lines, .. } = &self.source;
            point_at(&mut details, key.unwrap_or(node.start), text, lines);
        }
        details
    }
}

impl<T> AsRef<T> for Document<T> {
    fn as_ref(&self) -> &T {
        &self.value
    }
}

/// A pointer to `key` below `pointer`.
pub(crate) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", pointer_token(key))
}

fn unreadable_error(unreadable: Unreadable, text: &str, file: &Path, lines: &Lines) -> ConfigError {
    let mut details = Details {
        file: file.to_owned(),
        message: unreadable.message,
        ..Details::default()
    };
    if let Some(at) = unreadable.at {
        point_at(&mut details, at, text, lines);
    }
    details.into()
}

fn mismatch(error: &DeError, text: &str, file: &Path, lines: &Lines) -> ConfigError {
    let mut details = Details {
        file: file.to_owned(),
        message: error.to_string(),
        ..Details::default()
    };
    match &error.0.problem {
        Problem::UnknownKey { key, known } => {
            details.text = Some(key.clone());
            details.suggestion = Some(suggest::or_list(key, known, "known keys here are"));
        }
        Problem::UnknownWord { word, known } => {
            details.text = Some(word.clone());
            details.suggestion = Some(suggest::or_list(word, known, "it can be"));
        }
        Problem::WrongType { expected, found } if expected == "a string" && found != "text" => {
            let quotes = found.starts_with(['`', 't']);
            details.suggestion = quotes.then(|| "put it in quotes".to_owned());
        }
        Problem::WrongType { expected, found } if expected == "a list" && found == "text" => {
            details.suggestion = Some("put it in `[` and `]`".to_owned());
        }
        _ => {}
    }
    if let Some(at) = error.0.at {
        point_at(&mut details, at, text, lines);
    }
    if let Problem::MissingKey(_) = error.0.problem {
        details.text = None;
    }
    details.into()
}

fn point_at(details: &mut Details, at: usize, text: &str, lines: &Lines) {
    let place = lines.place(text, at);
    (details.line, details.column) = (Some(place.line), Some(place.column));
    let (line, start) = lines.line(text, at);
    if details.message.starts_with(secret::REFUSED) || may_hold_secret(around(line, at - start)) {
        return;
    }
    if line.len() <= READABLE {
        let column = usize::try_from(place.column).unwrap_or(1);
        details.snippet = Some(snippet(line, column));
    }
    if details.text.is_none() {
        details.text = line.get(at - start..).and_then(word);
    }
}

/// A longer line is not shown, in bytes.
const READABLE: usize = 400;

/// A line that is not longer than can be read, or what stands near a byte of it.
fn around(line: &str, at: usize) -> &str {
    let cut = |at: usize| {
        (0..=at.min(line.len()))
            .rev()
            .find(|at| line.is_char_boundary(*at))
    };
    let start = cut(at.saturating_sub(READABLE)).unwrap_or(0);
    let end = cut(at.saturating_add(READABLE)).unwrap_or(line.len());
    &line[start..end]
}

/// The line with a caret below the column.
fn snippet(line: &str, column: usize) -> String {
    format!("{line}\n{:1$}^", "", column.saturating_sub(1))
}

/// A misspelt `api_key` is an unknown key, and its line must not be shown either.
fn may_hold_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let signs = ["key", "token", "secret", "passw", "auth", "cred", "bearer"];
    let user_info = |(at, _)| {
        let address = line[at..].split(|c: char| c.is_whitespace() || c == '"');
        address.take(1).any(|address| address.contains('@'))
    };
    signs.iter().any(|sign| line.contains(sign)) || line.match_indices("://").any(user_info)
}

/// The text up to the next separator, where it says something.
fn word(text: &str) -> Option<String> {
    let word = text.split([',', '}', ']', '#']).next().unwrap_or_default();
    let word = word.trim();
    // The start of a list or mapping says nothing.
    let shown = !word.is_empty() && word.len() <= READABLE && !word.starts_with(['{', '[', ':']);
    shown.then(|| word.to_owned())
}
