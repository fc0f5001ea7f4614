//! The rows of a tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Theme, put};
use crate::column::{Column, GAP, MARK, widths};
use crate::model::Model;
use crate::text::{Cut, fit, wrap};
use crate::{Level, Row};

pub(super) fn draw(model: &Model, theme: Theme, area: Rect, titles: u16, buffer: &mut Buffer) {
    let columns = model.tab().layout();
    let list = model.list();
    let widths = widths(columns, list.widest(), area.width);
    if titles > 0 {
        let titles = columns.iter().map(|column| (column.title, theme.title()));
        let line = Rect { height: 1, ..area };
        cells(titles, columns, &widths, line, buffer);
    }
    let body = Rect {
        y: area.y + titles,
        height: area.height.saturating_sub(titles),
        ..area
    };
    let rows = model.snapshot().list(model.tab());
    if list.shown().is_empty() {
        empty(model, theme, body, buffer);
        return;
    }
    let on_screen = list.shown().iter().enumerate().skip(list.top());
    for (y, (at, row)) in (0..body.height).zip(on_screen) {
        let Some(row) = rows.rows.get(*row) else {
            continue;
        };
        let line = Rect {
            y: body.y + y,
            height: 1,
            ..body
        };
        draw_row(model, theme, row, &widths, line, buffer);
        if at == list.at() {
            put(">", theme.selected(), line, buffer);
            buffer.set_style(line, theme.selected());
        }
    }
}

fn draw_row(
    model: &Model,
    theme: Theme,
    row: &Row,
    widths: &[u16],
    line: Rect,
    buffer: &mut Buffer,
) {
    let columns = model.tab().layout();
    let pending = model.pending(row);
    let styled = columns.iter().zip(&row.cells).map(|(column, cell)| {
        let text = pending.filter(|_| column.is_state).unwrap_or(cell);
        let style = match column.is_state {
            true => theme.level(row.level),
            false => Style::new(),
        };
        (text, style)
    });
    cells(styled, columns, widths, line, buffer);
}

fn cells<'a>(
    cells: impl Iterator<Item = (&'a str, Style)>,
    columns: &[Column],
    widths: &[u16],
    line: Rect,
    buffer: &mut Buffer,
) {
    let mut x = line.x + MARK;
    for ((column, width), (text, style)) in columns.iter().zip(widths).zip(cells) {
        if *width == 0 {
            continue;
        }
        let area = Rect {
            x,
            width: (*width).min(line.right().saturating_sub(x)),
            ..line
        };
        put(&fit(text, area.width, column.cut), style, area, buffer);
        x = x.saturating_add(width + GAP).min(line.right());
    }
}

/// Says why nothing is there.
fn empty(model: &Model, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let rows = model.snapshot().list(model.tab());
    let text = match model.list().filter() {
        "" => rows.empty.clone(),
        filter => format!(
            "nothing matches `{}`; Esc clears the filter",
            fit(filter, 40, Cut::End)
        ),
    };
    let room = area.width.saturating_sub(2 * MARK);
    for (y, line) in (0..area.height).zip(wrap(&text, room)) {
        let area = Rect::new(area.x + MARK, area.y + y, room, 1);
        put(&line, theme.level(Level::Faint), area, buffer);
    }
}
