//! As much of HTTP as stands between a client and its proxy.

use std::io::{self, Read};

use crate::stream::Stream;

/// The longest head of a message that is read.
const LONGEST: usize = 32 * 1024;

/// The first line and the headers of a message, and what came with them of the rest.
pub(crate) struct Head {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rest: Vec<u8>,
}

impl Head {
    /// Reads a head; `None` when the connection ends before.
    pub(crate) fn read(stream: &mut Stream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Some(end) = end_of_head(&bytes) {
                let rest = bytes.split_off(end);
                return Ok(Some(Self { bytes, rest }));
            }
            if bytes.len() > LONGEST {
                return Err(io::Error::other("the head of a message is too long"));
            }
            match stream.read(&mut chunk)? {
                0 => return Ok(None),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
    }

    fn first_line(&self) -> &[u8] {
        let line = self.bytes.split(|byte| *byte == b'\n').next();
        line.unwrap_or_default().trim_ascii_end()
    }

    /// The host that a `CONNECT` asks for, without its port; `None` for every other request.
    ///
    /// # Errors
    /// When the first line does not begin as that of a request: another reader could take it for
    /// something else.
    pub(crate) fn tunnel(&self) -> io::Result<Option<(String, u16)>> {
        let line = self.first_line();
        let method = line.iter().take_while(|byte| byte.is_ascii_alphabetic());
        let (method, rest) = line.split_at(method.count());
        if method.is_empty() || !rest.first().is_some_and(u8::is_ascii_whitespace) {
            return Err(io::Error::other("not a request"));
        }
        if !method.eq_ignore_ascii_case(b"CONNECT") {
            return Ok(None);
        }
        let mut words = rest
            .split(u8::is_ascii_whitespace)
            .filter(|w| !w.is_empty());
        let target = String::from_utf8_lossy(words.next().unwrap_or_default());
        let (host, port) = target.rsplit_once(':').unwrap_or((&target, ""));
        Ok(Some((host.to_owned(), port.parse().unwrap_or(0))))
    }

    /// The status of an answer, 0 when it has none.
    pub(crate) fn status(&self) -> u16 {
        let line = String::from_utf8_lossy(self.first_line());
        let word = line.split_whitespace().nth(1);
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

/// Where the empty line after the headers ends. Some clients leave the carriage return out.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let found = |end: &[u8]| {
        let at = bytes.windows(end.len()).position(|part| part == end)?;
        Some(at + end.len())
    };
    [found(b"\n\r\n"), found(b"\n\n")]
        .into_iter()
        .flatten()
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        let end = end_of_head(text.as_bytes()).unwrap();
        let (bytes, rest) = text.as_bytes().split_at(end);
        Head {
            bytes: bytes.to_vec(),
            rest: rest.to_vec(),
        }
    }

    #[test]
    fn tunnels_are_told_from_other_requests() {
        let tunnel = |text: &str| head(text).tunnel().map_err(|error| error.to_string());
        let to = |host: &str, port| Ok(Some((host.to_owned(), port)));
        assert_eq!(
            tunnel("CONNECT a.example:443 HTTP/1.1\r\nHost: x\r\n\r\nmore"),
            to("a.example", 443)
        );
        assert_eq!(
            tunnel("connect\ta.example:443\r\n\r\n"),
            to("a.example", 443)
        );
        assert_eq!(tunnel("CONNECT [::1]:443 HTTP/1.1\n\n"), to("[::1]", 443));
        assert_eq!(tunnel("CONNECT a.example\r\n\r\n"), to("a.example", 0));
        assert_eq!(tunnel("GET http://a.example/ HTTP/1.1\r\n\r\n"), Ok(None));
        assert_eq!(tunnel("CONNECTED a HTTP/1.1\r\n\r\n"), Ok(None));
        for text in [
            "\r\nCONNECT a:443 HTTP/1.1\r\n\r\n",
            " CONNECT a:443\r\n\r\n",
            "\x16\x03\x01\r\n\r\n",
            "CONNECT\r\n\r\n",
        ] {
            assert!(tunnel(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        let found = head("HTTP/1.1 200 OK\r\n\r\nbody\n\n");
        assert_eq!(
            (found.status(), found.rest.as_slice()),
            (200, b"body\n\n".as_slice())
        );
        assert_eq!(head("nonsense\n\n").status(), 0);
        assert_eq!(end_of_head(b"HTTP/1.1 200\r\n"), None);
    }
}
