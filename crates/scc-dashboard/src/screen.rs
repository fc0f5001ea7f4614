//! Frames on a terminal.

use std::io::{self, Write};

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::queue;
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use ratatui::layout::Rect;

use crate::{Model, Theme, draw};

/// A terminal's alternate screen, behind a writer. It asks the terminal nothing: sizes and the mode
/// of the terminal are the caller's business.
#[derive(Debug)]
pub struct Screen<W: Write> {
    backend: CrosstermBackend<W>,
    theme: Theme,
    /// What is on the screen.
    shown: Buffer,
    /// What was on it is of no use any more.
    is_stale: bool,
}

impl<W: Write> Screen<W> {
    /// Turns to the alternate screen.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn enter(writer: W, theme: Theme) -> io::Result<Self> {
        let mut screen = Self {
            backend: CrosstermBackend::new(writer),
            theme,
            shown: Buffer::empty(Rect::ZERO),
            is_stale: true,
        };
        screen.again()?;
        Ok(screen)
    }

    /// Turns to it again, after somebody else may have left it. Everything is sent again with the
    /// next frame.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn again(&mut self) -> io::Result<()> {
        self.is_stale = true;
        queue!(
            self.backend,
            EnterAlternateScreen,
            EnableBracketedPaste,
            Hide
        )?;
        io::Write::flush(&mut self.backend)
    }

    /// Has everything sent again with the next frame.
    pub fn invalidate(&mut self) {
        self.is_stale = true;
    }

    /// Brings a model to the terminal, which has that many columns and rows. Only what has changed
    /// is sent, and in one piece, so nothing flickers.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn draw(&mut self, model: &Model, width: u16, height: u16) -> io::Result<()> {
        let area = Rect::new(0, 0, width, height);
        let mut next = Buffer::empty(area);
        let cursor = draw(model, self.theme, area, &mut next);
        queue!(self.backend, BeginSynchronizedUpdate, Hide)?;
        if self.is_stale || self.shown.area != area {
            queue!(self.backend, ResetColor, Clear(ClearType::All))?;
            self.shown = Buffer::empty(area);
            self.is_stale = false;
        }
        let changes = self.shown.diff(&next);
        self.backend.draw(changes.into_iter())?;
        if let Some(cursor) = cursor {
            queue!(self.backend, MoveTo(cursor.x, cursor.y), Show)?;
        }
        queue!(self.backend, EndSynchronizedUpdate)?;
        io::Write::flush(&mut self.backend)?;
        self.shown = next;
        Ok(())
    }

    /// Turns back to the main screen.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn leave(&mut self) -> io::Result<()> {
        leave(&mut self.backend)
    }
}

/// Turns a terminal back to the main screen, with a cursor.
///
/// # Errors
/// When the terminal cannot be written to.
pub fn leave(writer: &mut impl Write) -> io::Result<()> {
    let writer = writer.by_ref();
    queue!(
        writer,
        ResetColor,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    )?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::num::NonZero;
    use std::rc::Rc;

    use super::*;
    use crate::{Event, Key, Row, Snapshot, Tab};

    fn model() -> Model {
        let mut snapshot = Snapshot::default();
        let rows = ["shop", "漢字", "blog"].map(|name| Row::new(name, [name]));
        snapshot.list_mut(Tab::Status).rows = rows.into();
        let mut model = Model::new(60, 10);
        model.update(Event::Snapshot(Box::new(snapshot)));
        model
    }

    fn terminal(rows: u16, columns: u16) -> vt100::Parser {
        let size = |n| NonZero::new(n).unwrap();
        vt100::Parser::new(size(rows), size(columns), 0)
    }

    /// What is written, to be taken.
    #[derive(Clone, Default)]
    struct Sent(Rc<RefCell<Vec<u8>>>);

    impl Sent {
        fn take(&self) -> Vec<u8> {
            self.0.take()
        }
    }

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of the tab, which begin below two others.
    fn rows(terminal: &vt100::Parser) -> Vec<String> {
        let contents = terminal.screen().contents();
        let rows = contents.lines().skip(2).take(3);
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    #[test]
    fn only_what_has_changed_is_sent() {
        let mut terminal = terminal(10, 60);
        let mut model = model();
        let sent = Sent::default();
        let mut screen = Screen::enter(sent.clone(), Theme::COLOUR).unwrap();
        screen.draw(&model, 60, 10).unwrap();
        terminal.process(&sent.take());
        assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());
        assert_eq!(rows(&terminal), ["> shop", "  漢字", "  blog"]);
        screen.draw(&model, 60, 10).unwrap();
        let again = sent.take();
        assert!(!again.contains(&b's') && again.len() < 60, "{again:?}");
        model.update(Event::Key(Key::Down));
        screen.draw(&model, 60, 10).unwrap();
        let moved = sent.take();
        assert!(!String::from_utf8_lossy(&moved).contains("blog"));
        terminal.process(&moved);
        assert_eq!(rows(&terminal), ["  shop", "> 漢字", "  blog"]);
    }

    #[test]
    fn another_size_and_a_spoilt_screen_are_drawn_anew() {
        let mut terminal = terminal(10, 60);
        let mut model = model();
        let sent = Sent::default();
        let mut screen = Screen::enter(sent.clone(), Theme::PLAIN).unwrap();
        screen.draw(&model, 60, 10).unwrap();
        terminal.process(&sent.take());
        terminal.process(b"\x1b[2Jspoilt");
        screen.invalidate();
        screen.draw(&model, 60, 10).unwrap();
        terminal.process(&sent.take());
        let before = terminal.screen().contents();
        assert!(before.contains("> shop") && !before.contains("spoilt"));
        let size = |n| NonZero::new(n).unwrap();
        terminal.screen_mut().set_size(size(7), size(30));
        model.update(Event::Resize {
            width: 30,
            height: 7,
        });
        screen.draw(&model, 30, 7).unwrap();
        terminal.process(&sent.take());
        assert!(terminal.screen().contents().contains("[Status] 1/4"));
    }

    #[test]
    fn what_was_there_before_returns() {
        let mut terminal = terminal(10, 60);
        terminal.process(b"before");
        let sent = Sent::default();
        let mut screen = Screen::enter(sent.clone(), Theme::COLOUR).unwrap();
        let mut model = model();
        model.update(Event::Key(Key::Char('/')));
        screen.draw(&model, 60, 10).unwrap();
        terminal.process(&sent.take());
        assert!(!terminal.screen().hide_cursor(), "a filter is typed");
        assert!(terminal.screen().bracketed_paste());
        screen.leave().unwrap();
        terminal.process(&sent.take());
        let screen = terminal.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.contents(), "before");
    }
}
