//! Asking a person. Without a terminal the question becomes an error that names the flag.

use std::io::IsTerminal as _;

use rustix::termios::OptionalActions;

use crate::error::CliError;
use crate::output::visible;
use crate::terminal;

/// Asks, or refuses to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prompter {
    interactive: bool,
}

impl Prompter {
    /// `wanted` is false with `--non-interactive` or `--json`.
    pub(crate) fn new(wanted: bool) -> Self {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Self {
            interactive: wanted && terminal,
        }
    }

    /// Whether there is somebody to ask.
    pub(crate) fn asks(self) -> bool {
        self.interactive
    }

    /// A choice from a list, by index; `instead` says what to type without a terminal.
    pub(crate) fn select(
        self,
        question: &str,
        options: &[String],
        preselected: usize,
        instead: CliError,
    ) -> Result<usize, CliError> {
        if !self.interactive {
            return Err(instead);
        }
        let _guard = Restorer::watch();
        let answer = inquire::Select::new(question, options.to_vec())
            .with_starting_cursor(preselected)
            .raw_prompt();
        answer.map(|option| option.index).map_err(cancelled)
    }

    /// A line of text, which may be empty.
    pub(crate) fn line(
        self,
        question: &str,
        suggested: &str,
        instead: CliError,
    ) -> Result<String, CliError> {
        if !self.interactive {
            return Err(instead);
        }
        let answer = inquire::Text::new(question)
            .with_initial_value(suggested)
            .prompt();
        Ok(answer.map_err(cancelled)?.trim().to_owned())
    }

    /// Yes or no, no by default.
    pub(crate) fn confirm(self, question: &str, instead: CliError) -> Result<bool, CliError> {
        if !self.interactive {
            return Err(instead);
        }
        let _guard = Restorer::watch();
        inquire::Confirm::new(&visible(question))
            .with_default(false)
            .prompt()
            .map_err(cancelled)
    }
}

impl Prompter {
    /// A line of text that is not empty.
    pub(crate) fn text(self, question: &str, instead: CliError) -> Result<String, CliError> {
        if !self.interactive {
            return Err(instead);
        }
        loop {
            let answer = inquire::Text::new(question).prompt().map_err(cancelled)?;
            if !answer.trim().is_empty() {
                return Ok(answer.trim().to_owned());
            }
        }
    }
}

fn cancelled(error: inquire::InquireError) -> CliError {
    match error {
        inquire::InquireError::IO(error) => CliError::Terminal(error),
        _ => CliError::CANCELLED,
    }
}

/// Gives the terminal its mode back when a signal ends scc in the middle of a question, where the
/// thread that asks waits for a key and hears of nothing else.
struct Restorer {
    done: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Restorer {
    fn watch() -> Self {
        let (done, answered) = tokio::sync::oneshot::channel();
        let mode = rustix::termios::tcgetattr(std::io::stdin()).ok();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build();
            let (Ok(runtime), Some(mode)) = (runtime, mode) else {
                return;
            };
            let stopped = runtime.block_on(async {
                tokio::select! {
                    _ = answered => None,
                    status = terminal::stopped() => status,
                }
            });
            if let Some(status) = stopped {
                let _ = rustix::termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &mode);
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the main thread waits for a key and cannot be told"
                )]
                std::process::exit(i32::from(status));
            }
        });
        Self { done: Some(done) }
    }
}

impl Drop for Restorer {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            // The watcher may have ended by itself.
            let _ = done.send(());
        }
    }
}
