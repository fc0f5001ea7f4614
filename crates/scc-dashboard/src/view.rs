//! From a model to what is on the screen.

mod overlay;
mod table;
mod theme;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

pub use theme::Theme;

use crate::model::Model;
use crate::text::{Cut, fit, width};
use crate::{Action, Level, Note, Operation, Tab};

/// The smallest window in which something can be shown.
const LEAST: (u16, u16) = (20, 6);

/// How many rows of a tab a window of that height has room for: what is left by tabs, the line
/// below them, titles, message and keys.
pub(crate) fn body_height(height: u16, tab: Tab) -> usize {
    usize::from(height.saturating_sub(4 + title_height(tab)))
}

/// The status has no titles.
fn title_height(tab: Tab) -> u16 {
    u16::from(tab != Tab::Status)
}

/// How far the text that lies over the tab can be scrolled.
pub(crate) fn scroll_limit(model: &Model) -> usize {
    let (width, height) = model.size();
    overlay::scroll_limit(model, Rect::new(0, 0, width, height))
}

/// Draws the model; the answer is where the cursor is, while something is typed.
pub fn draw(model: &Model, theme: Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (least_width, least_height) = LEAST;
    if area.width < least_width || area.height < least_height {
        let text = fit("too small", area.width, Cut::End);
        Line::raw(text).render(area, buffer);
        return None;
    }
    let line = |y| Rect::new(area.x, area.y + y, area.width, 1);
    tabs(model, theme, line(0), buffer);
    let typed = information(model, theme, line(1), buffer);
    let titles = title_height(model.tab());
    let body = Rect {
        y: area.y + 2,
        height: area.height - 4,
        ..area
    };
    table::draw(model, theme, body, titles, buffer);
    message(model, theme, line(area.height - 2), buffer);
    keys(model, theme, line(area.height - 1), buffer);
    overlay::draw(model, theme, area, buffer).or(typed)
}

/// The tabs, as much of them as there is room for.
fn tabs(model: &Model, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let titles = |counted| {
        let mut spans = vec![Span::styled(" scc ", theme.name())];
        for tab in Tab::ALL {
            spans.extend(tab_title(model, theme, tab, counted));
        }
        Line::from(spans)
    };
    let fits = |line: &Line<'_>| line.width() <= usize::from(area.width);
    let only = || {
        let mut spans = vec![Span::styled(" scc ", theme.name())];
        spans.extend(tab_title(model, theme, model.tab(), true));
        spans.push(Span::raw(format!(" {}/4", model.tab().index() + 1)));
        Line::from(spans)
    };
    let shown = [titles(true), titles(false)].into_iter().find(fits);
    shown.unwrap_or_else(only).render(area, buffer);
}

fn tab_title<'a>(model: &Model, theme: Theme, tab: Tab, counted: bool) -> [Span<'a>; 2] {
    let count = model.snapshot().list(tab).rows.len();
    let title = match counted && tab != Tab::Status {
        true => format!("{} {count}", tab.title()),
        false => tab.title().to_owned(),
    };
    let title = match tab == model.tab() {
        true => Span::styled(format!("[{title}]"), theme.selected()),
        false => Span::raw(format!(" {title} ")),
    };
    [Span::raw(" "), title]
}

/// The line below the tabs: the filter, else what is to be known about the tab, else a rule.
fn information(model: &Model, theme: Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let rows = model.snapshot().list(model.tab());
    let list = model.list();
    if model.is_filtering() || !list.filter().is_empty() {
        let counts = format!("  {} of {} ", list.shown().len(), rows.rows.len());
        let room = area.width.saturating_sub(width(&counts) + 4);
        let typed = fit(list.filter(), room, Cut::Begin);
        let at = 3 + width(&typed);
        let line = Line::from(vec![
            Span::styled(" / ", theme.level(Level::Warning)),
            Span::raw(typed),
            Span::styled(format!(" {counts}"), theme.level(Level::Faint)),
        ]);
        line.render(area, buffer);
        let position = Position::new(area.x + at.min(area.width - 1), area.y);
        return model.is_filtering().then_some(position);
    }
    match &rows.note {
        Some(note) => sentence(note, theme, area, buffer),
        None => {
            let rule = "─".repeat(usize::from(area.width));
            Line::styled(rule, theme.level(Level::Faint)).render(area, buffer);
        }
    }
    None
}

fn message(model: &Model, theme: Theme, area: Rect, buffer: &mut Buffer) {
    if let Some(note) = model.message() {
        sentence(note, theme, area, buffer);
    }
}

/// A sentence, marked where it is not a plain one.
fn sentence(note: &Note, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let mark = match note.level {
        Level::Error => "error: ",
        Level::Warning => "! ",
        _ => "",
    };
    let text = crate::text::clean(&note.text);
    let text = fit(&format!(" {mark}{text}"), area.width, Cut::End);
    Line::styled(text, theme.level(note.level)).render(area, buffer);
}

/// The keys that mean something now, as many as there is room for.
fn keys(model: &Model, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let mut room = area.width.saturating_sub(1);
    let mut spans = vec![Span::raw(" ")];
    for (key, meaning) in hints(model) {
        let needed = width(&key) + 1 + width(&meaning) + 2;
        if needed > room + 2 {
            break;
        }
        room = room.saturating_sub(needed);
        spans.push(Span::styled(key, theme.key()));
        spans.push(Span::styled(
            format!(" {meaning}  "),
            theme.level(Level::Faint),
        ));
    }
    Line::from(spans).render(area, buffer);
}

fn hints(model: &Model) -> Vec<(String, String)> {
    let hint = |key: &str, meaning: &str| (key.to_owned(), meaning.to_owned());
    if model.overlay().is_some() {
        return overlay::hints(model);
    }
    if model.is_filtering() {
        return vec![
            hint("Enter", "keep"),
            hint("Esc", "clear"),
            hint("↑↓", "move"),
        ];
    }
    let mut hints = Vec::new();
    let actions = model.selected().map_or(&[][..], |row| &row.actions);
    if let Some(first) = actions.first() {
        hints.push(("Enter".to_owned(), first.label.to_lowercase()));
    }
    let short = [Operation::Stop, Operation::Resume, Operation::Remove];
    let others = actions.iter().skip(1);
    for action in others.filter(|action| short.contains(&action.operation)) {
        hints.extend(key_hint(action));
    }
    let general = &model.snapshot().general;
    let start = general.iter().find(|a| a.operation == Operation::Start);
    hints.extend(start.map(|_| hint("n", "new")));
    hints.extend([
        hint("a", "actions"),
        hint("/", "filter"),
        hint("?", "help"),
        hint("q", "quit"),
        hint("Space", "details"),
        hint("Tab", "next"),
    ]);
    hints
}

fn key_hint(action: &Action) -> Option<(String, String)> {
    let key = action.operation.key()?;
    Some((key.to_string(), action.label.to_lowercase()))
}

/// Writes a text at a place; what does not fit is left out.
fn put(text: &str, style: Style, area: Rect, buffer: &mut Buffer) {
    buffer.set_stringn(area.x, area.y, text, usize::from(area.width), style);
}
