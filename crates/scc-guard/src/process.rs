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
    raw: *const *const c_char,
}

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
        let count = usize::try_from(count).unwrap_or_default();
        let args = (0..count)
            .map(|index| {
                // SAFETY: there are `count` strings, says the caller.
                let text = unsafe { CStr::from_ptr(*raw.add(index)) };
                OsString::from_vec(text.to_bytes().to_vec())
            })
            .collect();
        Self { args, raw }
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
