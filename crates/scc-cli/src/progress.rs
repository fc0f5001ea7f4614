//! Showing a launch's progress on stderr.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use scc_launch::Event;
use scc_runtime::BuildProgress;

use crate::output::Printer;

/// Shows events as they come; a spinner on a terminal, plain lines elsewhere.
pub(crate) struct Progress {
    printer: Printer,
    spinner: Option<ProgressBar>,
    image: String,
    last_note: Instant,
}

/// Without a terminal a line of a long step is shown this often, so that it is seen to go on.
const QUIET_LIMIT: Duration = Duration::from_secs(15);

impl Progress {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            spinner: None,
            image: String::new(),
            last_note: Instant::now(),
        }
    }

    pub(crate) fn show(&mut self, event: Event) {
        match event {
            Event::ImageBuildStarted { reference } => {
                self.printer
                    .note(&format!("making the image {reference} (once)"));
                self.image = reference;
                self.spinner = self.printer.shows_progress().then(spinner);
            }
            Event::ImageBuildProgress(progress) => self.build(&progress),
            Event::ImageBuilt { reference } => {
                self.clear();
                self.printer.note(&format!("made {reference}"));
            }
            Event::WaitingForImage { reference } => {
                self.printer
                    .note(&format!("waiting for another scc that makes {reference}"));
            }
            Event::Proving { what } => self.printer.note(what),
            Event::Replaced { container } => {
                self.printer
                    .note(&format!("replaced the earlier sandbox {container}"));
            }
        }
    }

    fn build(&mut self, progress: &BuildProgress) {
        match progress {
            BuildProgress::Step {
                number,
                total,
                instruction,
            } => {
                let text = format!("[{number}/{total}] {}", shortened(instruction));
                match &self.spinner {
                    Some(spinner) if !spinner.is_hidden() => spinner.set_prefix(text),
                    _ => {
                        self.last_note = Instant::now();
                        self.printer.note(&format!("  {text}"));
                    }
                }
            }
            BuildProgress::Line(line) => match &self.spinner {
                Some(spinner) if !spinner.is_hidden() => spinner.set_message(shortened(line)),
                _ if self.last_note.elapsed() > QUIET_LIMIT => {
                    self.last_note = Instant::now();
                    self.printer.note(&format!("    {}", shortened(line)));
                }
                _ => {}
            },
        }
    }

    fn clear(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix} {wide_msg:.dim}")
    {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(std::time::Duration::from_millis(120));
    spinner
}

/// One line of at most 70 characters.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(70).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
