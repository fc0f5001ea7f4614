//! Holding a sandbox before its agent starts, and letting it go.
//!
//! The main process waits at a socket with an abstract name, which only processes of the same
//! network namespace can reach. Until it goes on there are none but those that scc starts.

use std::io::{self, Read, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

const NAME: &str = "scc-hold";
const GO: &[u8] = b"go";
/// How long the main process may take to come to where it waits.
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(5);

/// The place where the main process waits.
#[derive(Debug)]
pub struct Hold(UnixListener);

impl Hold {
    /// Takes the place.
    ///
    /// # Errors
    /// When it is taken.
    pub fn new() -> io::Result<Self> {
        UnixListener::bind_addr(&address()?).map(Self)
    }

    /// Waits to be let go.
    ///
    /// # Errors
    /// When the socket breaks.
    pub fn wait(self) -> io::Result<()> {
        loop {
            let (mut stream, _) = self.0.accept()?;
            let mut word = Vec::new();
            let complete = Read::by_ref(&mut stream).take(8).read_to_end(&mut word);
            if complete.is_ok() && word == GO {
                return Ok(());
            }
        }
    }
}

/// Lets the main process go on.
///
/// # Errors
/// When none waits.
pub fn release() -> io::Result<()> {
    let address = address()?;
    let end = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect_addr(&address) {
            Err(_) if Instant::now() < end => thread::sleep(RETRY),
            stream => return stream?.write_all(GO),
        }
    }
}

fn address() -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(NAME)
}
