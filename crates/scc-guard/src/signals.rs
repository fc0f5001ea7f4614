//! Signals that are waited for instead of handled, which the standard library does not offer.

#![expect(unsafe_code, reason = "system calls of C")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// Which signals a thread does not get.
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::sigset_t);

impl Mask {
    fn all() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: it fills the set, and fails only for no set.
        unsafe {
            libc::sigfillset(set.as_mut_ptr());
            Self(set.assume_init())
        }
    }

    /// Blocks every signal that can be blocked, until it is waited for; returns what was blocked
    /// before.
    pub(crate) fn block_all() -> io::Result<Self> {
        Self::all().set()
    }

    /// Blocks these and no others. Only system calls, so that it may stand between fork and exec.
    pub(crate) fn restore(&self) -> io::Result<()> {
        self.set().map(|_| ())
    }

    fn set(&self) -> io::Result<Self> {
        let mut before = MaybeUninit::uninit();
        // SAFETY: both point to sets, and the second is filled where this succeeds.
        let failed =
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.0, before.as_mut_ptr()) };
        match failed {
            // SAFETY: see above.
            0 => Ok(Self(unsafe { before.assume_init() })),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// The number of the next blocked signal; nothing when none comes in this time, or something else
/// interrupts.
pub(crate) fn wait_for_signal(limit: Duration) -> Option<i32> {
    let all = Mask::all();
    let limit = libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: set and time are there for the call, and no facts about the signal are wanted.
    let signal = unsafe { libc::sigtimedwait(&raw const all.0, ptr::null_mut(), &raw const limit) };
    (signal > 0).then_some(signal)
}
