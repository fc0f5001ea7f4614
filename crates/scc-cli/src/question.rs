//! Signals while a question is asked, and after it.
//!
//! The thread that asks waits for a key and hears of nothing else. Once anything in the process has
//! listened for a signal, the signal no longer ends it by itself. So the first question starts a
//! thread that ends scc whenever nobody else listens.

use std::io::Write as _;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{OptionalActions, Termios};

use crate::terminal::{Signals, is_listening};

static WATCHER: Once = Once::new();
/// The terminal's mode before the question that is open.
static EARLIER: Mutex<Option<Termios>> = Mutex::new(None);

/// A question that is being asked; the terminal's mode returns when a signal ends it.
pub(crate) struct Question;

impl Question {
    pub(crate) fn open() -> Self {
        set(rustix::termios::tcgetattr(std::io::stdin()).ok());
        WATCHER.call_once(watch);
        Self
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(mode: Option<Termios>) {
    *EARLIER.lock().unwrap_or_else(PoisonError::into_inner) = mode;
}

fn watch() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let Ok(runtime) = runtime else { return };
    let signals = {
        let _entered = runtime.enter();
        Signals::beside()
    };
    let Ok(mut signals) = signals else { return };
    std::thread::spawn(move || {
        loop {
            let stop = runtime.block_on(signals.stop());
            give_back();
            if !is_listening() {
                exit(stop.status());
            }
        }
    });
}

/// Gives the terminal back as it was before the question, with its cursor.
fn give_back() {
    let mode = EARLIER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(mode) = &*mode {
        let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, mode);
        let _ = std::io::stderr().write_all(b"\x1b[?25h\r\n");
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the main thread waits for a key and cannot be told"
)]
fn exit(status: u8) {
    std::process::exit(i32::from(status));
}
