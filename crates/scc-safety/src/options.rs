//! The options of a command, read the way git's own parser reads them: unambiguous abbreviations
//! of long options, bundles of short ones, attached and separate values, `--no-` forms, options
//! after operands, and `--`.

use crate::word::{Doubt, Word};

/// The options of a command, as one text: `f,force` is a flag with a short and a long name,
/// `repo=` takes a value, `signed?` takes one only when attached, `D` has a short name only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    spec: &'static str,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Options are found after operands too.
    Anywhere,
    /// The first operand ends the options: what follows is another command.
    Leading,
}

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    Attached,
}

#[derive(Debug, Clone, Copy)]
struct Spec {
    short: Option<char>,
    /// The long name, or the short one where there is no other.
    name: &'static str,
    has_long: bool,
    takes: Takes,
}

/// An option as it was given.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// Its long name, or the short one where there is no other.
    pub(crate) name: &'static str,
    /// Not in its `--no-` form.
    pub(crate) on: bool,
    pub(crate) value: Option<Word>,
    /// The word that gave it, as an index.
    pub(crate) index: usize,
    /// It is not one of several that an abbreviation may mean.
    certain: bool,
}

/// A command's words, sorted.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) given: Vec<Given>,
    /// The indices of the operands.
    pub(crate) operands: Vec<usize>,
    /// How many operands stand before `--`, if it is there.
    pub(crate) before_dashes: Option<usize>,
    /// Words that are not known and may be options.
    pub(crate) doubtful: Vec<usize>,
    /// Help was asked for, and nothing else is done.
    pub(crate) help: bool,
}

impl Table {
    pub(crate) const fn new(spec: &'static str) -> Self {
        Self {
            spec,
            style: Style::Anywhere,
        }
    }

    /// A command whose first operand ends its options.
    pub(crate) const fn leading(spec: &'static str) -> Self {
        Self {
            spec,
            style: Style::Leading,
        }
    }

    fn specs(self) -> impl Iterator<Item = Spec> {
        self.spec.split_ascii_whitespace().map(|item| {
            let (names, takes) = match item.as_bytes().last() {
                Some(b'=') => (&item[..item.len() - 1], Takes::Value),
                Some(b'?') => (&item[..item.len() - 1], Takes::Attached),
                _ => (item, Takes::Nothing),
            };
            let (short, name) = match names.split_once(',') {
                Some((short, long)) => (short.chars().next(), long),
                None if names.len() == 1 => (names.chars().next(), names),
                None => (None, names),
            };
            Spec {
                short,
                name,
                has_long: name.len() > 1,
                takes,
            }
        })
    }

    /// Sorts the words that follow a command's name.
    pub(crate) fn parse(self, words: &[Word]) -> Parsed {
        let mut parsed = Parsed::default();
        let mut at = 0;
        while at < words.len() {
            let index = at;
            at += 1;
            let word = &words[index];
            let start = word.start();
            if word.get() == Some("--") {
                parsed.before_dashes = Some(parsed.operands.len());
                parsed.operands.extend(at..words.len());
                break;
            }
            let is_option = start.starts_with('-') && !word.is("-");
            let consumed = match start.strip_prefix("--") {
                Some(long) if is_option => self.long(&mut parsed, long, word, index, words.get(at)),
                None if is_option => self.bundle(&mut parsed, word, index, words.get(at)),
                _ => {
                    if may_be_option(word) {
                        parsed.doubtful.push(index);
                    }
                    parsed.operands.push(index);
                    if self.style == Style::Leading {
                        parsed.operands.extend(at..words.len());
                        break;
                    }
                    false
                }
            };
            at += usize::from(consumed);
        }
        parsed
    }

