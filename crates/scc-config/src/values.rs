//! Rules for single values, as `deserialize_with` functions: an error that such a function raises
//! gets the value's own place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error};

use crate::suggest;

/// The longest word, pattern or name that a document may hold, in bytes.
const MAX_TEXT: usize = 4096;

/// The schema of a string in a document, with a pattern where one says it all.
macro_rules! string_schema {
    ($type:ty, $name:literal, $description:literal) => {
        string_schema!($type, $name, $description, {});
    };
    ($type:ty, $name:literal, $description:literal, {$($key:literal: $value:expr),*}) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": $description,
                    "minLength": 1
                    $(, $key: $value)*
                })
            }
        }
    };
}
pub(crate) use string_schema;

/// A function that reads a value and checks it.
macro_rules! checked {
    ($name:ident, $value:ty, $check:expr) => {
        pub(crate) fn $name<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<$value, D::Error> {
            let value = <$value>::deserialize(deserializer)?;
            let check: fn(&$value) -> Result<(), String> = $check;
            check(&value).map_err(D::Error::custom)?;
            Ok(value)
        }
    };
}

/// As `checked`, for a key that may be left out.
macro_rules! checked_option {
    ($name:ident, $value:ty, $check:expr) => {
        checked!($name, Option<$value>, |value| match value {
            Some(value) => {
                let check: fn(&$value) -> Result<(), String> = $check;
                check(value)
            }
            None => Ok(()),
        });
    };
}

checked_option!(base_url, String, |url| web_address(url));
checked_option!(cpus, f64, |cpus| within(
    cpus.is_finite() && *cpus > 0.0,
    || format!("cpus must be more than 0, not {cpus}")
));
checked_option!(pids, u32, |pids| within(*pids >= 16, || format!(
    "pids must be at least 16, not {pids}"
)));
checked_option!(version, String, |text| {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    let good = !text.is_empty() && !text.starts_with('-') && text.bytes().all(allowed);
    within(good, || {
        format!("`{}` is not a version", text.escape_debug())
    })
});
checked_option!(cli_version, String, |text| {
    let numbers: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    within(numbers.len() == 3 && numbers.iter().all(number), || {
        format!("`{}` is not a version such as `1.4.0`", text.escape_debug())
    })
});
checked_option!(word, String, |text| {
    let strange = |c: char| c.is_whitespace() || c.is_control();
    let good = !text.is_empty() && !text.starts_with('-') && !text.contains(strange);
    within(good, || {
        let text = text.escape_debug();
        format!("`{text}` is empty or has characters in it that do not belong")
    })
});
checked_option!(team, String, |name| {
    let good = !name.trim().is_empty() && !name.starts_with('-');
    within(good && !name.contains(char::is_control), || {
        format!("`{}` is not the name of a team", name.escape_debug())
    })
});
checked_option!(header_name, String, |name| {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    within(!name.is_empty() && name.bytes().all(token), || {
        "not the name of an HTTP header".to_owned()
    })
});
checked_option!(file_path, PathBuf, |path| {
    let text = path.to_string_lossy();
    within(!text.is_empty() && !text.contains('\0'), || {
        "a path must not be empty".to_owned()
    })
});
checked_option!(timeout_hours, u32, |hours| in_range(
    "timeout_hours",
    *hours,
    1,
    24
));
checked_option!(cache_ttl_hours, u32, |hours| in_range(
    "cache_ttl_hours",
    *hours,
    1,
    168
));
checked_option!(max_ttl_hours, u32, |hours| in_range(
    "max_ttl_hours",
    *hours,
    1,
    168
));
checked_option!(retention_days, u32, |days| in_range(
    "retention_days",
    *days,
    1,
    365
));
checked!(timeout_seconds, u32, |seconds| in_range(
    "timeout_seconds",
    *seconds,
    1,
    3600
));
checked!(name, String, |text| {
    let good = !text.trim().is_empty() && !text.contains(char::is_control);
    within(good && text.len() <= MAX_TEXT, || {
        "a name must not be empty or hold control characters".to_owned()
    })
});
checked!(source, String, |text| {
    let strange = |c: char| c.is_control();
    within(!text.trim().is_empty() && !text.contains(strange), || {
        "a source must not be empty or hold control characters".to_owned()
    })?;
    within(!text.starts_with("http://"), || {
        "a source on the web must start with `https://`".to_owned()
    })
});
checked!(organization_id, String, |id| {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    within(!id.is_empty() && id.bytes().all(allowed), || {
        let id = id.escape_debug();
        format!("`{id}` is not an id: only lower-case letters, digits and `-` are allowed")
    })
});
checked!(argv, Vec<NonEmpty>, |words| within(
    !words.is_empty(),
    || "a command needs at least the name of a program".to_owned()
));
checked!(prefixes, Vec<Prefix>, |_| Ok(()));

