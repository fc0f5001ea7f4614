//! The dashboard on this terminal: brings events to its model, and carries out what it wants.

mod act;
mod facts;
mod fullscreen;
mod input;
mod rows;
mod work;

use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::Signal;
use scc_dashboard::{Action, Effect, Event, Level, Model, Note, Operation, Theme};
use tokio::signal::unix::{SignalKind, signal};

use self::act::{Command, Way};
use self::facts::Facts;
use self::fullscreen::{Fullscreen, size};
use self::input::Input;
use self::rows::Desk;
use self::work::Worker;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Printer;
use crate::terminal::{Signals, Stop};

/// Shows the dashboard until its user leaves it; the number is the exit code.
pub(crate) async fn run(
    context: &Context,
    offered: &'static [Operation],
    theme: Theme,
) -> Result<u8, CliError> {
    let facts = Facts::stored(context);
    let desk = Desk {
        facts: &facts,
        context,
        offered,
        now: Timestamp::now(),
    };
    // From the first frame on, whatever happens to the terminal is noticed.
    let signals = Signals::listen()?;
    let resized = signal(SignalKind::window_change()).map_err(CliError::Terminal)?;
    let continued = SignalKind::from_raw(Signal::CONT.as_raw());
    let continued = signal(continued).map_err(CliError::Terminal)?;
    let (width, height) = size();
    let mut model = Model::new(width, height);
    model.update(Event::Snapshot(Box::new(desk.snapshot())));
    let mut fullscreen = Fullscreen::enter(theme)?;
    // What is stored is seen before anybody is asked.
    fullscreen.draw(&model)?;
    let mut dashboard = Dashboard {
        model,
        theme,
        printer: Printer::new(false, false),
        signals,
        resized,
        continued,
        input: Input::open().map_err(CliError::Terminal)?,
        worker: Worker::start(context, offered, facts.warnings)?,
        fullscreen: Some(fullscreen),
    };
    match dashboard.run().await {
        // Nobody is there any more to be told.
        Err(CliError::Terminal(error)) if is_gone(&error) => Ok(Stop::Hangup.status()),
        ended => ended,
    }
}

/// Whether the terminal was closed.
fn is_gone(error: &std::io::Error) -> bool {
    let gone = [Errno::IO, Errno::NXIO, Errno::PIPE].map(Errno::raw_os_error);
    error
        .raw_os_error()
        .is_some_and(|code| gone.contains(&code))
}

struct Dashboard {
    model: Model,
    theme: Theme,
    printer: Printer,
    signals: Signals,
    resized: tokio::signal::unix::Signal,
    continued: tokio::signal::unix::Signal,
    input: Input,
    worker: Worker,
    /// `None` while another command has the terminal.
    fullscreen: Option<Fullscreen>,
}

impl Dashboard {
    async fn run(&mut self) -> Result<u8, CliError> {
        loop {
            if let Some(fullscreen) = &mut self.fullscreen {
                fullscreen.draw(&self.model)?;
            }
            let events = tokio::select! {
                biased;
                stop = self.signals.stop() => return Ok(stop.status()),
                _ = self.continued.recv() => {
                    if let Some(fullscreen) = &mut self.fullscreen {
                        fullscreen.again()?;
                    }
                    vec![resize()]
                }
                _ = self.resized.recv() => vec![resize()],
                keys = self.input.keys() => match keys {
                    Some(keys) => keys.into_iter().map(Event::Key).collect(),
                    None => return Ok(Stop::Hangup.status()),
                },
                event = self.worker.event() => vec![event.ok_or_else(broken)?],
            };
            for event in events {
                for effect in self.model.update(event) {
                    if let Some(status) = self.carry_out(effect).await? {
                        return Ok(status);
                    }
                }
            }
        }
    }

    /// Does what the model wants; the exit code when that is to end.
    async fn carry_out(&mut self, effect: Effect) -> Result<Option<u8>, CliError> {
        match effect {
            Effect::Quit => return Ok(Some(0)),
            Effect::Interrupt => return Ok(Some(Stop::Interrupt.status())),
            Effect::Refresh => self.worker.refresh(),
            Effect::Redraw => {
                if let Some(fullscreen) = &mut self.fullscreen {
                    fullscreen.invalidate();
                }
                self.model.update(resize());
            }
            Effect::Suspend => self.suspend()?,
            Effect::Do(action) => return self.act(action).await,
        }
        Ok(None)
    }

