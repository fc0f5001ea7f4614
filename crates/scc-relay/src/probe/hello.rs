//! The first message of a TLS client, as small as servers take it (RFC 8446, section 4.1.2).

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// A message that asks for this name; without one, for nobody.
pub(super) fn hello(name: &str) -> Vec<u8> {
    let mut extensions = Vec::new();
    if !name.is_empty() {
        let mut entry = vec![0];
        entry.extend(long(name.as_bytes()));
        extensions.extend(extension(0, &long(&entry)));
    }
    // The groups x25519 and secp256r1, usual signatures, and the versions 1.3 and 1.2.
    extensions.extend(extension(10, &long(&[0, 29, 0, 23])));
    extensions.extend(extension(13, &long(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5])));
    extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
    // A public key; nobody has the private one, and the talk ends after the first answer.
    let mut share = vec![0, 29];
    share.extend(long(&[9; 32]));
    extensions.extend(extension(51, &long(&share)));

    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(long(&[0x13, 1, 0x13, 2, 0xc0, 0x2b, 0xc0, 0x2f]));
    body.extend([1, 0]);
    body.extend(long(&extensions));

    let mut message = vec![CLIENT_HELLO, 0];
    message.extend(long(&body));
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(long(&message));
    record
}

fn extension(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, kind];
    bytes.extend(long(content));
    bytes
}

/// A field with its length in two bytes before it.
fn long(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{Hello, server_name};

    #[test]
    fn it_asks_for_the_name() {
        let name = Hello::Name("api.example".to_owned());
        assert_eq!(server_name(&hello("api.example")), name);
        assert_eq!(server_name(&hello("")), Hello::NoName);
    }

    /// A real server reads it, and gets as far as choosing a certificate.
    #[test]
    fn servers_take_it() {
        for name in ["api.example", ""] {
            let mut acceptor = rustls::server::Acceptor::default();
            let bytes = hello(name);
            acceptor.read_tls(&mut bytes.as_slice()).unwrap();
            let accepted = acceptor.accept().map_err(|(error, _)| error);
            let accepted = accepted.unwrap().unwrap();
            let found = accepted.client_hello().server_name().map(str::to_owned);
            assert_eq!(found.unwrap_or_default(), name);
        }
    }
}
