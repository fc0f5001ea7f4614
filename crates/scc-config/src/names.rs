//! Characters in names that mislead whoever reads them.

/// Characters that show nothing, or change how the text around them is shown. A name that holds one
/// looks like another name.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What keeps a text from being a name: nothing in it, or what cannot be seen.
pub(crate) fn complaint(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        return Some("is empty");
    }
    if name.contains(char::is_control) {
        return Some("holds control characters");
    }
    name.contains(is_invisible)
        .then_some("holds characters that cannot be seen")
}

/// A text with what cannot be seen written as `\u{…}`.
pub(crate) fn visible(text: &str) -> String {
    let shown = text
        .chars()
        .map(|c| match c.is_control() || is_invisible(c) {
            true => c.escape_unicode().to_string(),
            false => c.to_string(),
        });
    shown.collect()
}
