//! The audit log: what tampering and crashes look like.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panic as tests do"
)]

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use scc_state::{AuditLog, BadLine, StateDir};
use serde_json::{Map, Value};

fn now() -> Timestamp {
    "2026-11-24T02:00:00.123Z".parse().unwrap()
}

struct Log {
    folder: tempfile::TempDir,
    audit: AuditLog,
}

impl Log {
    fn with(events: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let audit = StateDir::open(folder.path().to_owned()).unwrap().audit();
        let log = Self { folder, audit };
        (0..events).for_each(|number| log.append(number));
        log
    }

    fn append(&self, number: usize) {
        let data = Map::from_iter([
            ("number".to_owned(), Value::from(number)),
            ("z".to_owned(), Value::from("line\nbreak \u{fc} `}")),
            ("a".to_owned(), Value::from(0.1)),
        ]);
        self.audit
            .append("test.event", Some("s1"), data, now())
            .unwrap();
    }

    fn file(&self) -> PathBuf {
        self.audit.path()
    }

    fn head(&self) -> PathBuf {
        self.folder.path().join("audit/head.json")
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let text = fs::read_to_string(self.file()).unwrap();
        let mut lines = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        fs::write(self.file(), text).unwrap();
    }

    fn first_bad(&self) -> Option<BadLine> {
        self.audit.verify().unwrap().first_bad
    }

    fn bad_line(&self) -> Option<u64> {
        self.first_bad().map(|bad| bad.line)
    }
}

#[test]
fn a_good_log() {
    let log = Log::with(0);
    assert_eq!(log.audit.verify().unwrap().events, 0);
    assert!(log.audit.read(10).unwrap().value.is_empty());
    let log = Log::with(12);
    let report = log.audit.verify().unwrap();
    assert_eq!((report.events, report.first_bad), (12, None));
    let last = log.audit.read(5).unwrap();
    let numbers: Vec<u64> = last.value.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [8, 9, 10, 11, 12]);
    assert_eq!(last.value[0].time, now());
    assert_eq!(last.value[0].session.as_deref(), Some("s1"));
    assert_eq!(log.audit.read(100).unwrap().value.len(), 12);
    assert!(log.audit.read(0).unwrap().value.is_empty());
}

#[test]
fn an_edited_line() {
    for (from, to) in [
        ("\"number\":3", "\"number\":4"),
        ("\"s1\"", "\"s2\""),
        ("\"seq\":4", "\"seq\": 4"),
        ("test.event", "test.other"),
        ("0.1", "0.10"),
    ] {
        let log = Log::with(6);
        log.change(|lines| lines[3] = lines[3].replace(from, to));
        let report = log.audit.verify().unwrap();
        assert_eq!(
            (report.events, report.first_bad.unwrap().line),
            (3, 4),
            "{from}"
        );
    }
    let log = Log::with(6);
    log.change(|lines| lines[5] = lines[5].replace("\"number\":5", "\"number\":6"));
    assert_eq!(log.bad_line(), Some(6));
}

#[test]
fn a_hash_made_anew_breaks_the_next_link() {
    let log = Log::with(6);
    let other = Log::with(0);
    for number in [0, 1, 2, 33] {
        other.append(number);
    }
    let forged = fs::read_to_string(other.file())
        .unwrap()
        .lines()
        .nth(3)
        .unwrap()
        .to_owned();
    log.change(|lines| lines[3] = forged);
    assert_eq!(log.bad_line(), Some(5));
    log.change(|lines| lines.truncate(4));
    assert_eq!(log.bad_line(), Some(5), "the head remembers two more");
}

#[test]
fn lines_deleted_moved_doubled_and_put_in() {
    let log = Log::with(6);
    log.change(|lines| drop(lines.remove(2)));
    assert_eq!(log.first_bad().unwrap().reason, "events 3 to 3 are missing");
    let log = Log::with(6);
    log.change(|lines| drop(lines.remove(0)));
    assert_eq!(log.bad_line(), Some(1));
    let log = Log::with(6);
    log.change(|lines| lines.swap(1, 3));
    assert_eq!(log.bad_line(), Some(2));
    let log = Log::with(6);
    log.change(|lines| lines.insert(2, lines[1].clone()));
    assert_eq!(log.bad_line(), Some(3));
    let log = Log::with(6);
    log.change(|lines| lines.insert(2, String::new()));
    assert_eq!(log.bad_line(), Some(3));
}

#[test]
fn a_cut_tail_is_found_and_stays_visible() {
    let log = Log::with(6);
    log.change(|lines| lines.truncate(4));
    let bad = log.first_bad().unwrap();
    assert_eq!(
        (bad.line, bad.reason.as_str()),
        (5, "events 5 to 6 are missing at the end")
    );
    log.append(7);
    assert_eq!(log.first_bad().unwrap().reason, "events 5 to 6 are missing");

    let log = Log::with(3);
    fs::remove_file(log.file()).unwrap();
    assert_eq!(log.bad_line(), Some(1));
    log.append(1);
    assert_eq!(log.first_bad().unwrap().reason, "events 1 to 3 are missing");
}

