//! The rows of a tab that are shown, and the one that is selected.

use crate::column::Column;
use crate::text::width;
use crate::{Row, TabRows};

/// Where a person is in a tab.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// What is searched for, in lower case and in any column.
    filter: String,
    /// The rows that match, by their place in the snapshot.
    shown: Vec<usize>,
    /// The selected one of those.
    at: usize,
    /// Its row's identifier, by which it is found in a later snapshot.
    id: Option<String>,
    /// The first one on the screen.
    top: usize,
    /// The widest cell of each column.
    widest: Vec<u16>,
}

/// A step of the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Up(usize),
    Down(usize),
    First,
    Last,
}

impl List {
    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    pub(crate) fn shown(&self) -> &[usize] {
        &self.shown
    }

    /// The place of the selected row among those that are shown.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn top(&self) -> usize {
        self.top
    }

    pub(crate) fn widest(&self) -> &[u16] {
        &self.widest
    }

    pub(crate) fn selected<'a>(&self, rows: &'a TabRows) -> Option<&'a Row> {
        rows.rows.get(*self.shown.get(self.at)?)
    }

    /// Takes new rows; the selected one stays selected where it is still there.
    pub(crate) fn take(&mut self, rows: &TabRows, columns: &[Column], height: usize) {
        self.widest = widest(rows, columns);
        self.search(rows, height);
    }

    pub(crate) fn set_filter(&mut self, filter: String, rows: &TabRows, height: usize) {
        self.filter = filter;
        self.at = 0;
        self.search(rows, height);
    }

    fn search(&mut self, rows: &TabRows, height: usize) {
        let words = self.filter.to_lowercase();
        let words: Vec<_> = words.split_whitespace().collect();
        let matching = rows.rows.iter().enumerate();
        let matching = matching.filter(|(_, row)| matches(row, &words));
        self.shown = matching.map(|(at, _)| at).collect();
        let known = |at: &usize| rows.rows.get(*at).map(|row| &row.id) == self.id.as_ref();
        if let Some(at) = self.shown.iter().position(known) {
            self.at = at;
        }
        self.settle(rows, height);
    }

    pub(crate) fn step(&mut self, step: Step, rows: &TabRows, height: usize) {
        self.at = match step {
            Step::Up(by) => self.at.saturating_sub(by),
            Step::Down(by) => self.at.saturating_add(by),
            Step::First => 0,
            Step::Last => usize::MAX,
        };
        self.settle(rows, height);
    }

    /// Keeps the selection among the rows, and on the screen.
    pub(crate) fn settle(&mut self, rows: &TabRows, height: usize) {
        let last = self.shown.len().saturating_sub(1);
        self.at = self.at.min(last);
        self.id = self.selected(rows).map(|row| row.id.clone());
        let height = height.max(1);
        let lowest_top = self.shown.len().saturating_sub(height);
        let range = (self.at + 1).saturating_sub(height)..=self.at;
        self.top = self.top.clamp(*range.start(), *range.end());
        self.top = self.top.min(lowest_top);
    }
}

fn matches(row: &Row, words: &[&str]) -> bool {
    if words.is_empty() {
        return true;
    }
    let text = row.cells.join(" ").to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn widest(rows: &TabRows, columns: &[Column]) -> Vec<u16> {
    let mut widest = vec![0; columns.len()];
    for row in &rows.rows {
        for (cell, widest) in row.cells.iter().zip(&mut widest) {
            *widest = width(cell).max(*widest);
        }
    }
    widest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tab;

    fn rows(names: &[&str]) -> TabRows {
        TabRows {
            rows: names.iter().map(|name| Row::new(*name, [*name])).collect(),
            ..TabRows::default()
        }
    }

    fn list(rows: &TabRows, height: usize) -> List {
        let mut list = List::default();
        list.take(rows, Tab::Containers.layout(), height);
        list
    }

    #[test]
    fn the_selection_stays_with_its_row() {
        let before = rows(&["a", "b", "c"]);
        let mut list = list(&before, 9);
        list.step(Step::Down(1), &before, 9);
        let after = rows(&["new", "a", "b"]);
        list.take(&after, Tab::Containers.layout(), 9);
        assert_eq!(list.selected(&after).unwrap().id, "b");
        let gone = rows(&["new"]);
        list.take(&gone, Tab::Containers.layout(), 9);
        assert_eq!(list.selected(&gone).unwrap().id, "new");
        let none = rows(&[]);
        list.take(&none, Tab::Containers.layout(), 9);
        assert_eq!(list.selected(&none), None);
    }

    #[test]
    fn every_word_has_to_be_there() {
        let mut all = rows(&["one", "two"]);
        all.rows[0].cells.push("Main Branch".to_owned());
        let mut list = list(&all, 9);
        list.set_filter("BRANCH on".to_owned(), &all, 9);
        assert_eq!(list.shown(), [0]);
        list.set_filter("branch two".to_owned(), &all, 9);
        assert!(list.shown().is_empty());
        list.set_filter(" ".to_owned(), &all, 9);
        assert_eq!(list.shown(), [0, 1]);
    }

    #[test]
    fn the_selection_stays_on_the_screen() {
        let names: Vec<_> = (0..100).map(|n| n.to_string()).collect();
        let all = rows(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut list = list(&all, 10);
        list.step(Step::Down(10), &all, 10);
        assert_eq!((list.at(), list.top()), (10, 1));
        list.step(Step::Up(5), &all, 10);
        assert_eq!((list.at(), list.top()), (5, 1));
        list.step(Step::Last, &all, 10);
        assert_eq!((list.at(), list.top()), (99, 90));
        list.settle(&all, 50);
        assert_eq!((list.at(), list.top()), (99, 50));
        list.step(Step::First, &all, 10);
        assert_eq!((list.at(), list.top()), (0, 0));
    }
}
