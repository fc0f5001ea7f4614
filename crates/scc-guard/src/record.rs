//! The record of what was refused and warned about, and where it goes.
//!
//! A collector runs in the sandbox as another user than the agent. It takes messages by a socket and
//! appends them to a file of its own, on a volume that the host reads. The agent's user can send it
//! messages, also false ones, and can neither read nor change what is recorded, nor end it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use scc_safety::{Decision, Verdict, command_line};
use serde_json::{Value, json};

/// The collector's directory: a volume that belongs to its user.
pub(crate) const DIRECTORY: &str = "/var/lib/scc";
const SOCKET: &str = "/var/lib/scc/socket";
const EVENTS: &str = "/var/lib/scc/events";

/// The version of a record.
const SCHEMA: u32 = 1;

/// The longest command in a record, in characters.
const LONGEST_COMMAND: usize = 500;
/// The most rules in a record.
const MOST_FINDINGS: usize = 16;
/// The longest message.
const LONGEST: u64 = 32 * 1024;
/// The longest file of events: an agent that sends without end must not fill the disk.
const LONGEST_FILE: u64 = 256 * 1024;

/// A sandbox has just started where the collector is not there yet.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);
/// How long either side may take for its part.
const ANSWER: Duration = Duration::from_millis(500);

/// The collector's answers.
const WRITTEN: [u8; 1] = [1];
const NOT_WRITTEN: [u8; 1] = [0];

/// Which of the two surfaces judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// In the place of a tool.
    Guard,
    /// The hook of an agent.
    Hook,
}

impl Surface {
    fn name(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Hook => "hook",
        }
    }
}

/// Has a verdict written down.
pub(crate) fn send(verdict: &Verdict, surface: Surface) -> io::Result<()> {
    send_to(Path::new(SOCKET), &message(verdict, surface), PATIENCE)
}

/// Has a refusal written down whose cause is the sandbox itself; there, nobody may be listening.
pub(crate) fn send_unjudged(rule: &str, command: &str, surface: Surface) {
    let message = unjudged(rule, command, surface);
    let _ = send_to(Path::new(SOCKET), &message, Duration::ZERO);
}

fn unjudged(rule: &str, command: &str, surface: Surface) -> Value {
    let finding = json!({ "rule": rule, "command": shortened(command) });
    json!({
        "schema": SCHEMA,
        "decision": Decision::Refuse,
        "surface": surface.name(),
        "findings": [finding],
    })
}

fn shortened(command: &str) -> String {
    command.chars().take(LONGEST_COMMAND).collect()
}

fn message(verdict: &Verdict, surface: Surface) -> Value {
    let findings: Vec<_> = verdict
        .findings
        .iter()
        .take(MOST_FINDINGS)
        .map(|finding| {
            let command = shortened(&command_line(&finding.command));
            json!({ "rule": finding.rule, "command": command })
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "decision": verdict.decision,
        "surface": surface.name(),
        "findings": findings,
    })
}

/// Returns when the collector has written it down.
fn send_to(socket: &Path, message: &Value, patience: Duration) -> io::Result<()> {
    let mut stream = connect(socket, patience)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(message.to_string().as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    match answer {
        WRITTEN => Ok(()),
        _ => Err(io::Error::other("the record was not taken")),
    }
}

fn connect(socket: &Path, patience: Duration) -> io::Result<UnixStream> {
    let end = Instant::now() + patience;
    loop {
        match connect_now(socket) {
            Err(error) if may_come(&error) && Instant::now() < end => std::thread::sleep(POLL),
            result => return result,
        }
    }
}

/// Does not wait where others wait to be taken: a collector that is held up must not hold up the
/// guard.
fn connect_now(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn may_come(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock
    )
}

/// Takes messages until the sandbox ends.
pub(crate) fn collect() -> io::Result<()> {
    let listener = listen(Path::new(SOCKET))?;
    let mut record = Record::open(Path::new(EVENTS), LONGEST_FILE)?;
    for stream in listener.incoming() {
        // One that breaks off, or says nothing in its time, must not hold up the others.
        let _ = stream.and_then(|mut stream| record.take(&mut stream, SystemTime::now()));
    }
    Ok(())
}

/// A socket that everybody can connect to. One of an earlier collector is replaced.
fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o622))?;
    Ok(listener)
}

/// The file of events.
struct Record {
    file: File,
    left: u64,
}

impl Record {
    fn open(path: &Path, longest: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(path)?;
        let left = longest.saturating_sub(file.metadata()?.len());
        Ok(Self { file, left })
    }

    fn take(&mut self, stream: &mut UnixStream, now: SystemTime) -> io::Result<()> {
        stream.set_write_timeout(Some(ANSWER))?;
        let written = match line(&read(stream)?, now) {
            Some(line) => self.append(&line)?,
            None => false,
        };
        stream.write_all(if written { &WRITTEN } else { &NOT_WRITTEN })
    }

    /// Whether there was room for it.
    fn append(&mut self, line: &str) -> io::Result<bool> {
        let Some(left) = self.left.checked_sub(line.len() as u64) else {
            return Ok(false);
        };
        self.file.write_all(line.as_bytes())?;
        self.left = left;
        Ok(true)
    }
}

