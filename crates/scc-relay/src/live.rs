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
        return match withdraw(&Own, host) {
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
        "live" => allow(&Own, host, now().saturating_add(time)),
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

/// The hosts, and the second since 1970 at which each goes.
type Hosts = BTreeMap<String, u64>;

/// What can be done to the proxy, so that a test can have it fail.
trait Hands {
    /// Changes the list, without what is over, and has the proxy read it.
    fn change(&self, with: &mut dyn FnMut(&mut Hosts)) -> io::Result<()>;
    /// Leaves somebody behind who takes the host away at this second.
    fn detach(&self, host: &str, until: u64) -> io::Result<()>;
    /// Cuts the connections to a host.
    fn cut(&self, host: &str) -> io::Result<()>;
    /// Waits a moment.
    fn pause(&self);
}

/// The hands of the proxy's container.
struct Own;

impl Hands for Own {
    fn change(&self, with: &mut dyn FnMut(&mut Hosts)) -> io::Result<()> {
        change(with)
    }

    fn detach(&self, host: &str, until: u64) -> io::Result<()> {
        let status = child("live-detach", host, until).status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other("nobody would take the host away again")),
        }
    }

    fn cut(&self, host: &str) -> io::Result<()> {
        cut::ask(host)
    }

    fn pause(&self) {
        thread::sleep(LOOK);
    }
}

/// Adds a host, or nothing: where not all of it can be done, what was done is taken back.
fn allow(hands: &impl Hands, host: &str, until: u64) -> io::Result<()> {
    let mut before = None;
    let added = hands.change(&mut |hosts| {
        before = hosts.get(host).copied();
        let entry = hosts.entry(host.to_owned()).or_insert(until);
        *entry = until.max(*entry);
    });
    let outcome = added.and_then(|()| hands.detach(host, until));
    if outcome.is_err() && before.is_none_or(|before| before < until) {
        // The first failure is what is told.
        let _ = hands.change(&mut |hosts| take_back(hosts, host, until, before));
        if before.is_none() {
            let _ = hands.cut(host);
        }
    }
    outcome
}

/// What was added for the time up to this second; somebody may have asked for longer meanwhile.
fn take_back(hosts: &mut Hosts, host: &str, until: u64, before: Option<u64>) {
    if hosts.get(host) == Some(&until) {
        hosts.remove(host);
        hosts.extend(before.map(|before| (host.to_owned(), before)));
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
    take_away(&Own, host, until);
    Ok(())
}

/// Takes a host away whose time is over, again and again until it is done: the disk may be full, or the
/// proxy just beginning. Its connections are cut each time.
fn take_away(hands: &impl Hands, host: &str, until: u64) {
    loop {
        let mut stays = false;
        let changed = hands.change(&mut |hosts| {
            end(hosts, host, until);
            stays = hosts.contains_key(host);
        });
        if stays || (hands.cut(host).is_ok() && changed.is_ok()) {
            return;
        }
        hands.pause();
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
fn end(hosts: &mut Hosts, host: &str, until: u64) {
    hosts.retain(|other, end| other != host || *end > until);
}

/// Takes a host away before its time is over. A host that was not added is no error, so that asking
/// twice is none.
fn withdraw(hands: &impl Hands, host: &str) -> io::Result<()> {
    // It is cut also where the list cannot be written.
    let changed = hands.change(&mut |hosts| {
        hosts.remove(host);
    });
    hands.cut(host)?;
    changed
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Changes the list, without what is over, and has the proxy read it.
fn change(with: &mut dyn FnMut(&mut Hosts)) -> io::Result<()> {
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
    read_again()
}

fn read(state: &str) -> Hosts {
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
mod tests;
