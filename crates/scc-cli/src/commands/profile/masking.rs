//! The words of a command line, with what may be a secret hidden and nothing else: whoever is asked
//! about a program has to see all that it would run. So a value ends where a shell would go on with
//! something else, at the price of showing the end of a secret with such characters.

use super::literals::{HIDDEN, is_variable, looks_like_key, names_secret, secret};

/// The words as they are shown.
pub(super) fn masked(words: &[String]) -> Vec<String> {
    let mut reader = Reader::default();
    words.iter().map(|word| reader.word(word)).collect()
}

/// Where the value of a name that was read may follow.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Follows {
    #[default]
    Nowhere,
    /// Right there, perhaps in quotes: behind `NAME=`. Behind a blank a shell has the next word.
    Here,
    /// Behind blanks too: of an option, or of a header.
    Later,
}

/// What was read before.
#[derive(Default)]
struct Reader {
    name: String,
    value: Follows,
    /// In a header of cookies, all of whose values are secrets.
    in_cookies: bool,
}

impl Reader {
    fn word(&mut self, word: &str) -> String {
        self.in_cookies = false;
        self.end_at(' ');
        let mut shown = String::new();
        let mut rest = word;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.find(ends_value).unwrap_or(rest.len()));
            if !piece.is_empty() {
                shown += &self.piece(piece);
            }
            let mut after = after.chars();
            if let Some(end) = after.next() {
                self.end_at(end);
                shown.push(end);
            }
            rest = after.as_str();
        }
        shown
    }

    fn end_at(&mut self, end: char) {
        match end {
            '"' | '\'' => {}
            blank if blank.is_whitespace() => {
                if self.value == Follows::Here {
                    self.value = Follows::Nowhere;
                }
            }
            _ => {
                self.value = Follows::Nowhere;
                self.name.clear();
            }
        }
    }

    fn piece(&mut self, piece: &str) -> String {
        let name = std::mem::take(&mut self.name);
        let is_value =
            std::mem::take(&mut self.value) != Follows::Nowhere && !piece.starts_with('-');
        if piece.contains("://") {
            return self.address(piece, is_value);
        }
        if is_value {
            return self.value(piece);
        }
        let at = piece.find('=').or_else(|| piece.find(':'));
        let Some(at) = at else {
            return self.bare(piece);
        };
        let (own, value) = (&piece[..at], &piece[at + 1..]);
        let named = names_secret(if own.is_empty() { &name } else { own });
        let is_header = piece[at..].starts_with(':');
        self.in_cookies |= is_header && own.to_ascii_lowercase().contains("cookie");
        if value.is_empty() {
            if named {
                let apart = is_header || own.is_empty();
                self.value = if apart { Follows::Later } else { Follows::Here };
            }
            return piece.to_owned();
        }
        let shown = match named || self.in_cookies {
            true => self.value(value),
            false if secret("", value) => HIDDEN.to_owned(),
            false => value.to_owned(),
        };
        format!("{}{shown}", &piece[..=at])
    }

    fn bare(&mut self, piece: &str) -> String {
        if looks_like_key(piece) {
            return HIDDEN.to_owned();
        }
        if piece.starts_with('-') && names_secret(piece) {
            self.value = Follows::Later;
        }
        piece.clone_into(&mut self.name);
        piece.to_owned()
    }

    /// What has the name of a secret. The word for how it is sent is none yet.
    fn value(&mut self, piece: &str) -> String {
        let ways = ["bearer", "basic", "token"];
        if ways.iter().any(|way| piece.eq_ignore_ascii_case(way)) {
            self.value = Follows::Later;
            return piece.to_owned();
        }
        match is_variable(piece) {
            true => piece.to_owned(),
            false => HIDDEN.to_owned(),
        }
    }

    /// An address, whose host is always shown.
    fn address(&mut self, piece: &str, is_value: bool) -> String {
        let Some((start, rest)) = piece.split_once("://") else {
            return piece.to_owned();
        };
        let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let host = match authority.rsplit_once('@') {
            Some((_, host)) => format!("{HIDDEN}@{host}"),
            None => authority.to_owned(),
        };
        if is_value {
            let path = if path.len() > 1 { HIDDEN } else { "" };
            return format!("{start}://{host}/{path}");
        }
        let parts = path.split('/').map(|part| {
            let mut parts = part.split([':', '.']);
            match parts.any(looks_like_key) {
                true => HIDDEN,
                false => part,
            }
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let mut query = query.chars();
        let Some(mark) = query.next() else {
            return format!("{start}://{host}{path}");
        };
        let query = self.piece(query.as_str());
        format!("{start}://{host}{path}{mark}{query}")
    }
}

/// Where a shell goes on with something else, or an address with its next parameter.
fn ends_value(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '`' | ';' | '&' | '|' | '(' | ')' | '<' | '>'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        masked(&words).join(" ")
    }

    #[test]
    fn words_are_shown_but_for_those_that_may_be_secrets() {
        for (words, expected) in [
            (
                "--root /srv --token hunter2 x",
                "--root /srv --token [hidden] x",
            ),
            ("KEY=hunter2 --root /srv", "KEY=[hidden] --root /srv"),
            ("--api-key=hunter2", "--api-key=[hidden]"),
            ("sk-0123456789abcdefghij run", "[hidden] run"),
            ("x=sk-0123456789abcdefghij", "x=[hidden]"),
            ("run --token ${T}", "run --token ${T}"),
            ("--token=${T}x", "--token=[hidden]"),
            ("--token --root /srv", "--token --root /srv"),
            (
                "--url https://a:b@x.example/y?a=b&token=hunter2&c=d",
                "--url https://[hidden]@x.example/y?a=b&token=[hidden]&c=d",
            ),
            (
                "https://x.example/glpat-0123456789abcdefghij/mcp",
                "https://x.example/[hidden]/mcp",
            ),
        ] {
            let words: Vec<_> = words.split(' ').collect();
            assert_eq!(shown(&words), expected);
        }
        for (word, expected) in [
            (
                "Authorization: Bearer hunter2",
                "Authorization: Bearer [hidden]",
            ),
            ("Authorization: Bearer ${T}", "Authorization: Bearer ${T}"),
            ("X-Token : hunter2", "X-Token : [hidden]"),
            (
                "Cookie: a=hunter2; b=hunter2",
                "Cookie: [hidden]; b=[hidden]",
            ),
            (r#"{"token": "hunter2"}"#, r#"{"token": "[hidden]"}"#),
            ("PASSWORD='hunter2'", "PASSWORD='[hidden]'"),
        ] {
            assert_eq!(shown(&["-H", word]), format!("-H {expected}"));
        }
    }

    #[test]
    fn no_name_hides_what_a_program_would_run() {
        for (words, expected) in [
            (
                ["sh", "-c", "AUTH=1; curl x | sh"],
                "AUTH=[hidden]; curl x | sh",
            ),
            (["sh", "-c", "AUTH=1 curl x"], "AUTH=[hidden] curl x"),
            (["sh", "-c", "AUTH= curl x"], "AUTH= curl x"),
            (["sh", "-c", "AUTH=$(curl x)"], "AUTH=[hidden](curl x)"),
            (["sh", "-c", "AUTH=1\ncurl x"], "AUTH=[hidden]\ncurl x"),
            (["sh", "-c", "Cookie:;curl x"], "Cookie:;curl x"),
            (
                ["sh", "-c", "curl x -H 'Auth: y'|sh"],
                "curl x -H 'Auth: [hidden]'|sh",
            ),
            (["bash", "-authc", "nice curl x"], "[hidden] curl x"),
            (
                ["sh", "-c", "curl https://x.example/?token=1|sh"],
                "curl https://x.example/?token=[hidden]|sh",
            ),
            (
                ["curl", "--token", "https://x.example/y"],
                "https://x.example/[hidden]",
            ),
        ] {
            let [program, option, _] = words;
            assert_eq!(shown(&words), format!("{program} {option} {expected}"));
        }
    }
}
