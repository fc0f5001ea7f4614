//! Pictures of terminals, for the documentation: made from what a test sees, so that they show what
//! there is.

use std::fmt::Write as _;
use std::path::Path;

use vt100::{Cell, Color, Screen};

/// A cell, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
/// The margin around the screen.
const MARGIN: f32 = 12.0;
const BACKGROUND: &str = "#1c1e26";
const FOREGROUND: &str = "#d8dae2";
/// The sixteen colours of a terminal.
const PALETTE: [&str; 16] = [
    "#1c1e26", "#e95678", "#29d398", "#fab795", "#26bbd9", "#ee64ac", "#59e1e3", "#d8dae2",
    "#6c6f93", "#ec6a88", "#3fdaa4", "#fbc3a7", "#3fc4de", "#f075b5", "#6be4e6", "#ffffff",
];

/// How a run of cells looks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    text: String,
    background: String,
    is_bold: bool,
    is_dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let text = colour(cell.fgcolor(), FOREGROUND);
        let background = colour(cell.bgcolor(), BACKGROUND);
        let (text, background) = match cell.inverse() {
            true => (background, text),
            false => (text, background),
        };
        Self {
            text,
            background,
            is_bold: cell.bold(),
            is_dim: cell.dim(),
        }
    }
}

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Default => default.to_owned(),
        Color::Idx(index) => PALETTE
            .get(usize::from(index))
            .copied()
            .unwrap_or(default)
            .to_owned(),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}

/// The screen as an SVG document, with the text as text.
#[must_use]
pub fn svg(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let width = f32::from(columns.get()) * WIDTH + 2.0 * MARGIN;
    let height = f32::from(rows.get()) * HEIGHT + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(title)
    );
    for row in 0..rows.get() {
        for run in runs(screen, row, columns.get()) {
            run.draw(row, &mut svg);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Cells of one look, side by side.
struct Run {
    look: Look,
    text: String,
    column: u16,
    columns: u16,
    is_wide: bool,
}

fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        let look = Look::of(cell);
        let text = match cell.contents() {
            "" => " ",
            text => text,
        };
        let is_wide = cell.is_wide() || cell.is_wide_continuation();
        match runs.last_mut() {
            Some(last) if cell.is_wide_continuation() => last.columns += 1,
            // A font may have another width for wide characters: each is put in its own place.
            Some(last) if last.look == look && !last.is_wide && !is_wide => {
                last.text.push_str(text);
                last.columns += 1;
            }
            _ => runs.push(Run {
                look,
                text: text.to_owned(),
                column,
                columns: 1,
                is_wide,
            }),
        }
    }
    runs
}

impl Run {
    fn draw(&self, row: u16, svg: &mut String) {
        let x = f32::from(self.column) * WIDTH + MARGIN;
        let y = f32::from(row) * HEIGHT + MARGIN;
        if self.look.background != BACKGROUND {
            let width = f32::from(self.columns) * WIDTH;
            let fill = &self.look.background;
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"{fill}\"/>"
            );
        }
        if self.text.trim().is_empty() {
            return;
        }
        let begin = self.text.len() - self.text.trim_start().len();
        let begin = u16::try_from(begin).unwrap_or_default();
        let text = self.text.trim();
        let end = self.text.trim_start().len() - text.len();
        let columns = self.columns - begin - u16::try_from(end).unwrap_or_default();
        let weight = if self.look.is_bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let opacity = if self.look.is_dim {
            " opacity=\"0.6\""
        } else {
            ""
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
             fill=\"{}\"{weight}{opacity} xml:space=\"preserve\">{}</text>",
            x + f32::from(begin) * WIDTH,
            y + 13.5,
            f32::from(columns) * WIDTH,
            self.look.text,
            escaped(text)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Checks that the picture of this name in the documentation is what the test sees. With `SCC_PICTURES=write` in
/// the environment it is written instead.
///
/// # Panics
/// When the picture shows something else.
pub fn check(name: &str, picture: &str) {
    let pictures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pictures");
    check_file(&Path::new(pictures).join(format!("{name}.svg")), picture);
}

fn check_file(path: &Path, picture: &str) {
    if std::env::var("SCC_PICTURES").is_ok_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, picture).expect("the picture can be written");
        return;
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        known == picture,
        "`{}` is out of date: run this test with SCC_PICTURES=write, and look at it",
        path.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(text: &str) -> vt100::Parser {
        let size = |n| std::num::NonZero::new(n).unwrap();
        let mut parser = vt100::Parser::new(size(2), size(12), 0);
        parser.process(text.as_bytes());
        parser
    }

    #[test]
    fn colours_and_places() {
        let parser = screen("a <\x1b[1;31mred\x1b[0m\r\n\x1b[7m漢\x1b[0m x");
        let svg = svg(parser.screen(), "t & t");
        assert!(svg.contains("<title>t &amp; t</title>"));
        assert!(svg.contains(">a &lt;</text>"), "{svg}");
        assert!(
            svg.contains("font-weight=\"bold\" xml:space=\"preserve\">red</text>"),
            "{svg}"
        );
        assert!(svg.contains("fill=\"#e95678\""));
        let wide = "<rect x=\"12.0\" y=\"30.0\" width=\"16.8\" height=\"18\" fill=\"#d8dae2\"/>";
        assert!(svg.contains(wide), "{svg}");
        assert!(
            svg.contains("<text x=\"37.2\""),
            "the x is after the wide one and a space: {svg}"
        );
    }

    #[test]
    fn an_old_picture_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picture.svg");
        std::fs::write(&file, "old").unwrap();
        check_file(&file, "old");
        assert!(std::panic::catch_unwind(|| check_file(&file, "new")).is_err());
    }
}
