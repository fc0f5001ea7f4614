//! Colours. They say nothing that is not said without them.

use ratatui::style::{Color, Modifier, Style};

use crate::Level;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    has_colour: bool,
}

impl Theme {
    /// With the terminal's own colours.
    pub const COLOUR: Self = Self { has_colour: true };
    /// Without any.
    pub const PLAIN: Self = Self { has_colour: false };

    fn colour(self, colour: Color) -> Style {
        match self.has_colour {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    pub(crate) fn level(self, level: Level) -> Style {
        match level {
            Level::Plain => Style::new(),
            Level::Good => self.colour(Color::Green),
            Level::Warning => self.colour(Color::Yellow),
            Level::Error => self.colour(Color::Red),
            Level::Faint => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(crate) fn name(self) -> Style {
        self.colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn key(self) -> Style {
        self.colour(Color::Cyan)
    }

    pub(crate) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }
}
