//! What `${x#p}`, `${x%p}`, `${x/p/r}`, `${x:1:2}`, `${x^}` and `${x@U}` make of a text.

/// An operator behind a parameter's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `#`, `##`: remove the shortest or longest beginning that matches.
    Prefix { longest: bool },
    /// `%`, `%%`: remove the shortest or longest end that matches.
    Suffix { longest: bool },
    /// `/`, `//`: replace the first or every match.
    Replace { all: bool },
    /// `:from` or `:from:length`.
    Part,
    /// `^`, `^^`, `@u`, `@U`.
    Upper { all: bool },
    /// `,`, `,,`, `@L`.
    Lower { all: bool },
    /// `@Q` and others that print the same for another shell.
    Same,
}

/// Reads the operator that a text begins with, and returns it with its argument.
pub(crate) fn operator(text: &str) -> Option<(Operator, &str)> {
    use Operator::{Lower, Part, Prefix, Replace, Same, Suffix, Upper};
    let table = [
        ("##", Prefix { longest: true }),
        ("#", Prefix { longest: false }),
        ("%%", Suffix { longest: true }),
        ("%", Suffix { longest: false }),
        ("//", Replace { all: true }),
        ("/", Replace { all: false }),
        (":", Part),
        ("^^", Upper { all: true }),
        ("^", Upper { all: false }),
        (",,", Lower { all: true }),
        (",", Lower { all: false }),
        ("@U", Upper { all: true }),
        ("@u", Upper { all: false }),
        ("@L", Lower { all: true }),
        ("@Q", Same),
    ];
    table.iter().find_map(|(sign, operator)| {
        text.strip_prefix(sign)
            .map(|argument| (*operator, argument))
    })
}

/// What an operator makes of a text; `None` if that is not worked out here.
pub(crate) fn apply(operator: Operator, text: &str, argument: &str) -> Option<String> {
    match operator {
        Operator::Prefix { longest } => {
            let mut cuts = boundaries(text);
            if longest {
                cuts.reverse();
            }
            let cut = cuts.into_iter().find(|at| matches(argument, &text[..*at]));
            Some(text[cut.unwrap_or(0)..].to_owned())
        }
        Operator::Suffix { longest } => {
            let mut cuts = boundaries(text);
            if !longest {
                cuts.reverse();
            }
            let cut = cuts.into_iter().find(|at| matches(argument, &text[*at..]));
            Some(text[..cut.unwrap_or(text.len())].to_owned())
        }
        Operator::Replace { all } => {
            let (from, to) = argument.split_once('/').unwrap_or((argument, ""));
            if from.is_empty() || from.starts_with(['#', '%']) || has_pattern(from) {
                return None;
            }
            Some(if all {
                text.replace(from, to)
            } else {
                text.replacen(from, to, 1)
            })
        }
        Operator::Part => part(text, argument),
        Operator::Upper { all } => cased(text, argument, all, char::to_ascii_uppercase),
        Operator::Lower { all } => cased(text, argument, all, char::to_ascii_lowercase),
        Operator::Same => Some(text.to_owned()),
    }
}

fn boundaries(text: &str) -> Vec<usize> {
    let inner = text.char_indices().map(|(at, _)| at);
    inner.chain([text.len()]).collect()
}

fn has_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '\\'])
}

/// A shell's pattern matches a text. A bracket expression is taken for any character, so that
/// rather too much matches.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    if !has_pattern(pattern) {
        return pattern == text;
    }
    let mut simple = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(char) = rest.chars().next() {
        let class = rest.get(2..).and_then(|inner| inner.find(']'));
        match class {
            Some(end) if char == '[' => {
                simple.push('?');
                rest = &rest[end + 3..];
            }
            _ => {
                if matches!(char, '{' | '}' | '!' | '[') {
                    simple.push('\\');
                }
                simple.push(char);
                rest = &rest[char.len_utf8()..];
            }
        }
    }
    // The library gives `/` a meaning that it does not have here.
    fast_glob::glob_match(simple.replace('/', "\u{1}"), text.replace('/', "\u{1}"))
}

fn part(text: &str, argument: &str) -> Option<String> {
    let (from, length) = match argument.split_once(':') {
        Some((from, length)) => (from, Some(length.trim().parse::<i64>().ok()?)),
        None => (argument, None),
    };
    let chars: Vec<char> = text.chars().collect();
    let count = i64::try_from(chars.len()).ok()?;
    let from = from.trim().parse::<i64>().ok()?;
    let from = if from < 0 {
        from.checked_add(count)?
    } else {
        from
    };
    let end = match length {
        None => count,
        Some(length) if length < 0 => count.checked_add(length)?,
        Some(length) => from.saturating_add(length).min(count),
    };
    let range = usize::try_from(from).ok()?..usize::try_from(end).ok()?;
    Some(chars.get(range).unwrap_or_default().iter().collect())
}

fn cased(text: &str, pattern: &str, all: bool, change: fn(&char) -> char) -> Option<String> {
    if !pattern.is_empty() {
        return None;
    }
    let changes = text.chars().enumerate().map(
        |(at, char)| {
            if all || at == 0 { change(&char) } else { char }
        },
    );
    Some(changes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_work_as_in_bash() {
        for (text, operation, result) in [
            ("xx--force", "#xx", "--force"),
            ("a/b/c", "##*/", "c"),
            ("a/b/c", "#*/", "b/c"),
            ("a.b.c", "%.*", "a.b"),
            ("a.b.c", "%%.*", "a"),
            ("pXsh", "/X/u", "push"),
            ("aXbX", "//X", "ab"),
            ("--force-with-lease", ":0:7", "--force"),
            ("xpush", ":1", "push"),
            ("xpush", ": -4", "push"),
            ("push", "^^", "PUSH"),
            ("PUSH", ",,", "push"),
            ("Push", ",", "push"),
            ("push", "#[a-p]", "ush"),
            ("ab", ":5:2", ""),
        ] {
            let (operator, argument) = operator(operation).unwrap();
            assert_eq!(
                apply(operator, text, argument).as_deref(),
                Some(result),
                "{text} {operation}"
            );
        }
    }

    #[test]
    fn what_is_not_worked_out_is_not_known() {
        for (text, operation) in [("a", "/[a]/b"), ("a", "^b"), ("a", ":x"), ("a", ":-9:1")] {
            let (operator, argument) = operator(operation).unwrap();
            assert_eq!(apply(operator, text, argument), None, "{text} {operation}");
        }
    }
}
