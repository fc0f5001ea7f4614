//! Trying from inside what must not work, and what must.
//!
//! `probe [--release] CHECK…` makes all checks at the same time, prints a line for each (`held` or
//! `failed`, the check, what happened; with tabs between) and ends with 0 when all held. With
//! `--release` the main process is then let go.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use crate::{FAILED, USAGE, hold};

/// Where the tools of a sandbox find the proxy.
pub const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3128);

/// How long an address may stay silent before it counts as out of reach.
const SILENCE: Duration = Duration::from_millis(800);
/// How long the proxy may take to come up.
const START: Duration = Duration::from_secs(15);
/// A proxy refuses at once. What takes longer it has let through, and waits for the server.
const REFUSAL: Duration = Duration::from_millis(1500);
const RETRY: Duration = Duration::from_millis(10);

/// Something that must or must not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// `unreachable:IP:PORT`: not even a refusal comes from there.
    Unreachable(SocketAddr),
    /// `unknown:NAME`: no name server knows the name.
    Unknown(String),
    /// `denied:HOST:PORT`: the proxy refuses a tunnel there.
    Denied(String),
    /// `allowed:HOST:PORT`: the proxy does not.
    Allowed(String),
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no check");
        let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
        match kind {
            "unreachable" => Ok(Self::Unreachable(rest.parse().map_err(|_| bad())?)),
            "unknown" => Ok(Self::Unknown(rest.to_owned())),
            "denied" => Ok(Self::Denied(rest.to_owned())),
            "allowed" => Ok(Self::Allowed(rest.to_owned())),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(address) => write!(f, "unreachable:{address}"),
            Self::Unknown(name) => write!(f, "unknown:{name}"),
            Self::Denied(target) => write!(f, "denied:{target}"),
            Self::Allowed(target) => write!(f, "allowed:{target}"),
        }
    }
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: String,
    /// It is as it has to be.
    pub held: bool,
    /// What happened.
    pub detail: String,
}

impl Finding {
    /// Reads the lines that `probe` prints.
    pub fn read(output: &str) -> Vec<Self> {
        let line = |line: &str| {
            let mut parts = line.splitn(3, '\t');
            let held = match parts.next()? {
                "held" => true,
                "failed" => false,
                _ => return None,
            };
            Some(Self {
                held,
                check: parts.next()?.to_owned(),
                detail: parts.next()?.to_owned(),
            })
        };
        output.lines().filter_map(line).collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.held { "held" } else { "failed" };
        write!(f, "{word}\t{}\t{}", self.check, self.detail)
    }
}

/// Runs the command, whose name is the first word; the number is the exit status.
#[must_use]
pub fn run(words: &[OsString]) -> u8 {
    let mut release = false;
    let mut checks = Vec::new();
    for word in words.iter().skip(1) {
        match word.to_str().map(|word| (word, word.parse())) {
            Some(("--release", _)) => release = true,
            Some((_, Ok(check))) => checks.push(check),
            _ => return complain(&format!("`{}` is no check", word.display()), USAGE),
        }
    }
    let findings = make(&checks, PROXY);
    let mut output = io::stdout().lock();
    for finding in &findings {
        if writeln!(output, "{finding}").is_err() {
            return FAILED;
        }
    }
    if findings.iter().any(|finding| !finding.held) {
        return FAILED;
    }
    match release.then(hold::release).transpose() {
        Ok(_) => 0,
        Err(error) => complain(&format!("the agent cannot be let go: {error}"), FAILED),
    }
}

fn complain(message: &str, status: u8) -> u8 {
    // Where nobody listens the status has to do.
    let _ = writeln!(io::stderr(), "scc: probe: {message}");
    status
}

/// Makes all checks at the same time; in the order in which they were given.
#[must_use]
pub fn make(checks: &[Check], proxy: SocketAddr) -> Vec<Finding> {
    thread::scope(|scope| {
        let running: Vec<_> = checks
            .iter()
            .map(|check| scope.spawn(move || one(check, proxy)))
            .collect();
        let ended = checks.iter().zip(running);
        ended
            .map(|(check, thread)| {
                let outcome = thread.join();
                let (held, detail) =
                    outcome.unwrap_or_else(|_| (false, "the check itself failed".to_owned()));
                Finding {
                    check: check.to_string(),
                    held,
                    detail,
                }
            })
            .collect()
    })
}

