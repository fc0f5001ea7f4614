//! Keys of this terminal. Bytes are read only when they are asked for, so that nothing is taken
//! from a program that has the terminal in between.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use scc_dashboard::{Decoder, Key};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How long after Escape the rest of another key may come, on a slow line.
const PATIENCE: Duration = Duration::from_millis(50);

/// The terminal's keyboard.
pub(super) struct Input {
    stdin: AsyncFd<OwnedFd>,
    decoder: Decoder,
}

impl Input {
    pub(super) fn open() -> io::Result<Self> {
        let own = io::stdin().as_fd().try_clone_to_owned()?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, for who gives it a file that may be closed; this \
                      one is owned"
        )]
        let stdin = AsyncFd::with_interest(own, Interest::READABLE)?;
        Ok(Self {
            stdin,
            decoder: Decoder::default(),
        })
    }

    /// The next keys; `None` when the terminal is gone. Nothing is lost when this is dropped
    /// before it is done.
    pub(super) async fn keys(&mut self) -> Option<Vec<Key>> {
        loop {
            let limit = match self.decoder.is_waiting() {
                true => PATIENCE,
                false => Duration::MAX,
            };
            let keys = match tokio::time::timeout(limit, self.bytes()).await {
                Ok(bytes) => self.decoder.feed(&bytes?),
                Err(_) => self.decoder.flush(),
            };
            if !keys.is_empty() {
                return Some(keys);
            }
        }
    }

    /// Waits until Enter is pressed, or the terminal is gone.
    pub(super) async fn line(&mut self) -> Option<()> {
        while !self.bytes().await?.contains(&b'\n') {}
        Some(())
    }

    /// Forgets what was typed for somebody else.
    pub(super) fn reset(&mut self) {
        self.decoder = Decoder::default();
    }

    async fn bytes(&self) -> Option<Vec<u8>> {
        loop {
            let mut ready = self.stdin.readable().await.ok()?;
            if !is_ready(&self.stdin) {
                ready.clear_ready();
                continue;
            }
            let mut bytes = vec![0; 1024];
            return match rustix::io::read(self.stdin.get_ref(), &mut bytes) {
                Ok(0) => None,
                Ok(count) => {
                    bytes.truncate(count);
                    Some(bytes)
                }
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(_) => None,
            };
        }
    }
}

/// Whether a read would not wait: somebody else may have read what there was.
fn is_ready(stdin: &AsyncFd<OwnedFd>) -> bool {
    let mut fds = [PollFd::new(stdin.get_ref(), PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&at_once)).is_ok_and(|count| count > 0)
}
