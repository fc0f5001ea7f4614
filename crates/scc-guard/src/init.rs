//! The first process of a sandbox: it starts the agent, takes over what others leave behind, passes
//! signals on, ends with the agent's status, and ends the session when its time is over.
//!
//! It runs as the agent's user, so that no process of a sandbox needs a privilege. The agent can do
//! nothing to it all the same: the kernel keeps every SIGKILL and SIGSTOP of the inside from the first
//! process, and one that is not dumpable can be traced and read only with a capability that nobody
//! has there. What else a process of the same user may do to it (limits, priority) ends the session or
//! slows it: after its start the init needs no file, process or memory. A session that outlives its
//! time, because the init gets hardly any processor, is ended by the next scc that looks.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus};

use crate::refusal;
use crate::signals::{Mask, wait_for_signal};

/// How long before the end of a session whoever sits at it is told.
const WARN_BEFORE: Duration = Duration::from_secs(5 * 60);
/// How long an agent may take to end when its time is over.
const GRACE: Duration = Duration::from_secs(10);
/// How often the clock is looked at, because the machine may sleep, and its clock may be set.
const STEP: Duration = Duration::from_secs(10);

/// The exit status where the agent's program is not there, and where it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
/// Added to the number of the signal that ended the agent.
const BY_SIGNAL: i32 = 128;

/// What the init is told.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// When the session is over.
    until: Option<SystemTime>,
    program: OsString,
    args: Vec<OsString>,
}

impl Options {
    /// `init [--until MILLISECONDS] -- PROGRAM ARGS…`; the time is counted from 1970.
    fn parse(words: &[OsString]) -> Option<Self> {
        let (until, rest) = match words {
            [option, time, rest @ ..] if option == "--until" => {
                let time = Duration::from_millis(time.to_str()?.parse().ok()?);
                (Some(UNIX_EPOCH.checked_add(time)?), rest)
            }
            rest => (None, rest),
        };
        match rest {
            [end, program, args @ ..] if end == "--" => Some(Self {
                until,
                program: program.clone(),
                args: args.to_vec(),
            }),
            _ => None,
        }
    }
}

/// Runs the agent; the number is its exit status. `words` are those behind `init`; nothing where
/// they are not understood.
pub(crate) fn run(words: &[OsString]) -> Option<u8> {
    // Before anything else: the kernel drops a signal for which the first process is not ready.
    let before = Mask::block_all();
    let options = Options::parse(words)?;
    let agent = match before.and_then(|before| start(&options, before)) {
        Ok(agent) => agent,
        Err(error) => {
            let program = options.program.display();
            refusal::say(&format!("scc: `{program}` cannot be started: {error}\n"));
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            return Some(if is_missing { NOT_FOUND } else { NOT_RUN });
        }
    };
    Some(attend(agent, options.until.map(Limit::new)))
}

/// Starts the agent, in a process group of its own that has the terminal, where there is one.
#[expect(unsafe_code, reason = "between fork and exec")]
fn start(options: &Options, before: Mask) -> io::Result<Pid> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let terminal = io::stdin();
    let mut command = Command::new(&options.program);
    command.args(&options.args);
    let prepare = move || {
        rustix::process::setpgid(None, None)?;
        let own = rustix::process::getpid();
        // It is no error to have no terminal, or one that is somebody else's. The signal that comes
        // for taking it from the background is still blocked.
        let _ = rustix::termios::tcsetpgrp(&terminal, own);
        before.restore()
    };
    // SAFETY: it makes system calls and nothing else.
    let child = unsafe { command.pre_exec(prepare) }.spawn()?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn attend(agent: Pid, mut limit: Option<Limit>) -> u8 {
    loop {
        if let Some(status) = reap(agent) {
            return status;
        }
        let mut pause = STEP;
        if let Some(limit) = &mut limit {
            match limit.due(SystemTime::now(), Instant::now()) {
                Some(Due::Warn(left)) => warn(left),
                Some(Due::End) => {
                    pass_on(agent, Signal::TERM);
                    // One that was stopped cannot end by itself.
                    pass_on(agent, Signal::CONT);
                }
                Some(Due::Kill) => {
                    pass_on(agent, Signal::KILL);
                    // With the first process the kernel ends all others.
                    return status_of(Signal::KILL.as_raw());
                }
                None => {}
            }
            pause = limit.pause(SystemTime::now(), Instant::now());
        }
        if let Some(signal) = wait_for_signal(pause).and_then(Signal::from_named_raw)
            && is_passed_on(signal)
        {
            pass_on(agent, signal);
            if signal == Signal::TERM {
                // One that was stopped cannot end by itself.
                pass_on(agent, Signal::CONT);
            }
        }
    }
}

/// Takes over every process that has ended; the agent's status where it is among them.
fn reap(agent: Pid) -> Option<u8> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == agent {
            ended = Some(exit_status(status));
        }
    }
    ended
}

fn exit_status(status: WaitStatus) -> u8 {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => u8::try_from(code & 0xff).unwrap_or(NOT_RUN),
        (None, Some(signal)) => status_of(signal),
        (None, None) => NOT_RUN,
    }
}

