//! A terminal that a test sits in front of.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::wait_for;

/// A command in a terminal.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// Ends when all that was printed is on the screen.
    shown: std::thread::JoinHandle<()>,
    screen: Arc<Shared>,
}

/// What the command has drawn, and that it has drawn.
struct Shared {
    parser: Mutex<vt100::Parser>,
    changed: Condvar,
}

impl Shared {
    /// Also after a test has failed while it looked.
    fn lock(&self) -> MutexGuard<'_, vt100::Parser> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// Starts a command in a terminal of this size.
    #[must_use]
    pub fn start(command: &std::process::Command, rows: u16, cols: u16) -> Self {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let child = pair
            .slave
            .spawn_command(builder(command))
            .expect("the command starts");
        drop(pair.slave);
        let parser = vt100::Parser::new(nonzero(rows), nonzero(cols), 0);
        let screen = Arc::new(Shared {
            parser: Mutex::new(parser),
            changed: Condvar::new(),
        });
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let sink = Arc::clone(&screen);
        let shown = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 {
                    break;
                }
                sink.lock().process(&buffer[..count]);
                sink.changed.notify_all();
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Self {
            master: pair.master,
            writer,
            child,
            shown,
            screen,
        }
    }

    /// What is on the screen.
    #[must_use]
    pub fn screen(&self) -> String {
        self.look(vt100::Screen::contents)
    }

    /// Looks at the screen as it is now.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.lock().screen())
    }

    /// Whether the screen is one that the command turned to, such as an editor's.
    #[must_use]
    pub fn is_alternate(&self) -> bool {
        self.look(vt100::Screen::alternate_screen)
    }

    /// Waits until the screen is as wanted; `what` is that in words.
    ///
    /// # Panics
    /// With the screen when it is not within `limit`.
    pub fn wait_until(&self, what: &str, limit: Duration, is_so: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + limit;
        let mut parser = self.screen.lock();
        while !is_so(parser.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            let screen = parser.screen().contents();
            assert!(!left.is_zero(), "not {what}:\n{screen}");
            (parser, _) = self.screen.changed.wait_timeout(parser, left).unwrap();
        }
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Panics
    /// With the screen when it does not within `limit`.
    pub fn wait_for_text(&self, text: &str, limit: Duration) {
        let what = format!("`{text}` on the screen");
        self.wait_until(&what, limit, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen shows `text` no more.
    ///
    /// # Panics
    /// With the screen when it still does after `limit`.
    pub fn wait_until_gone(&self, text: &str, limit: Duration) {
        let what = format!("without `{text}`");
        self.wait_until(&what, limit, |screen| !screen.contents().contains(text));
    }

    /// Types.
    pub fn send(&mut self, text: &str) {
        self.writer
            .write_all(text.as_bytes())
            .expect("the terminal takes input");
        self.writer.flush().expect("the terminal takes input");
    }

    /// Changes the size of the window.
    pub fn resize(&self, rows: u16, cols: u16) {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).expect("a new size");
        let mut parser = self.screen.lock();
        parser.screen_mut().set_size(nonzero(rows), nonzero(cols));
    }

    /// Starts a command, closes the window when it shows `text`, and waits for its exit status.
    ///
    /// # Panics
    /// When it does not show that, or goes on for longer than `limit`.
    #[must_use]
    pub fn close_at(command: &std::process::Command, text: &str, limit: Duration) -> u32 {
        let size = PtySize::default();
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(builder(command));
        let mut child = child.expect("the command starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let mut parser = vt100::Parser::default();
        let mut buffer = [0; 4096];
        while !parser.screen().contents().contains(text) {
            let count = reader.read(&mut buffer).expect("the command draws");
            parser.process(&buffer[..count]);
        }
        drop((reader, pair.master));
        let status = wait_for("the end of the command", limit, || {
            child.try_wait().expect("the command can be waited for")
        });
        status.exit_code()
    }

    /// Closes the window: the command gets the signal for that.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn hang_up(&mut self) {
        let status = std::process::Command::new("kill")
            .args(["-HUP", &self.pid().to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill -HUP");
    }

    /// The process in the terminal.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// Presses a key every now and then, as an impatient person does, until the command ends, and
    /// returns its exit status.
    ///
    /// # Panics
    /// When it goes on for longer than `limit`.
    pub fn press_until_end(&mut self, key: &str, limit: Duration) -> u32 {
        wait_for("the end of the command", limit, || {
            // The command may end between two presses, and its terminal with it.
            let _ = self.writer.write_all(key.as_bytes());
            let _ = self.writer.flush();
            std::thread::sleep(Duration::from_millis(400));
            self.child
                .try_wait()
                .expect("the command can be waited for")
        })
        .exit_code()
    }

    /// Waits for the command's exit status.
    ///
    /// # Panics
    /// When it goes on for longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> u32 {
        let status = wait_for("the end of the command", limit, || {
            self.child
                .try_wait()
                .expect("the command can be waited for")
        });
        wait_for("the end of its output", limit, || {
            self.shown.is_finished().then_some(())
        });
        status.exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn nonzero(size: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(size).expect("a terminal has a size")
}

fn builder(command: &std::process::Command) -> CommandBuilder {
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.env_clear();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            builder.env(key, value);
        }
    }
    if let Some(dir) = command.get_current_dir() {
        builder.cwd(dir);
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_in_a_terminal() {
        let mut command = std::process::Command::new("/bin/sh");
        command.args([
            "-c",
            "stty size; read line; stty size; echo got $line; exit 7",
        ]);
        let mut terminal = Terminal::start(&command, 30, 90);
        let limit = Duration::from_secs(10);
        terminal.wait_for_text("30 90", limit);
        terminal.resize(40, 100);
        terminal.send("hello\r");
        terminal.wait_for_text("40 100", limit);
        terminal.wait_for_text("got hello", limit);
        assert_eq!(terminal.wait(limit), 7);
    }
}
