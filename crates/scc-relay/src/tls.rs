//! The name that a TLS client asks for, read from its first message. Nothing is decrypted: this
//! part of the protocol is not encrypted (RFC 8446, section 4.1.2; RFC 6066, section 3).

/// The longest first message that is read. Those of today are below 2 KiB, 16 KiB with every
/// extension there is.
pub const LONGEST: usize = 64 * 1024;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const LONGEST_RECORD: usize = 1 << 14;

/// What the first bytes of a client say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hello {
    /// More bytes are needed.
    Incomplete,
    /// They are no TLS, or damaged.
    NotTls,
    /// TLS that asks for nobody by name.
    NoName,
    /// The name, as it was sent.
    Name(String),
}

/// Reads the name out of the first bytes of a client.
#[must_use]
pub fn server_name(bytes: &[u8]) -> Hello {
    match message(bytes) {
        Ok(Some(body)) => find_name(&body).unwrap_or(Hello::NotTls),
        Ok(None) if bytes.len() < LONGEST => Hello::Incomplete,
        _ => Hello::NotTls,
    }
}

struct Damaged;

/// The body of the first message, which may be spread over several records; `None` while it is not
/// complete.
fn message(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, Damaged> {
    let mut message = Vec::new();
    loop {
        if let Some(body) = complete(&message)? {
            return Ok(Some(body));
        }
        let Some(head) = bytes.get(..5) else {
            return partial_head(bytes).map(|()| None);
        };
        partial_head(head)?;
        let length = usize::from(head[3]) << 8 | usize::from(head[4]);
        if length == 0 || length > LONGEST_RECORD {
            return Err(Damaged);
        }
        let Some(part) = bytes.get(5..5 + length) else {
            // What is there of the record tells already whether it is what it should be.
            message.extend_from_slice(&bytes[5..]);
            return complete(&message).map(|_| None);
        };
        message.extend_from_slice(part);
        bytes = &bytes[5 + length..];
    }
}

/// Whether these may be the first bytes of a record of a handshake.
fn partial_head(bytes: &[u8]) -> Result<(), Damaged> {
    let kind = bytes.first().is_none_or(|kind| *kind == HANDSHAKE);
    let major = bytes.get(1).is_none_or(|version| *version == 3);
    if kind && major { Ok(()) } else { Err(Damaged) }
}

/// The body of a message that is complete.
fn complete(message: &[u8]) -> Result<Option<Vec<u8>>, Damaged> {
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(Damaged);
    }
    let Some(head) = message.get(1..4) else {
        return Ok(None);
    };
    let length = head
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    if length > LONGEST {
        return Err(Damaged);
    }
    Ok(message.get(4..4 + length).map(<[u8]>::to_vec))
}

/// `None` when the message is damaged.
fn find_name(body: &[u8]) -> Option<Hello> {
    let mut rest = Reader(body);
    rest.take(2 + 32)?;
    rest.short()?;
    rest.long()?;
    rest.short()?;
    if rest.0.is_empty() {
        return Some(Hello::NoName);
    }
    let mut extensions = Reader(rest.long()?);
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let content = extensions.long()?;
        if kind == SERVER_NAME {
            // A second one could be meant for somebody who reads the other of the two.
            if found.is_some() {
                return None;
            }
            found = Some(host_name(content)?);
        }
    }
    Some(found.map_or(Hello::NoName, Hello::Name))
}