/// A whole message. Who sends it in drops keeps others waiting no longer than who sends none.
fn read(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let until = Instant::now() + ANSWER;
    let mut message = Vec::new();
    let mut part = [0; 4096];
    while message.len() as u64 <= LONGEST {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            length => message.extend_from_slice(&part[..length]),
        }
    }
    Ok(message)
}

/// A message with the time, on one line; nothing where it is no record.
fn line(message: &[u8], now: SystemTime) -> Option<String> {
    if message.len() as u64 > LONGEST {
        return None;
    }
    let event: Value = serde_json::from_slice(message).ok()?;
    let known = event.get("schema").and_then(Value::as_u64) == Some(u64::from(SCHEMA));
    let time = now.duration_since(UNIX_EPOCH).ok()?.as_millis();
    let time = u64::try_from(time).ok()?;
    known.then(|| format!("{}\n", json!({ "time_ms": time, "event": event })))
}

#[cfg(test)]
mod tests {
    use scc_safety::{Policy, Unknown, evaluate_argv};

    use super::*;

    fn verdict() -> Verdict {
        let long = "x".repeat(10_000);
        let argv = ["git", "push", "--force", "origin", &long];
        evaluate_argv(&argv, &Unknown, &Policy::default())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// Sends messages to a collector with a file of this size; returns how each was answered, and
    /// what was written.
    fn collected(messages: Vec<Value>, longest: u64) -> (Vec<bool>, Vec<Value>) {
        let directory = tempfile::tempdir().unwrap();
        let (path, events) = (
            directory.path().join("socket"),
            directory.path().join("events"),
        );
        // A second collector takes the place of the first.
        drop(listen(&path).unwrap());
        let listener = listen(&path).unwrap();
        let mut record = Record::open(&events, longest).unwrap();
        let count = messages.len();
        let sender = std::thread::spawn({
            let path = path.clone();
            move || {
                let send = |message| send_to(&path, message, Duration::ZERO).is_ok();
                messages.iter().map(send).collect()
            }
        });
        for stream in listener.incoming().take(count) {
            let now = UNIX_EPOCH + Duration::from_secs(7);
            record.take(&mut stream.unwrap(), now).unwrap();
        }
        assert_eq!((mode(&path), mode(&events)), (0o622, 0o600));
        let text = fs::read_to_string(&events).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (sender.join().unwrap(), lines.collect())
    }

    #[test]
    fn what_is_sent_is_appended_with_the_time() {
        let messages = vec![
            message(&verdict(), Surface::Hook),
            json!({ "no": "record" }),
            message(&verdict(), Surface::Guard),
        ];
        let (answers, lines) = collected(messages, LONGEST_FILE);
        assert_eq!(answers, [true, false, true]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["time_ms"], 7000);
        assert_eq!(lines[0]["event"]["surface"], "hook");
        assert_eq!(lines[1]["event"]["surface"], "guard");
        let finding = &lines[0]["event"]["findings"][0];
        assert_eq!(finding["rule"], "git.push.force");
        assert_eq!(finding["command"].as_str().unwrap().len(), LONGEST_COMMAND);
    }

    #[test]
    fn what_could_not_be_judged_is_of_the_surface_that_met_it() {
        for (surface, name) in [(Surface::Guard, "guard"), (Surface::Hook, "hook")] {
            let message = unjudged("policy.unusable", "git push", surface);
            assert_eq!(message["surface"], name);
            assert_eq!(message["findings"][0]["command"], "git push");
        }
    }

    #[test]
    fn a_full_record_says_so() {
        let messages = vec![message(&verdict(), Surface::Hook); 3];
        let (answers, lines) = collected(messages, 1000);
        assert_eq!(answers, [true, false, false]);
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn who_says_nothing_holds_nobody_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = listen(&path).unwrap();
        let mut record = Record::open(&directory.path().join("events"), LONGEST_FILE).unwrap();
        let _silent = UnixStream::connect(&path).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        assert!(record.take(&mut stream, UNIX_EPOCH).is_err());
    }

    #[test]
    fn a_queue_that_is_full_holds_nobody_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let address = SocketAddrUnix::new(&path).unwrap();
        let listener = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        net::bind(&listener, &address).unwrap();
        net::listen(&listener, 0).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match connect_now(&path) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!waiting.is_empty());
        let error = send_to(&path, &json!({}), Duration::from_millis(30)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn nobody_who_listens_is_an_error_after_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let path = directory.path().join("socket");
        let patience = Duration::from_millis(30);
        let error = send_to(&path, &json!({}), patience).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(begun.elapsed() >= patience);
    }

    #[test]
    fn what_is_no_record_is_not_taken() {
        let now = UNIX_EPOCH;
        assert!(line(br#"{"schema":1}"#, now).is_some());
        for text in ["", "{", "1", "{}", r#"{"schema":2}"#] {
            assert!(line(text.as_bytes(), now).is_none(), "{text}");
        }
        let large = vec![b' '; usize::try_from(LONGEST).unwrap() + 1];
        assert!(line(&large, now).is_none());
    }
}
