//! References to plugins, and patterns that match them.

use std::fmt;

use crate::glob::Folded;
use crate::pattern_set::PatternSet;
use crate::values::string_schema;

/// A plugin of a marketplace, written `name@marketplace`.
///
/// References are read in every way that is in use (`name@marketplace`, `@marketplace/name`, and
/// the bare `name`) before anything is compared with them, so that no spelling gets past a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginRef {
    name: String,
    marketplace: String,
}

string_schema!(
    PluginRef,
    "PluginRef",
    "A plugin of a marketplace: `name@marketplace`"
);

/// Why a text is no reference to a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginRefError {
    /// It does not have the form of one.
    #[error("`{text}` is not a plugin: write `name@marketplace`")]
    Malformed {
        /// The text.
        text: String,
    },
    /// It names no marketplace, and there are several.
    #[error("plugin `{text}` names no marketplace, and there are {count}")]
    Ambiguous {
        /// The text.
        text: String,
        /// How many marketplaces the organization has.
        count: usize,
    },
    /// It names no marketplace, and there is none.
    #[error("plugin `{text}` names no marketplace, and there is none")]
    NoMarketplace {
        /// The text.
        text: String,
    },
}

/// The marketplace that a bare name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareName<'a> {
    /// This one.
    Of(&'a str),
    /// None; the number of marketplaces there are.
    Ambiguous(usize),
}

impl<'a> BareName<'a> {
    /// The rule: no marketplace → the agent's own (`implicit`), one → that one, more → an error.
    pub fn rule(names: impl Iterator<Item = &'a str> + Clone, implicit: Option<&'a str>) -> Self {
        match (names.clone().count(), implicit) {
            (0, Some(implicit)) => Self::Of(implicit),
            (1, _) => names.last().map_or(Self::Ambiguous(0), Self::Of),
            (count, _) => Self::Ambiguous(count),
        }
    }
}

impl PluginRef {
    /// Reads a reference; `bare` says where a name without a marketplace belongs.
    ///
    /// # Errors
    /// When the text is no reference, or a bare name that could belong to several marketplaces.
    pub fn parse(text: &str, bare: BareName<'_>) -> Result<Self, PluginRefError> {
        let trimmed = text.trim();
        let malformed = || PluginRefError::Malformed {
            text: trimmed.escape_debug().to_string(),
        };
        let (name, marketplace) = match split(trimmed) {
            Some((name, marketplace)) => (name, marketplace),
            None => match bare {
                BareName::Of(marketplace) => (trimmed, marketplace),
                _ if !is_part(trimmed) => return Err(malformed()),
                BareName::Ambiguous(0) => {
                    let text = trimmed.to_owned();
                    return Err(PluginRefError::NoMarketplace { text });
                }
                BareName::Ambiguous(count) => {
                    let text = trimmed.to_owned();
                    return Err(PluginRefError::Ambiguous { text, count });
                }
            },
        };
        if !is_part(name) || !is_part(marketplace) {
            return Err(malformed());
        }
        Ok(Self {
            name: name.to_owned(),
            marketplace: marketplace.to_owned(),
        })
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The marketplace's name.
    pub fn marketplace(&self) -> &str {
        &self.marketplace
    }
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.marketplace)
    }
}

impl serde::Serialize for PluginRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Name and marketplace of either form; `None` for a bare name.
fn split(text: &str) -> Option<(&str, &str)> {
    if let Some(scoped) = text.strip_prefix('@') {
        return Some(match scoped.split_once('/') {
            Some((marketplace, name)) => (name, marketplace),
            None => ("", scoped),
        });
    }
    text.rsplit_once('@')
}

fn is_part(part: &str) -> bool {
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '/' | '\\');
    !part.is_empty() && part.len() <= 200 && !part.starts_with('.') && !part.contains(strange)
}

/// Patterns for plugins: one without `@` is compared with the name in any marketplace, one with
/// `@` with the whole reference.
#[derive(Debug, Clone, Default)]
pub struct PluginPatterns {
    names: PatternSet,
    references: PatternSet,
}

impl PluginPatterns {
    /// Prepares patterns; the number of each is its place in `patterns`.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut names, mut references) = (Vec::new(), Vec::new());
        for (number, pattern) in patterns.into_iter().enumerate() {
            match split(pattern.trim()) {
                Some((name, marketplace)) => {
                    let name = if name.is_empty() { "*" } else { name };
                    references.push((number, format!("{name}@{marketplace}")));
                }
                None => names.push((number, pattern)),
            }
        }
        Self {
            names: PatternSet::numbered(names),
            references: PatternSet::numbered(references),
        }
    }

    /// The number of a pattern that fits.
    pub fn find(&self, plugin: &PluginRef) -> Option<usize> {
        let find = |patterns: &PatternSet, text: &dyn Fn() -> Folded| match patterns.is_empty() {
            true => None,
            false => patterns.find(&text()),
        };
        find(&self.names, &|| Folded::new(&plugin.name))
            .or_else(|| find(&self.references, &|| Folded::new(&plugin.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(text: &str) -> PluginRef {
        PluginRef::parse(text, BareName::Of("own")).unwrap()
    }

    #[test]
    fn every_spelling_is_the_same_plugin() {
        assert_eq!(plugin("a@m"), plugin("@m/a"));
        assert_eq!(plugin(" a "), plugin("a@own"));
        for text in [
            "", "@", "a@", "@m", "@m/", "a@b@c", "a b", "a/b", "../a@m", "a@m/x",
        ] {
            let error = PluginRef::parse(text, BareName::Of("own"));
            assert!(error.is_err(), "{text}: {error:?}");
        }
        let error = PluginRef::parse("a", BareName::Ambiguous(2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "plugin `a` names no marketplace, and there are 2"
        );
    }

    #[test]
    fn patterns_see_the_normal_form() {
        for (pattern, text) in [
            ("bad", "bad@m"),
            ("BAD", "@m/bad"),
            ("bad@*", "bad"),
            ("*@evil", "@evil/x"),
            ("@evil/*", "x@evil"),
            ("@evil", "x@evil"),
            ("b?d*", "badly@m"),
        ] {
            assert!(
                PluginPatterns::new([pattern]).find(&plugin(text)).is_some(),
                "{pattern} {text}"
            );
        }
        for (pattern, text) in [("bad@m", "bad@n"), ("*@evil", "evil@m"), ("m", "a@m")] {
            assert!(
                PluginPatterns::new([pattern]).find(&plugin(text)).is_none(),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn bare_names() {
        let names =
            |names: &'static [&'static str]| BareName::rule(names.iter().copied(), Some("own"));
        assert_eq!(names(&[]), BareName::Of("own"));
        assert_eq!(names(&["a"]), BareName::Of("a"));
        assert_eq!(names(&["a", "b"]), BareName::Ambiguous(2));
        assert_eq!(BareName::rule([].into_iter(), None), BareName::Ambiguous(0));
    }
}
