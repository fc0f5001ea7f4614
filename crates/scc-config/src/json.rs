//! JSON text to a tree. `serde_json` decides what is JSON and words the errors; `jsonc-parser`, in
//! its strict mode, gives the places.

use jsonc_parser::ast::{Object, ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde::de::IgnoredAny;

use crate::read::{MAX_DEPTH, Unreadable};
use crate::tree::{Entry, Kind, Node, byte_of};

pub(crate) fn parse(text: &str) -> Result<Node, Unreadable> {
    // First, because it limits the nesting and is exact about numbers and escapes.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let at = byte_of(text, error.line() as u64, error.column() as u64);
        Unreadable {
            message: format!("not valid JSON: {}", message.trim_end_matches(&place)),
            at: Some(at),
        }
    })?;
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &strict());
    let value = parsed
        .map_err(|error| Unreadable {
            message: format!("not valid JSON: {}", error.kind()),
            at: Some(error.range().start),
        })?
        .value
        .ok_or_else(|| Unreadable::at(0, "the document is empty"))?;
    node(value, 0)
}

fn strict() -> ParseOptions {
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

fn node(value: Value<'_>, depth: usize) -> Result<Node, Unreadable> {
    let range = value.range();
    if depth > MAX_DEPTH {
        return Err(Unreadable::too_deep(range.start));
    }
    let kind = match value {
        Value::NullKeyword(_) => Kind::Null,
        Value::BooleanLit(literal) => Kind::Bool(literal.value),
        Value::NumberLit(literal) => number(literal.value, range.start)?,
        Value::StringLit(literal) => Kind::Text(literal.value.into_owned()),
        Value::Array(array) => {
            let items = array.elements.into_iter();
            let items = items.map(|item| node(item, depth + 1));
            Kind::List(items.collect::<Result<_, _>>()?)
        }
        Value::Object(object) => Kind::Map(entries(object, depth)?),
    };
    Ok(Node {
        kind,
        start: range.start,
        end: range.end,
    })
}

fn entries(object: Object<'_>, depth: usize) -> Result<Vec<Entry>, Unreadable> {
    let properties = object.properties.into_iter();
    let entries = properties.map(|property| {
        let key_start = property.name.range().start;
        let key = match property.name {
            ObjectPropName::String(literal) => literal.value.into_owned(),
            ObjectPropName::Word(literal) => literal.value.to_owned(),
        };
        let value = node(property.value, depth + 1)?;
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
