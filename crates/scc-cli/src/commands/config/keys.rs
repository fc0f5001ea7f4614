//! Which settings there are, by the schema of the document.

use scc_config::DocumentKind;
use serde_json::Value;

/// What stands at a key, written with dots.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// One value.
    Value,
    /// A section with these keys.
    Section(Vec<String>),
}

/// What stands at `key`; `None` where there is no such setting.
pub(super) fn find(key: &str) -> Option<Known> {
    let root = DocumentKind::User.schema();
    let mut at = &root;
    for part in key.split('.') {
        let part = Some(part).filter(|part| !part.is_empty())?;
        let named = at.get("properties").and_then(|keys| keys.get(part));
        let next = named.or_else(|| at.get("additionalProperties").filter(|any| any.is_object()));
        at = resolved(next?, &root);
    }
    Some(match at.get("properties").and_then(Value::as_object) {
        Some(keys) => Known::Section(keys.keys().cloned().collect()),
        None => Known::Value,
    })
}

/// What a reference in the schema points to, also where nothing may stand in its place.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let either = schema.get("anyOf").and_then(Value::as_array);
    let of_either = either.and_then(|all| all.iter().find(|one| one.get("$ref").is_some()));
    let reference = of_either.unwrap_or(schema).get("$ref");
    let pointer = reference.and_then(|text| text.as_str()?.strip_prefix('#'));
    pointer
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_known() {
        for key in [
            "team",
            "providers.x.model",
            "organization.source",
            "images.base",
        ] {
            assert_eq!(find(key), Some(Known::Value), "{key}");
        }
        for (key, one) in [
            ("resources", "memory"),
            ("organization", "source"),
            ("providers.x", "model"),
        ] {
            let Some(Known::Section(keys)) = find(key) else {
                panic!("{key} is no section");
            };
            assert!(keys.iter().any(|key| key == one), "{key}: {keys:?}");
        }
        for key in [
            "nope",
            "",
            "resources.",
            "resources.cpu",
            "team.name",
            "providers.x.y",
        ] {
            assert_eq!(find(key), None, "{key}");
        }
    }
}
