//! A terminal that a test sits in front of.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::wait_for;

/// A command in a terminal.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
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
        let screen = Arc::new(Mutex::new(parser));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let sink = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 {
                    break;
                }
                sink.lock().unwrap().process(&buffer[..count]);
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Self {
            master: pair.master,
            writer,
            child,
            screen,
        }
    }

    /// What is on the screen.
    #[must_use]
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Panics
    /// With the screen when it does not within `limit`.
    pub fn wait_for_text(&self, text: &str, limit: Duration) {
        let end = std::time::Instant::now() + limit;
        while !self.screen().contains(text) {
            let screen = self.screen();
            assert!(
                std::time::Instant::now() < end,
                "no `{text}` on the screen:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
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
        self.screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(nonzero(rows), nonzero(cols));
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
        wait_for("the end of the command", limit, || {
            self.child
                .try_wait()
                .expect("the command can be waited for")
        })
        .exit_code()
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
