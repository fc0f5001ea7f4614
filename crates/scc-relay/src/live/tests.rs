use std::cell::{Cell, RefCell};

use super::*;

#[test]
fn only_names_get_into_the_list() {
    for name in ["a.example", "xn--a.example", "1.example", "_x.example"] {
        assert!(is_name(name), "{name}");
    }
    for text in [
        "",
        ".example",
        "a b",
        "a\nb",
        "*.a",
        "A.example",
        "a\"b",
        "-x",
    ] {
        assert!(!is_name(text), "{text}");
    }
}

#[test]
fn the_state_is_read_back() {
    let hosts = read("a.example 12\nnonsense\nb.example x\nc.example 3\n");
    let shown: Vec<_> = hosts
        .iter()
        .map(|(host, until)| format!("{host}@{until}"))
        .collect();
    assert_eq!(shown, ["a.example@12", "c.example@3"]);
}

/// How long is waited for second 1100 from second 1000 on, where each sleep takes the clock on by
/// `clock` seconds and the count of those that have passed by `passed`.
fn sleeps(clock: u64, passed: u64) -> u64 {
    let number = Cell::new(0);
    wait(
        1100,
        || 1000 + number.get() * clock,
        || Duration::from_secs(number.get() * passed),
        |time| {
            assert!(time <= LOOK);
            number.set(number.get() + 1);
        },
    );
    number.get()
}

#[test]
fn the_time_ends_by_the_clock_and_by_what_has_passed() {
    assert_eq!(sleeps(1, 1), 100);
    // The machine was suspended: an hour has gone by, and a second was counted.
    assert_eq!(sleeps(3600, 1), 1);
    // The clock is set back again and again.
    assert_eq!(sleeps(0, 1), 100);
}

#[test]
fn who_asked_for_longer_keeps_it() {
    let mut hosts = read("a.example 12\nb.example 12\n");
    end(&mut hosts, "a.example", 11);
    assert_eq!(hosts.len(), 2);
    end(&mut hosts, "a.example", 12);
    assert_eq!(hosts.into_keys().collect::<Vec<_>>(), ["b.example"]);
}

/// Hands on a list in memory, of which so many changes fail after they were made, as when the proxy
/// cannot be told.
#[derive(Default)]
struct Tried {
    hosts: RefCell<Hosts>,
    failing: Cell<u32>,
    is_alone: bool,
    cuts: Cell<u32>,
}

impl Hands for Tried {
    fn change(&self, with: &mut dyn FnMut(&mut Hosts)) -> io::Result<()> {
        with(&mut self.hosts.borrow_mut());
        let failing = self.failing.get();
        self.failing.set(failing.saturating_sub(1));
        match failing {
            0 => Ok(()),
            _ => Err(io::Error::other("the disk is full")),
        }
    }

    fn detach(&self, _: &str, _: u64) -> io::Result<()> {
        match self.is_alone {
            false => Ok(()),
            true => Err(io::Error::other("nobody")),
        }
    }

    fn cut(&self, _: &str) -> io::Result<()> {
        self.cuts.set(self.cuts.get() + 1);
        Ok(())
    }

    fn pause(&self) {}
}

fn tried(state: &str, failing: u32) -> Tried {
    Tried {
        hosts: RefCell::new(read(state)),
        failing: Cell::new(failing),
        ..Tried::default()
    }
}

#[test]
fn what_cannot_be_told_to_the_proxy_is_cut_and_tried_again() {
    let hands = tried("a.example 12\n", 2);
    take_away(&hands, "a.example", 12);
    assert_eq!((hands.failing.get(), hands.cuts.get()), (0, 3));
    assert!(hands.hosts.borrow().is_empty());
    // Somebody has asked for longer.
    let hands = tried("a.example 13\n", 0);
    take_away(&hands, "a.example", 12);
    assert_eq!((hands.hosts.borrow().len(), hands.cuts.get()), (1, 0));
    let hands = tried("a.example 12\n", 1);
    assert!(withdraw(&hands, "a.example").is_err());
    assert_eq!(hands.cuts.get(), 1);
}

#[test]
fn a_host_that_nobody_would_take_away_is_not_added() {
    for (failing, is_alone) in [(0, true), (1, false)] {
        let hands = Tried {
            is_alone,
            ..tried("", failing)
        };
        assert!(allow(&hands, "a.example", 12).is_err());
        assert!(hands.hosts.borrow().is_empty());
        assert_eq!(hands.cuts.get(), 1);
        // What was there before stays, for its own time.
        for before in [11, 12, 13] {
            let state = format!("a.example {before}\n");
            let hands = Tried {
                is_alone,
                ..tried(&state, failing)
            };
            assert!(allow(&hands, "a.example", 12).is_err());
            assert_eq!(hands.hosts.borrow()["a.example"], before);
            assert_eq!(hands.cuts.get(), 0);
        }
    }
    let hands = tried("", 0);
    allow(&hands, "a.example", 12).unwrap();
    assert_eq!(hands.hosts.borrow()["a.example"], 12);
}

#[test]
fn what_is_incomplete_is_refused() {
    for words in [
        &["live"] as &[&str],
        &["live", "a.example"],
        &["live", "a b", "1"],
    ] {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        assert_eq!(run(&words), USAGE);
    }
}
