//! Where words go: results to stdout, everything else to stderr, JSON in one envelope.

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::CliError;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Set when a result could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether a result could not be written, although somebody still wanted it.
pub(crate) fn was_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Who closed the pipe has seen enough; anything else is a failure, and is said once.
fn note_loss(written: std::io::Result<()>) {
    let Err(error) = written.and_then(|()| std::io::stdout().flush()) else {
        return;
    };
    if error.kind() != std::io::ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
        let _ = writeln!(
            anstream::stderr(),
            "{ERROR}error{ERROR:#}: the result cannot be written: {error}"
        );
    }
}

/// A command that failed without a result.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorReport {
    exit_code: u8,
    /// What to type next.
    hints: Vec<String>,
}

/// How a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
}

impl Printer {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether long work may show its progress.
    pub(crate) fn shows_progress(self) -> bool {
        !self.quiet
    }

    /// The result for people.
    pub(crate) fn result(self, text: &str) {
        if !self.json {
            note_loss(writeln!(anstream::stdout(), "{}", text.trim_end()));
        }
    }

    /// A path as the result: for a program as it is, to a terminal as it may be shown.
    pub(crate) fn path(self, path: &Path) {
        let mut stdout = std::io::stdout();
        match stdout.is_terminal() {
            true => self.result(&visible(&path.display().to_string())),
            false if self.json => {}
            false => {
                let line = [path.as_os_str().as_bytes(), b"\n"].concat();
                note_loss(stdout.write_all(&line));
            }
        }
    }

    /// The result for programs. `crate::schemas` lists each kind with its type.
    pub(crate) fn data<T: Serialize + JsonSchema>(
        self,
        kind: &'static str,
        data: &T,
        warnings: &[String],
    ) {
        if self.json {
            self.envelope(kind, true, &[], warnings, &json!(data));
        }
    }

    /// A result that says that something is not as it should be.
    pub(crate) fn data_with_errors<T: Serialize + JsonSchema>(
        self,
        kind: &'static str,
        data: &T,
        errors: &[String],
    ) {
        self.data_with(kind, data, errors, &[]);
    }

    /// The same with warnings.
    pub(crate) fn data_with<T: Serialize + JsonSchema>(
        self,
        kind: &'static str,
        data: &T,
        errors: &[String],
        warnings: &[String],
    ) {
        if self.json {
            self.envelope(kind, errors.is_empty(), errors, warnings, &json!(data));
        }
    }

    /// A result that is one of many in a stream, as one line, where JSON is wanted.
    pub(crate) fn line<T: Serialize>(self, kind: &str, data: &T) -> Option<String> {
        let document = || envelope(kind, true, &[], &[], &json!(data)).to_string();
        self.json.then(document)
    }

    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{}", visible(text));
        }
    }

    pub(crate) fn warning(self, text: &str) {
        let text = visible(text);
        let _ = writeln!(anstream::stderr(), "{WARNING}warning{WARNING:#}: {text}");
    }

    /// Several, each on its own lines.
    pub(crate) fn warnings(self, texts: &[String]) {
        texts.iter().for_each(|text| self.warning(text));
    }

    pub(crate) fn error(self, error: &CliError) {
        let message = error.full_message();
        let hints = error.hints();
        let mut stderr = anstream::stderr();
        let _ = writeln!(stderr, "{ERROR}error{ERROR:#}: {}", visible(&message));
        for line in error.details().iter().flat_map(|detail| detail.lines()) {
            let _ = writeln!(stderr, "  {}", visible(line));
        }
        for hint in &hints {
            let _ = writeln!(stderr, "{HINT}hint{HINT:#}: {}", visible(hint));
        }
        if self.json {
            let data = ErrorReport {
                exit_code: error.exit_code(),
                hints,
            };
            self.envelope("Error", false, &[message], &[], &json!(data));
        }
    }

    fn envelope(self, kind: &str, ok: bool, errors: &[String], warnings: &[String], data: &Value) {
        let envelope = envelope(kind, ok, errors, warnings, data);
        note_loss(writeln!(anstream::stdout(), "{envelope:#}"));
    }
}

fn envelope(kind: &str, ok: bool, errors: &[String], warnings: &[String], data: &Value) -> Value {
    json!({
        "apiVersion": "scc.cli/v1",
        "kind": kind,
        "metadata": {
            "generatedAt": jiff::Timestamp::now().to_string(),
            "cliVersion": env!("CARGO_PKG_VERSION"),
        },
        "status": { "ok": ok, "errors": errors, "warnings": warnings },
        "data": data,
    })
}

/// For serde: a path in JSON, which knows no other bytes than those of characters.
pub(crate) fn shown_path<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

/// A text as a terminal may have it: what a file of an agent says moves no cursor and hides nothing.
/// A carriage return at the end begins the next line in a raw terminal.
pub(crate) fn visible(text: &str) -> String {
    let end = if text.ends_with('\r') { "\r" } else { "" };
    let text = text.strip_suffix('\r').unwrap_or(text);
    let show = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() || is_formless(c) => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(show).collect::<String>() + end
}

/// Marks of direction, joiners and the like, which make letters stand where they are not.
fn is_formless(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The same on one line.
pub(crate) fn one_line(text: &str) -> String {
    visible(text).replace(['\n', '\t', '\r'], " ")
}

/// A table without borders, as wide as its content. Columns that explain themselves have no header.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    if header.iter().any(|word| !word.is_empty()) {
        table.set_header(header.to_vec());
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A moment as the clock on the wall shows it.
pub(crate) fn moment(at: jiff::Timestamp) -> String {
    let here = at.to_zoned(jiff::tz::TimeZone::system());
    here.strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// How long ago, in one unit.
pub(crate) fn age(since: jiff::Timestamp, now: jiff::Timestamp) -> String {
    span(now.duration_since(since).as_secs().max(0))
}

/// A span of time, in one unit.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_moves_no_cursor() {
        let text = visible("a\u{1b}[2K\rb\u{7}\tc\nd\r");
        assert_eq!(text, "a\\u{1b}[2K\\rb\\u{7}\tc\nd\r");
        let row = vec![vec!["x\u{1b}[1A".to_owned()]];
        assert_eq!(table(&[""], row), "x\\u{1b}[1A");
    }

    #[test]
    fn a_table_without_headers_starts_with_its_first_row() {
        let rows = vec![vec!["name".to_owned(), "value".to_owned()]];
        assert_eq!(table(&["", ""], rows.clone()), "name  value");
        assert_eq!(table(&["A", ""], rows), "A\nname  value");
    }
}
