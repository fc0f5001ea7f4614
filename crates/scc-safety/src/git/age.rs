//! How old things must be before git deletes them: `2.weeks.ago`, `now`, `never`.

use crate::word::Word;

/// Git's own default, in days.
const DEFAULT: u64 = 14;

/// Only what is older than git's default, or nothing, is deleted.
pub(super) fn is_harmless(word: &Word) -> bool {
    word.get()
        .is_some_and(|text| days(text).is_some_and(|days| days >= DEFAULT))
}

/// The age in days; `None` for what is not an age in plain words, like a date.
fn days(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    if matches!(text.as_str(), "never" | "false") {
        return Some(u64::MAX);
    }
    let separators = ['.', ' ', '-', '_', ','];
    let mut parts = text.split(separators).filter(|part| !part.is_empty());
    let first = parts.next()?;
    let number: u64 = first.parse().ok()?;
    let unit = parts.next()?.trim_end_matches('s');
    let end = parts.next();
    if parts.next().is_some() || !matches!(end, None | Some("ago")) {
        return None;
    }
    let hours = match unit {
        "hour" => 1,
        "day" => 24,
        "week" => 24 * 7,
        "month" => 24 * 30,
        "year" => 24 * 365,
        _ => return None,
    };
    Some(number.saturating_mul(hours) / 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_ages_are_harmless() {
        for (text, harmless) in [
            ("never", true),
            ("2.weeks.ago", true),
            ("2 weeks ago", true),
            ("14.days", true),
            ("1.month.ago", true),
            ("90.days.ago", true),
            ("400.hours.ago", true),
            ("now", false),
            ("all", false),
            ("13.days.ago", false),
            ("1.week.ago", false),
            ("0", false),
            ("", false),
            ("yesterday", false),
            ("2020-01-01", false),
            ("2.weeks.ago.now", false),
            ("99999999999999999999.weeks.ago", false),
        ] {
            assert_eq!(is_harmless(&Word::known(text, 0..0)), harmless, "{text}");
        }
    }
}
