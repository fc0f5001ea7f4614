//! From the bytes of a terminal to keys.
//!
//! The bytes are the caller's to read, so that one who gives the terminal to another program, or
//! whose terminal is gone, is in control of it.

/// A key that was pressed, or a text that was pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Control and a lower-case letter.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// What was pasted, as one piece: it is text, not keys.
    Paste(String),
}

const ESC: u8 = 0x1b;
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// A sequence that is longer is none; of a longer paste the rest is dropped.
const SEQUENCE_LIMIT: usize = 64;
const PASTE_LIMIT: usize = 64 * 1024;

/// Makes keys of bytes that come in pieces of any length.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// The paste that goes on was long enough: what is left of it are no keys either.
    is_cut: bool,
}

/// What the bytes at the beginning are.
enum Found {
    Key(Key, usize),
    Nothing(usize),
    /// The beginning of a paste that is too long.
    Cut(Key),
    /// More bytes are needed.
    Incomplete,
}

impl Decoder {
    /// The keys of these bytes and of what was left of earlier ones.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        self.take(false)
    }

    /// Whether something is left that may be the beginning of a key. [`Decoder::flush`] is for when
    /// nothing follows soon: Escape alone is also how other keys begin.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The keys of what was left, as nothing follows it.
    pub fn flush(&mut self) -> Vec<Key> {
        let keys = self.take(true);
        self.bytes.clear();
        keys
    }

    fn take(&mut self, is_all: bool) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut at = 0;
        loop {
            if self.is_cut {
                at = self.pass_over_paste(at);
            }
            let rest = self.bytes.get(at..).unwrap_or_default();
            if rest.is_empty() || self.is_cut {
                break;
            }
            match next(rest, is_all) {
                Found::Cut(key) => {
                    keys.push(key);
                    self.is_cut = true;
                }
                Found::Key(key, length) => {
                    keys.push(key);
                    at += length;
                }
                Found::Nothing(length) => at += length,
                Found::Incomplete => break,
            }
        }
        self.bytes.drain(..at.min(self.bytes.len()));
        keys
    }

    /// Where a paste that was cut ends, or what may be the beginning of its end.
    fn pass_over_paste(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match end_of_paste(rest) {
            Some(end) => {
                self.is_cut = false;
                at + end + PASTE_END.len()
            }
            None => {
                let kept = (1..PASTE_END.len()).rev();
                let kept = kept.into_iter().find(|n| rest.ends_with(&PASTE_END[..*n]));
                self.bytes.len() - kept.unwrap_or_default()
            }
        }
    }
}

fn next(bytes: &[u8], is_all: bool) -> Found {
    match bytes {
        [ESC, ..] => escape(bytes, is_all),
        [b'\r' | b'\n', ..] => Found::Key(Key::Enter, 1),
        [b'\t', ..] => Found::Key(Key::Tab, 1),
        [0x7f | 0x08, ..] => Found::Key(Key::Backspace, 1),
        [byte @ 1..=26, ..] => Found::Key(Key::Ctrl(char::from(b'a' + byte - 1)), 1),
        [byte, ..] if *byte < 0x20 => Found::Nothing(1),
        _ => character(bytes, is_all),
    }
}

fn character(bytes: &[u8], is_all: bool) -> Found {
    let head = bytes.get(..bytes.len().min(4)).unwrap_or(bytes);
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => {
            let valid = head.get(..error.valid_up_to()).unwrap_or_default();
            match (std::str::from_utf8(valid), error.error_len()) {
                (Ok(text), _) if !text.is_empty() => text,
                (_, Some(length)) => return Found::Nothing(length),
                (_, None) if is_all => return Found::Nothing(head.len()),
                (_, None) => return Found::Incomplete,
            }
        }
    };
    match valid.chars().next() {
        Some(c) if c.is_control() => Found::Nothing(c.len_utf8()),
        Some(c) => Found::Key(Key::Char(c), c.len_utf8()),
        None => Found::Nothing(1),
    }
}

fn escape(bytes: &[u8], is_all: bool) -> Found {
    if bytes.starts_with(PASTE_BEGIN) {
        return paste(bytes, is_all);
    }
    match bytes.get(1) {
        None if is_all => Found::Key(Key::Esc, 1),
        None => Found::Incomplete,
        Some(b'[') => sequence(bytes, is_all),
        Some(b'O') => match bytes.get(2) {
            None if is_all => Found::Nothing(2),
            None => Found::Incomplete,
            Some(last) => named(*last, &[], 3),
        },
        // Escape twice is Escape; with a character it is Alt, which means nothing here.
        Some(&ESC) => Found::Key(Key::Esc, 1),
        Some(_) => match character(bytes.get(1..).unwrap_or_default(), is_all) {
            Found::Key(_, length) | Found::Nothing(length) => Found::Nothing(1 + length),
            found => found,
        },
    }
}

