//! Runs a command's words: functions, aliases, builtins of the shell, then programs.

use std::rc::Rc;

use crate::judge::Judge;
use crate::program;
use crate::shell::state::{State, Value};
use crate::shell::{Input, Ran, output, script, walk};
use crate::word::{Doubt, Word};

/// Lines of a known text that `read` is followed through.
const MAX_LINES: usize = 8;

/// Judges a command. `lookup`: functions and aliases count.
pub(crate) fn run(judge: &mut Judge<'_>, words: &[Word], input: &Input, lookup: bool) -> Ran {
    let Some((first, args)) = words.split_first() else {
        return Ran::unchanged(judge, Word::default());
    };
    if !judge.spend(4 + words.len(), &first.span) {
        return Ran::default();
    }
    let name = first.get().unwrap_or_default().to_owned();
    if lookup && let Some(function) = judge.state.functions.get(&name).cloned() {
        judge.used.insert(name);
        return walk::call(judge, &function, words, input);
    }
    if lookup && let Some(text) = judge.state.aliases.get(&name).cloned() {
        judge.used.insert(name.clone());
        let saved = judge.state.clone();
        judge.state.undefine(&name);
        return with_args(judge, &text, args, input, &saved);
    }
    match name.as_str() {
        "eval" => {
            let text = joined(args, first);
            script(judge, &text, input)
        }
        "." | "source" => source(judge, args, input),
        "command" => command(judge, words, input),
        "builtin" => run(judge, args, input, false),
        "exec" => run(judge, &words[skip_options(words, "a")..], input, false),
        _ if state_changed(judge, &name, args, input) => Ran::unchanged(judge, Word::default()),
        "read" => read(judge, args, input),
        _ => {
            let printed = program::judge(judge, words, input);
            let printed = printed.unwrap_or_else(|| output::of(judge, words, input));
            Ran::unchanged(judge, printed)
        }
    }
}

/// Runs a text with arguments put behind it, as an alias does.
fn with_args(
    judge: &mut Judge<'_>,
    text: &Word,
    args: &[Word],
    input: &Input,
    saved: &State,
) -> Ran {
    let mut text = text.clone().with_span(&text.span);
    text.push_str(" \"$@\"");
    judge.state.positional = Some(Rc::new(args.to_vec()));
    let mut ran = script(judge, &text, input);
    for state in &mut ran.states {
        state.positional.clone_from(&saved.positional);
        state.aliases = saved.aliases.clone();
    }
    ran
}

/// Words put together with spaces, standing where the first of them does.
pub(crate) fn joined(words: &[Word], first: &Word) -> Word {
    let mut text = Word::known("", first.span.clone());
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            text.push_str(" ");
        } else {
            text.span = word.span.clone();
        }
        text.push_word(word);
    }
    text
}

/// The index of the first word that is no option; `valued`: letters whose value is the next word.
fn skip_options(words: &[Word], valued: &str) -> usize {
    let mut at = 1;
    while let Some(text) = words.get(at).and_then(Word::get) {
        if text == "--" {
            return at + 1;
        }
        if text.len() < 2 || !text.starts_with('-') {
            break;
        }
        at += 1 + usize::from(text.ends_with(|last| valued.contains(last)));
    }
    at.min(words.len())
}

fn source(judge: &mut Judge<'_>, args: &[Word], input: &Input) -> Ran {
    let file = args.first().and_then(Word::get).unwrap_or_default();
    let text = match file {
        "/dev/stdin" => match input {
            Input::Text(text) => Some(text.clone()),
            Input::Inherited => None,
        },
        _ => judge
            .files
            .get(file.strip_prefix("./").unwrap_or(file))
            .cloned(),
    };
    match (text, args.first()) {
        (Some(text), Some(named)) => script(judge, &text.with_span(&named.span), input),
        _ => Ran::unchanged(judge, Word::unknown(Doubt::Flag, 0..0)),
    }
}

/// `command` runs a program or builtin, or says where it is (`-v`).
fn command(judge: &mut Judge<'_>, words: &[Word], input: &Input) -> Ran {
    let start = skip_options(words, "");
    let options = words[..start].iter().skip(1).filter_map(Word::get);
    let asks = options.clone().any(|option| option.contains(['v', 'V']));
    let rest = &words[start..];
    if asks {
        return Ran::unchanged(judge, output::path_of(rest));
    }
    run(judge, rest, input, false)
}