#[test]
fn a_rewritten_tail_is_found_and_stays_visible() {
    for events in [3, 4, 9] {
        let log = Log::with(4);
        let head = fs::read(log.head()).unwrap();
        log.change(|lines| lines.truncate(2));
        fs::remove_file(log.head()).unwrap();
        let now = now() + jiff::SignedDuration::from_secs(1);
        for _ in 2..events {
            log.audit.append("forged", None, Map::new(), now).unwrap();
            fs::remove_file(log.head()).unwrap();
        }
        fs::write(log.head(), head).unwrap();
        assert!(log.first_bad().is_some(), "{events}");
        log.append(9);
        assert!(log.first_bad().is_some(), "{events}");
    }
}

#[test]
fn a_lost_head_is_found_and_recorded() {
    let log = Log::with(3);
    fs::remove_file(log.head()).unwrap();
    assert_eq!(log.bad_line(), Some(4));
    log.append(3);
    assert_eq!(log.first_bad(), None);
    let events = log.audit.read(2).unwrap().value;
    assert_eq!(events[0].event, "audit.head-lost");
}

#[test]
fn a_crash_between_line_and_head_is_in_order() {
    for events in [1, 4] {
        let log = Log::with(events - 1);
        let head = fs::read(log.head()).ok();
        log.append(9);
        match head {
            Some(head) => fs::write(log.head(), head).unwrap(),
            None => fs::remove_file(log.head()).unwrap(),
        }
        assert_eq!(log.first_bad(), None);
        log.append(10);
        let report = log.audit.verify().unwrap();
        assert_eq!((report.events, report.first_bad), (events as u64 + 1, None));
    }
}

#[test]
fn a_torn_line_is_kept_aside_and_recorded() {
    for torn in ["{\"seq\":4,\"ti", "\0\0\0\0"] {
        let log = Log::with(3);
        let mut text = fs::read_to_string(log.file()).unwrap();
        text.push_str(torn);
        fs::write(log.file(), text).unwrap();
        assert_eq!(log.bad_line(), Some(4));
        assert_eq!(log.audit.read(9).unwrap().value.len(), 3);
        log.append(5);
        assert_eq!(log.first_bad(), None);
        let events = log.audit.read(2).unwrap().value;
        assert_eq!(events[0].event, "audit.torn-line");
        assert_eq!(events[1].seq, 5);
        let kept = log
            .folder
            .path()
            .join("audit")
            .join(events[0].data["kept_as"].as_str().unwrap());
        assert_eq!(fs::read_to_string(kept).unwrap(), torn);
    }
}

#[test]
fn long_logs_and_long_lines() {
    let log = Log::with(2);
    let long = Map::from_iter([("text".to_owned(), Value::from("x".repeat(200_000)))]);
    log.audit.append("long", None, long, now()).unwrap();
    log.append(1);
    assert_eq!(log.first_bad(), None);
    let read = log.audit.read(2).unwrap();
    assert_eq!(read.value[0].event, "long");
    assert_eq!((read.value.len(), read.warnings.len()), (2, 0));
}

fn batch(count: usize) -> Vec<(&'static str, Map<String, Value>)> {
    let data = |number| Map::from_iter([("number".to_owned(), Value::from(number))]);
    (0..count)
        .map(|number| ("test.batch", data(number)))
        .collect()
}

#[test]
fn many_events_at_once_are_links_of_the_chain_too() {
    let log = Log::with(2);
    log.audit.append_all(batch(3), Some("s1"), now()).unwrap();
    log.audit.append_all(batch(0), Some("s1"), now()).unwrap();
    log.append(9);
    assert_eq!(log.first_bad(), None);
    let events = log.audit.read(4).unwrap().value;
    let names: Vec<_> = events.iter().map(|event| event.event.as_str()).collect();
    let batch = "test.batch";
    assert_eq!(names, [batch, batch, batch, "test.event"]);
    let numbers: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [3, 4, 5, 6]);
    log.change(|lines| {
        lines.remove(3);
    });
    assert_eq!(log.bad_line(), Some(4));
}

/// The head is first told how many are to come; what of them was written before a crash is good, and
/// what is written next follows it.
#[test]
fn a_crash_within_many_events_is_in_order() {
    for before in [0, 2] {
        for written in 0..=3 {
            let log = Log::with(before);
            log.audit.append_all(batch(3), Some("s1"), now()).unwrap();
            let events = log.audit.read(9).unwrap().value;
            let genesis = "0".repeat(64);
            let hash = before
                .checked_sub(1)
                .map_or(&genesis, |at| &events[at].hash);
            let head = serde_json::json!({ "seq": before, "hash": hash, "until": before + 3 });
            fs::write(log.head(), head.to_string()).unwrap();
            log.change(|lines| lines.truncate(before + written));
            assert_eq!(log.first_bad(), None, "{before} {written}");
            log.append(9);
            assert_eq!(log.first_bad(), None, "{before} {written}");
            let report = log.audit.verify().unwrap();
            assert_eq!(report.events as usize, before + written + 1);
        }
    }
}

/// More than were to come is not a crash.
#[test]
fn a_head_that_waits_for_events_covers_no_others() {
    let log = Log::with(5);
    let hash = &log.audit.read(4).unwrap().value[0].hash;
    let head = serde_json::json!({ "seq": 2, "hash": hash, "until": 4 });
    fs::write(log.head(), head.to_string()).unwrap();
    assert!(log.first_bad().is_some());
    let head = serde_json::json!({ "seq": 2, "hash": "0".repeat(64), "until": 9 });
    fs::write(log.head(), head.to_string()).unwrap();
    assert!(log.first_bad().is_some());
}
