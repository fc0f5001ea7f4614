//! How wide the columns of a tab are.

use crate::text::{Cut, width};

/// The gap between two columns, and the mark before the first.
pub(crate) const GAP: u16 = 2;
pub(crate) const MARK: u16 = 2;

/// A column of a tab.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// It is not made narrower than this.
    least: u16,
    /// It is not made wider than this.
    most: u16,
    /// Left out first when it is high; never when it is 0.
    dispensable: u8,
    pub(crate) cut: Cut,
    /// It is shown as the row's level says, and says what is being done to the row.
    pub(crate) is_state: bool,
}

impl Column {
    const fn new(title: &'static str, least: u16, most: u16, dispensable: u8) -> Self {
        Self {
            title,
            least,
            most,
            dispensable,
            cut: Cut::End,
            is_state: false,
        }
    }

    pub(crate) const fn text(title: &'static str, least: u16, dispensable: u8) -> Self {
        Self::new(title, least, 24, dispensable)
    }

    pub(crate) const fn name(title: &'static str) -> Self {
        Self::new(title, 8, 40, 0)
    }

    pub(crate) const fn value() -> Self {
        Self {
            is_state: true,
            ..Self::new("", 8, u16::MAX, 0)
        }
    }

    pub(crate) const fn state(title: &'static str) -> Self {
        Self {
            is_state: true,
            ..Self::new(title, 9, 14, 0)
        }
    }

    pub(crate) const fn path(title: &'static str) -> Self {
        Self {
            cut: Cut::Begin,
            ..Self::new(title, 20, u16::MAX, 1)
        }
    }

    /// As wide as its content, as far as it may be.
    fn natural(&self, content: u16) -> u16 {
        let content = content.max(width(self.title)).min(self.most);
        // A state may have to say what is being done.
        if self.is_state {
            content.max(self.least)
        } else {
            content
        }
    }
}

/// The width of every column, with `content` the widest cell of each: 0 where it is left out. What
/// does not fit is made narrower, the last column first; where that is not enough, columns are left
/// out.
pub(crate) fn widths(columns: &[Column], content: &[u16], room: u16) -> Vec<u16> {
    let mut dispensable: Vec<_> = (0..columns.len())
        .filter(|at| columns[*at].dispensable > 0)
        .collect();
    dispensable.sort_by_key(|at| columns[*at].dispensable);
    let mut left_out = Vec::new();
    loop {
        let widths = narrowed(columns, content, &left_out, room);
        if total(&widths) <= room {
            return widths;
        }
        match dispensable.pop() {
            Some(at) => left_out.push(at),
            None => return squeezed(widths, room),
        }
    }
}

fn narrowed(columns: &[Column], content: &[u16], left_out: &[usize], room: u16) -> Vec<u16> {
    let natural = |(at, column): (usize, &Column)| match left_out.contains(&at) {
        true => 0,
        false => column.natural(content.get(at).copied().unwrap_or_default()),
    };
    let mut widths: Vec<u16> = columns.iter().enumerate().map(natural).collect();
    for at in (0..columns.len()).rev() {
        let excess = total(&widths).saturating_sub(room);
        let least = columns[at].least.min(widths[at]);
        widths[at] = widths[at].saturating_sub(excess).max(least);
    }
    widths
}

/// For a terminal that is too narrow even for what is never left out.
fn squeezed(mut widths: Vec<u16>, room: u16) -> Vec<u16> {
    for at in (0..widths.len()).rev() {
        let excess = total(&widths).saturating_sub(room);
        widths[at] = widths[at].saturating_sub(excess);
    }
    widths
}

fn total(widths: &[u16]) -> u16 {
    let shown = widths.iter().filter(|width| **width > 0);
    let sum = shown.fold(0_u16, |sum, width| sum.saturating_add(*width + GAP));
    (sum + MARK).saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Tab;

    #[test]
    fn columns_give_way() {
        let columns = Tab::Sessions.layout();
        let content = [20, 6, 9, 7, 20, 60];
        assert_eq!(widths(columns, &content, 200), [20, 6, 9, 7, 20, 60]);
        assert_eq!(widths(columns, &content, 80), [18, 6, 9, 7, 8, 20]);
        assert_eq!(widths(columns, &content, 40), [20, 0, 9, 0, 0, 0]);
        assert_eq!(widths(columns, &content, 8), [6, 0, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn they_fit(content in proptest::collection::vec(0_u16..300, 6), room in 4_u16..300) {
            for tab in Tab::ALL {
                let widths = widths(tab.layout(), &content, room);
                prop_assert!(total(&widths) <= room.max(MARK), "{widths:?}");
            }
        }
    }
}