fn within(good: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if good { Ok(()) } else { Err(message()) }
}

fn in_range(key: &str, value: u32, least: u32, most: u32) -> Result<(), String> {
    within((least..=most).contains(&value), || {
        format!("{key} must be from {least} to {most}, not {value}")
    })
}

/// A text of at least one character.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct NonEmpty(pub(crate) String);

impl TryFrom<String> for NonEmpty {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.is_empty() || text.contains('\0') {
            true => Err("a word must not be empty"),
            false => Ok(Self(text)),
        }
    }
}

/// An absolute path without `..`.
#[derive(serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Prefix(String);

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        let steps_up = path.split('/').any(|part| part == "..");
        within(path.starts_with('/') && !steps_up, || {
            let path = path.escape_debug();
            format!("`{path}` is not an absolute path without `..`")
        })?;
        Ok(Self(path))
    }
}

/// A command line's words, the first not empty.
pub(crate) fn command_words<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    Ok(argv(deserializer)?.into_iter().map(|word| word.0).collect())
}

/// Absolute path prefixes.
pub(crate) fn path_prefixes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let paths = prefixes(deserializer)?;
    Ok(paths.into_iter().map(|path| path.0).collect())
}

/// `[a-z0-9-]+`, at most 40 characters.
pub(crate) fn provider_id(id: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = !id.is_empty() && id.len() <= 40 && id.bytes().all(allowed);
    within(good, || {
        let id = id.escape_debug();
        format!("`{id}` is not a provider id: only lower-case letters, digits and `-` are allowed")
    })
}

#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
struct ProviderId(String);

impl TryFrom<String> for ProviderId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        provider_id(&id)?;
        match id.as_str() {
            "ask" => Err("`ask` is a preference and cannot be a provider id".to_owned()),
            _ => Ok(Self(id)),
        }
    }
}

/// A mapping from provider ids.
pub(crate) fn providers<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    let map = BTreeMap::<ProviderId, T>::deserialize(deserializer)?;
    let ids = map.into_iter().map(|(id, section)| (id.0, section));
    Ok(ids.collect())
}

/// A list of provider ids that may be left out.
pub(crate) fn provider_ids<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let ids = Option::<Vec<ProviderId>>::deserialize(deserializer)?;
    Ok(ids.map(|ids| ids.into_iter().map(|id| id.0).collect()))
}

/// Paths: not empty, no NUL.
pub(crate) fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(try_from = "String")]
    struct FilePath(PathBuf);

    impl TryFrom<String> for FilePath {
        type Error = &'static str;

        fn try_from(path: String) -> Result<Self, &'static str> {
            match path.is_empty() || path.contains('\0') {
                true => Err("a path must not be empty"),
                false => Ok(Self(path.into())),
            }
        }
    }
    let paths = Vec::<FilePath>::deserialize(deserializer)?;
    Ok(paths.into_iter().map(|path| path.0).collect())
}

/// `http://` or `https://`, a host, an optional port and path; no user info, query or fragment.
/// The message leaves the value out where it may hold a password.
fn web_address(url: &str) -> Result<(), String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or("base_url must start with `https://` or `http://`")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("base_url must not hold a user name or password".to_owned());
    }
    if url.contains(['?', '#']) {
        return Err("base_url must not have a query or fragment".to_owned());
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("base_url must not hold blanks or backslashes".to_owned());
    }
    let (host, port) = split_port(authority)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let good = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().any(|b| b.is_ascii_alphanumeric()) && host.bytes().all(plain),
    };
    within(good, || format!("base_url `{url}` has no valid host"))?;
    let good = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    within(good, || format!("base_url `{url}` has no valid port"))
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Ok((host, Some(port))),
        _ => Ok((authority, None)),
    }
}

/// "did you mean" for a name that is not among the known ones; `None` where nothing is near.
pub fn nearest_name<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    suggest::nearest(typed, known).map(|name| format!("did you mean `{name}`?"))
}
