//! How long an exception holds: `30m`, `8h`, `1d`, a time of day, or a moment.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// How long an exception holds when nobody says, in hours.
pub const DEFAULT_EXCEPTION_HOURS: i64 = 8;
/// How long an exception holds at most when the organization does not say, in hours.
pub const MAX_EXCEPTION_HOURS: i64 = 24;

/// When something is to end, as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// This much later.
    After(SignedDuration),
    /// When it is next this time of day, here.
    Until(Time),
    /// At this moment.
    At(Timestamp),
}

/// An end that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpiryError {
    /// The text is not what it should be.
    #[error("`{text}` is not {expected}")]
    Syntax {
        /// What was written.
        text: String,
        /// What it should be, with an example.
        expected: &'static str,
    },
    /// The moment is over.
    #[error("`{0}` is not in the future")]
    Past(Timestamp),
    /// It would hold for too long.
    #[error("an exception holds for at most {}", hours(*max))]
    TooLong {
        /// The longest time that is allowed.
        max: SignedDuration,
    },
    /// The clocks jump over that time of day.
    #[error("{0} does not exist on that day, since the clocks go forward")]
    Skipped(Time),
}

impl Expiry {
    /// Reads a time to live: a whole number and `m`, `h` or `d` (24 hours).
    ///
    /// # Errors
    /// [`ExpiryError::Syntax`] when it is something else, or zero.
    pub fn ttl(text: &str) -> Result<Self, ExpiryError> {
        let trimmed = text.trim();
        let minutes = match trimmed.as_bytes().last() {
            Some(b'm') => 1,
            Some(b'h') => 60,
            Some(b'd') => 24 * 60,
            _ => 0,
        };
        let digits = trimmed.get(..trimmed.len().saturating_sub(1)).unwrap_or("");
        let number = match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<i64>().ok(),
            false => None,
        };
        let minutes = number.and_then(|number| number.checked_mul(minutes));
        let duration = minutes.and_then(|minutes| minutes.checked_mul(60));
        match duration {
            Some(seconds) if seconds > 0 => Ok(Self::After(SignedDuration::from_secs(seconds))),
            _ => Err(syntax(text, "a time to live such as `30m`, `8h` or `1d`")),
        }
    }

    /// Reads a time of day, `HH:MM`.
    ///
    /// # Errors
    /// [`ExpiryError::Syntax`] when it is something else.
    pub fn until(text: &str) -> Result<Self, ExpiryError> {
        let time = match text.trim().len() {
            5 => Time::strptime("%H:%M", text.trim()).ok(),
            _ => None,
        };
        let time = time.ok_or_else(|| syntax(text, "a time of day such as `17:30`"))?;
        Ok(Self::Until(time))
    }

    /// Reads a moment in the form of RFC 3339.
    ///
    /// # Errors
    /// [`ExpiryError::Syntax`] when it is something else, such as a time without a zone.
    pub fn at(text: &str) -> Result<Self, ExpiryError> {
        let time = text.trim().parse();
        let expected = "a moment such as `2026-11-24T17:30:00Z`";
        Ok(Self::At(time.map_err(|_| syntax(text, expected))?))
    }

    /// The moment that is meant at `now` in `zone`. A time of day that is over today means
    /// tomorrow.
    ///
    /// # Errors
    /// When the moment is not in the future, more than `max` away, or a time of day that the
    /// clocks jump over.
    pub fn resolve(
        &self,
        now: Timestamp,
        zone: &TimeZone,
        max: SignedDuration,
    ) -> Result<Timestamp, ExpiryError> {
        let end = match self {
            Self::After(duration) => now
                .checked_add(*duration)
                .map_err(|_| ExpiryError::TooLong { max })?,
            Self::At(moment) => *moment,
            Self::Until(time) => next(*time, now, zone)?,
        };
        if end <= now {
            return Err(ExpiryError::Past(end));
        }
        if end.duration_since(now) > max {
            return Err(ExpiryError::TooLong { max });
        }
        Ok(end)
    }
}

