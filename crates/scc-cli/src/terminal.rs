//! The user's terminal while an agent has it.

use std::io::IsTerminal as _;

use rustix::termios::{OptionalActions, Termios};
use scc_launch::Launcher;
use scc_runtime::{Attachment, ConsoleIo, SandboxRuntime, TerminalSize, relay};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// How an attached agent came to an end for this scc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its output ended.
    ByItself,
    /// Ctrl-C reached scc, not the agent, since the agent has no terminal.
    Interrupted,
    /// The terminal is gone; the agent goes on.
    TerminalGone,
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
struct RawMode {
    earlier: Termios,
}

impl RawMode {
    fn enter() -> Result<Self, CliError> {
        let broken = |error: rustix::io::Errno| CliError::Terminal(error.into());
        let earlier = rustix::termios::tcgetattr(std::io::stdin()).map_err(broken)?;
        let mut raw = earlier.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(broken)?;
        Ok(Self { earlier })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.earlier);
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    resize: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::Terminal);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
            resize: listen(SignalKind::window_change())?,
        })
    }
}

/// Gives the user's terminal, or plain streams, to what is attached until it ends. SIGTERM stops
/// the sandbox; so does Ctrl-C where there is no terminal to pass it through.
pub(crate) async fn hand_over<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    target: Target<'_>,
    attachment: Attachment,
    has_terminal: bool,
) -> Result<Ended, CliError> {
    let mut signals = Signals::listen()?;
    let _raw = if has_terminal {
        Some(RawMode::enter()?)
    } else {
        None
    };
    let console = ConsoleIo {
        stdin: tokio::io::stdin(),
        stdout: tokio::io::stdout(),
        stderr: tokio::io::stderr(),
    };
    let relay = relay(attachment, console);
    tokio::pin!(relay);
    let mut ended = Ended::ByItself;
    loop {
        tokio::select! {
            outcome = &mut relay => {
                outcome?;
                return Ok(ended);
            }
            _ = signals.resize.recv() => resize(launcher, target).await,
            _ = signals.hangup.recv() => return Ok(Ended::TerminalGone),
            _ = signals.terminate.recv() => match target {
                Target::Sandbox(id) => launcher.stop_sandbox(id).await?,
                // The command ends with its connection; the session it visits goes on.
                Target::Exec { .. } => return Ok(Ended::Interrupted),
            },
            _ = signals.interrupt.recv() => match target {
                Target::Sandbox(id) => {
                    ended = Ended::Interrupted;
                    launcher.stop_sandbox(id).await?;
                }
                Target::Exec { .. } => return Ok(Ended::Interrupted),
            },
        }
    }
}

/// Does what takes long and needs no terminal, until it is done or the user presses Ctrl-C. What
/// is half-made then is for [`Launcher::tidy`].
pub(crate) async fn unless_interrupted<T, E: Into<CliError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CliError> {
    tokio::select! {
        outcome = work => outcome.map_err(Into::into),
        interrupt = tokio::signal::ctrl_c() => {
            interrupt.map_err(CliError::Terminal)?;
            Err(CliError::Cancelled)
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
