//! JSON text to a tree. `jsonc-parser`, in its strict mode, gives the places and words the errors;
//! `serde_json` confirms that it is JSON.

use jsonc_parser::ast::{Object, ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde::de::IgnoredAny;

use crate::read::{MAX_DEPTH, Unreadable};
use crate::tree::{Entry, Kind, Mapping, Node, byte_of};

pub(crate) fn parse(text: &str) -> Result<Node, Unreadable> {
    too_deep(text).map_or(Ok(()), |at| Err(Unreadable::too_deep(at)))?;
    // What one of them takes for JSON and the other does not is not JSON.
    let strict = serde_json::from_str::<IgnoredAny>(text);
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &strict_options());
    let parsed = parsed.map_err(|error| Unreadable {
        message: format!("not valid JSON: {}", first_lower(&error.kind().to_string())),
        at: Some(error.range().start),
    })?;
    strict.map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let at = byte_of(text, error.line() as u64, error.column() as u64);
        Unreadable {
            message: format!("not valid JSON: {}", message.trim_end_matches(&place)),
            at: Some(at),
        }
    })?;
    let value = parsed
        .value
        .ok_or_else(|| Unreadable::at(0, "the document is empty"))?;
    node(value)
}

/// The byte at which lists and mappings are nested too deep. Looked for first, because the parser
/// is recursive and its own limit is more than a small stack holds.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(at);
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn first_lower(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn strict_options() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn node(value: Value<'_>) -> Result<Node, Unreadable> {
    let range = value.range();
    let kind = match value {
        Value::NullKeyword(_) => Kind::Null,
        Value::BooleanLit(literal) => Kind::Bool(literal.value),
        Value::NumberLit(literal) => number(literal.value, range.start)?,
        Value::StringLit(literal) => Kind::Text(literal.value.into_owned()),
        Value::Array(array) => {
            let items = array.elements.into_iter();
            Kind::List(items.map(node).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => Kind::Map(Mapping::new(entries(object)?)),
    };
    Ok(Node {
        kind,
        start: range.start,
        end: range.end,
    })
}

fn entries(object: Object<'_>) -> Result<Vec<Entry>, Unreadable> {
    let properties = object.properties.into_iter();
    let entries = properties.map(|property| {
        let key_start = property.name.range().start;
        let key = match property.name {
            ObjectPropName::String(literal) => literal.value.into_owned(),
            ObjectPropName::Word(literal) => literal.value.to_owned(),
        };
        let value = node(property.value)?;
        Ok(Entry {
            key,
            key_start,
            value,
        })
    });
    entries.collect()
}

fn number(text: &str, at: usize) -> Result<Kind, Unreadable> {
    if let Ok(integer) = text.parse::<i128>() {
        return Ok(Kind::Integer(integer));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Kind::Float(float)),
        _ => Err(Unreadable::at(at, "a number is too large")),
    }
}
