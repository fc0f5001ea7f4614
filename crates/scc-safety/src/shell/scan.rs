//! Where a quoted or nested part of a word ends.

/// The end of what opens with `(`: the index of the `)` that closes it. `from` is behind the
/// opening bracket. Quotes, comments, here-documents and the patterns of `case` are respected.
pub(crate) fn closing_paren(text: &str, from: usize) -> Option<usize> {
    Scan::new(text, from).command()
}

/// The index of the `}` that closes `${`; `from` is behind the opening bracket.
pub(crate) fn closing_brace(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'}' => return Some(at),
            _ => at = skip_quoted(text, at)?,
        }
    }
    None
}

/// The index of the two `)` that close `$((`; `from` is behind the opening brackets.
pub(crate) fn closing_arithmetic(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b')' => return (bytes.get(at + 1) == Some(&b')')).then_some(at),
            b'$' | b'`' | b'\'' | b'"' | b'\\' => {
                at = skip_quoted(text, at)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index of the quote that ends a text; `from` is behind the one that begins it. `escapes`: a
/// backslash takes the next character with it.
pub(crate) fn closing_quote(text: &str, from: usize, quote: u8, escapes: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if escapes => at += 1,
            byte if *byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index of the `"` that ends a text; `from` is behind the one that begins it.
pub(crate) fn closing_double_quote(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at),
            b'\\' => at += 2,
            b'$' | b'`' => at = skip_quoted(text, at)?,
            _ => at += 1,
        }
    }
    None
}

/// The index behind a quoted or nested part that begins at `at`, or behind the character there.
pub(crate) fn skip_quoted(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let end = match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'\\', _) => at + 1,
        (b'\'', _) => closing_quote(text, at + 1, b'\'', false)?,
        (b'"', _) => closing_double_quote(text, at + 1)?,
        (b'`', _) => closing_quote(text, at + 1, b'`', true)?,
        (b'$', Some(b'\'')) => closing_quote(text, at + 2, b'\'', true)?,
        (b'$', Some(b'{')) => closing_brace(text, at + 2)?,
        (b'$', Some(b'(')) => closing_paren(text, at + 2)?,
        _ => at,
    };
    Some(end + 1)
}

/// A walk through a command substitution.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// For each open bracket, how many `case` are open in it.
    cases: Vec<usize>,
    /// The ends of here-documents that begin on the next line, and whether tabs are stripped.
    pending: Vec<(String, bool)>,
    word: usize,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, from: usize) -> Self {
        Self {
            text,
            at: from,
            cases: vec![0],
            pending: Vec::new(),
            word: from,
        }
    }

    fn command(mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at).copied() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/') {
                self.at += 1;
                continue;
            }
            self.keyword();
            let start_of_word = self.word == self.at;
            match byte {
                b'(' => self.cases.push(0),
                b')' => match self.cases.last() {
                    Some(0) if self.cases.len() == 1 => return Some(self.at),
                    Some(0) => drop(self.cases.pop()),
                    _ => {}
                },
                b'#' if start_of_word => {
                    self.at = self.line_end();
                    self.word = self.at;
                    continue;
                }
                b'<' if bytes.get(self.at + 1) == Some(&b'<') => {
                    self.here_document();
                    self.word = self.at;
                    continue;
                }
                b'\n' => self.skip_here_documents(),
                _ => {}
            }
            self.at = skip_quoted_in_command(self.text, self.at)?;
            let breaks = matches!(
                byte,
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')'
            );
            self.word = if breaks { self.at } else { usize::MAX };
        }
        None
    }

    /// Looks at the word that has just ended.
    fn keyword(&mut self) {
        let word = self.text.get(self.word..self.at).unwrap_or_default();
        if let Some(cases) = self.cases.last_mut() {
            match word {
                "case" => *cases += 1,
                "esac" => *cases = cases.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn line_end(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at + rest.find('\n').unwrap_or(rest.len())
    }

    /// `<<WORD` or `<<-WORD`; `<<<` is none.
    fn here_document(&mut self) {
        self.at += 2;
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'<') {
            self.at += 1;
            return;
        }
        let tabs = bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(tabs);
        while matches!(bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let from = self.at;
        let stop = |byte: &u8| b" \t\n;&|()<>".contains(byte);
        while bytes.get(self.at).is_some_and(|byte| !stop(byte)) {
            self.at += 1;
        }
        let word = self.text.get(from..self.at).unwrap_or_default();
        self.pending
            .push((word.replace(['\'', '"', '\\'], ""), tabs));
    }

    fn skip_here_documents(&mut self) {
        for (end, tabs) in std::mem::take(&mut self.pending) {
            loop {
                // `at` is on the line feed before the next line.
                let from = self.at + 1;
                self.at = from.min(self.text.len());
                let to = self.line_end();
                let line = self.text.get(from..to).unwrap_or_default();
                self.at = to;
                let line = if tabs {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                if line == end || to >= self.text.len() {
                    break;
                }
            }
        }
    }
}

/// Like [`skip_quoted`], but brackets are the caller's business.
fn skip_quoted_in_command(text: &str, at: usize) -> Option<usize> {
    match text.as_bytes().get(at)? {
        b'(' | b')' | b'\n' => Some(at + 1),
        _ => skip_quoted(text, at),
    }
}
