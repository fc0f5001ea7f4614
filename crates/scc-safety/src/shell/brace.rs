//! Brace expansion: `{a,b}`, `{1..3}`, on the text of a word before its quotes are read.

use crate::shell::scan::skip_quoted;

/// A sequence that is longer is left as it is: it is no option, and no name of a command.
const MAX_SEQUENCE: i128 = 256;

/// Every word that a text with braces stands for, at most `limit` of them; `None` if there are
/// more.
pub(crate) fn expand(text: &str, limit: usize) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![(String::new(), text.to_owned())];
    while let Some((before, rest)) = open.pop() {
        if done.len() + open.len() > limit {
            return None;
        }
        let Some((start, items, end)) = first_group(&rest) else {
            done.push(before + &rest);
            continue;
        };
        let kept = format!("{before}{}", &rest[..start]);
        let behind = &rest[end..];
        for item in items.into_iter().rev() {
            // An item may hold braces of its own, so that it is looked at again.
            open.push((kept.clone(), item + behind));
        }
    }
    Some(done)
}

/// The first group of braces: where it starts, its items, and the index behind it.
fn first_group(text: &str) -> Option<(usize, Vec<String>, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'{'
            && let Some((items, end)) = group(text, at)
        {
            return Some((at, items, end));
        }
        at = skip_quoted(text, at)?;
    }
    None
}

/// The items of the group that opens at `open`, and the index behind it; `None` if it is none.
fn group(text: &str, open: usize) -> Option<(Vec<String>, usize)> {
    let bytes = text.as_bytes();
    let mut commas = Vec::new();
    let mut depth = 0_usize;
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b',' if depth == 0 => commas.push(at),
            b' ' | b'\t' | b'\n' => return None,
            _ => {}
        }
        at = skip_quoted(text, at)?;
    }
    if commas.is_empty() {
        return sequence(text.get(open + 1..at)?).map(|items| (items, at + 1));
    }
    commas.push(at);
    let mut from = open + 1;
    let mut items = Vec::new();
    for comma in commas {
        items.push(text.get(from..comma)?.to_owned());
        from = comma + 1;
    }
    Some((items, at + 1))
}

/// `1..5`, `a..e`, with a step.
fn sequence(text: &str) -> Option<Vec<String>> {
    let mut parts = text.split("..");
    let (first, last) = (parts.next()?, parts.next()?);
    let step: i64 = parts.next().map_or(Ok(1), str::parse).ok()?;
    if parts.next().is_some() {
        return None;
    }
    let letter = |text: &str| {
        let mut chars = text.chars();
        let letter = chars.next().filter(char::is_ascii_alphabetic);
        letter.filter(|_| chars.next().is_none())
    };
    let bounds = match (first.parse::<i64>(), last.parse::<i64>()) {
        (Ok(first), Ok(last)) => (first, last, false),
        _ => (letter(first)? as i64, letter(last)? as i64, true),
    };
    // Between the bounds may lie more than the type of either holds.
    let (first, last) = (i128::from(bounds.0), i128::from(bounds.1));
    let letters = bounds.2;
    let step = i128::from(step).abs().max(1);
    let count = (last - first).abs() / step;
    if count > MAX_SEQUENCE {
        return None;
    }
    let step = step * (last - first).signum();
    let values = (0..=count).map(|number| first + number * step);
    let shown = values.map(
        |value| match u32::try_from(value).ok().and_then(char::from_u32) {
            Some(char) if letters => char.to_string(),
            _ => value.to_string(),
        },
    );
    Some(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_expand_as_bash_does() {
        for (text, words) in [
            ("a", "a"),
            ("{a,b}", "a b"),
            ("x{a,b}y", "xay xby"),
            ("{a,b}{1,2}", "a1 a2 b1 b2"),
            ("{a,{b,c}}", "a b c"),
            ("{1..3}", "1 2 3"),
            ("{3..1}", "3 2 1"),
            ("{a..e..2}", "a c e"),
            ("{a}", "{a}"),
            ("${a,b}", "${a,b}"),
            ("'{a,b}'", "'{a,b}'"),
            ("\"{a,b}\"", "\"{a,b}\""),
            ("\\{a,b}", "\\{a,b}"),
            ("--{force,tags}", "--force --tags"),
            ("{,x}", " x"),
            ("{1..99999999}", "{1..99999999}"),
            (
                "{1..99999999999999999999999}",
                "{1..99999999999999999999999}",
            ),
            (
                "{-9223372036854775808..9223372036854775807}",
                "{-9223372036854775808..9223372036854775807}",
            ),
            (
                "{-9223372036854775808..9223372036854775807..9223372036854775807}",
                "-9223372036854775808 -1 9223372036854775806",
            ),
            ("{1..2..-9223372036854775808}", "1"),
        ] {
            assert_eq!(expand(text, 100).unwrap().join(" "), words, "{text}");
        }
        assert_eq!(expand("{a,b}{a,b}{a,b}{a,b}", 10), None);
    }
}
