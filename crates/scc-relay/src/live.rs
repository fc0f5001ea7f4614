//! Hosts that a proxy lets through for a while, beside the list that it was made with.
//!
//! `live HOST SECONDS` runs in the proxy's container, of which sandboxes see nothing. It adds the
//! host, has the proxy read its lists again, and leaves a process behind that takes the host away
//! when the time is over, and cuts its tunnels then. `live-withdraw HOST` does that at once.
//!
//! The time is over when the clock says so or when so many seconds have passed, whichever is first: a
//! machine that was suspended has not counted the seconds, and a clock can be set back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::{FAILED, USAGE, cut};

/// The list that the proxy reads: a name on each line.
pub const LIST: &str = "/tmp/scc-live";
/// The same with the second since 1970 at which each host goes.
const STATE: &str = "/tmp/scc-live.state";
const LOCK: &str = "/tmp/scc-live.lock";
/// This program, whatever its name.
const SELF: &str = "/proc/self/exe";
const PROXY: &str = "squid";
/// How often the clock is looked at by who waits for the end of a host's time.
const LOOK: Duration = Duration::from_secs(1);

/// Runs one of the commands `live`, `live-detach`, `live-expire` and `live-withdraw`, whose name is the
/// first word; the number is the exit status.
#[must_use]
pub fn run(words: &[OsString]) -> u8 {
    let words: Vec<_> = words.iter().filter_map(|word| word.to_str()).collect();
    if let ["live-withdraw", host] = words.as_slice() {
        return match withdraw(host) {
            Ok(()) => 0,
            Err(error) => complain(&error.to_string(), FAILED),
        };
    }
    let [name, host, time] = words.as_slice() else {
        return complain("HOST SECONDS are needed", USAGE);
    };
    let Some(time) = time.parse().ok().filter(|_| is_name(host)) else {
        return complain("HOST SECONDS are needed", USAGE);
    };
    let outcome = match *name {
        "live" => allow(host, time),
        "live-detach" => child("live-expire", host, time).spawn().map(|_| ()),
        _ => expire(host, time),
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => complain(&error.to_string(), FAILED),
    }
}

fn complain(message: &str, status: u8) -> u8 {
    // Where nobody listens the status has to do.
    let _ = writeln!(io::stderr(), "scc: live: {message}");
    status
}

/// The lists hold names and nothing that means something else to the proxy.
fn is_name(text: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let begins = |first: char| first.is_ascii_alphanumeric() || first == '_';
    text.bytes().all(fits) && text.starts_with(begins)
}

/// Makes the list, so that the proxy finds one.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn prepare() -> io::Result<()> {
    File::create(LIST).map(|_| ())
}

fn allow(host: &str, seconds: u64) -> io::Result<()> {
    let until = now().saturating_add(seconds);
    change(|hosts| {
        let entry = hosts.entry(host.to_owned()).or_insert(until);
        *entry = until.max(*entry);
    })?;
    let status = child("live-detach", host, until).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other("nobody would take the host away again")),
    }
}