/// The only entry of a list of names.
fn host_name(content: &[u8]) -> Option<String> {
    let mut list = Reader(content);
    let mut names = Reader(list.long()?);
    let [kind] = names.take(1)? else { return None };
    let name = names.long()?;
    let is_only = list.0.is_empty() && names.0.is_empty() && *kind == HOST_NAME;
    let is_text = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let name = String::from_utf8(name.to_vec()).ok()?;
    (is_only && is_text).then_some(name)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    }

    /// A field with its length in one byte.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = *self.take(1)?.first()?;
        self.take(length.into())
    }

    /// A field with its length in two bytes.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    /// What a real client sends first.
    fn hello(name: &'static str) -> Vec<u8> {
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = name.try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_name_is_found() {
        let name = |text: &str| Hello::Name(text.to_owned());
        assert_eq!(server_name(&hello("api.example")), name("api.example"));
        let mut more = hello("api.example");
        more.extend_from_slice(b"early data");
        assert_eq!(server_name(&more), name("api.example"));
        // A client that was given an address asks for nobody.
        assert_eq!(server_name(&hello("198.51.100.7")), Hello::NoName);
    }

    #[test]
    fn every_beginning_is_incomplete() {
        let whole = hello("api.example");
        for end in 0..whole.len() {
            assert_eq!(server_name(&whole[..end]), Hello::Incomplete, "{end}");
        }
    }

    /// The same message in records of a few bytes each.
    fn in_pieces(whole: &[u8], size: usize) -> Vec<u8> {
        let mut pieces = Vec::new();
        for part in whole[5..].chunks(size) {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            pieces.extend([HANDSHAKE, 3, 1]);
            pieces.extend(length);
            pieces.extend(part);
        }
        pieces
    }

    #[test]
    fn pieces_are_put_together() {
        let whole = hello("api.example");
        for size in [1, 3, 40, 5000] {
            let found = server_name(&in_pieces(&whole, size));
            assert_eq!(found, Hello::Name("api.example".to_owned()), "{size}");
        }
    }

    #[test]
    fn what_is_no_first_message_is_refused() {
        let mut other_kind = hello("api.example");
        other_kind[5] = 2;
        let mut huge = vec![HANDSHAKE, 3, 1, 0, 4, CLIENT_HELLO, 0xff, 0xff, 0xff];
        for bytes in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"SSH-2.0",
            &[HANDSHAKE, 2, 0],
            &[HANDSHAKE, 3, 1, 0, 0],
            &[HANDSHAKE, 3, 1, 0xff, 0xff],
            &other_kind,
            &huge,
        ] {
            assert_eq!(server_name(bytes), Hello::NotTls, "{bytes:?}");
        }
        huge.resize(LONGEST + 1, 0);
        assert_eq!(server_name(&huge), Hello::NotTls);
    }

    /// A message with these extensions.
    fn message_with(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut list = Vec::new();
        for (kind, content) in extensions {
            list.extend(kind.to_be_bytes());
            list.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            list.extend(content);
        }
        let mut body = vec![3, 3];
        body.extend([0; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
        body.extend(list);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let mut message = vec![CLIENT_HELLO, length[1], length[2], length[3]];
        message.extend(body);
        let mut record = vec![HANDSHAKE, 3, 1];
        record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        record.extend(message);
        record
    }

    fn names(all: &[(u8, &str)]) -> Vec<u8> {
        let mut list = Vec::new();
        for (kind, name) in all {
            list.push(*kind);
            list.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            list.extend(name.as_bytes());
        }
        let mut content = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
        content.extend(list);
        content
    }

    #[test]
    fn two_names_are_none() {
        let one = || names(&[(0, "good.example")]);
        let fine = message_with(&[(5, vec![1]), (0, one())]);
        assert_eq!(server_name(&fine), Hello::Name("good.example".to_owned()));
        for extensions in [
            vec![(0, one()), (0, names(&[(0, "evil.example")]))],
            vec![(0, names(&[(0, "good.example"), (0, "evil.example")]))],
            vec![(0, names(&[(1, "good.example")]))],
            vec![(0, names(&[(0, "")]))],
            vec![(0, names(&[(0, "good.example\nx")]))],
            vec![(0, Vec::new())],
        ] {
            let found = server_name(&message_with(&extensions));
            assert_eq!(found, Hello::NotTls, "{extensions:?}");
        }
        assert_eq!(server_name(&message_with(&[])), Hello::NoName);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = server_name(&bytes);
        }

        /// A damaged message never shows a name that is not in its bytes.
        #[test]
        fn no_name_is_made_up(at in 0_usize..200, byte in any::<u8>()) {
            let mut bytes = hello("api.example");
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Hello::Name(name) = server_name(&bytes) {
                let there = bytes.windows(name.len()).any(|part| part == name.as_bytes());
                prop_assert!(there, "{}", name);
            }
        }
    }
}
