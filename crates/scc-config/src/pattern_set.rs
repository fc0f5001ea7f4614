//! Many patterns at once: which of thousands a text fits, without trying each.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::glob::{Folded, Glob, fold};

/// Patterns prepared for matching, in time that hardly depends on how many there are.
///
/// A text can only fit a pattern when every literal part of the pattern is somewhere in it. Of each
/// pattern the part that fewest others share is looked for, of all patterns at once; only where it
/// is found is the pattern tried.
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    exact: HashMap<String, usize>,
    globs: Vec<Numbered>,
    parts: Parts,
    /// The places in `globs` of those without any literal part, such as `*`.
    rest: Vec<usize>,
}

/// A folded pattern; it is taken apart only when its literal part is found, which is rare.
#[derive(Debug, Clone)]
struct Numbered {
    number: usize,
    pattern: String,
}

/// Literal parts in alphabetical order.
///
/// Of all that a text starts with, the last one is also the last that is not greater than the text,
/// and each of the others starts it in turn.
#[derive(Debug, Clone, Default)]
struct Parts {
    all: Vec<Part>,
    /// For each first byte where its parts begin and end; empty where there are no parts.
    by_first: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
struct Part {
    text: String,
    /// The longest other part that this one starts with.
    shorter: Option<usize>,
    /// The places of the patterns that it was chosen for.
    globs: Vec<usize>,
}

impl Parts {
    fn new(mut chosen: Vec<(&str, usize)>) -> Self {
        chosen.sort_unstable();
        let mut all: Vec<Part> = Vec::new();
        for (text, glob) in chosen {
            match all.last_mut() {
                Some(last) if last.text == text => last.globs.push(glob),
                _ => {
                    let shorter = starts_of(&all, all.len().checked_sub(1), text).next();
                    all.push(Part {
                        text: text.to_owned(),
                        shorter,
                        globs: vec![glob],
                    });
                }
            }
        }
        let mut by_first = Vec::new();
        for (place, part) in all.iter().enumerate() {
            by_first.resize(256, (0, 0));
            let first = part.text.as_bytes().first().copied().unwrap_or_default();
            let range: &mut (usize, usize) = &mut by_first[usize::from(first)];
            *range = (if range.1 == 0 { place } else { range.0 }, place + 1);
        }
        Self { all, by_first }
    }

    /// The parts that a text holds, each as often as it holds it.
    fn inside<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Part> {
        let places = text.char_indices().flat_map(move |(at, _)| {
            let text = &text[at..];
            let first = usize::from(text.as_bytes().first().copied().unwrap_or_default());
            let (begin, end) = self.by_first.get(first).copied().unwrap_or_default();
            let not_greater = self.all[begin..end].partition_point(|part| *part.text <= *text);
            starts_of(&self.all, (begin + not_greater).checked_sub(1), text)
        });
        places.map(|place| &self.all[place])
    }
}

/// The parts that a text starts with, the longest first; `last` is the last that is not greater.
fn starts_of<'a>(
    all: &'a [Part],
    last: Option<usize>,
    text: &'a str,
) -> impl Iterator<Item = usize> + 'a {
    let chain = std::iter::successors(last, |place| all[*place].shorter);
    chain.filter(move |place| text.starts_with(&all[*place].text))
}

