//! The one error of this crate: where in which file, what, and what was probably meant.

use std::path::{Path, PathBuf};

use crate::names;

/// A document that cannot be used, with the exact place.
///
/// `Display` is one line, `FILE:LINE:COL: message` (`FILE: message` where there is no place, such
/// as a file that cannot be read). Neither it nor any accessor repeats the value of a literal key.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", place(details), details.message)]
pub struct ConfigError {
    details: Box<Details>,
    source: Option<std::io::Error>,
}

/// What a [`ConfigError`] says; in a box, so that results stay small.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) file: PathBuf,
    pub(crate) line: Option<u64>,
    pub(crate) column: Option<u64>,
    pub(crate) text: Option<String>,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    pub(crate) snippet: Option<String>,
    pub(crate) rule: Option<&'static str>,
    pub(crate) pointer: Option<String>,
}

impl From<Details> for ConfigError {
    fn from(mut details: Details) -> Self {
        // Names of a document may hold line ends and escape sequences, and end up on terminals.
        details.message = names::visible(&details.message);
        details.text = details.text.as_deref().map(names::visible);
        details.suggestion = details.suggestion.as_deref().map(names::visible);
        Self {
            details: Box::new(details),
            source: None,
        }
    }
}

fn place(details: &Details) -> String {
    let file = details.file.display();
    match (details.line, details.column) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => format!("{file}: "),
    }
}

impl ConfigError {
    pub(crate) fn unreadable(file: &Path, source: std::io::Error) -> Self {
        let message = "cannot read the file".to_owned();
        let details = Details {
            file: file.to_owned(),
            message,
            ..Details::default()
        };
        Self {
            source: Some(source),
            ..details.into()
        }
    }

    /// The file as it was given.
    pub fn file(&self) -> &Path {
        &self.details.file
    }

    /// Line of the offending text, counted from 1; `None` when the error has no place.
    pub fn line(&self) -> Option<u64> {
        self.details.line
    }

    /// Column of the offending text in characters, counted from 1.
    pub fn column(&self) -> Option<u64> {
        self.details.column
    }

    /// The offending key or text, where it can be shown.
    pub fn text(&self) -> Option<&str> {
        self.details.text.as_deref()
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// What was probably meant, or what to do instead.
    pub fn suggestion(&self) -> Option<&str> {
        self.details.suggestion.as_deref()
    }

    /// The rule that a well-formed document breaks, such as `plugin_blocked`; `None` where the
    /// document itself is not well-formed.
    pub fn rule(&self) -> Option<&'static str> {
        self.details.rule
    }

    /// The JSON pointer (RFC 6901) of what breaks a rule; `None` where there is no rule.
    pub fn pointer(&self) -> Option<&str> {
        self.details.pointer.as_deref()
    }

    /// The offending line and below it a caret under the column; lines that may hold a secret are
    /// left out.
    pub fn snippet(&self) -> Option<&str> {
        self.details.snippet.as_deref()
    }
}
