//! Asking a person. Without a terminal the question becomes an error that names the flag.

use std::io::IsTerminal as _;

use crate::error::CliError;
use crate::output::{one_line, visible};
use crate::question::Question;

/// How many lines of a list are seen at once; a terminal of 24 lines shows them all.
const PAGE: usize = 12;

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
        let _open = Question::open();
        // What a list shows may come from a repository or from an agent.
        let options = options.iter().map(|option| one_line(option)).collect();
        let answer = inquire::Select::new(&one_line(question), options)
            .with_starting_cursor(preselected)
            .with_page_size(PAGE)
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
        let _open = Question::open();
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
        let _open = Question::open();
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
        let _open = Question::open();
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
