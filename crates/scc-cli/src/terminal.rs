//! The user's terminal while an agent has it.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, Termios};
use scc_launch::Launcher;
use scc_runtime::{Attachment, ConsoleIo, RelayEnd, SandboxRuntime, TerminalSize, relay};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;
use crate::output::Printer;

/// How an attached agent came to an end for this scc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its output ended.
    ByItself,
    /// This signal came.
    By(Stop),
    /// Whoever read the output is gone.
    Unread,
    /// The person has left; the agent goes on.
    Left,
}

/// What ends scc from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Ctrl-C where there is no terminal to pass it through.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The terminal is gone.
    Hangup,
}

impl Stop {
    /// The exit status of a process that such a signal ends.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Hangup => 129,
        }
    }
}

/// What is attached: a session's main process or a command in it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    Sandbox(&'a str),
    Exec { exec: &'a str },
}

/// The size of the terminal, when both input and output are one.
pub(crate) fn size() -> Option<TerminalSize> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    // A terminal that does not know its size gets the classic one.
    let or = |value, default| if value == 0 { default } else { value };
    Some(TerminalSize {
        rows: or(size.ws_row, 24),
        columns: or(size.ws_col, 80),
    })
}

/// Raw mode; the earlier mode returns when this is dropped, on every way out that runs code.
pub(crate) struct RawMode {
    earlier: Termios,
}

impl RawMode {
    pub(crate) fn enter() -> Result<Self, CliError> {
        let broken = |error: rustix::io::Errno| CliError::Terminal(error.into());
        let earlier = rustix::termios::tcgetattr(std::io::stdin()).map_err(broken)?;
        let entered = Self { earlier };
        entered.again()?;
        Ok(entered)
    }

    /// Enters it again, after somebody else may have left it.
    pub(crate) fn again(&self) -> Result<(), CliError> {
        let mut raw = self.earlier.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)
            .map_err(|error| CliError::Terminal(error.into()))
    }

    /// The mode that returns.
    pub(crate) fn earlier(&self) -> &Termios {
        &self.earlier
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.earlier);
    }
}

/// How many in this process deal with signals themselves.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// Whether one of them has got a signal, and ends scc by it.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether a signal is dealt with by whoever listens for it.
pub(crate) fn is_listening() -> bool {
    LISTENERS.load(Ordering::SeqCst) > 0 || IS_TAKEN.load(Ordering::SeqCst)
}

struct Listener;

impl Listener {
    fn enter() -> Self {
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) struct Signals {
    /// `None` for one that leaves them to the others.
    listener: Option<Listener>,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self, CliError> {
        let mut signals = Self::beside()?;
        signals.listener = Some(Listener::enter());
        Ok(signals)
    }

    /// For one that hears of them and leaves them to whoever listens.
    pub(crate) fn beside() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::Terminal);
        Ok(Self {
            listener: None,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// The next signal that ends scc.
    pub(crate) async fn stop(&mut self) -> Stop {
        let stop = tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.hangup.recv() => Stop::Hangup,
        };
        IS_TAKEN.fetch_or(self.listener.is_some(), Ordering::SeqCst);
        stop
    }
}

/// Gives the user's terminal, or plain streams, to what is attached until it ends. SIGTERM stops
/// the sandbox; so does Ctrl-C where there is no terminal to pass it through, and a reader of the
/// output that has gone. A terminal that is gone leaves the agent running.
pub(crate) async fn hand_over<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    target: Target<'_>,
    attachment: Attachment,
    has_terminal: bool,
) -> Result<Ended, CliError> {
    let mut signals = Signals::listen()?;
    let mut resized = signal(SignalKind::window_change()).map_err(CliError::Terminal)?;
    let _raw = if has_terminal {
        Some(RawMode::enter()?)
    } else {
        None
    };
    let console = ConsoleIo {
        stdin: tokio::io::stdin(),
        stdout: tokio::io::stdout(),
        stderr: tokio::io::stderr(),
        has_keys: has_terminal && matches!(target, Target::Sandbox(_)),
    };
    let relay = relay(attachment, console);
    tokio::pin!(relay);
    let mut ended = Ended::ByItself;
    loop {
        tokio::select! {
            outcome = &mut relay => match outcome? {
                RelayEnd::Output => return Ok(ended),
                RelayEnd::Console => {
                    stop(launcher, target).await?;
                    return Ok(Ended::Unread);
                }
                RelayEnd::Keys => {
                    leave_screen();
                    return Ok(Ended::Left);
                }
            },
            _ = resized.recv() => resize(launcher, target).await,
            signal = signals.stop() => {
                ended = Ended::By(signal);
                if signal == Stop::Hangup || matches!(target, Target::Exec { .. }) {
                    return Ok(ended);
                }
                // Its last output is still to be shown.
                stop(launcher, target).await?;
            }
        }
    }
}

/// Takes back what a full-screen agent that goes on has asked of the terminal: the other screen,
/// pasting and the mouse as input, keys told apart, colours, no cursor.
fn leave_screen() {
    let text = "\x1b[?1049l\x1b[?2004l\x1b[?1004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[<u\
                \x1b[>4;0m\x1b[0m\x1b[?25h\r\n";
    // A terminal that is gone needs none of it.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}

/// Says how to return to an agent that was left.
pub(crate) fn note_left(name: &str, printer: Printer) {
    printer.note(&format!(
        "left {name}, which goes on; return to it: scc attach {name}"
    ));
}

/// Stops a sandbox; a command in one is for its caller to end, and the session it visits goes on.
async fn stop<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    target: Target<'_>,
) -> Result<(), CliError> {
    match target {
        Target::Sandbox(id) => Ok(launcher.stop_sandbox(id).await?),
        Target::Exec { .. } => Ok(()),
    }
}

/// Does what takes long and needs no terminal, until it is done or a signal ends scc. What is
/// half-made then is for [`Launcher::tidy`].
pub(crate) async fn unless_stopped<T, E: Into<CliError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CliError> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        outcome = work => outcome.map_err(Into::into),
        signal = signals.stop() => Err(CliError::Cancelled { status: signal.status() }),
    }
}

/// How long the rest of a session may take before Ctrl-C is no longer taken for one that was meant
/// for the agent that has just ended.
const LATE: Duration = Duration::from_secs(2);

/// The same for what is left to do when an agent has ended.
pub(crate) async fn finish<T, E: Into<CliError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CliError> {
    let mut signals = Signals::listen()?;
    let begin = Instant::now();
    tokio::pin!(work);
    loop {
        let signal = tokio::select! {
            outcome = &mut work => return outcome.map_err(Into::into),
            signal = signals.stop() => signal,
        };
        if signal != Stop::Interrupt || begin.elapsed() > LATE {
            let status = signal.status();
            return Err(CliError::Cancelled { status });
        }
    }
}

async fn resize<R: SandboxRuntime>(launcher: &Launcher<'_, R>, target: Target<'_>) {
    let Some(size) = size() else { return };
    let outcome = match target {
        Target::Sandbox(id) => launcher.runtime.resize(id, size).await,
        Target::Exec { exec } => launcher.runtime.exec_resize(exec, size).await,
    };
    // What has just ended has no size any more.
    if let Err(error) = outcome {
        tracing::debug!(%error, "resize");
    }
}
