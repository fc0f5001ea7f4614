//! Addresses of hosts, in one form however they are written.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The usual form of a host that is an address: `10.0.0.1` for `[::ffff:10.0.0.1]`, `167772161` and
/// `0xa.0.0.1`; IPv6 without brackets. `None` for a name.
pub(crate) fn canonical(host: &str) -> Option<String> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(host).parse::<Ipv6Addr>() {
        return Some(match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => address.to_string(),
        });
    }
    ipv4(host).map(|address| address.to_string())
}

/// An IPv4 address as clients read it: one to four numbers, each decimal, octal or hexadecimal, of
/// which the last fills what is left.
fn ipv4(host: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u64>> = host.split('.').map(number).collect();
    let numbers = numbers?;
    let (last, before) = numbers.split_last()?;
    if before.len() > 3 || before.iter().any(|part| *part > 255) {
        return None;
    }
    let left = 8 * (4 - before.len());
    if *last >> left != 0 {
        return None;
    }
    let high = before.iter().fold(0, |high, part| (high << 8) | part);
    u32::try_from((high << left) | last)
        .ok()
        .map(Ipv4Addr::from)
}

fn number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some("") => return Some(0),
        Some(hex) => (hex, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    // A sign would be read too.
    let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
    plain
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn one_form_for_each_address() {
        for (text, form) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("167772161", Some("10.0.0.1")),
            ("0xa.0.0.1", Some("10.0.0.1")),
            ("012.1", Some("10.0.0.1")),
            ("[::ffff:10.0.0.1]", Some("10.0.0.1")),
            ("::ffff:a00:1", Some("10.0.0.1")),
            ("[0:0:0:0:0:0:0:1]", Some("::1")),
            ("[FE80::0:1]", Some("fe80::1")),
            ("a.example", None),
            ("1.2.3.4.5", None),
            ("256.0.0.1", None),
            ("4294967296", None),
            ("+1", None),
            ("", None),
        ] {
            assert_eq!(canonical(text).as_deref(), form, "{text}");
        }
    }
}
