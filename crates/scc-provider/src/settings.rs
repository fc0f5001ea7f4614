//! Checks of settings that every adapter needs.

use crate::{ProviderError, ProviderSettings};

/// The version that was set, which has to be an exact one: `1.2.3`, or `1.2.3-beta.1`.
///
/// # Errors
/// [`ProviderError::BadSetting`] for a range, a tag or anything that is no version.
pub fn exact_version<'a>(
    provider: &'static str,
    settings: &'a ProviderSettings,
) -> Result<Option<&'a str>, ProviderError> {
    let Some(version) = settings.version.as_deref() else {
        return Ok(None);
    };
    let (numbers, suffix) = version.split_once('-').unwrap_or((version, "0"));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let suffix_ok = !suffix.is_empty()
        && suffix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if numbers.split('.').count() == 3 && numbers.split('.').all(number) && suffix_ok {
        return Ok(Some(version));
    }
    Err(ProviderError::BadSetting {
        provider,
        key: "version",
        value: version.to_owned(),
        reason: "it has to be an exact version such as `1.2.3`".to_owned(),
    })
}

/// The host of `base_url`, in lower case, without user, port or a final dot.
///
/// # Errors
/// [`ProviderError::BadSetting`] when it is no `http` or `https` URL with a host.
pub fn url_host(
    provider: &'static str,
    settings: &ProviderSettings,
) -> Result<Option<String>, ProviderError> {
    let Some(url) = settings.base_url.as_deref() else {
        return Ok(None);
    };
    match host_of(url) {
        Some(host) => Ok(Some(host)),
        None => Err(ProviderError::BadSetting {
            provider,
            key: "base_url",
            value: url.to_owned(),
            reason: "it has to be an `http` or `https` URL with a host and no user".to_owned(),
        }),
    }
}

/// The port of `base_url`, where it names one.
pub fn url_port(settings: &ProviderSettings) -> Option<u16> {
    let (_, port) = authority(settings.base_url.as_deref()?)?;
    port.parse().ok().filter(|port| *port != 0)
}

/// Host and port of a URL; the port is `0` where none is named.
fn authority(url: &str) -> Option<(&str, &str)> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.ends_with(':') => (host, port),
        _ => (authority, "0"),
    })
}

fn host_of(url: &str) -> Option<String> {
    let (host, port) = authority(url)?;
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let valid = !host.is_empty() && host.bytes().all(allowed) && port.parse::<u16>().is_ok();
    valid.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (url, host) in [
            ("https://a.example", Some("a.example")),
            ("http://A.Example.:8080/v1?x", Some("a.example")),
            ("http://172.17.0.1:18765", Some("172.17.0.1")),
            ("ftp://a", None),
            ("https://", None),
            ("https://user@a", None),
            ("https://a b", None),
            ("https://a:99999", None),
            ("a.example", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }

    #[test]
    fn ports() {
        for (url, port) in [
            ("https://a.example", None),
            ("http://a.example:8080/v1", Some(8080)),
            ("https://a.example:443", Some(443)),
        ] {
            let settings = ProviderSettings {
                base_url: Some(url.to_owned()),
                ..ProviderSettings::default()
            };
            assert_eq!(url_port(&settings), port, "{url}");
        }
    }

    #[test]
    fn versions() {
        let check = |version: &str| {
            let settings = ProviderSettings {
                version: Some(version.to_owned()),
                ..ProviderSettings::default()
            };
            exact_version("x", &settings).is_ok()
        };
        for good in ["1.2.3", "0.169.0", "1.2.3-beta.1"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "", "latest", "1.2", "^1.2.3", "1.2.3 ", "1.2.x", "1.2.3-", "1.2.3;ls",
        ] {
            assert!(!check(bad), "{bad}");
        }
    }
}
