//! Patterns: `*` for any characters (also `/`), `?` for one, `[a-z]` and `[!a-z]` for one of a set;
//! everything else stands for itself, in upper or lower case.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::values::string_schema;

/// The longest pattern, in bytes. Matching takes at most this times the length of what is matched.
const MAX_BYTES: usize = 512;

/// A pattern as it is written in a document: at least one character, without control characters,
/// surrounding blanks removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

string_schema!(
    Pattern,
    "Pattern",
    "A pattern: `*` stands for any characters (also `/`), `?` for one, `[a-z]` for one of a set; case does not matter"
);

impl Pattern {
    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `text` fits. For many texts or patterns, compile a [`PatternSet`].
    pub fn matches(&self, text: &str) -> bool {
        Glob::new(&fold(&self.0)).matches(&Folded::new(text).chars)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err("a pattern must not be empty".to_owned());
        }
        if trimmed.contains(char::is_control) {
            return Err("a pattern must not hold control characters".to_owned());
        }
        if trimmed.len() > MAX_BYTES {
            return Err(format!("a pattern is longer than {MAX_BYTES} bytes"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

/// Surrounding blanks and case do not matter.
pub(crate) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A text prepared for matching.
#[derive(Debug, Clone)]
pub struct Folded {
    text: String,
    chars: Vec<char>,
}

impl Folded {
    /// Prepares a text: blanks around it and case do not matter.
    pub fn new(text: &str) -> Self {
        let text = fold(text);
        let chars = text.chars().collect();
        Self { text, chars }
    }

    /// The text, folded.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Patterns prepared for matching, in time that hardly depends on how many there are: each is found
/// by what it starts or ends with, and only those that do neither are tried one by one.
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    exact: HashMap<String, usize>,
    prefixes: Buckets,
    suffixes: Buckets,
    rest: Vec<Numbered>,
}

/// Patterns by the length of their literal part, and then by that part.
type Buckets = BTreeMap<usize, HashMap<String, Vec<Numbered>>>;

/// A folded pattern; it is taken apart only when its literal part fits, which is rare.
#[derive(Debug, Clone)]
struct Numbered {
    number: usize,
    pattern: String,
}

impl PatternSet {
    /// Prepares patterns; the number of each is its place in `patterns`.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self::default();
        for (number, pattern) in patterns.into_iter().enumerate() {
            set.add(number, pattern);
        }
        set
    }

    /// Adds a pattern under a number of the caller's.
    pub fn add(&mut self, number: usize, pattern: &str) {
        let pattern = fold(pattern);
        if !pattern.contains(['*', '?', '[']) {
            self.exact.entry(pattern).or_insert(number);
            return;
        }
        let (prefix, suffix) = literal_ends(&pattern);
        let (buckets, part) = match (prefix, suffix) {
            ("", "") => return self.rest.push(Numbered { number, pattern }),
            ("", suffix) => (&mut self.suffixes, suffix.to_owned()),
            (prefix, _) => (&mut self.prefixes, prefix.to_owned()),
        };
        let bucket = buckets.entry(part.len()).or_default();
        // Most literal parts are those of one pattern.
        bucket
            .entry(part)
            .or_insert_with(|| Vec::with_capacity(1))
            .push(Numbered { number, pattern });
    }

    /// The number of a pattern that the whole of `text` fits: the one without wildcards, else the
    /// first.
    pub fn find(&self, text: &Folded) -> Option<usize> {
        if let Some(number) = self.exact.get(&text.text) {
            return Some(*number);
        }
        let whole = text.text.as_str();
        let prefixes = self.prefixes.iter();
        let prefixes = prefixes.filter_map(|(length, by_part)| by_part.get(whole.get(..*length)?));
        let suffixes = self.suffixes.iter().filter_map(|(length, by_part)| {
            let start = whole.len().checked_sub(*length)?;
            by_part.get(whole.get(start..)?)
        });
        let candidates = prefixes.chain(suffixes).flatten().chain(&self.rest);
        let fitting =
            candidates.filter(|candidate| Glob::new(&candidate.pattern).matches(&text.chars));
        fitting.map(|candidate| candidate.number).min()
    }
}

/// What every text that fits a pattern starts and ends with; perhaps not all of it.
fn literal_ends(pattern: &str) -> (&str, &str) {
    let first = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let last = pattern.rfind(['*', '?', ']']).map_or(0, |last| last + 1);
    (&pattern[..first], &pattern[last..])
}

/// One folded pattern, taken apart.
#[derive(Debug, Clone)]
struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    One(char),
    AnyOne,
    Any,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut tokens = Vec::with_capacity(chars.len());
        let mut at = 0;
        while at < chars.len() {
            let (token, next) = token(&chars, at);
            // Neighbouring stars say no more than one.
            if token != Token::Any || tokens.last() != Some(&Token::Any) {
                tokens.push(token);
            }
            at = next;
        }
        Self { tokens }
    }

    /// Goes back to the last star only, which is enough and keeps the time quadratic at worst.
    fn matches(&self, text: &[char]) -> bool {
        let (mut at, mut token) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    star = Some((token, at));
                    token += 1;
                }
                Some(one) if one.accepts(text[at]) => {
                    at += 1;
                    token += 1;
                }
                _ => match star {
                    Some((starred, from)) => {
                        star = Some((starred, from + 1));
                        at = from + 1;
                        token = starred + 1;
                    }
                    None => return false,
                },
            }
        }
        self.tokens[token..].iter().all(|rest| *rest == Token::Any)
    }
}

