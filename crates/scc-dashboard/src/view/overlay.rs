//! What lies over a tab.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget as _};

use super::{Theme, put};
use crate::model::Model;
use crate::overlay::Overlay;
use crate::text::{Cut, fit, width};

/// The widest that a text over a tab is made.
const WIDEST: u16 = 76;
/// What the frame takes on both sides, with a space inside it.
const FRAME: u16 = 4;
/// The shortest window over a tab: a frame and a line.
const SHORTEST: u16 = 3;

/// Where it lies, and the lines in it.
struct Window {
    area: Rect,
    lines: Vec<String>,
}

impl Window {
    fn of(overlay: &Overlay, model: &Model, screen: Rect) -> Self {
        let room = screen.width.saturating_sub(2).min(WIDEST);
        let inside = room.saturating_sub(FRAME);
        let lines = overlay.lines(model, inside);
        let longest = lines.iter().map(|line| width(line)).max();
        let longest = match overlay {
            Overlay::Input { .. } => 40,
            _ => longest.unwrap_or_default(),
        };
        let title = width(&title(overlay, model)) + 2;
        let inside = longest.max(title).min(inside);
        let width = inside + FRAME;
        let wanted = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let tallest = screen.height.saturating_sub(3).max(SHORTEST);
        let height = wanted.saturating_add(2).min(tallest).min(screen.height);
        let area = Rect {
            x: screen.x + (screen.width - width) / 2,
            y: screen.y + (screen.height - height) / 2,
            width,
            height,
        };
        Self { area, lines }
    }

    fn inside(&self) -> Rect {
        Rect {
            x: self.area.x + 2,
            y: self.area.y + 1,
            width: self.area.width.saturating_sub(FRAME),
            height: self.area.height.saturating_sub(2),
        }
    }
}

pub(super) fn scroll_limit(model: &Model, screen: Rect) -> usize {
    let Some(overlay) = model.overlay() else {
        return 0;
    };
    let window = Window::of(overlay, model, screen);
    let shown = usize::from(window.inside().height);
    window.lines.len().saturating_sub(shown)
}

pub(super) fn draw(
    model: &Model,
    theme: Theme,
    screen: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let overlay = model.overlay()?;
    let window = Window::of(overlay, model, screen);
    split_wide(window.area, buffer);
    Clear.render(window.area, buffer);
    let title = fit(&title(overlay, model), window.area.width - FRAME, Cut::End);
    Block::bordered()
        .title(format!(" {title} "))
        .title_style(theme.title())
        .render(window.area, buffer);
    let inside = window.inside();
    let top = first_line(overlay, inside.height);
    for (y, (at, line)) in (0..inside.height).zip(window.lines.iter().enumerate().skip(top)) {
        let area = Rect {
            y: inside.y + y,
            height: 1,
            ..inside
        };
        let is_chosen = matches!(overlay, Overlay::Menu(menu) if menu.at == at);
        if is_chosen {
            let before = Rect {
                x: area.x - 1,
                ..area
            };
            put(">", theme.selected(), before, buffer);
        }
        let style = if is_chosen {
            theme.selected()
        } else {
            Style::new()
        };
        let cut = if matches!(overlay, Overlay::Input { .. }) {
            Cut::Begin
        } else {
            Cut::End
        };
        put(&fit(line, area.width, cut), style, area, buffer);
    }
    cursor(overlay, inside)
}

/// A wide character that the window covers the second half of would cover the window's edge.
fn split_wide(area: Rect, buffer: &mut Buffer) {
    let Some(x) = area.x.checked_sub(1) else {
        return;
    };
    for y in area.y..area.bottom() {
        if let Some(cell) = buffer.cell_mut((x, y))
            && width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
    }
}

/// The first line that is shown: the chosen entry of a menu is in sight.
fn first_line(overlay: &Overlay, height: u16) -> usize {
    match overlay {
        Overlay::Help { top } | Overlay::Details { top, .. } => *top,
        Overlay::Menu(menu) => (menu.at + 1).saturating_sub(usize::from(height)),
        Overlay::Confirm { .. } | Overlay::Input { .. } => 0,
    }
}

fn cursor(overlay: &Overlay, inside: Rect) -> Option<Position> {
    let Overlay::Input { text, .. } = overlay else {
        return None;
    };
    let at = width(text).min(inside.width.saturating_sub(1));
    Some(Position::new(inside.x + at, inside.y))
}

fn title(overlay: &Overlay, model: &Model) -> String {
    match overlay {
        Overlay::Help { .. } => "Keys".to_owned(),
        Overlay::Details { id, .. } => {
            let row = model.row(id);
            row.map_or_else(|| "Details".to_owned(), |row| row.name().to_owned())
        }
        Overlay::Menu(menu) => menu.title.clone(),
        Overlay::Confirm { .. } => "Sure?".to_owned(),
        Overlay::Input { action, .. } => format!("{}: its name", action.label),
    }
}

pub(super) fn hints(model: &Model) -> Vec<(String, String)> {
    let pairs: &[(&str, &str)] = match model.overlay() {
        Some(Overlay::Confirm { .. }) => &[("y", "yes"), ("n", "no")],
        Some(Overlay::Input { .. }) => &[("Enter", "do it"), ("Esc", "cancel")],
        Some(Overlay::Menu(_)) => &[("Enter", "do it"), ("Esc", "close"), ("↑↓", "move")],
        _ => &[("Esc", "close"), ("↑↓", "scroll")],
    };
    let owned = |(key, meaning): &(&str, &str)| ((*key).to_owned(), (*meaning).to_owned());
    pairs.iter().map(owned).collect()
}