    async fn act(&mut self, action: Action) -> Result<Option<u8>, CliError> {
        match Way::of(&action) {
            None => Ok(None),
            Some(Way::Behind) => {
                self.model.update(Event::Began(action.clone()));
                self.worker.carry_out(action);
                Ok(None)
            }
            Some(Way::Command(command)) => self.visit(&command).await,
        }
    }

    /// Gives the terminal to a command of scc until it ends.
    async fn visit(&mut self, command: &Command) -> Result<Option<u8>, CliError> {
        self.fullscreen = None;
        let ended = self.run_command(command).await?;
        let status = match ended {
            Ended::By(stop) => return Ok(Some(stop.status())),
            Ended::With(status) => status,
        };
        let has_failed = status != Some(0);
        if has_failed || command.is_report {
            let typed = command.typed();
            let status = with_status(status);
            self.printer.note(&format!(
                "\n{typed} has ended{status}; press Enter to return to the dashboard"
            ));
            let stop = tokio::select! {
                biased;
                stop = self.signals.stop() => Some(stop),
                line = self.input.line() => line.is_none().then_some(Stop::Hangup),
            };
            if let Some(stop) = stop.filter(|stop| *stop != Stop::Interrupt) {
                return Ok(Some(stop.status()));
            }
        }
        self.turn_on()?;
        if has_failed {
            let text = format!("{} has ended{}", command.typed(), with_status(status));
            self.model
                .update(Event::Message(Note::new(Level::Warning, text)));
        }
        self.worker.refresh();
        Ok(None)
    }

    async fn run_command(&mut self, command: &Command) -> Result<Ended, CliError> {
        let own = std::env::current_exe().map_err(CliError::Runtime)?;
        let mut child = tokio::process::Command::new(own)
            .args(&command.args)
            .spawn()
            .map_err(CliError::Runtime)?;
        loop {
            tokio::select! {
                status = child.wait() => {
                    return Ok(Ended::With(status.map_err(CliError::Runtime)?.code()));
                }
                stop = self.signals.stop() => {
                    let signal = match stop {
                        // The terminal sends it to the command as well, whose business it is.
                        Stop::Interrupt => continue,
                        Stop::Terminate => Signal::TERM,
                        Stop::Hangup => Signal::HUP,
                    };
                    pass_on(&child, signal);
                    child.wait().await.map_err(CliError::Runtime)?;
                    return Ok(Ended::By(stop));
                }
            }
        }
    }

    /// Stops as other programs do on Ctrl-Z, until the shell has it go on.
    fn suspend(&mut self) -> Result<(), CliError> {
        self.fullscreen = None;
        let stopped = rustix::process::kill_current_process_group(Signal::TSTP);
        stopped.map_err(|error| CliError::Terminal(error.into()))?;
        self.turn_on()
    }

    /// Takes the terminal again.
    fn turn_on(&mut self) -> Result<(), CliError> {
        self.input.reset();
        self.fullscreen = Some(Fullscreen::enter(self.theme)?);
        self.model.update(resize());
        Ok(())
    }
}

/// How a command came to an end.
enum Ended {
    /// By itself; without a status where a signal ended it.
    With(Option<i32>),
    /// This signal was for the dashboard, and so for both.
    By(Stop),
}

fn resize() -> Event {
    let (width, height) = size();
    Event::Resize { width, height }
}

fn with_status(status: Option<i32>) -> String {
    match status {
        Some(0) => String::new(),
        Some(status) => format!(" with status {status}"),
        None => " by a signal".to_owned(),
    }
}

fn pass_on(child: &tokio::process::Child, signal: Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = id.and_then(rustix::process::Pid::from_raw) {
        // It may have ended in between.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn broken() -> CliError {
    CliError::Failed {
        message: "the part of the dashboard that asks the engine has ended".to_owned(),
        hint: "sandboxes are as they were: scc list".to_owned(),
    }
}
