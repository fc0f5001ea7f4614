//! A word of a command, which may be known only in part.

use std::borrow::Cow;
use std::ops::Range;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    pieces: Vec<Piece>,
    /// It was written without quotes and has a pattern in it, which a shell expands to paths.
    pub(crate) glob: bool,
    /// Where it stands: see [`Finding::span`](crate::Finding::span).
    pub(crate) span: Range<usize>,
}

/// A part of a word. No two texts and no two gaps follow each other, and no text is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// What is not known.
    Gap(Doubt),
}

/// What an unknown part may be. The order matters: a later one is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Doubt {
    /// A name, path, hash or number, which never begins with a dash.
    Name,
    /// Any text, and nothing says that it is an option.
    Value,
    /// What a file holds, or what a program prints that is there to print commands: as a script
    /// it is no worse than running the file or the program.
    Printed,
    /// Any text, and something says that it may be an option.
    Flag,
    /// Any number of words of any text.
    List,
}

impl Word {
    pub(crate) fn known(text: impl Into<String>, span: Range<usize>) -> Self {
        let text = text.into();
        let pieces = if text.is_empty() {
            Vec::new()
        } else {
            vec![Piece::Text(text)]
        };
        Self {
            pieces,
            glob: false,
            span,
        }
    }

    pub(crate) fn unknown(doubt: Doubt, span: Range<usize>) -> Self {
        Self {
            pieces: vec![Piece::Gap(doubt)],
            glob: false,
            span,
        }
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The word, if all of it is known.
    pub(crate) fn get(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.get() == Some(text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The part before the first unknown one.
    pub(crate) fn start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// The part after the last unknown one; the word itself, if it is known.
    pub(crate) fn end(&self) -> &str {
        match self.pieces.last() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// The worst that an unknown part may be; `None` if all is known.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        let doubts = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Gap(doubt) => Some(*doubt),
            Piece::Text(_) => None,
        });
        doubts.max()
    }

    /// The number of bytes that are known.
    pub(crate) fn len(&self) -> usize {
        let lengths = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Gap(_) => 0,
        });
        lengths.sum()
    }

    pub(crate) fn push_str(&mut self, more: &str) {
        if more.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push_str(more),
            _ => self.pieces.push(Piece::Text(more.to_owned())),
        }
    }

    pub(crate) fn push_char(&mut self, more: char) {
        self.push_str(more.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn push_gap(&mut self, more: Doubt) {
        match self.pieces.last_mut() {
            Some(Piece::Gap(doubt)) => *doubt = (*doubt).max(more),
            _ => self.pieces.push(Piece::Gap(more)),
        }
    }

    /// Another word, put directly behind this one.
    pub(crate) fn push_word(&mut self, other: &Self) {
        for piece in &other.pieces {
            match piece {
                Piece::Text(text) => self.push_str(text),
                Piece::Gap(doubt) => self.push_gap(*doubt),
            }
        }
        self.glob |= other.glob;
    }

    /// The word without the first `bytes` bytes of its known beginning.
    pub(crate) fn skip(&self, bytes: usize) -> Self {
        let rest = self.start().get(bytes..).unwrap_or_default();
        let mut word = Self::known(rest, self.span.clone());
        let known = usize::from(!self.start().is_empty());
        word.pieces.extend_from_slice(&self.pieces[known..]);
        word.glob = self.glob;
        word
    }

    pub(crate) fn with_span(mut self, span: &Range<usize>) -> Self {
        self.span = span.clone();
        self
    }

    /// For people: what is not known is `…`.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self.get() {
            Some(text) => Cow::Borrowed(text),
            None => {
                let pieces = self.pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.as_str(),
                    Piece::Gap(_) => "…",
                });
                Cow::Owned(pieces.collect())
            }
        }
    }
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
