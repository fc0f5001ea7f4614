//! Trying from inside what must not work, and what must.
//!
//! `probe [--release] [--patient] CHECK…` makes all checks, prints a line for each
//! (`held`, `failed` or `moot`, the check, what happened; with tabs between) and ends with 0 when all
//! held. With `--release` the main process is then let go. A launch makes some checks, `scc prove`
//! all of them.

mod attempt;
mod direct;
mod hello;
mod through;

pub use attempt::{Check, Finding, Kind, Outcome};

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

pub use crate::refusal::PRIVATE;
use through::Through;

use crate::{FAILED, USAGE, hold};

/// The host that is asked for when everything was tried before the agent starts. Nobody has it.
pub const CONCLUDED: &str = "scc-probe-concluded.invalid";

/// The host that the proxy is asked for until it answers. Nobody has it.
const NOBODY: &str = "scc-probe.invalid";

/// Where the tools of a sandbox find the proxy.
pub const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3128);

/// Each check takes a thread, and a machine may have more addresses than a sandbox may have threads.
const AT_ONCE: usize = 128;

/// How long is waited for what must not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long an address may stay silent before it counts as out of reach.
    pub silence: Duration,
    /// A proxy refuses at once. What takes longer it has let through, and waits for the server.
    pub refusal: Duration,
    /// How long whoever was asked for something may take for it.
    pub answer: Duration,
}

impl Limits {
    /// For every launch.
    pub const QUICK: Self = Self {
        silence: Duration::from_millis(800),
        refusal: Duration::from_millis(1500),
        answer: Duration::from_secs(5),
    };
    /// Where nobody waits for it.
    pub const PATIENT: Self = Self {
        silence: Duration::from_secs(2),
        refusal: Duration::from_secs(12),
        answer: Duration::from_secs(15),
    };
}

/// How something came out, and what happened.
type Tried = (Outcome, String);

