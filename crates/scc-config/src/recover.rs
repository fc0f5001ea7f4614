//! What else is wrong with a document whose first mistake is known.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use crate::de::{DeError, NodeDeserializer, Problem};
use crate::json;
use crate::tree::{Kind, Node};

/// More mistakes than this are not looked for: by then, something else is wrong with the document.
const MOST: usize = 32;

/// The mistakes after the first: what a mistake is about is left out, and the rest is read again.
///
/// `required` is a mapping with the keys that the whole document cannot do without; its values stand
/// in for those that are not there.
pub(crate) fn further<T: DeserializeOwned>(
    root: &Node,
    plain: Option<&str>,
    first: &DeError,
    required: &str,
) -> Vec<DeError> {
    let mut rest = Rest {
        root: root.clone(),
        required: json::parse(required).ok(),
        left_out: BTreeSet::new(),
    };
    let mut found: Vec<DeError> = Vec::new();
    let mut goes_on = rest.leave_out(first);
    for _ in 0..MOST {
        if !goes_on {
            break;
        }
        let node = NodeDeserializer {
            node: &rest.root,
            plain,
        };
        let Err(error) = T::deserialize(node) else {
            break;
        };
        let known = rest.is_consequence(&error);
        goes_on = rest.leave_out(&error);
        if !known {
            found.push(error);
        }
    }
    found
}

/// What is left of a document.
struct Rest {
    root: Node,
    required: Option<Node>,
    /// Keys that were left out, each with the byte at which its mapping starts.
    left_out: BTreeSet<(usize, String)>,
}

impl Rest {
    /// Whether a key is missing only because it was left out here.
    fn is_consequence(&self, error: &DeError) -> bool {
        match (&error.0.problem, error.0.at) {
            (Problem::MissingKey(key), Some(at)) => {
                self.left_out.contains(&(at, (*key).to_owned()))
            }
            _ => false,
        }
    }

    /// Leaves out what a mistake is about; `false` where that cannot be.
    fn leave_out(&mut self, error: &DeError) -> bool {
        let Some(at) = error.0.at else { return false };
        match &error.0.problem {
            Problem::UnknownKey { .. } => remove(&mut self.root, at, true, &mut self.left_out),
            Problem::MissingKey(key) if at == self.root.start => self.stand_in(key),
            _ => {
                remove(&mut self.root, at, false, &mut self.left_out)
                    || remove(&mut self.root, at, true, &mut self.left_out)
            }
        }
    }

    fn stand_in(&mut self, key: &str) -> bool {
        let Some(Kind::Map(required)) = self.required.as_ref().map(|node| &node.kind) else {
            return false;
        };
        let entry = required.get(key).cloned();
        match (entry, &mut self.root.kind) {
            (Some(entry), Kind::Map(mapping)) if mapping.get(key).is_none() => {
                mapping.add(entry);
                true
            }
            _ => false,
        }
    }
}

/// Removes the first value that starts at a byte, or the first whose key does.
fn remove(
    node: &mut Node,
    at: usize,
    by_key: bool,
    left_out: &mut BTreeSet<(usize, String)>,
) -> bool {
    match &mut node.kind {
        Kind::List(items) => {
            if let Some(place) = items.iter().position(|item| !by_key && item.start == at) {
                items.remove(place);
                return true;
            }
            let mut items = items.iter_mut();
            items.any(|item| remove(item, at, by_key, left_out))
        }
        Kind::Map(mapping) => {
            let mut entries = mapping.entries().iter();
            let starts = |start| start == at;
            let place = entries.position(|entry| match by_key {
                true => starts(entry.key_start),
                false => starts(entry.value.start),
            });
            if let Some(place) = place {
                left_out.extend(mapping.remove(place).map(|entry| (node.start, entry.key)));
                return true;
            }
            let mut values = mapping.values_mut();
            values.any(|value| remove(value, at, by_key, left_out))
        }
        _ => false,
    }
}
