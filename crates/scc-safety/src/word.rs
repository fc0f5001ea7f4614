//! A word of a command, which may be known only in part.

use std::ops::Range;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word, or its known beginning.
    text: String,
    /// What follows the beginning, if the word is not known as a whole.
    gap: Option<Gap>,
    /// It was written without quotes and has a pattern in it, which a shell expands to paths.
    pub(crate) glob: bool,
    /// Where it stands: see [`Finding::span`](crate::Finding::span).
    pub(crate) span: Range<usize>,
}

/// The part of a word that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gap {
    doubt: Doubt,
    /// The known end of the word.
    end: String,
}

/// What an unknown part may be. The order matters: a later one is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Doubt {
    /// A name, path, hash or number, which never begins with a dash.
    Name,
    /// Any text, and nothing says that it is an option.
    Value,
    /// Any text, and something says that it may be an option.
    Flag,
    /// Any number of words of any text.
    List,
}

impl Word {
    pub(crate) fn known(text: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            text: text.into(),
            gap: None,
            glob: false,
            span,
        }
    }

    pub(crate) fn unknown(doubt: Doubt, span: Range<usize>) -> Self {
        let mut word = Self::known("", span);
        word.push_unknown(doubt);
        word
    }

    /// The word, if all of it is known.
    pub(crate) fn get(&self) -> Option<&str> {
        self.gap.is_none().then_some(self.text.as_str())
    }

    /// The part before the first unknown one.
    pub(crate) fn start(&self) -> &str {
        &self.text
    }

    /// The part after the last unknown one; the word itself, if it is known.
    pub(crate) fn end(&self) -> &str {
        self.gap.as_ref().map_or(&self.text, |gap| &gap.end)
    }

    pub(crate) fn doubt(&self) -> Option<Doubt> {
        self.gap.as_ref().map(|gap| gap.doubt)
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        match &mut self.gap {
            None => self.text.push_str(text),
            Some(gap) => gap.end.push_str(text),
        }
    }

    pub(crate) fn push_unknown(&mut self, doubt: Doubt) {
        match &mut self.gap {
            None => {
                self.gap = Some(Gap {
                    doubt,
                    end: String::new(),
                });
            }
            Some(gap) => {
                gap.doubt = gap.doubt.max(doubt);
                gap.end.clear();
            }
        }
    }

    /// Another word, put directly behind this one.
    pub(crate) fn push_word(&mut self, other: &Self) {
        self.push_str(&other.text);
        if let Some(gap) = &other.gap {
            self.push_unknown(gap.doubt);
            self.push_str(&gap.end);
        }
        self.glob |= other.glob;
    }

    /// The word without its first `bytes` bytes, which are known.
    pub(crate) fn skip(&self, bytes: usize) -> Self {
        Self {
            text: self.text.get(bytes..).unwrap_or_default().to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn with_span(mut self, span: Range<usize>) -> Self {
        self.span = span;
        self
    }

    /// For people: what is not known is `…`.
    pub(crate) fn shown(&self) -> String {
        match &self.gap {
            None => self.text.clone(),
            Some(gap) => format!("{}…{}", self.text, gap.end),
        }
    }
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
