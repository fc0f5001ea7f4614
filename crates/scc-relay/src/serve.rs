//! Taking connections.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::address::{Address, Listener};
use crate::check;
use crate::stream::{Stream, join, spawn};

/// How long the proxy's side may be away before a client is told.
const AWAY: Duration = Duration::from_secs(3);
/// Connections at a time; each takes two threads.
const MOST: usize = 400;
/// Connections that are told that there are too many, at a time; each takes a thread.
const MOST_TURNED_AWAY: usize = 32;

/// What is done with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Passes it on: the sandbox's side.
    Pass,
    /// Checks its names: the proxy's side.
    Check,
}

/// Serves until the process ends.
pub(crate) fn serve(listener: &Listener, to: &Address, part: Part) -> io::Error {
    serve_up_to(MOST, listener, to, part)
}

fn serve_up_to(most: usize, listener: &Listener, to: &Address, part: Part) -> io::Error {
    let to = Arc::new(to.clone());
    let [open, turned_away] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    loop {
        let client = match Stream::accept(listener) {
            Ok(client) => client,
            Err(error) if is_passing(&error) => {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            Err(error) => return error,
        };
        match Place::take(&open, most) {
            Some(place) => {
                let to = Arc::clone(&to);
                // Without a thread there is no service, and the connection is dropped with the work.
                let _ = spawn(move || {
                    let _place = place;
                    // A connection that breaks is the client's to notice.
                    let _ = match part {
                        Part::Pass => pass(client, &to),
                        Part::Check => check::serve(client, &to),
                    };
                });
            }
            None => turn_away(client, &turned_away),
        }
    }
}

/// One of so many places, until it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(taken));
        (taken.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says to a client that there are too many. Where too many are being told that, the rest is not
/// waited for: then a client may find its connection broken instead.
fn turn_away(mut client: Stream, turned_away: &Arc<AtomicUsize>) {
    let word = unavailable(&format!(
        "scc: this sandbox has {MOST} connections open, which is the most. Close some, or wait.\n"
    ));
    match Place::take(turned_away, MOST_TURNED_AWAY) {
        Some(place) => {
            let _ = spawn(move || {
                let _place = place;
                let _ = client.say_and_end(word.as_bytes());
            });
        }
        None => {
            let _ = client.write_all(word.as_bytes());
        }
    }
}

/// Of the client or of a limit, and not of the socket that listens.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, OutOfMemory, WouldBlock};
    let passing = [
        ConnectionAborted,
        ConnectionReset,
        Interrupted,
        OutOfMemory,
        WouldBlock,
    ];
    let full = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    passing.contains(&error.kind())
        || full
            .iter()
            .any(|full| error.raw_os_error() == Some(full.raw_os_error()))
}

fn pass(mut client: Stream, to: &Address) -> io::Result<()> {
    match Stream::connect(to, AWAY) {
        Ok(upstream) => join(client, upstream),
        Err(_) => client.say_and_end(unavailable(GONE).as_bytes()),
    }
}

/// What a client reads when the proxy is not there.
const GONE: &str = "scc: the proxy of this sandbox does not answer, so nothing can be reached.\n\
                    Start the session anew, outside of the sandbox: scc start --fresh\n";

fn unavailable(text: &str) -> String {
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{text}",
        text.len()
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
    use std::path::Path;
    use std::thread;

    use super::*;

    /// A proxy that grants tunnels and uploads, and then says back what it hears; it answers other
    /// requests, and refuses `denied.example`.
    fn proxy() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream));
            }
        });
        address
    }

    fn answer(mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        if head.contains("denied.example") {
            return stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\nthe rule");
        }
        if head.starts_with("GET") {
            return stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nplain");
        }
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard)?;
        stream.write_all(&heard)
    }

    fn background(listener: Listener, to: Address, part: Part) {
        thread::spawn(move || serve(&listener, &to, part));
    }

    /// Both relays in front of a proxy; the address for clients.
    fn chain(directory: &Path, proxy: SocketAddr) -> SocketAddr {
        let middle = Address::Unix(directory.join("proxy.sock"));
        let listener = middle.listen().unwrap();
        background(listener, Address::Tcp(proxy), Part::Check);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        background(Listener::Tcp(listener), middle, Part::Pass);
        address
    }

    /// What a client gets who sends a request and then, when it is told to go on, more.
    fn client(at: SocketAddr, request: &str, more: &[u8]) -> String {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // Who was cut off cannot write any more, which shows in what comes back.
        let _ = stream.write_all(more);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A first message that asks for this name, and something after it.
    fn hello(name: &str) -> Vec<u8> {
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let long = |bytes: Vec<u8>| [length(&bytes).to_vec(), bytes].concat();
        let entry = [vec![0], long(name.as_bytes().to_vec())].concat();
        let extension = [vec![0, 0], long(long(entry))].concat();
        let before = [vec![3, 3], vec![0; 32], vec![0, 0, 2, 0x13, 1, 1, 0]].concat();
        let body = [before, long(extension)].concat();
        let message = [vec![1, 0], length(&body).to_vec(), body].concat();
        [vec![22, 3, 1], long(message), b"and more".to_vec()].concat()
    }

    const TUNNEL: &str = "CONNECT good.example:443 HTTP/1.1\r\n\r\n";

    #[test]
    fn a_tunnel_carries_everything_both_ways() {
        let directory = tempfile::tempdir().unwrap();
        let at = chain(directory.path(), proxy());
        let mut sent = hello("good.example");
        sent.extend(vec![b'x'; 300_000]);
        let answer = client(at, TUNNEL, &sent);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(head, "HTTP/1.1 200 Connection established");
        assert_eq!(body, String::from_utf8_lossy(&sent));
    }

    #[test]
    fn a_tunnel_for_somebody_else_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let at = chain(directory.path(), proxy());
        for first in [
            hello("evil.example"),
            hello("sub.good.example"),
            b"SSH-2.0-x\r\n".to_vec(),
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            hello("good.example")[..20].to_vec(),
            Vec::new(),
        ] {
            let answer = client(at, TUNNEL, &first);
            let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            assert_eq!(body, "", "{first:?}");
        }
    }

    #[test]
    fn connections_are_cut_at_any_time() {
        let directory = tempfile::tempdir().unwrap();
        let at = chain(directory.path(), proxy());
        let tunnel = "CONNECT late.example:443 HTTP/1.1\r\n\r\n";
        let plain = "POST http://late.example/ HTTP/1.1\r\n\r\n";
        for (request, answer) in [(tunnel, "HTTP/1.1 200"), (plain, "HTTP/1.1 200")] {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            // The first word of the answer: it is let through, and has not said whom it wants.
            let mut first = vec![0; answer.len()];
            stream.read_exact(&mut first).unwrap();
            assert_eq!(String::from_utf8_lossy(&first), answer);
            crate::cut::cut("late.example");
            let _ = stream.write_all(&hello("late.example"));
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            let rest = String::from_utf8_lossy(&rest);
            assert!(!rest.contains("and more"), "{rest}");
        }
    }

    #[test]
    fn what_is_no_tunnel_passes() {
        let directory = tempfile::tempdir().unwrap();
        let at = chain(directory.path(), proxy());
        let answer = client(at, "GET http://good.example/ HTTP/1.1\r\n\r\n", b"");
        assert!(answer.ends_with("plain"), "{answer}");
        let answer = client(at, "CONNECT denied.example:443 HTTP/1.1\r\n\r\n", b"");
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.ends_with("the rule"),
            "{answer}"
        );
        for line in [
            "\r\nCONNECT good.example:443",
            "CONNECT good.example .x:443",
        ] {
            let answer = client(at, &format!("{line} HTTP/1.1\r\n\r\n"), b"");
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        }
    }

    #[test]
    fn who_is_one_too_many_is_told() {
        let directory = tempfile::tempdir().unwrap();
        for (number, part) in [Part::Pass, Part::Check].into_iter().enumerate() {
            let socket = Address::Unix(directory.path().join(format!("{number}.sock")));
            let listener = socket.listen().unwrap();
            let to = Address::Tcp(proxy());
            thread::spawn(move || serve_up_to(1, &listener, &to, part));
            let mut first = Stream::connect(&socket, AWAY).unwrap();
            first.write_all(TUNNEL.as_bytes()).unwrap();
            // It is served now.
            assert!(first.read(&mut [0; 8]).unwrap() > 0, "{part:?}");
            let mut second = Stream::connect(&socket, AWAY).unwrap();
            second.write_all(TUNNEL.as_bytes()).unwrap();
            let mut answer = String::new();
            second.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 503"), "{part:?} {answer}");
            assert!(answer.contains("400 connections open"), "{answer}");
        }
    }

    #[test]
    fn who_finds_no_proxy_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let nowhere = Address::Unix(directory.path().join("none.sock"));
        background(Listener::Tcp(listener), nowhere, Part::Pass);
        let answer = client(at, TUNNEL, b"");
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("scc start --fresh"), "{answer}");
    }
}
