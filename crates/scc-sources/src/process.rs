//! Running a program for at most so long and reading at most so much.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How much of what a program complains about is kept.
const MAX_STDERR: u64 = 64 << 10;

pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// It does not start.
    Start(io::Error),
    /// The deadline passed; it was killed.
    Timeout,
    /// It printed more than the limit.
    TooLarge,
}

/// Runs the program without input, in a process group of its own: its helpers end with it, and
/// none of them can ask at the terminal.
pub(crate) fn run(
    mut command: Command,
    deadline: Instant,
    max_stdout: u64,
) -> Result<Output, Failure> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut running = Running(command.spawn().map_err(Failure::Start)?);
    let stdout = collect(running.0.stdout.take(), max_stdout + 1);
    let stderr = collect(running.0.stderr.take(), MAX_STDERR);
    let stdout = receive(&stdout, deadline)?;
    if stdout.len() as u64 > max_stdout {
        return Err(Failure::TooLarge);
    }
    let stderr = receive(&stderr, deadline)?;
    loop {
        match running.0.try_wait() {
            Ok(Some(status)) => {
                let success = status.success();
                let stderr = String::from_utf8_lossy(&stderr).into_owned();
                return Ok(Output {
                    success,
                    stdout,
                    stderr,
                });
            }
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(None) => return Err(Failure::Timeout),
            Err(error) => return Err(Failure::Start(error)),
        }
    }
}

/// Kills what still runs, so that no way out leaves it behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            // Not waited for yet, therefore the number is still that of this group.
            if let Some(group) = Pid::from_raw(self.0.id().cast_signed()) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.0.wait();
        }
    }
}

/// Reads up to `limit` bytes on a thread, for a helper that outlives the program may keep the
/// pipe open.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error still counts.
            let _ = pipe.take(limit).read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}

fn receive(from: &Receiver<Vec<u8>>, deadline: Instant) -> Result<Vec<u8>, Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    from.recv_timeout(left).map_err(|_| Failure::Timeout)
}