fn status_of(signal: i32) -> u8 {
    u8::try_from(BY_SIGNAL + signal).unwrap_or(NOT_RUN)
}

/// What is meant for the init itself stays with it: its children's ends, and the terminal's complaint
/// about a process that is in the background.
fn is_passed_on(signal: Signal) -> bool {
    !matches!(signal, Signal::CHILD | Signal::TTIN | Signal::TTOU)
}

/// To the agent's process group, or to the agent alone where it has left that.
fn pass_on(agent: Pid, signal: Signal) {
    if rustix::process::kill_process_group(agent, signal).is_err() {
        let _ = rustix::process::kill_process(agent, signal);
    }
}

/// On a thread of its own: a terminal whose output was stopped must not hold the init up. That there
/// is none changes no limit.
fn warn(left: Duration) {
    let minutes = left.as_secs().div_ceil(60);
    let say = move || {
        // A terminal may be in raw mode, where a line has to be begun by hand.
        let end = match io::stderr().is_terminal() {
            true => "\r\n",
            false => "\n",
        };
        refusal::say(&format!(
            "{end}scc: this session ends in {minutes} min, by the organization's rules{end}"
        ));
    };
    let _ = std::thread::Builder::new().spawn(say);
}

/// What is to be done about the time.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// So much is left.
    Warn(Duration),
    End,
    Kill,
}

/// The time of a session.
struct Limit {
    end: SystemTime,
    warned: bool,
    /// When the grace is over. By a clock that nobody sets.
    kill: Option<Instant>,
}

impl Limit {
    fn new(end: SystemTime) -> Self {
        Self {
            end,
            warned: false,
            kill: None,
        }
    }

    /// What is to be done now; each once, but for the last.
    fn due(&mut self, now: SystemTime, instant: Instant) -> Option<Due> {
        if let Some(kill) = self.kill {
            return (instant >= kill).then_some(Due::Kill);
        }
        let left = self.left(now);
        if left.is_zero() {
            self.kill = Some(instant + GRACE);
            return Some(Due::End);
        }
        if left <= WARN_BEFORE && !self.warned {
            self.warned = true;
            return Some(Due::Warn(left));
        }
        None
    }

    /// How long nothing is to be done.
    fn pause(&self, now: SystemTime, instant: Instant) -> Duration {
        let left = match self.kill {
            Some(kill) => kill.saturating_duration_since(instant),
            None if self.warned => self.left(now),
            None => self.left(now).saturating_sub(WARN_BEFORE),
        };
        left.min(STEP)
    }

    fn left(&self, now: SystemTime) -> Duration {
        self.end.duration_since(now).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Option<Options> {
        let words: Vec<_> = text.split(' ').map(OsString::from).collect();
        Options::parse(&words)
    }

    #[test]
    fn a_command_line_is_understood_whole_or_not() {
        let found = options("--until 1500 -- agent -- --until").unwrap();
        assert_eq!(found.until, Some(UNIX_EPOCH + Duration::from_millis(1500)));
        assert_eq!((found.program, found.args.len()), ("agent".into(), 2));
        assert_eq!(options("-- agent").unwrap().until, None);
        for text in [
            "",
            "--",
            "agent",
            "--until -- agent",
            "--until x -- agent",
            "--until -1 -- agent",
            "--until 99999999999999999999 -- agent",
            "--other 1 -- agent",
        ] {
            assert_eq!(options(text), None, "{text}");
        }
    }

    #[test]
    fn first_a_warning_then_the_end_then_no_mercy() {
        let (start, begun) = (UNIX_EPOCH, Instant::now());
        let mut limit = Limit::new(start + Duration::from_secs(3600));
        let mut at = |seconds: u64| {
            let passed = Duration::from_secs(seconds);
            let due = limit.due(start + passed, begun + passed);
            (due, limit.pause(start + passed, begun + passed).as_secs())
        };
        assert_eq!(at(0), (None, 10));
        assert_eq!(at(3295), (None, 5));
        let left = Duration::from_secs(300);
        assert_eq!(at(3300), (Some(Due::Warn(left)), 10));
        assert_eq!(at(3301), (None, 10));
        assert_eq!(at(3597), (None, 3));
        assert_eq!(at(3600), (Some(Due::End), 10));
        assert_eq!(at(3609), (None, 1));
        assert_eq!(at(3610).0, Some(Due::Kill));
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_grace() {
        let (start, begun) = (UNIX_EPOCH + Duration::from_secs(1000), Instant::now());
        let mut limit = Limit::new(start);
        assert_eq!(limit.due(start, begun), Some(Due::End));
        assert_eq!(limit.due(UNIX_EPOCH, begun + GRACE), Some(Due::Kill));
    }

    #[test]
    fn the_end_is_what_the_agent_ended_with() {
        assert_eq!(status_of(15), 143);
        let agent = Command::new("/bin/sh").args(["-c", "exit 7"]).spawn();
        let id = i32::try_from(agent.unwrap().id()).unwrap();
        let pid = Pid::from_raw(id).unwrap();
        let (_, status) = rustix::process::waitpid(Some(pid), WaitOptions::empty())
            .unwrap()
            .unwrap();
        assert_eq!(exit_status(status), 7);
    }
}