fn one(check: &Check, proxy: SocketAddr) -> (bool, String) {
    match check {
        Check::Unreachable(address) => unreachable(*address),
        Check::Unknown(name) => unknown(name),
        Check::Denied(target) => match status(target, proxy) {
            Ok(Some(403)) => (true, "refused by the proxy".to_owned()),
            Ok(Some(status)) => (false, format!("the proxy answers {status}, not 403")),
            Ok(None) => (false, "the proxy does not refuse it".to_owned()),
            Err(error) => (false, format!("the proxy does not answer: {error}")),
        },
        Check::Allowed(target) => match status(target, proxy) {
            Ok(Some(403)) => (false, "the proxy refuses it".to_owned()),
            // 500: the name is not known, which is for the agent to find out.
            Ok(Some(status @ (200 | 500 | 502..=504))) => (true, format!("let through ({status})")),
            Ok(Some(status)) => (false, format!("the proxy answers {status}")),
            Ok(None) => (true, "let through".to_owned()),
            Err(error) => (false, format!("the proxy does not answer: {error}")),
        },
    }
}

fn unreachable(address: SocketAddr) -> (bool, String) {
    match TcpStream::connect_timeout(&address, SILENCE) {
        Ok(_) => (false, "a connection was made".to_owned()),
        // Whoever refuses was reached.
        Err(error) if is_answer(error.kind()) => (false, format!("it answers: {error}")),
        Err(error) => (true, error.to_string()),
    }
}

fn is_answer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// Asks every name server that is configured here, and the one that engines put into containers.
fn unknown(name: &str) -> (bool, String) {
    let configured = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut servers: Vec<IpAddr> = configured
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse().ok())
        .collect();
    servers.push([127, 0, 0, 11].into());
    servers.dedup();
    let knows = |server: &IpAddr| {
        let answers = ask(SocketAddr::new(*server, 53), name);
        answers.is_ok_and(|answers| answers > 0)
    };
    let found = thread::scope(|scope| {
        let asked: Vec<_> = servers
            .iter()
            .map(|server| (server, scope.spawn(move || knows(server))))
            .collect();
        let mut known = asked.into_iter().map(|(server, thread)| {
            // A failed question is not an answer, but must not pass for one that was made.
            thread.join().unwrap_or(true).then_some(server)
        });
        known.find_map(|server| server)
    });
    match found {
        Some(server) => (false, format!("the name server {server} knows it")),
        None => (true, format!("{} name servers asked", servers.len())),
    }
}

/// How many answers a name server gives for a name.
fn ask(server: SocketAddr, name: &str) -> io::Result<u16> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => [0; 4].into(),
        SocketAddr::V6(_) => [0; 16].into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(SILENCE))?;
    socket.connect(server)?;
    socket.send(&question(name))?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    let count = answer.get(6..8).filter(|_| length >= 8);
    Ok(count.map_or(0, |count| u16::from_be_bytes([count[0], count[1]])))
}

/// A question for the address of a name (RFC 1035, section 4).
fn question(name: &str) -> Vec<u8> {
    const RECURSIVE: [u8; 12] = [0x5c, 0xc0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    const ADDRESS_OF_THE_INTERNET: [u8; 4] = [0, 1, 0, 1];
    let mut bytes = RECURSIVE.to_vec();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        bytes.push(u8::try_from(label.len()).unwrap_or(0));
        bytes.extend_from_slice(label);
    }
    bytes.push(0);
    bytes.extend_from_slice(&ADDRESS_OF_THE_INTERNET);
    bytes
}

