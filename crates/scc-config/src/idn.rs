//! International names of hosts.

use std::borrow::Cow;

/// The form of a host name that travels over the wire: labels outside ASCII in their `xn--` form.
/// `None` where a label is no name in either form.
pub(crate) fn to_ascii(name: &str) -> Option<Cow<'_, str>> {
    let is_plain = |label: &str| label.is_ascii() && !label.starts_with("xn--");
    if name.split('.').all(is_plain) {
        return Some(Cow::Borrowed(name));
    }
    // Which ASCII characters a host name may have is decided by who reads it.
    let nothing = idna::AsciiDenyList::EMPTY;
    let hyphens = idna::uts46::Hyphens::Allow;
    let length = idna::uts46::DnsLength::Ignore;
    let uts46 = idna::uts46::Uts46::new();
    uts46
        .to_ascii(name.as_bytes(), nothing, hyphens, length)
        .ok()
}

/// The form that people read; the name itself where it has no other.
pub(crate) fn to_unicode(name: &str) -> String {
    let nothing = idna::AsciiDenyList::EMPTY;
    let hyphens = idna::uts46::Hyphens::Allow;
    let uts46 = idna::uts46::Uts46::new();
    let (text, _) = uts46.to_unicode(name.as_bytes(), nothing, hyphens);
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for (text, ascii) in [
            ("a_b.example", Some("a_b.example")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("BÜCHER.example", Some("xn--bcher-kva.example")),
            ("bu\u{308}cher.example", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("例え。example", Some("xn--r8jz45g.example")),
            ("xn--a.example", None),
            ("a\u{202e}b.example", None),
        ] {
            assert_eq!(to_ascii(text).as_deref(), ascii, "{text}");
        }
    }
}
