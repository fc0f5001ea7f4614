//! The first process of a sandbox, which ends it when its time is over, whether or not an scc runs
//! on the host by then.

use jiff::Timestamp;
use scc_runtime::{Sandbox, SandboxState, labels};

use crate::images::GUARD;

const NANOSECONDS_OF_A_MILLISECOND: i128 = 1_000_000;

/// The beginning of its command line: the guard, told when the session is over.
pub(crate) fn init(until: Option<Timestamp>) -> Vec<String> {
    let mut words = vec![GUARD.to_owned(), "init".to_owned()];
    if let Some(time) = until {
        // Not before what the sandbox's label says: that tells the reason of its end.
        let nanoseconds = time.as_nanosecond() + NANOSECONDS_OF_A_MILLISECOND - 1;
        let time = nanoseconds.div_euclid(NANOSECONDS_OF_A_MILLISECOND);
        words.extend(["--until".to_owned(), time.to_string()]);
    }
    words.push("--".to_owned());
    words
}

/// Whether a sandbox has ended because its time was over: by what it was made with, and when the
/// engine saw it end. Nothing inside can change either.
pub(crate) fn has_timed_out(sandbox: &Sandbox) -> bool {
    let time = |text: Option<&String>| text?.parse::<Timestamp>().ok();
    let expiry = time(sandbox.labels.get(labels::EXPIRES_AT));
    let ended = time(sandbox.finished_at.as_ref());
    matches!(sandbox.state, SandboxState::Exited { .. })
        && matches!((expiry, ended), (Some(expiry), Some(ended)) if ended >= expiry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox(state: SandboxState, expires: Option<&str>, finished: Option<&str>) -> Sandbox {
        let expires = expires.map(|time| (labels::EXPIRES_AT.to_owned(), time.to_owned()));
        Sandbox {
            id: "i".to_owned(),
            name: "n".to_owned(),
            image: "m".to_owned(),
            labels: expires.into_iter().collect(),
            state,
            created_at: String::new(),
            finished_at: finished.map(str::to_owned),
            out_of_memory: false,
        }
    }

    #[test]
    fn the_init_is_told_the_time_in_whole_milliseconds_and_never_too_early() {
        let at = |time: &str| init(Some(time.parse().unwrap()));
        let told = at("1970-01-01T00:00:01.0000001Z");
        assert_eq!(told[1..], ["init", "--until", "1001", "--"]);
        assert_eq!(at("1970-01-01T00:00:01Z")[3], "1000");
        assert_eq!(init(None)[1..], ["init", "--"]);
    }

    #[test]
    fn the_reason_is_told_by_the_times() {
        let ended = SandboxState::Exited { status: Some(0) };
        let (early, late) = (Some("2026-01-01T00:00:00Z"), Some("2026-01-01T00:00:01Z"));
        assert!(has_timed_out(&sandbox(ended, early, late)));
        assert!(has_timed_out(&sandbox(ended, early, early)));
        for other in [
            sandbox(ended, late, early),
            sandbox(ended, None, late),
            sandbox(ended, early, None),
            sandbox(SandboxState::Running, early, late),
        ] {
            assert!(!has_timed_out(&other), "{other:?}");
        }
    }
}
