//! Hosts that a proxy lets through for a while, beside the list that it was made with.
//!
//! `live HOST SECONDS` runs in the proxy's container, of which sandboxes see nothing. It adds the
//! host, has the proxy read its lists again, and leaves a process behind that takes the host away
//! when the time is over, and cuts its tunnels then. `live-withdraw HOST` does that at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

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
    let [name, host, seconds] = words.as_slice() else {
        return complain("HOST SECONDS are needed", USAGE);
    };
    let Some(seconds) = seconds.parse().ok().filter(|_| is_name(host)) else {
        return complain("HOST SECONDS are needed", USAGE);
    };
    let outcome = match *name {
        "live" => allow(host, seconds),
        "live-detach" => child("live-expire", host, seconds).spawn().map(|_| ()),
        _ => expire(host, seconds),
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
    change(|hosts| {
        let until = now() + seconds;
        let entry = hosts.entry(host.to_owned()).or_insert(until);
        *entry = until.max(*entry);
    })?;
    let status = child("live-detach", host, seconds).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other("nobody would take the host away again")),
    }
}

fn child(name: &str, host: &str, seconds: u64) -> Command {
    let mut command = Command::new(SELF);
    command
        .args([name, host, &seconds.to_string()])
        .current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn expire(host: &str, seconds: u64) -> io::Result<()> {
    rustix::process::setsid()?;
    thread::sleep(Duration::from_secs(seconds));
    let stays = change(|_| {})?.contains_key(host);
    match stays {
        // It was asked for again meanwhile.
        true => Ok(()),
        false => cut::ask(host),
    }
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
