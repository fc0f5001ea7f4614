//! YAML text to a tree: the only place that knows the YAML engine. Plain documents do not need it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Error, Location, MergeKeyPolicy, Options, Spanned};

use crate::read::{MAX_DEPTH, Unreadable};
use crate::tree::{Entry, Kind, Mapping, Node, byte_of};
use crate::yaml_events;

/// Far more than 8 MiB of sensible YAML has, far less than what hurts.
const MAX_NODES: usize = 2_000_000;

pub(crate) fn parse(text: &str) -> Result<Node, Unreadable> {
    match yaml_events::plain(text, MAX_NODES) {
        Some(node) => Ok(node),
        None => by_engine(text),
    }
}

/// Any YAML; where something is wrong, what and where.
fn by_engine(text: &str) -> Result<Node, Unreadable> {
    let value: Option<Spanned<Value>> = serde_yaml::from_str_with_options(text, options())
        .map_err(|error| describe(&error, text))?;
    match value {
        Some(value) => node(value, text, 0),
        None => Ok(Node {
            kind: Kind::Null,
            start: 0,
            end: 0,
        }),
    }
}

fn options() -> Options {
    let mut limits = Options::default().alias_limits;
    limits.max_total_replayed_events = 20_000;
    serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        merge_keys: MergeKeyPolicy::Error,
        alias_limits: limits,
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
    }
}

fn describe(error: &Error, text: &str) -> Unreadable {
    let error = error.without_snippet();
    let location = error.location();
    let at = location.map(|location| byte(text, &location));
    let message = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("key `{key}` appears twice"),
        Error::DuplicateMappingKey { key: None, .. } => "a key appears twice".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not allowed".to_owned(),
        Error::MultipleDocuments { .. } => "there is more than one document in the file".to_owned(),
        Error::Message { msg, .. } => msg.clone(),
        other if other.to_string().starts_with("budget breached: Depth") => {
            return Unreadable::too_deep(at.unwrap_or(0));
        }
        other => one_line(&other.to_string(), location.map_or(0, |l| l.line())),
    };
    let is_star = at.is_some_and(|at| text.get(at..).is_some_and(|rest| rest.starts_with('*')));
    let message = match is_star {
        true => format!("{message}; a value that begins with `*` needs quotes"),
        false => message,
    };
    Unreadable { message, at }
}

/// The engine's own words; they end in the place, which is shown already.
fn one_line(text: &str, line: u64) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let place = format!(" at line {line}, column ");
    match text.find(&place) {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn byte(text: &str, location: &Location) -> usize {
    let known = location.span().byte_offset();
    known
        .and_then(|offset| usize::try_from(offset).ok())
        .filter(|offset| text.is_char_boundary(*offset))
        .unwrap_or_else(|| byte_of(text, location.line(), location.column()))
}

fn node(value: Spanned<Value>, text: &str, depth: usize) -> Result<Node, Unreadable> {
    let start = byte(text, &value.referenced);
    if depth > MAX_DEPTH {
        return Err(Unreadable::too_deep(start));
    }
    let length = value.referenced.span().byte_len().unwrap_or(0);
    let kind = match value.value {
        Value::Scalar(kind) => kind,
        Value::List(items) => {
            let items = items.into_iter().map(|item| node(item, text, depth + 1));
            Kind::List(items.collect::<Result<_, _>>()?)
        }
        Value::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                Ok(Entry {
                    key_start: byte(text, &key.referenced),
                    key: key.value,
                    value: node(value, text, depth + 1)?,
                })
            });
            Kind::Map(Mapping::new(entries.collect::<Result<_, _>>()?))
        }
    };
    Ok(Node {
        kind,
        start,
        end: start.saturating_add(usize::try_from(length).unwrap_or(0)),
    })
}

enum Value {
    Scalar(Kind),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Integer(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Text(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Text(value)))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Null))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Scalar(Kind::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// What is plain is what the engine makes of it, with the same places.
    fn same(text: &str) -> bool {
        let plain = yaml_events::plain(text, MAX_NODES);
        let Some(plain) = &plain else {
            return false;
        };
        // Keys that stand twice are found in the tree, whoever made it.
        if plain.doubled_key().is_none() {
            let whole = by_engine(text).map_err(|error| (text, error));
            assert_eq!(*plain, whole.unwrap(), "{text:?}");
        }
        true
    }

    #[test]
    fn a_star_without_quotes_is_explained() {
        for text in ["a:\n  - *@untrusted\n", "a: [*.example.net]\n"] {
            let error = parse(text).unwrap_err();
            let told = error
                .message
                .ends_with("a value that begins with `*` needs quotes");
            assert!(told, "{}", error.message);
        }
    }

    #[test]
    fn plain_documents_are_read_as_by_the_engine() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut plain = 0;
        for folder in ["org", "team", "project"] {
            for file in std::fs::read_dir(root.join("examples").join(folder)).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                plain += usize::from(same(&text));
            }
        }
        for table in ["broken.txt", "doubtful.txt"] {
            let table = std::fs::read_to_string(root.join(table)).unwrap();
            for case in table.split("=== ").filter_map(|case| case.split_once('\n')) {
                plain += usize::from(same(case.1));
            }
        }
        assert!(plain > 80, "{plain}");
        for text in [
            "a: 1\nb: [x, 'y', \"z\\n\"]\n# c\nd: {e: 0, f: true}\n",
            "---\n- a b\n- /c\n- 'd''e'\n",
            "? a\n: b",
            "schema_version: 1.0.0\nmemory: 8g\n",
        ] {
            assert!(same(text), "{text:?}");
        }
        for text in [
            "a: ~",
            "a: null",
            "a:",
            "a: 0x1",
            "a: 01",
            "a: 1.5",
            "a: .inf",
            "a: No",
            "yes: a",
            "1: a",
            "a: &b c",
            "a: !!str 1",
            "a: *b",
            "<<: {a: b}",
            "a: |\n  b",
            "[a]: b",
            "a: b\n---\nc: d",
            "%YAML 1.2\n---\na: b",
            "a: [",
            "a: -1",
            "",
            "nan",
        ] {
            assert!(!same(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_that_is_plain_is_read_as_by_the_engine(
            parts in prop::collection::vec(select(vec![
                "a", "b: ", "c:\n  ", "- ", "\n", "\n  ", "\n- ", "[", "]", "{", "}", ", ", ": ", "'x'",
                "\"y\\u00e9\"", "1", "0", "007", "true", "no", "#", " ", "é", "/p", "|\n", ">\n", "\t",
                "\r\n", "---\n", "...", "&a ", "*a", "!t ", "?", "~", "<<: ", "a b", "1e3", "inf", "1.0.0", "8g", "0m", "1.5",
            ]), 0..14)
        ) {
            let _ = same(&parts.concat());
        }
    }
}