fn next(time: Time, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, ExpiryError> {
    let today = now.to_zoned(zone.clone()).date();
    let skipped = |_| ExpiryError::Skipped(time);
    let on = |day: jiff::civil::Date| {
        let moment = zone.to_ambiguous_timestamp(day.to_datetime(time));
        match moment.offset() {
            jiff::tz::AmbiguousOffset::Gap { .. } => Err(ExpiryError::Skipped(time)),
            _ => moment.earlier().map_err(skipped),
        }
    };
    // Where the clocks went back, an hour comes twice and the second may still be ahead.
    let later = zone
        .to_ambiguous_timestamp(today.to_datetime(time))
        .later()
        .map_err(skipped)?;
    match on(today) {
        Ok(end) if end > now => Ok(end),
        Ok(_) if later > now => Ok(later),
        Err(error) if later > now => Err(error),
        _ => on(today.checked_add(1.day()).map_err(skipped)?),
    }
}

fn syntax(text: &str, expected: &'static str) -> ExpiryError {
    let text = text.to_owned();
    ExpiryError::Syntax { text, expected }
}

fn hours(duration: SignedDuration) -> String {
    let minutes = duration.as_mins();
    match minutes % 60 {
        0 => format!("{} hours", minutes / 60),
        _ => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: SignedDuration = SignedDuration::from_hours(MAX_EXCEPTION_HOURS);

    fn resolve(expiry: Result<Expiry, ExpiryError>, now: &str, zone: &str) -> String {
        // The zone is written as a POSIX rule, so that the test needs no database.
        let zone = TimeZone::posix(zone).unwrap();
        match expiry.and_then(|e| e.resolve(now.parse().unwrap(), &zone, MAX)) {
            Ok(end) => end.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_may_be_written() {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
        let noon = "2026-11-24T12:00:00Z";
        for (expiry, now, expected) in [
            (Expiry::ttl("30m"), noon, "2026-11-24T12:30:00Z"),
            (Expiry::ttl(" 8h "), noon, "2026-11-24T20:00:00Z"),
            (Expiry::ttl("1d"), noon, "2026-11-25T12:00:00Z"),
            (
                Expiry::ttl("25h"),
                noon,
                "an exception holds for at most 24 hours",
            ),
            (
                Expiry::ttl("9999999999999999d"),
                noon,
                "`9999999999999999d` is not a time to live such as `30m`, `8h` or `1d`",
            ),
            (
                Expiry::ttl("0h"),
                noon,
                "`0h` is not a time to live such as `30m`, `8h` or `1d`",
            ),
            (
                Expiry::ttl("-1h"),
                noon,
                "`-1h` is not a time to live such as `30m`, `8h` or `1d`",
            ),
            (
                Expiry::ttl("8"),
                noon,
                "`8` is not a time to live such as `30m`, `8h` or `1d`",
            ),
            (
                Expiry::ttl("h"),
                noon,
                "`h` is not a time to live such as `30m`, `8h` or `1d`",
            ),
            (
                Expiry::ttl("8ü"),
                noon,
                "`8ü` is not a time to live such as `30m`, `8h` or `1d`",
            ),
            (Expiry::until("17:30"), noon, "2026-11-24T16:30:00Z"),
            (Expiry::until("09:00"), noon, "2026-11-25T08:00:00Z"),
            (Expiry::until("13:00"), noon, "2026-11-25T12:00:00Z"),
            (
                Expiry::until("24:00"),
                noon,
                "`24:00` is not a time of day such as `17:30`",
            ),
            (
                Expiry::until("9:00"),
                noon,
                "`9:00` is not a time of day such as `17:30`",
            ),
            // The clocks go from 2 to 3 on the 29th of March, and from 3 to 2 on the 25th of October.
            (
                Expiry::until("02:30"),
                "2026-03-28T22:00:00Z",
                "02:30:00 does not exist on that day, since the clocks go forward",
            ),
            (
                Expiry::until("02:30"),
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
            ),
            (
                Expiry::until("02:30"),
                "2026-10-25T00:45:00Z",
                "2026-10-25T01:30:00Z",
            ),
            (
                Expiry::at("2026-11-24T15:00:00+02:00"),
                noon,
                "2026-11-24T13:00:00Z",
            ),
            (
                Expiry::at("2026-11-24T12:00:00Z"),
                noon,
                "`2026-11-24T12:00:00Z` is not in the future",
            ),
            (
                Expiry::at("2026-11-25T12:00:01Z"),
                noon,
                "an exception holds for at most 24 hours",
            ),
            (
                Expiry::at("2026-11-24T15:00:00"),
                noon,
                "`2026-11-24T15:00:00` is not a moment such as `2026-11-24T17:30:00Z`",
            ),
        ] {
            assert_eq!(resolve(expiry.clone(), now, berlin), expected, "{expiry:?}");
        }
    }
}
