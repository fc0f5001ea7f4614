//! Where the process begins, and where it becomes another program.
//!
//! The guard has its own `main`, because Rust's changes the process before it: it ignores SIGPIPE,
//! which the real tool would inherit.

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// How the process was started.
pub(crate) struct Invocation {
    /// Every argument, the program's name as the caller gave it first.
    pub(crate) args: Vec<OsString>,
    /// Nothing else ran in this process before.
    pub(crate) is_first: bool,
    raw: *const *const c_char,
}

/// What the kernel reads to start one program without a loader: its header, the table of its
/// segments, and on some machines a note. A program that ran before has at least twice as many.
const READS_OF_ONE_START: u32 = 3;

/// Called by the C runtime.
#[cfg(not(test))]
#[expect(unsafe_code, reason = "the symbol that the C runtime calls")]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, raw: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments as the C runtime passes them.
    let invocation = unsafe { Invocation::new(count, raw) };
    c_int::from(crate::run(&invocation))
}

impl Invocation {
    /// # Safety
    /// `raw` points to `count` strings that live as long as the process, and a null pointer.
    #[cfg_attr(test, expect(dead_code, reason = "tests have the usual main"))]
    #[expect(unsafe_code, reason = "the arguments come from C")]
    unsafe fn new(count: c_int, raw: *const *const c_char) -> Self {
        // Before anything is read.
        let is_first = reads().is_some_and(|count| count <= READS_OF_ONE_START);
        let count = usize::try_from(count).unwrap_or_default();
        let args = (0..count)
            .map(|index| {
                // SAFETY: there are `count` strings, says the caller.
                let text = unsafe { CStr::from_ptr(*raw.add(index)) };
                OsString::from_vec(text.to_bytes().to_vec())
            })
            .collect();
        Self {
            args,
            is_first,
            raw,
        }
    }

    /// Becomes `program`, with the same arguments and everything else as it is. Returns only when
    /// that fails.
    #[expect(unsafe_code, reason = "the standard library's exec resets signals")]
    pub(crate) fn become_program(&self, program: &OsStr) -> io::Error {
        let Ok(path) = CString::new(program.as_bytes()) else {
            return io::ErrorKind::InvalidInput.into();
        };
        // SAFETY: both are strings that end with a null, and the list with a null pointer, as the
        // C runtime gave it.
        unsafe { libc::execv(path.as_ptr(), self.raw) };
        io::Error::last_os_error()
    }
}

/// How often this process has read something, by any program that ran in it. `None` where the
/// kernel does not count.
fn reads() -> Option<u32> {
    let counts = std::fs::read_to_string("/proc/self/io").ok()?;
    let count = counts
        .lines()
        .find_map(|line| line.strip_prefix("syscr: "))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_counted() {
        let before = reads().unwrap();
        let _ = std::fs::read("/proc/self/stat").unwrap();
        assert!(reads().unwrap() > before);
        // Tests have a loader, which reads libraries.
        assert!(before > READS_OF_ONE_START);
    }
}