/// Builtins that change what the shell knows. True if it was one of them.
fn state_changed(judge: &mut Judge<'_>, name: &str, args: &[Word], input: &Input) -> bool {
    match name {
        "alias" => {
            for (name, text) in args.iter().filter_map(definition) {
                judge.state.set_alias(&name, text);
            }
        }
        "unalias" => args
            .iter()
            .filter_map(Word::get)
            .for_each(|name| judge.state.undefine(name)),
        "export" | "declare" | "local" | "readonly" | "typeset" => {
            for (name, value) in args.iter().filter_map(definition) {
                judge.state.set_scalar(&name, value);
            }
        }
        "unset" => {
            for name in args.iter().filter_map(Word::get) {
                judge.state.set(name, Value::Unset);
                judge.state.undefine(name);
            }
        }
        "set" => set(judge, args),
        "shift" => shift(judge, args),
        "hash" => hash(judge, args),
        "trap" => {
            let action = args.iter().find(|word| !word.start().starts_with('-'));
            if let Some(action) = action
                .filter(|word| !word.is_empty())
                .filter(|_| args.len() > 1)
            {
                script(judge, action, &Input::Inherited);
            }
        }
        "printf" if args.first().is_some_and(|word| word.is("-v")) => {
            let text = output::printf(args.get(2..).unwrap_or_default());
            if let Some(name) = args.get(1).and_then(Word::get) {
                judge.state.set_scalar(name, text);
            }
        }
        "mapfile" | "readarray" => {
            let name = args
                .last()
                .and_then(Word::get)
                .filter(|name| !name.starts_with('-'));
            let lines = match input {
                Input::Text(text) => text.get().map(|text| {
                    let lines = text.lines().map(|line| Word::known(line, 0..0));
                    Value::Array(lines.collect())
                }),
                Input::Inherited => None,
            };
            let unknown = || Value::Array(vec![Word::unknown(Doubt::List, 0..0)]);
            judge
                .state
                .set(name.unwrap_or("MAPFILE"), lines.unwrap_or_else(unknown));
        }
        _ => return false,
    }
    true
}

/// `NAME=VALUE`.
fn definition(word: &Word) -> Option<(String, Word)> {
    let (name, _) = word.start().split_once('=')?;
    Some((name.to_owned(), word.skip(name.len() + 1)))
}

/// `set -- a b` sets the positional parameters.
fn set(judge: &mut Judge<'_>, args: &[Word]) {
    let mut at = 0;
    while let Some(word) = args.get(at) {
        if word.is("--") {
            at += 1;
            break;
        }
        if !word.start().starts_with(['-', '+']) {
            break;
        }
        at += 1 + usize::from(word.get().is_some_and(|text| text.ends_with('o')));
    }
    let dashes = at > 0 && args.get(at - 1).is_some_and(|word| word.is("--"));
    let words = args.get(at..).unwrap_or_default();
    if dashes || !words.is_empty() {
        judge.state.positional = Some(Rc::new(words.to_vec()));
    }
}

fn shift(judge: &mut Judge<'_>, args: &[Word]) {
    let count = args
        .first()
        .map_or(Some(1), |word| word.get()?.parse::<usize>().ok());
    judge.state.positional = match (&judge.state.positional, count) {
        (Some(words), Some(count)) => {
            Some(Rc::new(words.get(count..).unwrap_or_default().to_vec()))
        }
        _ => None,
    };
}

/// `hash -p /usr/bin/git x` makes `x` the program's name.
fn hash(judge: &mut Judge<'_>, args: &[Word]) {
    if let [option, path, names @ ..] = args
        && option.is("-p")
    {
        for name in names.iter().filter_map(Word::get) {
            judge.state.set_alias(name, path.clone());
        }
    }
}

/// `read` takes a line. Of a known text every line is tried.
fn read(judge: &mut Judge<'_>, args: &[Word], input: &Input) -> Ran {
    let mut words = vec![Word::known("read", 0..0)];
    words.extend_from_slice(args);
    let start = skip_options(&words, "pdnNtui");
    let names: Vec<&str> = words[start..].iter().filter_map(Word::get).collect();
    let names = if names.is_empty() {
        vec!["REPLY"]
    } else {
        names
    };
    let text = match input {
        Input::Text(text) => text.clone(),
        Input::Inherited => Word::unknown(Doubt::Value, 0..0),
    };
    let mut states = Vec::new();
    match text.get() {
        Some(text) if text.lines().count() <= MAX_LINES => {
            for line in text.lines() {
                let mut state = judge.state.clone();
                let mut fields = line.splitn(names.len(), [' ', '\t']);
                for name in &names {
                    let field = fields.next().unwrap_or_default();
                    state.set_scalar(name, Word::known(field.trim(), 0..0));
                }
                states.push(state);
            }
        }
        _ => {
            let doubt = match text.doubt() {
                Some(doubt) if doubt != Doubt::Printed => doubt.min(Doubt::Flag),
                Some(_) => Doubt::Value,
                None => Doubt::Flag,
            };
            let mut state = judge.state.clone();
            for name in names {
                state.set_scalar(name, Word::unknown(doubt, 0..0));
            }
            states.push(state);
        }
    }
    Ran {
        states,
        output: Word::default(),
    }
}
