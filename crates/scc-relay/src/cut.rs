//! Cutting the connections to a host that is no longer let through.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::stream::{Stream, spawn};

/// An abstract name: only processes of the proxy's container reach it.
const NAME: &str = "scc-cut";
/// The longest name of a host.
const LONGEST: u64 = 255;

/// The proxy reads its list a moment after it was told to; what it has let through until then is cut
/// by a second round.
const SECOND_ROUND: Duration = Duration::from_secs(1);

static OPEN: Mutex<Connections> = Mutex::new(Connections {
    next: 0,
    open: BTreeMap::new(),
});

struct Connections {
    next: u64,
    open: BTreeMap<u64, (String, Stream)>,
}

fn connections() -> MutexGuard<'static, Connections> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that can be cut, as long as this lives.
pub(crate) struct Open(u64);

impl Open {
    /// Of a client to a host.
    pub(crate) fn to(host: &str, client: &Stream) -> io::Result<Self> {
        let client = client.try_clone()?;
        let mut connections = connections();
        let number = connections.next;
        connections.next += 1;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        connections.open.insert(number, (host, client));
        Ok(Self(number))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        connections().open.remove(&self.0);
    }
}

pub(crate) fn cut(host: &str) {
    for (of, client) in connections().open.values() {
        if of == host {
            client.shut(Shutdown::Both);
        }
    }
}

/// Does what [`ask`] asks for, until the process ends.
pub(crate) fn obey() -> io::Result<()> {
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(NAME)?)?;
    spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut host = String::new();
            if stream.take(LONGEST).read_to_string(&mut host).is_ok() {
                cut(&host);
                let _ = spawn(move || {
                    thread::sleep(SECOND_ROUND);
                    cut(&host);
                });
            }
        }
    })
}

/// Asks the relay in this container to cut the connections to a host.
pub(crate) fn ask(host: &str) -> io::Result<()> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(NAME)?)?.write_all(host.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_connections_to_a_host_are_cut() {
        let pair = || UnixStream::pair().unwrap();
        let ((a, mut a_end), (b, b_end)) = (pair(), pair());
        let (a, b) = (Stream::Unix(a), Stream::Unix(b));
        let _a = Open::to("Cut.example.", &a).unwrap();
        let _b = Open::to("kept.example", &b).unwrap();
        cut("cut.example");
        assert_eq!(a_end.read(&mut [0]).unwrap(), 0);
        b_end.set_nonblocking(true).unwrap();
        let kept = (&b_end).read(&mut [0]).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::WouldBlock);
    }
}
