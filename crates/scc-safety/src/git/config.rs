//! Git's configuration, as far as a command's meaning depends on it.

use crate::git::alias::split_words;
use crate::git::globals::Invocation;
use crate::judge::Judge;
use crate::word::{Doubt, Word};
use crate::world::WorldError;

/// More than these from the environment are not looked at: git itself would take seconds.
const MAX_FROM_ENVIRONMENT: usize = 1000;

/// A key in its normal form, and its value; `None` for a key without one, which means true.
pub(crate) type Entry = (String, Option<Word>);

/// What git would see, in its order.
pub(crate) struct Config(Vec<Entry>);

impl Config {
    /// Everything: files, environment, command line.
    pub(crate) fn effective(
        judge: &Judge<'_>,
        invocation: &Invocation,
    ) -> Result<Self, WorldError> {
        let files = judge.world.git_config(&invocation.globals)?;
        let files = files
            .into_iter()
            .map(|(key, value)| (normal(&key), value.map(|value| Word::known(value, 0..0))));
        let set = judge
            .configured
            .iter()
            .map(|(key, value)| (key.clone(), Some(value.clone())));
        let inline = invocation.inline.iter().cloned();
        Ok(Self(files.chain(set).chain(inline).collect()))
    }

    pub(crate) fn inline(invocation: &Invocation) -> Self {
        Self(invocation.inline.clone())
    }

    /// The last value of a key; the inner `None` is a key without a value.
    pub(crate) fn last(&self, key: &str) -> Option<Option<&Word>> {
        let entry = self.0.iter().rfind(|(name, _)| name == key);
        entry.map(|(_, value)| value.as_ref())
    }

    /// The same, where the case of all of the key's letters does not matter.
    pub(crate) fn last_in_any_case(&self, key: &str) -> Option<Option<&Word>> {
        let mut entries = self.0.iter().rev();
        let entry = entries.find(|(name, _)| name.eq_ignore_ascii_case(key));
        entry.map(|(_, value)| value.as_ref())
    }

    /// Something says that it is off.
    pub(crate) fn may_be_false(&self, key: &str) -> bool {
        self.last(key).is_some_and(|value| {
            value.is_some_and(|word| word.get().is_none_or(|text| !is_true(text)))
        })
    }

    /// All values of keys that begin and end so; the part between is not looked at.
    pub(crate) fn all<'a>(
        &'a self,
        start: &'a str,
        end: &'a str,
    ) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(move |(key, _)| {
            key.len() >= start.len() + end.len() && key.starts_with(start) && key.ends_with(end)
        })
    }
}

/// Git's idea of true; a value that is not known may be.
pub(crate) fn may_be_true(word: &Word) -> bool {
    word.get().is_none_or(is_true)
}

fn is_true(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    match text.as_str() {
        "true" | "yes" | "on" => true,
        _ => text
            .trim_end_matches(['k', 'm', 'g'])
            .parse::<i64>()
            .is_ok_and(|number| number != 0),
    }
}

/// A key the way `git config --list` prints it: only the part between the first and the last dot
/// keeps its letters' case.
pub(crate) fn normal(key: &str) -> String {
    match (key.find('.'), key.rfind('.')) {
        (Some(first), Some(last)) => format!(
            "{}{}{}",
            key[..first].to_ascii_lowercase(),
            &key[first..last],
            key[last..].to_ascii_lowercase()
        ),
        _ => key.to_ascii_lowercase(),
    }
}

/// The value of `-c`. An error is the word, if its key is not known.
pub(crate) fn from_option(word: &Word) -> Result<Entry, Word> {
    match (word.start().split_once('='), word.get()) {
        (Some((key, _)), _) => Ok((normal(key), Some(word.skip(key.len() + 1)))),
        (None, Some(key)) => Ok((normal(key), None)),
        (None, None) => Err(word.clone()),
    }
}

/// The value of `--config-env`: a key, and the variable that holds its value.
pub(crate) fn from_variable(judge: &Judge<'_>, word: &Word) -> Result<Entry, Word> {
    let text = word.get().ok_or_else(|| word.clone())?;
    let (key, variable) = text.rsplit_once('=').ok_or_else(|| word.clone())?;
    let unknown = || Word::unknown(Doubt::Flag, word.span.clone());
    let value = judge.env(variable).unwrap_or_else(unknown);
    Ok((normal(key), Some(value.with_span(&word.span))))
}

/// `GIT_CONFIG_PARAMETERS` and `GIT_CONFIG_COUNT`.
pub(crate) fn from_environment(judge: &Judge<'_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let count = judge.env("GIT_CONFIG_COUNT");
    let count = count
        .and_then(|word| word.get()?.trim().parse::<usize>().ok())
        .unwrap_or(0);
    for number in 0..count.min(MAX_FROM_ENVIRONMENT) {
        let key = judge.env(&format!("GIT_CONFIG_KEY_{number}"));
        let value = judge.env(&format!("GIT_CONFIG_VALUE_{number}"));
        if let Some(key) = key.as_ref().and_then(Word::get) {
            entries.push((
                normal(key),
                Some(value.unwrap_or_else(|| Word::unknown(Doubt::Flag, 0..0))),
            ));
        }
    }
    // Each is `'key=value'`, or `'key'='value'` since git 2.31.
    let parameters = judge.env("GIT_CONFIG_PARAMETERS");
    for parameter in split_words(parameters.as_ref().and_then(Word::get).unwrap_or_default()) {
        let (key, value) = match parameter.split_once('=') {
            Some((key, value)) => (key, Some(Word::known(value, 0..0))),
            None => (parameter.as_str(), None),
        };
        entries.push((normal(key), value));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_as_git_does() {
        assert_eq!(normal("Remote.Origin.PUSH"), "remote.Origin.push");
        assert_eq!(normal("Alias.X"), "alias.x");
        assert_eq!(
            normal("url.ext::sh -c x.y.InsteadOf"),
            "url.ext::sh -c x.y.insteadof"
        );
    }

    #[test]
    fn truth_is_gits() {
        for (text, truth) in [
            ("true", true),
            ("Yes", true),
            ("on", true),
            ("1", true),
            ("-1", true),
            ("1k", true),
            ("false", false),
            ("no", false),
            ("0", false),
            ("", false),
            ("maybe", false),
        ] {
            assert_eq!(is_true(text), truth, "{text}");
        }
    }
}
