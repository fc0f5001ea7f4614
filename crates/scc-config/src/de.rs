//! Tree to typed value. Every error gets the place of the innermost value or key that it is about.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, Error as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::tree::{Entry, Kind, Node};

/// What is wrong with a value, and the byte where.
#[derive(Debug)]
pub(crate) struct Mismatch {
    pub(crate) problem: Problem,
    pub(crate) at: Option<usize>,
}

#[derive(Debug)]
pub(crate) enum Problem {
    Other(String),
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    WrongType {
        expected: String,
        found: String,
    },
}

impl Mismatch {
    fn new(problem: Problem) -> Box<Self> {
        Box::new(Self { problem, at: None })
    }
}

/// The error while reading; in a box, so that results stay small.
#[derive(Debug)]
pub(crate) struct DeError(pub(crate) Box<Mismatch>);

impl DeError {
    fn or_at(mut self, at: usize) -> Self {
        self.0.at.get_or_insert(at);
        self
    }

    /// An unknown key that was found by looking at the whole mapping still points at the key.
    fn or_in(self, node: &Node) -> Self {
        let key = match (&self.0.problem, &node.kind) {
            (Problem::UnknownKey { key, .. }, Kind::Map(mapping)) => mapping.get(key),
            _ => None,
        };
        let at = key.map_or(node.start, |entry| entry.key_start);
        self.or_at(at)
    }
}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.problem {
            Problem::Other(message) => f.write_str(message),
            Problem::UnknownKey { key, .. } => write!(f, "unknown key `{key}`"),
            Problem::UnknownWord { word, .. } => {
                write!(f, "unknown value `{}`", word.escape_debug())
            }
            Problem::MissingKey(key) => write!(f, "missing key `{key}`"),
            Problem::WrongType { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
        }
    }
}

impl std::error::Error for DeError {}

impl de::Error for DeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Mismatch::new(Problem::Other(message.to_string())))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = plain_words(&expected.to_string());
        let found = found_words(&unexpected);
        Self(Mismatch::new(Problem::WrongType { expected, found }))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self(Mismatch::new(Problem::UnknownWord {
            word: variant.to_owned(),
            known: expected,
        }))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self(Mismatch::new(Problem::UnknownKey {
            key: field.to_owned(),
            known: expected,
        }))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Mismatch::new(Problem::MissingKey(field)))
    }
}

/// serde's words for a type in the words of a document.
fn plain_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        other if other.starts_with("struct ") || other.starts_with("enum ") => {
            "a mapping".to_owned()
        }
        other => other.to_owned(),
    }
}

/// What was found; text is not repeated, for it may be a secret.
fn found_words(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(_) | Unexpected::Char(_) => "text".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        other => other.to_string(),
    }
}

/// Reads a typed value from a node. `plain` is the document's text where it is YAML: there a
/// number that stands where text is wanted counts as the text it is written as.
#[derive(Clone, Copy)]
pub(crate) struct NodeDeserializer<'de> {
    pub(crate) node: &'de Node,
    pub(crate) plain: Option<&'de str>,
}

impl<'de> NodeDeserializer<'de> {
    fn with(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }

    /// The text of a plain YAML number or boolean, as it is written.
    fn written(self) -> Option<&'de str> {
        let text = self.plain?;
        match self.node.kind {
            Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => {
                let written = text.get(self.node.start..self.node.end)?.trim_end();
                // An alias or a tag stands there instead of the value.
                (!written.is_empty() && !written.starts_with(['*', '&', '!'])).then_some(written)
            }
            _ => None,
        }
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.written() {
            Some(written) => visitor
                .visit_borrowed_str(written)
                .map_err(|error: DeError| error.or_at(self.node.start)),
            None => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        let result = match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => Err(DeError::custom("the number is too large")),
            },
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(text) => visitor.visit_borrowed_str(text),
            Kind::List(items) => visitor.visit_seq(Items {
                items: items.iter(),
                parent: self,
            }),
            Kind::Map(mapping) => visitor.visit_map(Entries {
                entries: mapping.entries().iter(),
                value: None,
                parent: self,
            }),
        };
        result.map_err(|error| error.or_in(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.node.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|error| error.or_in(self.node))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.text(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|error| error.or_in(self.node))
    }

    /// serde would also take a list for a structure, its values in the order of the fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        match self.node.kind {
            Kind::Map(_) => self.deserialize_any(visitor),
            _ => Err(DeError::invalid_type(unexpected(self.node), &"a mapping").or_in(self.node)),
        }
    }

    /// Enumerations are words here; none carries a value.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let word = match &self.node.kind {
            Kind::Text(word) => visitor.visit_enum(de::value::StrDeserializer::new(word)),
            _ => {
                let known = variants.iter().map(|word| format!("`{word}`"));
                let expected = format!("one of {}", known.collect::<Vec<_>>().join(", "));
                let found = found_words(&unexpected(self.node));
                Err(DeError(Mismatch::new(Problem::WrongType {
                    expected,
                    found,
                })))
            }
        };
        word.map_err(|error| error.or_in(self.node))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn unexpected(node: &Node) -> Unexpected<'_> {
    match &node.kind {
        Kind::Null => Unexpected::Unit,
        Kind::Bool(value) => Unexpected::Bool(*value),
        Kind::Integer(value) => Unexpected::Signed(i64::try_from(*value).unwrap_or(i64::MAX)),
        Kind::Float(value) => Unexpected::Float(*value),
        Kind::Text(text) => Unexpected::Str(text),
        Kind::List(_) => Unexpected::Seq,
        Kind::Map(_) => Unexpected::Map,
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    parent: NodeDeserializer<'de>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = DeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DeError> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(self.parent.with(node))
            .map(Some)
            .map_err(|error| error.or_in(node))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    value: Option<&'de Node>,
    parent: NodeDeserializer<'de>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = DeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeError> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        seed.deserialize(de::value::BorrowedStrDeserializer::new(&entry.key))
            .map(Some)
            .map_err(|error: DeError| error.or_at(entry.key_start))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DeError> {
        let Some(node) = self.value.take() else {
            return Err(DeError::custom("a value was read without its key"));
        };
        seed.deserialize(self.parent.with(node))
            .map_err(|error| error.or_in(node))
    }
}
