//! Patterns: `*` for any characters (also `/`), `?` for one, `[a-z]` and `[!a-z]` for one of a set;
//! everything else stands for itself, in upper or lower case.

use serde::{Deserialize, Serialize};

use crate::names;
use crate::values::string_schema;

/// The longest pattern, in bytes. Matching takes at most this times the length of what is matched.
const MAX_BYTES: usize = 512;

/// A pattern as it is written in a document, surrounding blanks removed. One that says something else
/// than it seems to has a [doubt](Pattern::doubt).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

string_schema!(
    Pattern,
    "Pattern",
    "A pattern: `*` stands for any characters (also `/`), `?` for one, `[a-z]` for one of a set; case does not matter",
    {"minLength": 0}
);

impl Pattern {
    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A pattern that is as it looks.
    ///
    /// # Errors
    /// When the text is too long for a pattern, or has a [doubt](Pattern::doubt).
    pub fn clear(text: &str) -> Result<Self, String> {
        let pattern = Self::try_from(text.to_owned())?;
        match pattern.doubt() {
            None => Ok(pattern),
            Some(why) => Err(format!("the pattern `{}` {why}", names::visible(text))),
        }
    }

    /// Why the pattern fits nothing, or something else than it seems to; `None` where it is as it
    /// looks. The first version of the format let documents have such patterns.
    pub fn doubt(&self) -> Option<&'static str> {
        let text = self.as_str();
        if let Some(why) = names::complaint(text) {
            return Some(why);
        }
        has_open_set(text).then_some(
            "has a `[` without its `]`, which stands for itself: write `[[]` where that is meant",
        )
    }

    /// Whether the whole of `text` fits. For many texts or patterns, compile a [`PatternSet`](crate::PatternSet).
    pub fn matches(&self, text: &str) -> bool {
        Glob::new(&fold(&self.0)).matches(&fold(text))
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.len() > MAX_BYTES {
            return Err(format!("a pattern is longer than {MAX_BYTES} bytes"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

/// Whether a set of characters is begun and not ended.
fn has_open_set(pattern: &str) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let (token, next) = token(&chars, at);
        if token == Token::One('[') {
            return true;
        }
        at = next;
    }
    false
}

/// Surrounding blanks and case do not matter.
pub(crate) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A text prepared for matching.
#[derive(Debug, Clone)]
pub struct Folded(String);

impl Folded {
    /// Prepares a text: blanks around it and case do not matter.
    pub fn new(text: &str) -> Self {
        Self(fold(text))
    }

    /// The text, folded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One folded pattern, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
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
    pub(crate) fn new(pattern: &str) -> Self {
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

    /// Whether a set has only ranges that hold nothing.
    pub(crate) fn fits_nothing(&self) -> bool {
        let empty = |token: &Token| match token {
            Token::Set { negated, ranges } => {
                !negated && ranges.iter().all(|(low, high)| low > high)
            }
            _ => false,
        };
        self.tokens.iter().any(empty)
    }

    /// Goes back to the last star only, which is enough and keeps the time quadratic at worst.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut rest, mut token) = (text.chars(), 0);
        let mut star = None;
        while let Some(c) = rest.clone().next() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    star = Some((token, rest.clone()));
                    token += 1;
                }
                Some(one) if one.accepts(c) => {
                    rest.next();
                    token += 1;
                }
                _ => match &mut star {
                    Some((starred, from)) => {
                        from.next();
                        rest = from.clone();
                        token = *starred + 1;
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
            ("[[]", "["),
            ("a[[]b", "a[b"),
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
    fn what_is_not_as_it_looks_is_doubted_and_fits_no_more_than_itself() {
        for (pattern, why) in [
            ("crypto-[a", "a `[` without its `]`"),
            ("[", "a `[` without its `]`"),
            ("[!]", "a `[` without its `]`"),
            ("*[a-z", "a `[` without its `]`"),
            ("evil\u{200b}", "holds characters that cannot be seen"),
            ("a\u{7}b", "holds control characters"),
            (" ", "is empty"),
        ] {
            let read = Pattern::try_from(pattern.to_owned()).unwrap();
            assert!(read.doubt().unwrap().contains(why), "{pattern}");
            assert!(read.matches(&pattern.replace('*', "x")), "{pattern}");
            for other in ["crypto-a", "a", "evil", "x", "ab", "x[a"] {
                assert!(!read.matches(other), "{pattern} {other}");
            }
        }
        for pattern in ["*", "a?", "[a-z]*", "[[]", "[]x]"] {
            let read = Pattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(read.doubt(), None, "{pattern}");
        }
        let long = "a".repeat(513);
        assert!(Pattern::try_from(long).is_err());
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }
}