    /// A word that begins with two dashes. True if it takes the next word as its value.
    fn long(
        self,
        parsed: &mut Parsed,
        long: &str,
        word: &Word,
        index: usize,
        next: Option<&Word>,
    ) -> bool {
        let (name, attached) = match long.split_once('=') {
            Some((name, _)) => (name, Some(word.skip(2 + name.len() + 1))),
            None => (long, None),
        };
        if attached.is_none() && word.get().is_none() {
            parsed.doubtful.push(index);
            return false;
        }
        if name == "help" || name == "help-all" {
            parsed.help = true;
            return false;
        }
        let candidates = self.candidates(name);
        let certain = candidates.len() == 1;
        let mut consumed = false;
        for (spec, on) in candidates {
            let separate = certain && on && spec.takes == Takes::Value && attached.is_none();
            consumed |= separate && next.is_some();
            parsed.given.push(Given {
                name: spec.name,
                on,
                value: if separate {
                    next.cloned()
                } else {
                    attached.clone()
                },
                index,
                certain,
            });
        }
        consumed
    }

    /// The options that a long name may mean: one, if it is exact or an unambiguous abbreviation.
    fn candidates(self, name: &str) -> Vec<(Spec, bool)> {
        let mut abbreviated = Vec::new();
        for spec in self.specs().filter(|spec| spec.has_long) {
            let (positive, opposite) = match spec.name.strip_prefix("no-") {
                Some(rest) => (spec.name, rest.to_owned()),
                None => (spec.name, format!("no-{}", spec.name)),
            };
            for (long, on) in [(positive, true), (opposite.as_str(), false)] {
                if long == name {
                    return vec![(spec, on)];
                }
                if long.starts_with(name) && !(name == "no" || name == "no-") {
                    abbreviated.push((spec, on));
                }
            }
        }
        abbreviated
    }

    /// A word that begins with one dash. True if it takes the next word as a value.
    fn bundle(self, parsed: &mut Parsed, word: &Word, index: usize, next: Option<&Word>) -> bool {
        for (place, letter) in word.start().char_indices().skip(1) {
            let rest = place + letter.len_utf8();
            let Some(spec) = self.specs().find(|spec| spec.short == Some(letter)) else {
                if letter == 'h' {
                    parsed.help = true;
                    return false;
                }
                continue;
            };
            let attached =
                (word.get().is_none_or(|text| rest < text.len())).then(|| word.skip(rest));
            let takes_attached = spec.takes != Takes::Nothing && attached.is_some();
            let separate = spec.takes == Takes::Value && !takes_attached;
            parsed.given.push(Given {
                name: spec.name,
                on: true,
                value: if separate {
                    next.cloned()
                } else {
                    attached.filter(|_| takes_attached)
                },
                index,
                certain: true,
            });
            if takes_attached || separate {
                return separate && next.is_some();
            }
        }
        if word.get().is_none() {
            parsed.doubtful.push(index);
        }
        false
    }
}

/// A word in the place of an operand that may be an option.
fn may_be_option(word: &Word) -> bool {
    word.doubt()
        .is_some_and(|doubt| word.start().is_empty() && doubt > Doubt::Name)
}

impl Parsed {
    /// The last word on an option says that it is on, or may be.
    pub(crate) fn on(&self, name: &str) -> Option<&Given> {
        let mut last = None;
        for given in self.given.iter().filter(|given| given.name == name) {
            match (given.on, given.certain) {
                (true, _) => last = Some(given),
                (false, true) => last = None,
                (false, false) => {}
            }
        }
        last
    }

    /// The last word on an option says that it is on, beyond doubt.
    pub(crate) fn surely_on(&self, name: &str) -> bool {
        let given = self.given.iter().rfind(|given| given.name == name);
        given.is_some_and(|given| given.on && given.certain)
    }

    /// The last value that an option was given.
    pub(crate) fn value(&self, name: &str) -> Option<&Word> {
        self.on(name).and_then(|given| given.value.as_ref())
    }

    /// A word that may be an option, where the command is usually given `usual` operands: one that
    /// looks like an option, or more unknown words than there is use for.
    pub(crate) fn stray(&self, words: &[Word], usual: usize) -> Option<usize> {
        let open = |index: &&usize| {
            let word = &words[**index];
            word.start().starts_with('-') || word.doubt() > Some(Doubt::Printed)
        };
        let surplus = self.before_dashes.unwrap_or(self.operands.len()) > usual;
        let found = self.doubtful.iter().find(|index| surplus || open(index));
        found.copied()
    }
}
