//! The commands `relay` and, for the processes that it starts, `relay-detach` and `relay-serve`.
//!
//! `relay --listen ADDRESS --connect ADDRESS [--check-names] [--hold] -- COMMAND…` listens, leaves
//! a process behind that serves, and becomes the command. With `--hold` it first waits to be
//! let go.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::address::{Address, Listener};
use crate::hold::Hold;
use crate::serve::{Part, serve};
use crate::{FAILED, USAGE};
use crate::{cut, live};

/// The first line that the proxy's side writes to standard output. No request can make such a line:
/// theirs are JSON.
pub const LOG_BEGINS: &str = "scc: the log begins";

/// This program, whatever its name.
const SELF: &str = "/proc/self/exe";

/// What the commands are told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    listen: Option<Address>,
    connect: Option<Address>,
    check: bool,
    hold: bool,
    kind: Option<Kind>,
    command: Vec<OsString>,
}

/// The kind of the socket that is handed on as standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unix,
    Tcp,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
        }
    }
}

impl Options {
    fn parse(words: &[OsString]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                let value = words.next().and_then(|value| value.to_str());
                value.ok_or_else(|| format!("{} needs a value", word.display()))
            };
            match word.to_str() {
                Some("--listen") => options.listen = Some(value()?.parse()?),
                Some("--connect") => options.connect = Some(value()?.parse()?),
                Some("--check-names") => options.check = true,
                Some("--hold") => options.hold = true,
                Some("--socket") => {
                    options.kind = Some(match value()? {
                        "unix" => Kind::Unix,
                        _ => Kind::Tcp,
                    });
                }
                Some("--") => options.command = words.by_ref().cloned().collect(),
                _ => return Err(format!("`{}` is not known here", word.display())),
            }
        }
        Ok(options)
    }

    /// The words for the process that serves.
    fn words(&self, kind: Kind) -> Vec<OsString> {
        let connect = self.connect.iter().flat_map(|address| {
            [
                OsString::from("--connect"),
                OsString::from(address.to_string()),
            ]
        });
        let socket = ["--socket", kind.word()].map(OsString::from);
        let check = self.check.then(|| OsString::from("--check-names"));
        socket.into_iter().chain(connect).chain(check).collect()
    }
}

/// Runs one of the commands, whose name is the first word; the number is the exit status. Does not
/// return where it becomes another program.
#[must_use]
pub fn run(words: &[OsString]) -> u8 {
    let (name, rest) = match words.split_first() {
        Some((name, rest)) => (name.as_os_str(), rest),
        None => (OsStr::new(""), words),
    };
    let options = match Options::parse(rest) {
        Ok(options) => options,
        Err(error) => return complain(&error, USAGE),
    };
    let outcome = match name.to_str() {
        Some("relay") => start(&options),
        Some("relay-detach") => detach(rest),
        Some("relay-serve") => serve_here(&options),
        _ => return complain("no such command", USAGE),
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => complain(&error.to_string(), FAILED),
    }
}

fn complain(message: &str, status: u8) -> u8 {
    // Where nobody listens the status has to do.
    let _ = writeln!(io::stderr(), "scc: relay: {message}");
    status
}

fn start(options: &Options) -> io::Result<()> {
    let hold = options.hold.then(Hold::new).transpose()?;
    if options.check {
        // Whoever reads the log knows by it that nothing is missing before.
        writeln!(io::stdout(), "{LOG_BEGINS}")?;
        live::prepare()?;
    }
    if let Some(listen) = &options.listen {
        leave_behind(options, listen.listen()?)?;
    }
    if let Some(hold) = hold {
        hold.wait()?;
    }
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(io::Error::other("no command after `--`"));
    };
    let error = Command::new(program).args(arguments).exec();
    let program = program.display();
    Err(io::Error::new(
        error.kind(),
        format!("`{program}`: {error}"),
    ))
}

/// Starts a process that serves and is not a child of the command: that would find itself with a
/// child it does not know.
fn leave_behind(options: &Options, listener: Listener) -> io::Result<()> {
    let (kind, socket): (_, OwnedFd) = match listener {
        Listener::Unix(listener) => (Kind::Unix, listener.into()),
        Listener::Tcp(listener) => (Kind::Tcp, listener.into()),
    };
    // What the proxy's side cuts it says on standard output; in the sandbox that is the agent's.
    let output = || match options.check {
        true => Stdio::inherit(),
        false => Stdio::null(),
    };
    let mut parent = Command::new(SELF);
    parent.arg("relay-detach").args(options.words(kind));
    parent.stdin(socket).stdout(output()).stderr(output());
    let status = parent.current_dir("/").status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "the relay does not start: {status}"
        ))),
    }
}

/// Starts the process that serves and ends, so that the init becomes its parent.
fn detach(words: &[OsString]) -> io::Result<()> {
    let mut child = Command::new(SELF);
    child.arg("relay-serve").args(words);
    child.spawn().map(|_| ())
}

fn serve_here(options: &Options) -> io::Result<()> {
    // Keys of the agent's terminal are not meant for this.
    rustix::process::setsid()?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let listener = match options.kind {
        Some(Kind::Unix) => Listener::Unix(socket.into()),
        _ => Listener::Tcp(socket.into()),
    };
    let Some(to) = &options.connect else {
        return Err(io::Error::other("nowhere to connect to"));
    };
    let part = if options.check {
        cut::obey()?;
        Part::Check
    } else {
        Part::Pass
    };
    Err(serve(&listener, to, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn options_are_read_up_to_the_command() {
        let text = "--listen tcp:127.0.0.1:1 --connect unix:/s --hold -- prog --hold x";
        let options = Options::parse(&words(text)).unwrap();
        assert_eq!(options.connect, Some("unix:/s".parse().unwrap()));
        assert!(options.hold && !options.check);
        assert_eq!(options.command, words("prog --hold x"));
        let again = Options::parse(&options.words(Kind::Unix)).unwrap();
        assert_eq!(again.connect, options.connect);
        assert_eq!(again.kind, Some(Kind::Unix));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in ["--listen", "--listen x", "--other", "prog"] {
            assert!(Options::parse(&words(text)).is_err(), "{text}");
        }
        assert_eq!(run(&words("relay --other")), USAGE);
    }
}
