//! The whole terminal, for as long as the dashboard is on it.

use std::fs::File;
use std::io::BufWriter;
use std::os::fd::AsFd as _;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{OptionalActions, Termios};
use scc_dashboard::{Model, Screen, Theme};

use crate::error::CliError;
use crate::terminal::{self, RawMode};

/// The mode that the terminal had, while the dashboard is on it; for whoever panics.
static EARLIER: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal in raw mode, on its alternate screen. Dropping it gives the terminal back as it was.
pub(super) struct Fullscreen {
    screen: Screen<BufWriter<File>>,
    raw: RawMode,
}

impl Fullscreen {
    pub(super) fn enter(theme: Theme) -> Result<Self, CliError> {
        restore_on_panic();
        let raw = RawMode::enter()?;
        *lock() = Some(raw.earlier().clone());
        // A frame is one write: what is half-drawn is never seen.
        let output = stdout().map_err(CliError::Terminal)?;
        let output = BufWriter::with_capacity(64 * 1024, output);
        let screen = Screen::enter(output, theme).map_err(CliError::Terminal)?;
        Ok(Self { screen, raw })
    }

    pub(super) fn draw(&mut self, model: &Model) -> Result<(), CliError> {
        if lock().is_none() {
            return Err(CliError::Failed {
                message: "a part of the dashboard has failed".to_owned(),
                hint: "what it said is above; sandboxes are as they were: scc list".to_owned(),
            });
        }
        let (width, height) = size();
        let drawn = self.screen.draw(model, width, height);
        drawn.map_err(CliError::Terminal)
    }

    /// Takes the terminal again, after the process was stopped and somebody else had it.
    pub(super) fn again(&mut self) -> Result<(), CliError> {
        self.raw.again()?;
        self.screen.again().map_err(CliError::Terminal)
    }

    /// Has everything sent again with the next frame.
    pub(super) fn invalidate(&mut self) {
        self.screen.invalidate();
    }
}

impl Drop for Fullscreen {
    fn drop(&mut self) {
        if lock().take().is_some() {
            // A terminal that is gone needs nothing.
            let _ = self.screen.leave();
        }
    }
}

/// Columns and rows.
pub(super) fn size() -> (u16, u16) {
    terminal::size().map_or((80, 24), |size| (size.columns, size.rows))
}

fn stdout() -> std::io::Result<File> {
    let own = std::io::stdout().as_fd().try_clone_to_owned()?;
    Ok(File::from(own))
}

fn lock() -> std::sync::MutexGuard<'static, Option<Termios>> {
    EARLIER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic says is to be seen, so the terminal is given back before it is said.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let earlier_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(mode) = lock().take() {
                let _ = stdout().and_then(|mut output| scc_dashboard::leave(&mut output));
                let set = OptionalActions::Now;
                let _ = rustix::termios::tcsetattr(std::io::stdin(), set, &mode);
            }
            earlier_hook(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use scc_testkit::pty::Terminal;

    use super::*;

    /// Set for the process that panics.
    const CHILD: &str = "SCC_TEST_PANICS_IN";
    const LIMIT: Duration = Duration::from_secs(30);

    /// The test runs itself in a terminal, by way of a shell that says what it finds afterwards.
    fn terminal(thread: &str) -> Terminal {
        let own = std::env::current_exe().unwrap();
        let line = format!(
            "echo before; {} --exact {}::a_panic_is_seen --nocapture; \
             stty -a | grep -o -- '[-]*icanon'; echo end",
            own.display(),
            module_path!().trim_start_matches("scc_cli::")
        );
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &line]).env(CHILD, thread);
        shell.env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
        Terminal::start(&shell, 40, 200)
    }

    fn panic_while_drawing(thread: &str) {
        let mut fullscreen = Fullscreen::enter(Theme::COLOUR).unwrap();
        fullscreen.draw(&Model::new(80, 24)).unwrap();
        match thread {
            "own" => panic!("something is broken"),
            _ => {
                let other = std::thread::spawn(|| panic!("something is broken"));
                assert!(other.join().is_err());
                assert!(fullscreen.draw(&Model::new(80, 24)).is_err());
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test that runs itself")]
    #[test]
    fn a_panic_is_seen() {
        if let Ok(thread) = std::env::var(CHILD) {
            return panic_while_drawing(&thread);
        }
        for thread in ["own", "other"] {
            let terminal = terminal(thread);
            terminal.wait_for_text("\nend", LIMIT);
            let screen = terminal.screen();
            assert!(screen.starts_with("before\n"), "{screen}");
            assert!(screen.contains("something is broken"), "{screen}");
            assert!(screen.contains("\nicanon\n"), "{screen}");
            assert!(!terminal.look(vt100::Screen::hide_cursor));
            assert!(!terminal.is_alternate());
        }
    }
}
