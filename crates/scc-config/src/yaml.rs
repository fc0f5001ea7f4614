//! The only place that knows the YAML engine: text to value, engine errors to [`ConfigError`].

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::{Error, Options};

use crate::error::Details;
use crate::{ConfigError, secret, suggest};

/// Far more than anybody writes by hand, far less than what hurts.
const MAX_BYTES: usize = 1 << 20;

/// Reads one document of YAML or JSON (JSON is read as YAML's flow style).
pub(crate) fn parse<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, ConfigError> {
    if text.len() > MAX_BYTES {
        return Err(without_place(file, "the file is larger than 1 MiB").into());
    }
    serde_yaml::from_str_with_options(text, options())
        .map_err(|error| describe(&error, text, file).into())
}

fn options() -> Options {
    serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
    }
}

fn without_place(file: &Path, message: &str) -> Details {
    Details {
        file: file.to_owned(),
        message: message.to_owned(),
        ..Details::default()
    }
}

fn describe(error: &Error, text: &str, file: &Path) -> Details {
    let mut found = without_place(file, "");
    let error = error.without_snippet();
    if let Some(location) = error.location() {
        found.line = Some(location.line());
        found.column = Some(location.column());
    }
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            found.message = format!("unknown key `{field}`");
            found.text = Some(field.clone());
            found.suggestion = Some(match suggest::nearest(field, expected.iter().copied()) {
                Some(key) => format!("did you mean `{key}`?"),
                None => format!("known keys here are {}", quoted(expected)),
            });
        }
        Error::DuplicateMappingKey { key, .. } => {
            found.message = match key {
                Some(key) => format!("key `{key}` appears twice"),
                None => "a key appears twice".to_owned(),
            };
            found.text.clone_from(key);
        }
        Error::Message { msg, .. } => found.message.clone_from(msg),
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => {
            found.message = format!("expected {expected}, found {unexpected}");
        }
        other => found.message = one_line(&other.to_string(), found.line),
    }
    if let Some(line) = found.line.and_then(|line| line_of(text, line)) {
        let secret = found.message.starts_with(secret::REFUSED) || may_hold_secret(line);
        if !secret {
            let column = usize::try_from(found.column.unwrap_or(1)).unwrap_or(1);
            found.snippet = Some(format!("{line}\n{:1$}^", "", column.saturating_sub(1)));
            found.text = found.text.or_else(|| word_at(line, column));
        }
    }
    found
}

fn line_of(text: &str, number: u64) -> Option<&str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    text.lines().nth(index)
}

/// A misspelt `api_key` is an unknown key, and its line must not be shown either.
fn may_hold_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    [
        "key", "token", "secret", "passw", "auth", "cred", "://", "@",
    ]
    .iter()
    .any(|word| line.contains(word))
}

/// The text from the column to the next separator.
fn word_at(line: &str, column: usize) -> Option<String> {
    let rest = line.chars().skip(column.saturating_sub(1));
    let word: String = rest
        .take_while(|c| !matches!(c, ',' | '}' | ']' | '#'))
        .collect();
    Some(word.trim().to_owned()).filter(|word| !word.is_empty())
}

fn quoted(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The engine's own words; they end in the place, which is shown already.
fn one_line(text: &str, line: Option<u64>) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let place = format!(" at line {}, column ", line.unwrap_or(0));
    match text.find(&place) {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
