//! As much of HTTP as stands between a client and its proxy.

use std::io::{self, Read};
use std::net::Ipv6Addr;

/// The longest head of a message that is read.
const LONGEST: usize = 32 * 1024;

/// The first line and the headers of a message, and what came with them of the rest.
pub(crate) struct Head {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rest: Vec<u8>,
}

/// A host and its port, 0 where none is named.
pub(crate) type HostPort = (String, u16);

/// Whom a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A `CONNECT`.
    Tunnel(HostPort),
    /// Any other; without a host where it names none.
    Plain(Option<HostPort>),
}

/// A host, a name or an IPv6 address in brackets, and a port where one is named. Nothing else: Squid takes
/// `a.example:443:b.example:443`, `a.example:443:443` and `[a.example]:443` for `a.example`.
fn authority(text: &str) -> Option<HostPort> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            rest[..end].parse::<Ipv6Addr>().ok()?;
            text.split_at(end + 2)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            if host.is_empty() || !host.bytes().all(in_name) {
                return None;
            }
            (host, port)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        None if port.is_empty() => 0,
        _ => return None,
    };
    Some((host.to_owned(), port))
}

impl Head {
    /// Reads a head; `None` when the connection ends before.
    pub(crate) fn read(mut stream: impl Read) -> io::Result<Option<Self>> {
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
        let line = line.unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Whom a request is for.
    ///
    /// # Errors
    /// When the first line is anything else than method, target and version with a single space between
    /// them: another reader could take it for something else. Squid takes blanks out of a target, for
    /// one, so that `CONNECT a.example .b.example:443` would be of one name here and of another there.
    pub(crate) fn target(&self) -> io::Result<Target> {
        let odd = || io::Error::other("not a request");
        let line = String::from_utf8_lossy(self.first_line());
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(odd());
        };
        let in_method = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        let is_method = !method.is_empty() && method.bytes().all(in_method);
        let is_target = !target.is_empty() && !target.contains(char::is_control);
        if !is_method || !is_target || !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
            return Err(odd());
        }
        if method == "CONNECT" {
            return authority(target).map(Target::Tunnel).ok_or_else(odd);
        }
        let Some((_, rest)) = target.split_once("://") else {
            return Ok(Target::Plain(None));
        };
        let whole = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = whole.rsplit_once('@').map_or(whole, |(_, host)| host);
        let host = authority(host).ok_or_else(odd)?;
        Ok(Target::Plain(Some(host)))
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
        let target = |text: &str| head(text).target().map_err(|error| error.to_string());
        let to = |host: &str, port| (host.to_owned(), port);
        for (text, expected) in [
            (
                "CONNECT a.example:443 HTTP/1.1\r\nHost: x\r\n\r\nmore",
                Target::Tunnel(to("a.example", 443)),
            ),
            (
                "CONNECT [::1]:443 HTTP/1.1\n\n",
                Target::Tunnel(to("[::1]", 443)),
            ),
            (
                "CONNECT [::ffff:192.0.2.1] HTTP/1.1\n\n",
                Target::Tunnel(to("[::ffff:192.0.2.1]", 0)),
            ),
            (
                "CONNECT a.example HTTP/1.0\r\n\r\n",
                Target::Tunnel(to("a.example", 0)),
            ),
            (
                "GET http://a.example:8080/b:1?c HTTP/1.1\r\n\r\n",
                Target::Plain(Some(to("a.example", 8080))),
            ),
            (
                "POST http://a.example?b HTTP/1.1\r\n\r\n",
                Target::Plain(Some(to("a.example", 0))),
            ),
            (
                "M-SEARCH http://user:word@a.example/\u{e4} HTTP/1.1\r\n\r\n",
                Target::Plain(Some(to("a.example", 0))),
            ),
            ("GET /x HTTP/1.1\r\n\r\n", Target::Plain(None)),
            ("CONNECTED a HTTP/1.1\r\n\r\n", Target::Plain(None)),
        ] {
            assert_eq!(target(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_another_reader_could_take_for_something_else_is_refused() {
        for line in [
            "",
            " CONNECT a:443 HTTP/1.1",
            "\x16\x03\x01",
            "CONNECT",
            "CONNECT a:443",
            "connect a:443 HTTP/1.1",
            "CONNECT\ta:443 HTTP/1.1",
            "CONNECT  a:443 HTTP/1.1",
            "CONNECT a.example .b.example:443 HTTP/1.1",
            "CONNECT a.example\t.b.example:443 HTTP/1.1",
            "CONNECT a.example\x0b.b.example:443 HTTP/1.1",
            "CONNECT a.co m:443 HTTP/1.1",
            "CONNECT a.example:443 HTTP/1.1 ",
            "CONNECT a.example:443 HTTP/2.0",
            "CONNECT a.example:443:443 x HTTP/1.1",
            "CONNECT a.example:443:443 HTTP/1.1",
            "CONNECT a.example:443:b.example:443 HTTP/1.1",
            "CONNECT a.example: HTTP/1.1",
            "CONNECT a.example:+443 HTTP/1.1",
            "CONNECT a.example:443[ HTTP/1.1",
            "CONNECT [a.example]:443 HTTP/1.1",
            "CONNECT [a.example] HTTP/1.1",
            "CONNECT [a.example HTTP/1.1",
            "CONNECT [] HTTP/1.1",
            "CONNECT [::1]443 HTTP/1.1",
            "CONNECT [::1].b.example:443 HTTP/1.1",
            "CONNECT ::1:443 HTTP/1.1",
            "GET http://[a.example]/ HTTP/1.1",
            "GET http://user@[a.example]:80/ HTTP/1.1",
            "GET http://a.example:80:80/ HTTP/1.1",
            "CONNECT user@a.example:443 HTTP/1.1",
            "CONNECT a.example%20:443 HTTP/1.1",
            "CONNECT a.example\0:443 HTTP/1.1",
            "CONNECT a.example:99999 HTTP/1.1",
            "CONNECT :443 HTTP/1.1",
            "CONNECT \u{430}.example:443 HTTP/1.1",
            "GET http://a.example .b.example/ HTTP/1.1",
            "GET http://a.example/",
            "GET http://a.example\\.b.example/ HTTP/1.1",
            "GET http:// HTTP/1.1",
        ] {
            let text = format!("{line}\r\nHost: x\r\n\r\n");
            assert!(head(&text).target().is_err(), "{line:?}");
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
