//! Attempts through the proxy.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::attempt::Outcome;
use super::hello::hello;
use super::{CONCLUDED, Limits, NOBODY, Tried};
use crate::check::BAD_REQUEST;

/// How long the proxy may take to come up.
const START: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_millis(10);
/// No answer that matters is longer.
const LONGEST: usize = 64 * 1024;

/// A proxy, and how long it is waited for.
#[derive(Debug)]
pub(super) struct Through {
    proxy: SocketAddr,
    limits: Limits,
    /// Whether it has answered, or why not; known when the first attempt is made.
    up: OnceLock<Result<(), String>>,
}

fn held(detail: impl Into<String>) -> Tried {
    (Outcome::Held, detail.into())
}

fn failed(detail: impl Into<String>) -> Tried {
    (Outcome::Failed, detail.into())
}

fn no_proxy(error: &io::Error) -> Tried {
    failed(format!("the proxy does not answer: {error}"))
}

fn not_reached(why: &str) -> Tried {
    let detail = format!("the host is let through and not reached ({why})");
    (Outcome::Moot, detail)
}

/// A refusal of the proxy's own. A server that was reached may say no as well.
fn refused(answer: &str) -> Tried {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let is_page = |line: &str| line.to_ascii_lowercase().starts_with("x-squid-error:");
    let is_own = head.lines().any(is_page) || answer.as_bytes() == BAD_REQUEST;
    match status_of(answer) {
        status @ 400..500 if is_own => held(format!("refused ({status})")),
        status => failed(format!("{status} is not a refusal of the proxy's")),
    }
}

impl Through {
    pub(super) fn new(proxy: SocketAddr, limits: Limits) -> Self {
        let up = OnceLock::new();
        Self { proxy, limits, up }
    }

    pub(super) fn silence(&self) -> Duration {
        self.limits.silence
    }

    pub(super) fn denied(&self, target: &str) -> Tried {
        match self.status(target) {
            Ok(Some(403)) => held("refused by the proxy"),
            Ok(Some(status)) => failed(format!("the proxy answers {status}, not 403")),
            Ok(None) => failed("the proxy does not refuse it"),
            Err(error) => no_proxy(&error),
        }
    }

    pub(super) fn allowed(&self, target: &str) -> Tried {
        match self.status(target) {
            Ok(Some(403)) => failed(self.why_refused(target)),
            // 500: the name is not known, which is for the agent to find out.
            Ok(Some(status @ (200 | 500 | 502..=504))) => held(format!("let through ({status})")),
            Ok(Some(status)) => failed(format!("the proxy answers {status}")),
            Ok(None) => held("let through"),
            Err(error) => no_proxy(&error),
        }
    }

    /// What the proxy says in the first line of its refusal.
    fn why_refused(&self, target: &str) -> String {
        let answer = self.tunnel(target).ok().flatten();
        let line = answer.and_then(|(answer, _)| answer.lines().next().map(str::to_owned));
        let why = line.and_then(|line| line.split_once("by scc, ").map(|(_, why)| why.to_owned()));
        why.unwrap_or_else(|| "the proxy refuses it".to_owned())
    }

    /// The status with which the proxy answers when it is asked for a tunnel; `None` when it takes
    /// its time, which no refusal does.
    fn status(&self, target: &str) -> io::Result<Option<u16>> {
        let answer = self.tunnel(target)?;
        Ok(answer.map(|(answer, _)| status_of(&answer)))
    }

    /// Waits once for all attempts until the proxy answers. Its relay listens before it does, and says
    /// nothing meanwhile; silence means something only afterwards.
    fn wait_until_up(&self) -> io::Result<()> {
        let up = self
            .up
            .get_or_init(|| self.first_answer().map_err(|error| error.to_string()));
        up.clone().map_err(io::Error::other)
    }