/// Runs the command, whose name is the first word; the number is the exit status.
#[must_use]
pub fn run(words: &[OsString]) -> u8 {
    let (mut release, mut limits) = (false, Limits::QUICK);
    let mut checks = Vec::new();
    for word in words.iter().skip(1) {
        match word.to_str().map(|word| (word, word.parse())) {
            Some(("--release", _)) => release = true,
            Some(("--patient", _)) => limits = Limits::PATIENT,
            Some((_, Ok(check))) => checks.push(check),
            _ => return complain(&format!("`{}` is no check", word.display()), USAGE),
        }
    }
    let findings = make(&checks, PROXY, limits);
    let mut output = io::stdout().lock();
    for finding in &findings {
        if writeln!(output, "{finding}").is_err() {
            return FAILED;
        }
    }
    let held = |finding: &Finding| finding.outcome == Outcome::Held;
    if !findings.iter().all(held) {
        return FAILED;
    }
    if release {
        Through::new(PROXY, limits).conclude();
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

/// Makes all checks, many at the same time; in the order in which they were given.
#[must_use]
pub fn make(checks: &[Check], proxy: SocketAddr, limits: Limits) -> Vec<Finding> {
    let through = Through::new(proxy, limits);
    let parts = checks.chunks(AT_ONCE);
    parts
        .flat_map(|part| make_at_once(part, &through))
        .collect()
}

fn make_at_once(checks: &[Check], through: &Through) -> Vec<Finding> {
    thread::scope(|scope| {
        let running: Vec<_> = checks
            .iter()
            .map(|check| scope.spawn(move || one(check, through)))
            .collect();
        let ended = checks.iter().zip(running);
        ended
            .map(|(check, thread)| {
                let broken = || (Outcome::Failed, "the check itself failed".to_owned());
                let (outcome, detail) = thread.join().unwrap_or_else(|_| broken());
                Finding {
                    check: check.to_string(),
                    outcome,
                    detail,
                }
            })
            .collect()
    })
}

fn one(check: &Check, through: &Through) -> Tried {
    let silence = through.silence();
    match check {
        Check::Unreachable(address) => direct::unreachable(*address, silence),
        Check::Unechoed(address) => direct::unechoed(*address, silence),
        Check::NoIpv6 => direct::no_ipv6(),
        Check::Unknown(name) => direct::unknown(name, silence),
        Check::Unanswered(server, name) => direct::unanswered(*server, name, silence),
        Check::Unresolved(name) => direct::unresolved(name),
        Check::NoSocket(kind) => direct::no_socket(*kind),
        Check::Absent(path) => direct::absent(path),
        Check::Denied(target) => through.denied(target),
        Check::Allowed(target) => through.allowed(target),
        Check::Unserved(url, host) => through.unserved(url, host.as_deref()),
        Check::Single(host) => through.single(host),
        Check::Split(target) => through.split(target),
        Check::Misread(target) => through.misread(target),
        Check::Cut(target, name) => through.cut(target, &hello::hello(name)),
        Check::CutPlain(target) => through.cut(target, b"GET / HTTP/1.0\r\n\r\n"),
        Check::Carried(target) => through.carried(target),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    /// A proxy that gives this answer to everybody, and this one to what comes in a tunnel.
    fn proxy(answer: &'static str, then: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 512];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
                if answer.contains(" 200 ") {
                    let _ = stream.read(&mut request);
                    let _ = stream.write_all(then.as_bytes());
                }
            }
        });
        address
    }

    fn found(check: &str, proxy: SocketAddr) -> Outcome {
        let all = make(&[check.parse().unwrap()], proxy, Limits::QUICK);
        all[0].outcome
    }

    const AGREES: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
    const REFUSES: &str = "HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_SCC_PORT 0\r\n\r\nno";
    const MISSES: &str = "HTTP/1.1 404 Not Found\r\n\r\nX-Squid-Error: a page of a server";

    #[test]
    fn a_refusal_is_told_from_everything_else() {
        let refusing = proxy(REFUSES, "");
        let agreeing = proxy(AGREES, "");
        let failing = proxy("HTTP/1.1 503 Service Unavailable\r\n\r\n", "");
        let unknowing = proxy("HTTP/1.1 500 Internal Server Error\r\n\r\n", "");
        let missing = proxy(MISSES, "");
        let odd = proxy("nonsense\r\n\r\n", "");
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
            ("unserved:http://a/", refusing, true),
            ("unserved:http://a/", agreeing, false),
            ("unserved:http://a/", missing, false),
            ("unserved:http://a/", failing, false),
            ("split:abc:443", refusing, true),
            ("split:abc:443", agreeing, false),
            ("split:abc:443", missing, false),
            ("split:abc:443", failing, false),
            ("misread:a:443:443", refusing, true),
            ("misread:a:443:443", agreeing, false),
            ("misread:a:443:443", missing, false),
            ("single:a", refusing, true),
            ("single:a", agreeing, false),
        ] {
            let found = found(check, proxy);
            assert_eq!(found == Outcome::Held, held, "{check}: {found:?}");
        }
    }

    /// It listens, says nothing for longer than a refusal may take, and then refuses.
    #[test]
    fn silence_counts_only_when_the_proxy_is_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let up = Limits::QUICK.refusal + Duration::from_millis(500);
            let up = std::time::Instant::now() + up;
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let _ = stream.read(&mut [0; 512]);
                    thread::sleep(up.saturating_duration_since(std::time::Instant::now()));
                    let _ = stream.write_all(REFUSES.as_bytes());
                });
            }
        });
        let checks = ["denied:a:443", "denied:b:443"].map(|text| text.parse().unwrap());
        for finding in make(&checks, address, Limits::QUICK) {
            assert_eq!(finding.outcome, Outcome::Held, "{finding}");
        }
    }

    /// It answers the first one, and nobody after.
    #[test]
    fn silence_is_no_refusal() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 512]);
                if kept.is_empty() {
                    stream.write_all(REFUSES.as_bytes()).unwrap();
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                }
                kept.push(stream);
            }
        });
        let limits = Limits {
            answer: Duration::from_millis(200),
            ..Limits::QUICK
        };
        let checks = ["unserved:http://a/", "split:abc:443", "single:a"];
        let found = make(&checks.map(|text| text.parse().unwrap()), address, limits);
        let outcomes: Vec<_> = found.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Failed, Outcome::Moot]);
    }

    #[test]
    fn a_tunnel_that_is_cut_is_told_from_one_that_is_not() {
        let cutting = proxy(AGREES, "");
        let carrying = proxy(AGREES, "a server");
        let refusing = proxy(REFUSES, "");
        for check in ["cut:a:443:b", "cut:a:443:", "cut-plain:a:443"] {
            assert_eq!(found(check, cutting), Outcome::Held, "{check}");
            assert_eq!(found(check, carrying), Outcome::Failed, "{check}");
            assert_eq!(found(check, refusing), Outcome::Moot, "{check}");
        }
        assert_eq!(found("carried:a:443", carrying), Outcome::Held);
        assert_eq!(found("carried:a:443", cutting), Outcome::Failed);
        assert_eq!(found("carried:a:443", refusing), Outcome::Failed);
        let lost = proxy("HTTP/1.1 503 Service Unavailable\r\n\r\n", "");
        assert_eq!(found("carried:a:443", lost), Outcome::Moot);
    }
}
