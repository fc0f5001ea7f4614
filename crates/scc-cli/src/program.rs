//! Running a program whose end is waited for only so long.

use std::io::{self, Read as _};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Why there is nothing that a program has printed.
#[derive(Debug)]
pub(crate) enum Unheard {
    /// It cannot be run.
    NotRun(io::Error),
    /// It was run, and how it ended cannot be told.
    Lost(io::Error),
    /// It did not end, and was killed.
    Late,
}

/// Runs a program without input, and returns how it ended and what it printed. What it has left in the
/// background and still prints counts for it.
pub(crate) fn output_within(
    command: &mut Command,
    patience: Duration,
) -> Result<(ExitStatus, Vec<u8>), Unheard> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(Unheard::NotRun)?;
    let printed = read_all(child.stdout.take()).recv_timeout(patience);
    if printed.is_err() {
        // It may have ended by itself since.
        let _ = child.kill();
    }
    let status = child.wait().map_err(Unheard::Lost)?;
    Ok((status, printed.map_err(|_| Unheard::Late)?))
}

/// Everything that a pipe gives, read beside the caller so that it can stop waiting.
fn read_all(pipe: Option<ChildStdout>) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}
