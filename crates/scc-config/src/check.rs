//! Rules for single values, as `deserialize_with` functions: an error raised while the value is
//! being read carries the value's own position.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer};

use crate::user::ProviderSection;

/// `[a-z0-9-]+`, at most 40 characters.
pub(crate) fn provider_id(id: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || id.len() > 40 || !id.bytes().all(allowed) {
        return Err(format!(
            "`{id}` is not a provider id: only lower-case letters, digits and `-` are allowed"
        ));
    }
    Ok(())
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

pub(crate) fn providers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, ProviderSection>, D::Error> {
    let map = BTreeMap::<ProviderId, ProviderSection>::deserialize(deserializer)?;
    Ok(map
        .into_iter()
        .map(|(id, section)| (id.0, section))
        .collect())
}

macro_rules! checked {
    ($name:ident, $value:ty, $check:expr) => {
        pub(crate) fn $name<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<$value>, D::Error> {
            #[derive(serde::Deserialize)]
            #[serde(try_from = "Raw")]
            struct Checked($value);

            #[derive(serde::Deserialize)]
            struct Raw($value);

            impl TryFrom<Raw> for Checked {
                type Error = String;

                fn try_from(raw: Raw) -> Result<Self, String> {
                    let check: fn(&$value) -> Result<(), String> = $check;
                    check(&raw.0)?;
                    Ok(Self(raw.0))
                }
            }
            Ok(Option::<Checked>::deserialize(deserializer)?.map(|checked| checked.0))
        }
    };
}

checked!(base_url, String, |url| web_address(url));
checked!(cpus, f64, |cpus| match cpus.is_finite() && *cpus > 0.0 {
    true => Ok(()),
    false => Err(format!("cpus must be more than 0, not {cpus}")),
});
checked!(pids, u32, |pids| match *pids >= 16 {
    true => Ok(()),
    false => Err(format!("pids must be at least 16, not {pids}")),
});
checked!(version, String, |text| {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    match !text.is_empty() && !text.starts_with('-') && text.bytes().all(allowed) {
        true => Ok(()),
        false => Err(format!("`{}` is not a version", text.escape_debug())),
    }
});
checked!(word, String, |text| {
    let strange = |c: char| c.is_whitespace() || c.is_control();
    match text.is_empty() || text.starts_with('-') || text.contains(strange) {
        false => Ok(()),
        true => Err(format!(
            "`{}` is empty or has characters in it that do not belong",
            text.escape_debug()
        )),
    }
});

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
    if !good {
        return Err(format!("base_url `{url}` has no valid host"));
    }
    match port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) {
        true => Ok(()),
        false => Err(format!("base_url `{url}` has no valid port")),
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Ok((host, Some(port))),
        _ => Ok((authority, None)),
    }
}