impl Token {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::One(own) => *own == c,
            Self::AnyOne | Self::Any => true,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// The token at `at` and where the next one starts. A `[` without its `]` stands for itself.
fn token(chars: &[char], at: usize) -> (Token, usize) {
    match chars[at] {
        '*' => (Token::Any, at + 1),
        '?' => (Token::AnyOne, at + 1),
        '[' => set(chars, at).unwrap_or((Token::One('['), at + 1)),
        c => (Token::One(c), at + 1),
    }
}

fn set(chars: &[char], at: usize) -> Option<(Token, usize)> {
    let negated = chars.get(at + 1) == Some(&'!');
    let first = at + 1 + usize::from(negated);
    // A `]` that comes first is one of the set.
    let end = (first + 1..chars.len()).find(|&i| chars[i] == ']')?;
    let mut ranges = Vec::new();
    let mut i = first;
    while i < end {
        if i + 2 < end && chars[i + 1] == '-' {
            ranges.push((chars[i], chars[i + 2]));
            i += 3;
        } else {
            ranges.push((chars[i], chars[i]));
            i += 1;
        }
    }
    Some((Token::Set { negated, ranges }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::try_from(pattern.to_owned()).unwrap().matches(text)
    }

    #[test]
    fn as_file_names_match_but_across_slashes() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a/b"),
            ("a*c", "A/b/C"),
            ("a?c", "aéc"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]x]", "]"),
            ("[", "["),
            ("a[b", "a[b"),
            ("*.evil.com", "x.evil.com"),
            ("**a**", "bab"),
            ("{a,b}", "{a,b}"),
            (" a ", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "ab"),
            ("a?c", "ac"),
            ("[!a-c]x", "ax"),
            ("*.evil.com", "evil.com"),
            ("*a", "ab"),
            ("{a,b}", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }

    #[test]
    fn the_exact_pattern_is_found_first() {
        let set = PatternSet::new(["g*", "gis", "gis"]);
        assert_eq!(set.find(&Folded::new("GIS")), Some(1));
        assert_eq!(set.find(&Folded::new("gas")), Some(0));
        assert_eq!(set.find(&Folded::new("x")), None);
    }

    #[test]
    fn a_set_finds_what_its_patterns_match() {
        let patterns = [
            "a*", "ab*c", "*é", "*bé", "?x*", "[xy]z", "*m*", "ü*", "exact", "*",
        ];
        for text in [
            "a", "abc", "bé", "é", "xx", "yz", "omo", "über", "exact", "", "aé", "é.a",
        ] {
            let folded = Folded::new(text);
            for count in 0..=patterns.len() {
                let some = &patterns[..count];
                let exact = some.iter().position(|pattern| *pattern == text);
                let first = some.iter().position(|pattern| matches(pattern, text));
                let set = PatternSet::new(some.iter().copied());
                assert_eq!(set.find(&folded), exact.or(first), "{text} {some:?}");
            }
        }
    }
}
