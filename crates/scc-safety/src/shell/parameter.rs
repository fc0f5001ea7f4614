//! Parameters and what is done to them: `$x`, `${x:-y}`, `${x%y}`, `${x/y/z}`, `${x[0]}`.

use crate::judge::Judge;
use crate::shell::expand::{self, Expansion};
use crate::shell::pattern;
use crate::shell::state::Value;
use crate::word::{Doubt, Word};

/// Variables that hold a path, a name or a number and never an option.
const HARMLESS: [&str; 25] = [
    "HOME",
    "PWD",
    "OLDPWD",
    "USER",
    "LOGNAME",
    "HOSTNAME",
    "TMPDIR",
    "TMP",
    "UID",
    "EUID",
    "PPID",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "SHLVL",
    "BASHPID",
    "EPOCHSECONDS",
    "OSTYPE",
    "PATH",
    "LANG",
    "TERM",
    "?",
    "#",
    "$",
    "!",
];

/// Variables that by convention hold a program, and that program.
const PROGRAMS: [(&str, &str); 34] = [
    ("SHELL", "/bin/bash"),
    ("BASH", "/bin/bash"),
    ("GIT", "git"),
    ("CURL", "curl"),
    ("WGET", "wget"),
    ("SSH", "ssh"),
    ("SUDO", "sudo"),
    ("PYTHON", "python3"),
    ("PYTHON3", "python3"),
    ("PIP", "pip"),
    ("RUBY", "ruby"),
    ("PERL", "perl"),
    ("PHP", "php"),
    ("NODE", "node"),
    ("NPM", "npm"),
    ("NPX", "npx"),
    ("YARN", "yarn"),
    ("PNPM", "pnpm"),
    ("CARGO", "cargo"),
    ("RUSTC", "rustc"),
    ("GO", "go"),
    ("JAVA", "java"),
    ("CC", "cc"),
    ("CXX", "c++"),
    ("MAKE", "make"),
    ("CMAKE", "cmake"),
    ("EDITOR", "vi"),
    ("VISUAL", "vi"),
    ("PAGER", "less"),
    ("BROWSER", "browser"),
    ("DOCKER", "docker"),
    ("KUBECTL", "kubectl"),
    ("SED", "sed"),
    ("AWK", "awk"),
];

/// Parts of the names of variables that are there to hold options.
const OPTION_LIKE: [&str; 14] = [
    "FLAG", "FLAGS", "OPT", "OPTS", "OPTION", "OPTIONS", "ARG", "ARGS", "FORCE", "MODE", "PARAM",
    "PARAMS", "SWITCHES", "EXTRA",
];

/// The length of the parameter's name that a text begins with: `x1`, `1`, `@`.
pub(crate) fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
            let word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            bytes.iter().take_while(word).count()
        }
        Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(byte) => 1,
        _ => 0,
    }
}

/// What a parameter stands for; what is not known is a gap.
pub(crate) fn value(judge: &Judge<'_>, name: &str) -> Value {
    if let Some(known) = set(judge, name) {
        return known;
    }
    if let Some((_, program)) = PROGRAMS.iter().find(|(variable, _)| *variable == name) {
        return Value::Scalar(Word::known(*program, 0..0));
    }
    let doubt = match name {
        "@" | "*" => Doubt::List,
        "0" => return Value::Scalar(Word::known("bash", 0..0)),
        _ if HARMLESS.contains(&name) => Doubt::Name,
        _ if is_option_like(name) => Doubt::Flag,
        _ => Doubt::Value,
    };
    Value::Scalar(Word::unknown(doubt, 0..0))
}

fn is_option_like(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let ends = ["FLAGS", "OPTS", "ARGS", "OPTIONS"];
    ends.iter().any(|end| name.ends_with(end))
        || name.split('_').any(|part| OPTION_LIKE.contains(&part))
}

/// The value of a parameter that is known to be set, or known to be not.
fn set(judge: &Judge<'_>, name: &str) -> Option<Value> {
    let state = &judge.state;
    match name {
        "@" | "*" => {
            let words = state.positional.as_ref()?;
            Some(Value::Array(words.to_vec()))
        }
        "#" => state
            .positional
            .as_ref()
            .map(|words| Value::Scalar(Word::known(words.len().to_string(), 0..0))),
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) && name != "0" => {
            let words = state.positional.as_ref()?;
            let number: usize = name.parse().ok()?;
            let word = number.checked_sub(1).and_then(|index| words.get(index));
            Some(word.map_or(Value::Unset, |word| Value::Scalar(word.clone())))
        }
        _ => match state.value(name) {
            Some(value) => Some(value.clone()),
            None => judge.env(name).map(Value::Scalar),
        },
    }
}

