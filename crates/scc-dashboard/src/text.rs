//! Text that fits.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The text without what is not seen or changes how the rest is seen: names come from repositories,
/// in which an agent can write.
pub(crate) fn clean(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown = |c| if is_hidden(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Which end of a text may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The beginning, as of a path.
    Begin,
    /// The end.
    End,
}

/// At most `columns` columns of a text, with a mark where something is left out.
pub(crate) fn fit(text: &str, columns: u16, cut: Cut) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else {
        return String::new();
    };
    match cut {
        Cut::End => format!("{}…", head(text.chars(), room)),
        Cut::Begin => {
            let kept = head(text.chars().rev(), room);
            format!("…{}", kept.chars().rev().collect::<String>())
        }
    }
}

fn head(text: impl Iterator<Item = char>, columns: u16) -> String {
    let mut left = usize::from(columns);
    let fits = |c: &char| match left.checked_sub(c.width().unwrap_or_default()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    text.take_while(fits).collect()
}

/// The lines of a text, broken between words where they are too long.
pub(crate) fn wrap(text: &str, columns: u16) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let mut word = word.to_owned();
            if !line.is_empty() && width(&line) + 1 + width(&word) <= columns {
                line = format!("{line} {word}");
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            while width(&word) > columns {
                let part = head(word.chars(), columns);
                // A character that is wider than the line has no place on it.
                let length = part
                    .len()
                    .max(word.chars().next().map_or(1, char::len_utf8));
                lines.push(part);
                word = word.split_off(length.min(word.len()));
            }
            line = word;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_out_is_marked() {
        assert_eq!(fit("shop", 4, Cut::End), "shop");
        assert_eq!(fit("shopping", 5, Cut::End), "shop…");
        assert_eq!(fit("~/src/shop", 6, Cut::Begin), "…/shop");
        assert_eq!(fit("漢字漢字", 6, Cut::End), "漢字…");
        assert_eq!(fit("漢字漢字", 6, Cut::Begin), "…漢字");
        assert_eq!(fit("shop", 0, Cut::End), "");
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\n"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}"
        );
        assert_eq!(clean("größe 漢字"), "größe 漢字");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 3), ["a", "", "b"]);
    }

    proptest! {
        #[test]
        fn it_fits(text in "\\PC{0,40}", columns in 0_u16..30) {
            for cut in [Cut::Begin, Cut::End] {
                prop_assert!(width(&fit(&text, columns, cut)) <= columns);
            }
            for line in wrap(&text, columns.max(2)) {
                prop_assert!(width(&line) <= columns.max(2), "{line:?}");
            }
        }
    }
}
