//! Running a program for at most so long and reading at most so much.

use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How much of what a program complains about is kept.
const MAX_STDERR: u64 = 64 << 10;

pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// What a program is given, and how far it may go.
pub(crate) struct Bounds<'a> {
    pub(crate) deadline: Instant,
    /// Bytes that it may print.
    pub(crate) max_stdout: u64,
    /// What it reads; nothing where this is empty.
    pub(crate) input: Vec<u8>,
    /// A directory, and the bytes that may be in it.
    pub(crate) disk: Option<(&'a Path, u64)>,
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// It does not start.
    Start(io::Error),
    /// The deadline passed; it was killed.
    Timeout,
    /// It printed more than the limit.
    TooLarge,
    /// It wrote more to the disk than the limit.
    DiskFull,
}

/// How often the disk is looked at.
const WATCH: Duration = Duration::from_millis(50);

/// Runs the program in a process group of its own: its helpers end with it, and none of them can
/// ask at the terminal.
pub(crate) fn run(mut command: Command, bounds: Bounds<'_>) -> Result<Output, Failure> {
    let stdin = match bounds.input.is_empty() {
        true => Stdio::null(),
        false => Stdio::piped(),
    };
    command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut running = Running(command.spawn().map_err(Failure::Start)?);
    feed(running.0.stdin.take(), bounds.input);
    let stdout = collect(running.0.stdout.take(), bounds.max_stdout + 1);
    let stderr = collect(running.0.stderr.take(), MAX_STDERR);
    let watch = Watch {
        deadline: bounds.deadline,
        disk: bounds.disk,
    };
    let stdout = watch.receive(&stdout)?;
    if stdout.len() as u64 > bounds.max_stdout {
        return Err(Failure::TooLarge);
    }
    let stderr = watch.receive(&stderr)?;
    loop {
        match running.0.try_wait() {
            Ok(Some(status)) => {
                watch.check_disk()?;
                let success = status.success();
                let stderr = String::from_utf8_lossy(&stderr).into_owned();
                return Ok(Output {
                    success,
                    stdout,
                    stderr,
                });
            }
            Ok(None) if Instant::now() < bounds.deadline => {
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

/// Writes on a thread, for the program may print before it has read everything.
fn feed(pipe: Option<ChildStdin>, input: Vec<u8>) {
    let Some(mut pipe) = pipe else {
        return;
    };
    // A program that ends before it has read everything says why itself.
    std::thread::spawn(move || pipe.write_all(&input));
}

struct Watch<'a> {
    deadline: Instant,
    disk: Option<(&'a Path, u64)>,
}

impl Watch<'_> {
    /// Waits for what a thread collects, and meanwhile looks at the disk.
    fn receive(&self, from: &Receiver<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let pause = match self.disk {
                Some(_) => left.min(WATCH),
                None => left,
            };
            match from.recv_timeout(pause) {
                Ok(bytes) => return Ok(bytes),
                Err(RecvTimeoutError::Timeout) if !left.is_zero() && self.disk.is_some() => {}
                Err(_) => return Err(Failure::Timeout),
            }
            self.check_disk()?;
        }
    }

    fn check_disk(&self) -> Result<(), Failure> {
        match self.disk {
            Some((dir, most)) if bytes_in(dir, most) > most => Err(Failure::DiskFull),
            _ => Ok(()),
        }
    }
}

/// The size of all files below a directory, as far as it matters whether it is more than `most`.
fn bytes_in(dir: &Path, most: u64) -> u64 {
    let mut sum = 0;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        // What goes away while it is looked at does not count.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) => sum += meta.len(),
                Err(_) => {}
            }
        }
        if sum > most {
            break;
        }
    }
    sum
}
