//! Text to tree, whichever of the two languages it is written in.

use std::path::Path;

use crate::tree::Node;
use crate::{json, yaml};

/// Mappings and lists inside each other; no document needs a quarter of it.
pub(crate) const MAX_DEPTH: usize = 32;

/// Why a text is no tree, and the byte where.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) at: Option<usize>,
}

impl Unreadable {
    pub(crate) fn at(at: usize, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            at: Some(at),
        }
    }

    pub(crate) fn too_deep(at: usize) -> Self {
        let message = format!("mappings and lists are nested more than {MAX_DEPTH} deep");
        Self::at(at, &message)
    }
}

/// The language a tree was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Json,
    Yaml,
}

/// Reads a text without its byte order mark.
///
/// A text that starts with `{` or `[` is tried as JSON first. Where that fails, it may still be
/// YAML in flow style, unless the file's name ends in `.json`.
pub(crate) fn tree(text: &str, file: &Path) -> Result<(Node, Language), Unreadable> {
    let named_json = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let json_like = text.trim_start().starts_with(['{', '[']);
    let (node, language) = match (json_like, named_json) {
        (true, true) => (json::parse(text)?, Language::Json),
        (true, false) => match json::parse(text) {
            Ok(node) => (node, Language::Json),
            Err(_) => (yaml::parse(text)?, Language::Yaml),
        },
        (false, _) => (yaml::parse(text)?, Language::Yaml),
    };
    match node.doubled_key() {
        None => Ok((node, language)),
        Some(doubled) => Err(Unreadable {
            message: format!("key `{}` appears twice", doubled.key),
            at: Some(doubled.start),
        }),
    }
}