/// For the time up to this second since 1970.
fn child(name: &str, host: &str, until: u64) -> Command {
    let mut command = Command::new(SELF);
    command
        .args([name, host, &until.to_string()])
        .current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn expire(host: &str, until: u64) -> io::Result<()> {
    rustix::process::setsid()?;
    let begin = Instant::now();
    wait(until, now, || begin.elapsed(), thread::sleep);
    let stays = change(|hosts| end(hosts, host, until))?.contains_key(host);
    match stays {
        true => Ok(()),
        false => cut::ask(host),
    }
}

/// Waits until the clock has come to this second, or the time until then has passed.
fn wait(
    until: u64,
    clock: impl Fn() -> u64,
    passed: impl Fn() -> Duration,
    mut sleep: impl FnMut(Duration),
) {
    let all = Duration::from_secs(until.saturating_sub(clock()));
    loop {
        let left = until.saturating_sub(clock());
        let left = Duration::from_secs(left).min(all.saturating_sub(passed()));
        if left.is_zero() {
            return;
        }
        sleep(left.min(LOOK));
    }
}

/// Takes a host away whose time is over, unless it was asked for again meanwhile, for longer.
fn end(hosts: &mut BTreeMap<String, u64>, host: &str, until: u64) {
    hosts.retain(|other, end| other != host || *end > until);
}

/// Takes a host away before its time is over. A host that was not added is no error, so that asking
/// twice is none.
fn withdraw(host: &str) -> io::Result<()> {
    change(|hosts| {
        hosts.remove(host);
    })?;
    cut::ask(host)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Changes the list, without what is over, and has the proxy read it.
fn change(with: impl FnOnce(&mut BTreeMap<String, u64>)) -> io::Result<BTreeMap<String, u64>> {
    let lock = File::create(LOCK)?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let mut hosts = read(&std::fs::read_to_string(STATE).unwrap_or_default());
    with(&mut hosts);
    hosts.retain(|_, until| *until > now());
    let state = hosts
        .iter()
        .map(|(host, until)| format!("{host} {until}\n"));
    replace(STATE, &state.collect::<String>())?;
    let names = hosts.keys().map(|host| format!("{host}\n"));
    replace(LIST, &names.collect::<String>())?;
    read_again()?;
    Ok(hosts)
}

fn read(state: &str) -> BTreeMap<String, u64> {
    let lines = state.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter_map(|(host, until)| Some((host.to_owned(), until.parse().ok()?)))
        .collect()
}

/// In one step, so that nobody reads half a list.
fn replace(path: &str, text: &str) -> io::Result<()> {
    let new = format!("{path}.new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, path)
}

/// Has the proxy read its lists again. Its open tunnels stay.
fn read_again() -> io::Result<()> {
    let processes = std::fs::read_dir("/proc")?.flatten();
    let mut found = processes.filter(|entry| is_proxy(&entry.path()));
    let pid = found.find_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pid = pid.and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("the proxy does not run"))?;
    Ok(kill_process(pid, Signal::HUP)?)
}

fn is_proxy(process: &Path) -> bool {
    std::fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == PROXY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_get_into_the_list() {
        for name in ["a.example", "xn--a.example", "1.example", "_x.example"] {
            assert!(is_name(name), "{name}");
        }
        for text in [
            "",
            ".example",
            "a b",
            "a\nb",
            "*.a",
            "A.example",
            "a\"b",
            "-x",
        ] {
            assert!(!is_name(text), "{text}");
        }
    }

    #[test]
    fn the_state_is_read_back() {
        let hosts = read("a.example 12\nnonsense\nb.example x\nc.example 3\n");
        let shown: Vec<_> = hosts
            .iter()
            .map(|(host, until)| format!("{host}@{until}"))
            .collect();
        assert_eq!(shown, ["a.example@12", "c.example@3"]);
    }

    /// How long is waited for second 1100 from second 1000 on, where each sleep takes the clock on by
    /// `clock` seconds and the count of those that have passed by `passed`.
    fn sleeps(clock: u64, passed: u64) -> u64 {
        let number = std::cell::Cell::new(0);
        wait(
            1100,
            || 1000 + number.get() * clock,
            || Duration::from_secs(number.get() * passed),
            |time| {
                assert!(time <= LOOK);
                number.set(number.get() + 1);
            },
        );
        number.get()
    }

    #[test]
    fn the_time_ends_by_the_clock_and_by_what_has_passed() {
        assert_eq!(sleeps(1, 1), 100);
        // The machine was suspended: an hour has gone by, and a second was counted.
        assert_eq!(sleeps(3600, 1), 1);
        // The clock is set back again and again.
        assert_eq!(sleeps(0, 1), 100);
    }

    #[test]
    fn who_asked_for_longer_keeps_it() {
        let mut hosts = read("a.example 12\nb.example 12\n");
        end(&mut hosts, "a.example", 11);
        assert_eq!(hosts.len(), 2);
        end(&mut hosts, "a.example", 12);
        assert_eq!(hosts.into_keys().collect::<Vec<_>>(), ["b.example"]);
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        for words in [
            &["live"] as &[&str],
            &["live", "a.example"],
            &["live", "a b", "1"],
        ] {
            let words: Vec<_> = words.iter().map(OsString::from).collect();
            assert_eq!(run(&words), USAGE);
        }
    }
}