/// A control sequence: parameters, intermediates, and a last byte.
fn sequence(bytes: &[u8], is_all: bool) -> Found {
    let body = bytes.get(2..).unwrap_or_default();
    let Some(end) = body.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else {
        return match is_all || body.len() > SEQUENCE_LIMIT {
            true => Found::Nothing(bytes.len()),
            false => Found::Incomplete,
        };
    };
    let (parameters, last) = body.split_at(end);
    named(
        last.first().copied().unwrap_or_default(),
        parameters,
        end + 3,
    )
}

fn named(last: u8, parameters: &[u8], length: usize) -> Found {
    let key = match (last, parameters) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'M', []) => Key::Enter,
        (b'Z', _) => Key::BackTab,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        // A byte that ends no sequence begins something else.
        (0x40..=0x7e, _) => return Found::Nothing(length),
        _ => return Found::Nothing(length - 1),
    };
    Found::Key(key, length)
}

fn paste(bytes: &[u8], is_all: bool) -> Found {
    let body = bytes.get(PASTE_BEGIN.len()..).unwrap_or_default();
    let key = |text| Key::Paste(String::from_utf8_lossy(text).into_owned());
    match end_of_paste(body) {
        Some(end) => {
            let length = PASTE_BEGIN.len() + end + PASTE_END.len();
            Found::Key(key(body.get(..end).unwrap_or_default()), length)
        }
        None if is_all || body.len() > PASTE_LIMIT => Found::Cut(key(body)),
        None => Found::Incomplete,
    }
}

fn end_of_paste(bytes: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(PASTE_END.len());
    windows.position(|window| window == PASTE_END)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys = decoder.feed(bytes);
        keys.extend(decoder.flush());
        keys
    }

    #[test]
    fn keys_of_a_terminal() {
        for (bytes, wanted) in [
            (&b"\x1b[A"[..], Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;2C", Key::Right),
            (b"\x1b[Z", Key::BackTab),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[1~", Key::Home),
            (b"\x1bOF", Key::End),
            (b"\x7f", Key::Backspace),
            (b"\r", Key::Enter),
            (b"\x1b", Key::Esc),
            (b"\x03", Key::Ctrl('c')),
            (b"\t", Key::Tab),
            ("語".as_bytes(), Key::Char('語')),
        ] {
            assert_eq!(keys(bytes), [wanted], "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_passed_over() {
        for bytes in [
            &b"\x1b[?62;4c"[..],
            b"\x1bx",
            b"\x1b[15~",
            b"\xff\xfe",
            b"\0",
            b"\x1b[12",
            "\u{9b}".as_bytes(),
        ] {
            assert_eq!(keys(bytes), [], "{bytes:?}");
        }
        assert_eq!(keys(b"\x1b[?62;4cq"), [Key::Char('q')]);
    }

    #[test]
    fn a_paste_is_one_piece() {
        let pasted = Key::Paste("Kyq\rä".to_owned());
        let bytes = "\x1b[200~Kyq\rä\x1b[201~q".as_bytes();
        assert_eq!(keys(bytes), [pasted, Key::Char('q')]);
    }

    #[test]
    fn escape_waits_for_what_may_follow() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert!(decoder.is_waiting());
        assert_eq!(decoder.feed(b"[B"), [Key::Down]);
        assert!(!decoder.is_waiting());
        decoder.feed(b"\x1b");
        assert_eq!(decoder.flush(), [Key::Esc]);
    }

    proptest! {
        /// However the bytes are cut, they are the same keys.
        #[test]
        fn pieces_make_no_difference(
            text in "(a|語|ä|\\x1b\\[A|\\x1bOB|\\x1b\\[5~|\\x1b\\[200~x\\x1b\\[201~|\r|\\x1b\\[1;5C){0,12}",
            size in 1_usize..7,
        ) {
            let mut decoder = Decoder::default();
            let mut cut = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                cut.extend(decoder.feed(piece));
            }
            cut.extend(decoder.flush());
            prop_assert_eq!(cut, keys(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            decoder.flush();
            prop_assert!(!decoder.is_waiting());
        }
    }
}