/// `${…}`: `text` is what stands between the braces.
pub(crate) fn braced(expansion: &mut Expansion<'_, '_>, text: &str, quoted: bool) {
    if let Some(rest) = text.strip_prefix('#')
        && name_length(rest) > 0
    {
        expansion.push(number(), quoted);
        return;
    }
    let indirect = text.starts_with('!') && name_length(&text[1..]) > 0;
    let text = if indirect { &text[1..] } else { text };
    let mut length = name_length(text);
    if text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_digit())
    {
        length = text.bytes().take_while(u8::is_ascii_digit).count();
    }
    let (name, mut rest) = text.split_at(length);
    let mut known = set(expansion.judge, name);
    let mut value = value(expansion.judge, name);
    if let Some(end) = rest.find(']').filter(|_| rest.starts_with('[')) {
        value = element(value, known.is_some(), &rest[1..end], quoted);
        known = known.map(|_| value.clone());
        rest = &rest[end + 1..];
        if indirect {
            expansion.push(number(), quoted);
            return;
        }
    } else if let Value::Array(words) = &value
        && !matches!(name, "@" | "*")
    {
        value = words
            .first()
            .map_or(Value::Unset, |word| Value::Scalar(word.clone()));
    }
    if indirect {
        if rest.starts_with(['*', '@']) {
            expansion.push(number(), quoted);
            return;
        }
        (known, value) = follow(expansion.judge, &value);
    }
    let result = operate(expansion, rest, known.as_ref(), value);
    if rest.trim_start_matches(':').starts_with('=') && !indirect {
        expansion.judge.state.set(name, result.clone());
    }
    expansion.push(result, quoted);
}

fn number() -> Value {
    Value::Scalar(Word::unknown(Doubt::Name, 0..0))
}

/// The parameter that another one names.
fn follow(judge: &Judge<'_>, name: &Value) -> (Option<Value>, Value) {
    match name {
        Value::Scalar(word) => match word.get() {
            Some(name) => (set(judge, name), value(judge, name)),
            None => (None, Value::Scalar(Word::unknown(Doubt::Flag, 0..0))),
        },
        _ => (None, Value::Scalar(Word::unknown(Doubt::Flag, 0..0))),
    }
}

/// An element of an array, or all of them.
fn element(value: Value, known: bool, index: &str, quoted: bool) -> Value {
    match (index, value) {
        ("@" | "*", value @ Value::Array(_)) => value,
        ("@" | "*", Value::Scalar(word)) if !known => {
            let _ = word;
            Value::Scalar(Word::unknown(Doubt::List, 0..0))
        }
        (_, Value::Array(words)) => match index.parse::<usize>() {
            Ok(index) => words
                .get(index)
                .map_or(Value::Unset, |word| Value::Scalar(word.clone())),
            Err(_) => Value::Scalar(Word::unknown(Doubt::Flag, 0..0)),
        },
        (_, value) => {
            let _ = quoted;
            value
        }
    }
}

/// Applies what stands behind the name. `known` is `None` if the parameter may be set or not.
fn operate(
    expansion: &mut Expansion<'_, '_>,
    operator: &str,
    known: Option<&Value>,
    value: Value,
) -> Value {
    if operator.is_empty() {
        return value;
    }
    let colon = operator.starts_with(':');
    let tested = operator.strip_prefix(':').unwrap_or(operator);
    let is_set = known.map(|value| match value {
        Value::Unset => false,
        Value::Scalar(word) => !(colon && word.is_empty()),
        Value::Array(words) => !words.is_empty(),
    });
    let mut other = |text: &str| Value::Scalar(expand::word(expansion.judge, text, expansion.span));
    match tested.chars().next() {
        // Where it is not known whether it is set, it is taken for unset: the text says more.
        Some('-') => {
            if is_set == Some(true) {
                value
            } else {
                other(&tested[1..])
            }
        }
        Some('=') => {
            if is_set == Some(true) {
                value
            } else {
                other(&tested[1..])
            }
        }
        Some('+') => {
            if is_set == Some(false) {
                Value::Unset
            } else {
                other(&tested[1..])
            }
        }
        Some('?') => {
            other(&tested[1..]);
            value
        }
        _ => changed(expansion, operator, value),
    }
}

/// Applies an operator that changes a text.
fn changed(expansion: &mut Expansion<'_, '_>, operator: &str, value: Value) -> Value {
    match value {
        Value::Unset => Value::Unset,
        Value::Scalar(word) => Value::Scalar(changed_word(expansion, operator, &word)),
        Value::Array(words) => {
            let words = words
                .iter()
                .map(|word| changed_word(expansion, operator, word));
            Value::Array(words.collect())
        }
    }
}

fn changed_word(expansion: &mut Expansion<'_, '_>, operator: &str, word: &Word) -> Word {
    let doubt = word.doubt().unwrap_or(Doubt::Flag);
    let text = word.get().map(str::to_owned);
    let result = pattern::operator(operator).and_then(|(kind, argument)| {
        let argument = expand::word(expansion.judge, argument, expansion.span);
        let (text, argument) = (text.as_deref()?, argument.get()?);
        pattern::apply(kind, text, argument)
    });
    match result {
        Some(text) => Word::known(text, word.span.clone()),
        None => Word::unknown(doubt, word.span.clone()),
    }
}
