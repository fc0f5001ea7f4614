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

use crate::redact;

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
const LONGEST_FILE: u64 = 1024 * 1024;
/// The end of the last line of a full file. No message can make one: it stands beside what was sent.
const FULL_MARK: &str = "\"full\":true}\n";
/// Room for that line.
const FULL_LINE: u64 = 64;

/// A sandbox has just started where the collector is not there yet.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);
/// How long either side may take for its part.
const ANSWER: Duration = Duration::from_millis(500);

/// The collector's answers.
const WRITTEN: [u8; 1] = [1];
const NOT_WRITTEN: [u8; 1] = [0];
const FULL: [u8; 1] = [2];

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

/// Without the secrets of addresses; what is cut ends with a mark.
fn shortened(command: &str) -> String {
    let command = redact::addresses(command);
    match command.char_indices().nth(LONGEST_COMMAND) {
        Some((end, _)) => format!("{}…", &command[..end]),
        None => command,
    }
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
        FULL => Err(io::Error::new(
            io::ErrorKind::StorageFull,
            "the record of this session is full",
        )),
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

/// Takes messages until the sandbox ends. Says when it begins, for whoever waits for that.
pub(crate) fn collect() -> io::Result<()> {
    let listener = listen(Path::new(SOCKET))?;
    let mut record = Record::open(Path::new(EVENTS), LONGEST_FILE)?;
    let _ = writeln!(io::stdout(), "ready");
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
    /// How much more it may hold; once something did not fit, nothing more is taken.
    left: Option<u64>,
}

impl Record {
    fn open(path: &Path, longest: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(path)?;
        let mut before = Vec::new();
        file.read_to_end(&mut before)?;
        let left = longest.saturating_sub(FULL_LINE + before.len() as u64);
        let left = (!before.ends_with(FULL_MARK.as_bytes())).then_some(left);
        Ok(Self { file, left })
    }

    fn take(&mut self, stream: &mut UnixStream, now: SystemTime) -> io::Result<()> {
        stream.set_write_timeout(Some(ANSWER))?;
        let answer = match line(&read(stream)?, now) {
            Some(line) if self.append(&line, now)? => &WRITTEN,
            Some(_) => &FULL,
            None => &NOT_WRITTEN,
        };
        stream.write_all(answer)
    }

    /// Whether there was room for it. The first time that there is none, that is written.
    fn append(&mut self, line: &str, now: SystemTime) -> io::Result<bool> {
        let Some(left) = self.left else {
            return Ok(false);
        };
        self.left = left.checked_sub(line.len() as u64);
        if self.left.is_none() {
            let time = millis(now).unwrap_or_default();
            write!(self.file, "{{\"time_ms\":{time},{FULL_MARK}")?;
            return Ok(false);
        }
        self.file.write_all(line.as_bytes())?;
        Ok(true)
    }
}

/// Since 1970.
fn millis(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?.as_millis();
    u64::try_from(since).ok()
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
    let time = millis(now)?;
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

    /// Sends messages to a collector with a file of this size; returns why each was not taken, and what
    /// was written.
    fn collected(messages: Vec<Value>, longest: u64) -> (Vec<Option<io::ErrorKind>>, Vec<Value>) {
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
                let send = |message| send_to(&path, message, Duration::ZERO).err();
                let answers = messages.iter().map(send);
                answers.map(|error| Some(error?.kind())).collect()
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
        assert_eq!(answers, [None, Some(io::ErrorKind::Other), None]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["time_ms"], 7000);
        assert_eq!(lines[0]["event"]["surface"], "hook");
        assert_eq!(lines[1]["event"]["surface"], "guard");
        let finding = &lines[0]["event"]["findings"][0];
        assert_eq!(finding["rule"], "git.push.force");
        let command = finding["command"].as_str().unwrap();
        assert_eq!(command.chars().count(), LONGEST_COMMAND + 1);
        assert!(command.ends_with("xx…"), "{command}");
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
    fn a_full_record_says_so_once_and_takes_nothing_more() {
        let mut messages = vec![message(&verdict(), Surface::Hook); 3];
        messages.push(json!({ "schema": SCHEMA }));
        let (answers, lines) = collected(messages, 1000);
        let full = Some(io::ErrorKind::StorageFull);
        assert_eq!(answers, [None, full, full, full]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], json!({ "time_ms": 7000, "full": true }));
    }

    #[test]
    fn a_full_record_stays_full_when_the_collector_starts_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        for _ in 0..2 {
            let mut record = Record::open(&path, FULL_LINE).unwrap();
            assert!(!record.append("too much", UNIX_EPOCH).unwrap());
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.len() as u64 <= FULL_LINE, "{text}");
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
