//! Ages for people.

use std::time::Duration;

/// The largest unit that fits and one below it, such as `3 days 4 hours`.
pub(crate) fn words(age: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ];
    let seconds = age.as_secs();
    let first = UNITS.iter().position(|(_, size)| seconds >= *size);
    let Some(first) = first else {
        return "0 seconds".to_owned();
    };
    let mut parts = Vec::new();
    let mut rest = seconds;
    for (name, size) in UNITS.iter().skip(first).take(2) {
        let count = rest / size;
        rest %= size;
        match count {
            0 => {}
            1 => parts.push(format!("1 {name}")),
            _ => parts.push(format!("{count} {name}s")),
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (61, "1 minute 1 second"),
            (3_600, "1 hour"),
            (90_061, "1 day 1 hour"),
            (7 * 86_400 + 59, "7 days"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }
}