    fn first_answer(&self) -> io::Result<()> {
        let end = Instant::now() + START;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let late = || Err(ErrorKind::TimedOut.into());
            let outcome = match self.tunnel_within(&format!("{NOBODY}:443"), left.max(RETRY)) {
                // What a relay says whose proxy does not listen yet.
                Ok(Some((answer, _))) if answer.contains("does not answer") => late(),
                Ok(Some(_)) => return Ok(()),
                Ok(None) => late(),
                Err(error) => Err(error),
            };
            if Instant::now() >= end {
                return outcome;
            }
            thread::sleep(RETRY);
        }
    }

    /// The beginning of the answer of a proxy that is up.
    fn tunnel(&self, target: &str) -> io::Result<Option<(String, TcpStream)>> {
        self.wait_until_up()?;
        self.tunnel_within(target, self.limits.refusal)
    }

    /// The beginning of the proxy's answer; `None` when there is none in time.
    fn tunnel_within(
        &self,
        target: &str,
        limit: Duration,
    ) -> io::Result<Option<(String, TcpStream)>> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(limit))?;
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        // An agreement has nothing after its head, and then the server has the word.
        let agreed = |answer: &[u8]| {
            let is_head = answer.windows(4).any(|part| part == b"\r\n\r\n");
            is_head && answer.get(9..12) == Some(b"200")
        };
        let answer = read(&mut stream, agreed)?;
        if answer.bytes.is_empty() {
            return match answer.is_late {
                true => Ok(None),
                false => Err(ErrorKind::UnexpectedEof.into()),
            };
        }
        Ok(Some((answer.text(), stream)))
    }

    fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&self.proxy, self.limits.silence)
    }

    /// Sends a request and reads what comes until the end.
    fn ask(&self, request: &str) -> io::Result<Answer> {
        self.wait_until_up()?;
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(self.limits.answer))?;
        stream.write_all(request.as_bytes())?;
        read(&mut stream, |_| false)
    }

    /// The request of a client that wants the proxy to fetch something.
    pub(super) fn unserved(&self, url: &str, host: Option<&str>) -> Tried {
        let of_url = url.split("://").nth(1).unwrap_or(url);
        let authority = of_url.split('/').next().unwrap_or_default();
        let host = host.unwrap_or(authority);
        match self.ask(&format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n")) {
            Ok(answer) if answer.is_silence() => failed("no answer in time"),
            Ok(answer) if answer.bytes.is_empty() => held("cut without an answer"),
            Ok(answer) => refused(&answer.text()),
            Err(error) => no_proxy(&error),
        }
    }

    /// Writes into the proxy's log that this was all; nobody else can do that before.
    pub(super) fn conclude(&self) {
        // Where it is not there, the log has a few lines more.
        let _ = self.tunnel_within(&format!("{CONCLUDED}:443"), self.limits.refusal);
    }

    pub(super) fn split(&self, target: &str) -> Tried {
        let middle = target.rfind(':').unwrap_or(target.len()) / 2;
        let (before, after) = target.split_at_checked(middle).unwrap_or((target, ""));
        self.misread(&format!("{before} {after}"))
    }

    pub(super) fn misread(&self, target: &str) -> Tried {
        match self.ask(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")) {
            Ok(answer) => refused(&answer.text()),
            Err(error) => no_proxy(&error),
        }
    }

    pub(super) fn single(&self, host: &str) -> Tried {
        let first = format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let second = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n");
        match self.ask(&(first + &second)) {
            Ok(answer) if answer.text().contains("Connection established") => {
                failed("the second one was carried out")
            }
            // The first one is for a server, which may be slow.
            Ok(answer) if answer.is_silence() => (Outcome::Moot, "no answer in time".to_owned()),
            Ok(answer) => held(format!("one answer ({})", status_of(&answer.text()))),
            Err(error) => no_proxy(&error),
        }
    }

    /// What a server says to this first message.
    fn say(&self, target: &str, first: &[u8]) -> Said {
        let mut stream = match self.tunnel(target) {
            Err(error) => return Said::NoProxy(error),
            Ok(None) => return Said::NotReached("no answer".to_owned()),
            Ok(Some((answer, stream))) => match status_of(&answer) {
                200 => stream,
                status => return Said::NotReached(status.to_string()),
            },
        };
        let sent = stream
            .set_read_timeout(Some(self.limits.answer))
            .and_then(|()| stream.write_all(first));
        let answer = sent.and_then(|()| read(&mut stream, |answer| !answer.is_empty()));
        match answer {
            Ok(answer) if !answer.bytes.is_empty() => Said::Something,
            Ok(answer) if answer.is_late => Said::Nothing,
            // Whoever was cut off while it wrote was cut off.
            Ok(_) | Err(_) => Said::End,
        }
    }

    pub(super) fn cut(&self, target: &str, first: &[u8]) -> Tried {
        match self.say(target, first) {
            Said::End => held("cut"),
            Said::Something => failed("the server answers"),
            Said::Nothing => failed("it was not cut"),
            Said::NotReached(why) => not_reached(&why),
            Said::NoProxy(error) => no_proxy(&error),
        }
    }

    pub(super) fn carried(&self, target: &str) -> Tried {
        let name = target.rsplit_once(':').map_or(target, |(name, _)| name);
        match self.say(target, &hello(name)) {
            Said::Something => held("the server answers"),
            Said::Nothing => held("it was not cut"),
            Said::End => failed("it was cut"),
            Said::NotReached(why) if why == "403" => failed("the proxy refuses it"),
            Said::NotReached(why) => not_reached(&why),
            Said::NoProxy(error) => no_proxy(&error),
        }
    }
}

enum Said {
    Something,
    Nothing,
    End,
    NotReached(String),
    NoProxy(io::Error),
}

struct Answer {
    bytes: Vec<u8>,
    /// It ended because nothing more came in time.
    is_late: bool,
}

impl Answer {
    /// Whoever is cut off is told so at once.
    fn is_silence(&self) -> bool {
        self.is_late && self.bytes.is_empty()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

fn read(stream: &mut TcpStream, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let is_late = match stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(count) => {
                bytes.extend_from_slice(&chunk[..count]);
                if bytes.len() < LONGEST && !is_enough(&bytes) {
                    continue;
                }
                false
            }
            Err(error) if is_late(error.kind()) => true,
            Err(error) => return Err(error),
        };
        return Ok(Answer { bytes, is_late });
    }
}

fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn status_of(answer: &str) -> u16 {
    let word = answer.split_whitespace().nth(1);
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}
