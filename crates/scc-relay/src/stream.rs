//! Connections of either kind, and copying between two of them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{SendFlags, send};

use crate::address::{Address, Listener};

/// How much is copied at once.
const CHUNK: usize = 64 * 1024;
/// A copying thread holds one chunk, on the heap.
const STACK: usize = 128 * 1024;
/// How long somebody who is turned away may go on talking.
const LAST_WORD: Duration = Duration::from_secs(1);
/// How often a socket is tried that nobody listens at yet.
const RETRY: Duration = Duration::from_millis(5);

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// Connects; where nobody listens yet, until `patience` is over.
    pub(crate) fn connect(address: &Address, patience: Duration) -> io::Result<Self> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match Self::try_connect(address, left.max(RETRY)) {
                Err(error) if is_not_yet(&error) && Instant::now() < end => thread::sleep(RETRY),
                outcome => return outcome,
            }
        }
    }

    /// Where nobody has the address any more, the system itself would wait for minutes.
    fn try_connect(address: &Address, patience: Duration) -> io::Result<Self> {
        match address {
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            Address::Tcp(address) | Address::Toward(address) => {
                let stream = TcpStream::connect_timeout(address, patience)?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    /// Takes the next connection.
    pub(crate) fn accept(listener: &Listener) -> io::Result<Self> {
        match listener {
            Listener::Unix(listener) => Ok(Self::Unix(listener.accept()?.0)),
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
        }
    }

    /// Reads until then, in however small pieces the other side writes.
    pub(crate) fn until(&mut self, end: Instant) -> Until<'_> {
        Until { stream: self, end }
    }

    pub(crate) fn limit_reads(&self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(limit),
            Self::Tcp(stream) => stream.set_read_timeout(limit),
        }
    }

    /// Says a last word. A connection that is closed with something unread in it takes the word
    /// back, so the rest is read first.
    pub(crate) fn say_and_end(&mut self, word: &[u8]) -> io::Result<()> {
        self.write_all(word)?;
        self.shut(Shutdown::Write);
        self.limit_reads(Some(LAST_WORD))?;
        let mut rest = [0; 4096];
        let end = Instant::now() + LAST_WORD;
        while Instant::now() < end && self.read(&mut rest)? > 0 {}
        Ok(())
    }

    pub(crate) fn shut(&self, how: Shutdown) {
        // The other end may have gone already, which is as good.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tcp(stream) => stream.shutdown(how),
        };
    }
}

/// A connection that is read until a time.
pub(crate) struct Until<'a> {
    stream: &'a mut Stream,
    end: Instant,
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.limit_reads(Some(left))?;
        self.stream.read(buffer)
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            // The library's own does not say that the end of the other side is no signal.
            Self::Unix(stream) => Ok(send(stream, bytes, SendFlags::NOSIGNAL)?),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A thread for one connection or one direction of it.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = thread::Builder::new().stack_size(STACK);
    builder.spawn(work).map(|_| ())
}

/// Copies both ways until both ends have said all they had to say. The end of one direction is
/// passed on and leaves the other open; a failure ends both.
pub(crate) fn join(a: Stream, b: Stream) -> io::Result<()> {
    let (from_b, to_a) = (b.try_clone()?, a.try_clone()?);
    let back = thread::Builder::new().stack_size(STACK);
    let back = back.spawn(move || copy(from_b, to_a))?;
    copy(a, b);
    // A panic there is an end like any other.
    let _ = back.join();
    Ok(())
}

fn copy(mut from: Stream, mut to: Stream) {
    let mut chunk = vec![0; CHUNK];
    let ended = loop {
        match from.read(&mut chunk) {
            Ok(0) => break true,
            Ok(count) if to.write_all(&chunk[..count]).is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break false,
        }
    };
    if ended {
        to.shut(Shutdown::Write);
    } else {
        from.shut(Shutdown::Both);
        to.shut(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_drips_is_not_waited_for() {
        let (here, mut there) = UnixStream::pair().unwrap();
        let mut here = Stream::Unix(here);
        let end = Instant::now() + Duration::from_millis(200);
        let drips = thread::spawn(move || while there.write_all(b"x").is_ok() {});
        let outcome = here.until(end).read_to_end(&mut Vec::new());
        let kinds = [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock];
        assert!(kinds.contains(&outcome.unwrap_err().kind()));
        drop(here);
        drips.join().unwrap();
    }
}