/// The status with which the proxy answers when it is asked for a tunnel; `None` when it takes its
/// time, which no refusal does. Asks again until the proxy is up.
fn status(target: &str, proxy: SocketAddr) -> io::Result<Option<u16>> {
    let end = Instant::now() + START;
    loop {
        match tunnel(target, proxy) {
            // What a relay says whose proxy does not listen yet.
            Ok(Some(answer)) if answer.contains("does not answer") && Instant::now() < end => {}
            Ok(answer) => return Ok(answer.map(|answer| status_of(&answer))),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => {}
        }
        thread::sleep(RETRY);
    }
}

fn status_of(answer: &str) -> u16 {
    let word = answer.split_whitespace().nth(1);
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The beginning of the proxy's answer; `None` when there is none in time.
fn tunnel(target: &str, proxy: SocketAddr) -> io::Result<Option<String>> {
    let mut stream = TcpStream::connect_timeout(&proxy, SILENCE)?;
    stream.set_read_timeout(Some(REFUSAL))?;
    write!(
        stream,
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) if answer.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(error) if is_late(error.kind()) && answer.is_empty() => return Ok(None),
            Err(error) if is_late(error.kind()) => break,
            Err(error) => return Err(error),
        }
        // An agreement has nothing after its head, and then the server has the word.
        let is_head = answer.windows(4).any(|part| part == b"\r\n\r\n");
        if is_head && answer.get(9..12) == Some(b"200") {
            break;
        }
    }
    Ok(Some(String::from_utf8_lossy(&answer).into_owned()))
}

fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A proxy that gives this answer to everybody.
    fn proxy(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 512];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    fn found(check: &str, proxy: SocketAddr) -> (bool, String) {
        let all = make(&[check.parse().unwrap()], proxy);
        (all[0].held, all[0].detail.clone())
    }

    #[test]
    fn a_refusal_is_told_from_everything_else() {
        let refusing = proxy("HTTP/1.1 403 Forbidden\r\n\r\nno");
        let agreeing = proxy("HTTP/1.1 200 Connection established\r\n\r\n");
        let failing = proxy("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        let unknowing = proxy("HTTP/1.1 500 Internal Server Error\r\n\r\n");
        let odd = proxy("nonsense\r\n\r\n");
        for (check, proxy, held) in [
            ("denied:a:443", refusing, true),
            ("denied:a:443", agreeing, false),
            ("denied:a:443", failing, false),
            ("denied:a:443", unknowing, false),
            ("denied:a:443", odd, false),
            ("allowed:a:443", agreeing, true),
            ("allowed:a:443", failing, true),
            ("allowed:a:443", unknowing, true),
            ("allowed:a:443", refusing, false),
            ("allowed:a:443", odd, false),
        ] {
            let (found, detail) = found(check, proxy);
            assert_eq!(found, held, "{check}: {detail}");
        }
    }

    #[test]
    fn who_refuses_was_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert!(!unreachable(open).0);
        drop(listener);
        let (held, detail) = unreachable(open);
        assert!(!held, "{detail}");
        // A range that nobody routes (RFC 5737), or that is dropped on the way.
        let (held, detail) = unreachable("192.0.2.77:9".parse().unwrap());
        assert!(held, "{detail}");
    }

    #[test]
    fn a_name_server_that_knows_is_found_out() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = server.recv_from(&mut question) {
                let mut answer = question[..length].to_vec();
                answer[7] = u8::from(question[13] == b'k');
                let _ = server.send_to(&answer, from);
            }
        });
        assert_eq!(ask(address, "known.example").unwrap(), 1);
        assert_eq!(ask(address, "other.example").unwrap(), 0);
    }

    #[test]
    fn findings_are_read_back() {
        let finding = Finding {
            check: "denied:a:443".to_owned(),
            held: false,
            detail: "because\tof it".to_owned(),
        };
        let text = format!("noise\n{finding}\n");
        assert_eq!(Finding::read(&text), [finding]);
    }

    #[test]
    fn checks_are_read_and_written() {
        for text in [
            "unreachable:10.0.0.1:80",
            "unknown:a.b",
            "denied:a:1",
            "allowed:b:2",
        ] {
            assert_eq!(text.parse::<Check>().unwrap().to_string(), text);
        }
        assert!("unreachable:host:80".parse::<Check>().is_err());
    }
}