impl PatternSet {
    /// Prepares patterns; the number of each is its place in `patterns`.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        Self::numbered(patterns.into_iter().enumerate())
    }

    /// Prepares patterns with numbers of the caller's.
    pub fn numbered<P: AsRef<str>>(patterns: impl IntoIterator<Item = (usize, P)>) -> Self {
        let mut exact = HashMap::new();
        let mut globs = Vec::new();
        for (number, pattern) in patterns {
            let pattern = fold(pattern.as_ref());
            if pattern.contains(['*', '?', '[']) {
                globs.push(Numbered { number, pattern });
            } else {
                exact.entry(pattern).or_insert(number);
            }
        }
        let (mut chosen, mut rest) = (Vec::new(), Vec::new());
        for (place, part) in rarest_parts(&globs).into_iter().enumerate() {
            match part {
                Some(part) => chosen.push((part, place)),
                None => rest.push(place),
            }
        }
        let parts = Parts::new(chosen);
        Self {
            exact,
            globs,
            parts,
            rest,
        }
    }

    /// Whether it holds no pattern.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.globs.is_empty()
    }

    /// The number of a pattern that the whole of `text` fits: the one without wildcards, else the
    /// lowest.
    pub fn find(&self, text: &Folded) -> Option<usize> {
        self.find_where(text, |_| true)
    }

    /// As [`PatternSet::find`], of those whose number is accepted.
    pub(crate) fn find_where(
        &self,
        text: &Folded,
        accepted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        if let Some(number) = self.exact.get(text.as_str())
            && accepted(*number)
        {
            return Some(*number);
        }
        let found = self.parts.inside(text.as_str());
        let found = found.flat_map(|part| &part.globs);
        let mut lowest = None;
        for place in found.chain(&self.rest) {
            let glob = &self.globs[*place];
            let lower = lowest.is_none_or(|lowest| glob.number < lowest);
            if lower && accepted(glob.number) && Glob::new(&glob.pattern).matches(text.as_str()) {
                lowest = Some(glob.number);
            }
        }
        lowest
    }
}

/// For each pattern the literal part that fewest patterns have, of these the longest.
fn rarest_parts(globs: &[Numbered]) -> Vec<Option<&str>> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for part in globs.iter().flat_map(|glob| literal_parts(&glob.pattern)) {
        *counts.entry(part).or_default() += 1;
    }
    let parts = globs.iter().map(|glob| literal_parts(&glob.pattern));
    let by_rarity = |part: &&str| (counts.get(part).copied(), Reverse(part.len()));
    parts.map(|parts| parts.min_by_key(by_rarity)).collect()
}

/// What is in every text that fits a pattern; perhaps not all of it.
fn literal_parts(pattern: &str) -> impl Iterator<Item = &str> {
    let (before, after) = match (pattern.find('['), pattern.rfind(']')) {
        (Some(first), Some(last)) if first < last => (&pattern[..first], &pattern[last + 1..]),
        _ => (pattern, ""),
    };
    let parts = [before, after].into_iter();
    let parts = parts.flat_map(|text| text.split(['*', '?', '[']));
    parts.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;

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
            "a*", "ab*c", "*é", "*bé", "?x*", "[xy]z", "*m*", "ü*", "exact", "a[[]b", "[]x]y",
            "a]*b[c]d", "*", "?",
        ];
        for text in [
            "a", "abc", "bé", "é", "xx", "yz", "omo", "über", "exact", "", "aé", "é.a", "a[b",
            "]y", "a]-bcd", "aaaab-c",
        ] {
            let folded = Folded::new(text);
            for count in 0..=patterns.len() {
                let some = &patterns[..count];
                let matches = |pattern: &&str| {
                    Pattern::try_from((*pattern).to_owned())
                        .unwrap()
                        .matches(text)
                };
                let exact = some.iter().position(|pattern| *pattern == text);
                let first = some.iter().position(matches);
                let plain = exact.filter(|found| !patterns[*found].contains(['*', '?', '[']));
                let set = PatternSet::new(some.iter().copied());
                assert_eq!(set.find(&folded), plain.or(first), "{text} {some:?}");
            }
        }
    }

    #[test]
    fn a_pattern_is_looked_for_by_what_it_alone_has() {
        let globs =
            ["plugin-*-one", "plugin-*-two*", "*", "p[ab]*-three"].map(|pattern| Numbered {
                number: 0,
                pattern: pattern.to_owned(),
            });
        let parts = [Some("-one"), Some("-two"), None, Some("-three")];
        assert_eq!(rarest_parts(&globs), parts);
    }
}
