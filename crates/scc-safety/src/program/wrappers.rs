//! Programs that run the command in their arguments.

mod table;

use crate::judge::Judge;
use crate::options::Parsed;
use crate::program::{inner, shells};
use crate::shell::{Input, script};
use crate::word::{Doubt, Word};
use table::{ARCHITECTURES, Kind, WRAPPERS, Wrapper};

/// The names of all wrappers.
pub(super) const NAMES: [&str; 8] = [
    "env", "sudo", "doas", "su", "timeout", "nohup", "parallel", "script",
];

pub(super) fn judge(
    judge: &mut Judge<'_>,
    name: &str,
    words: &[Word],
    input: &Input,
) -> Option<Word> {
    let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == name) else {
        let held = shells::held(judge, words.first()?)?;
        return shells::run(judge, &held.with_span(&words[0].span), &words[1..], input);
    };
    let args = &words[1..];
    let parsed = wrapper.options.parse(args);
    let skip = match wrapper.kind {
        // Those are behind the subcommand.
        Kind::Subcommand(_) => 0,
        _ => wrapper.skip,
    };
    let operands = operands(args, &parsed, skip);
    let saved = judge.state.clone();
    let printed = match wrapper.kind {
        Kind::Words => inner(judge, operands, input),
        Kind::Environment => environment(judge, args, &parsed, input),
        Kind::Text if parsed.on("exec").is_some() => inner(judge, operands, input),
        Kind::Text => {
            let text = joined(operands)?;
            Some(script(judge, &text, input).output)
        }
        Kind::Option => option(judge, name, args, &parsed, operands, input),
        Kind::Parallel => {
            parallel(judge, operands, input);
            None
        }
        Kind::Architecture => architecture(judge, wrapper, operands, input),
        Kind::Subcommand(names) => subcommand(judge, wrapper, names, operands, input),
        Kind::SubcommandText(names) => subcommand_text(judge, wrapper, names, operands, input),
        Kind::Texts => {
            texts(judge, args, &parsed);
            None
        }
        Kind::Stdin => from_input(judge, &parsed, input),
        Kind::Behind => {
            let at = args
                .iter()
                .position(|word| word.is("-c") || word.is("--command"));
            at.and_then(|at| inner(judge, args.get(at + 1..)?, input))
        }
    };
    judge.state = saved;
    printed
}

/// The words from the given operand on.
fn operands<'a>(args: &'a [Word], parsed: &Parsed, skip: usize) -> &'a [Word] {
    let first = parsed.operands.get(skip);
    first
        .and_then(|index| args.get(*index..))
        .unwrap_or_default()
}

fn joined(words: &[Word]) -> Option<Word> {
    let first = words.first()?;
    let mut text = Word::known("", first.span.clone());
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            text.push_str(" ");
        }
        text.push_word(word);
    }
    Some(text)
}

/// `env`, `sudo`: options, assignments, the command.
fn environment(
    judge: &mut Judge<'_>,
    args: &[Word],
    parsed: &Parsed,
    input: &Input,
) -> Option<Word> {
    let mut words = operands(args, parsed, 0);
    if parsed.on("ignore-environment").is_some() || words.first().is_some_and(|word| word.is("-")) {
        judge.state.clear();
    }
    words = words.strip_prefix_word("-");
    let mut split = Vec::new();
    if let Some(text) = parsed.value("split-string") {
        // `-S` splits like a shell that knows only quotes.
        let text = text.get()?.to_owned();
        let span = args.first().map_or(0..0, |word| word.span.clone());
        split.extend(
            crate::git::split_words(&text)
                .iter()
                .map(|word| Word::known(word, span.clone())),
        );
        // Everything behind it belongs to that command.
        let given = parsed.on("split-string").map_or(0, |given| given.index);
        let separate = args.get(given).is_some_and(|word| {
            word.start().starts_with("--s") && !word.start().contains('=')
                || word.start().ends_with('S')
        });
        split.extend_from_slice(
            args.get(given + 1 + usize::from(separate)..)
                .unwrap_or_default(),
        );
        words = &split;
    }
    while let Some((word, rest)) = words.split_first() {
        let Some((name, _)) = word.start().split_once('=') else {
            break;
        };
        judge.state.set_scalar(name, word.skip(name.len() + 1));
        words = rest;
    }
    inner(judge, words, input)
}

trait StripPrefixWord {
    fn strip_prefix_word(&self, text: &str) -> &Self;
}

impl StripPrefixWord for [Word] {
    fn strip_prefix_word(&self, text: &str) -> &Self {
        match self.split_first() {
            Some((first, rest)) if first.is(text) => rest,
            _ => self,
        }
    }
}

/// The option that holds a text for a shell.
fn text_of(parsed: &Parsed) -> Option<&Word> {
    let mut names = ["command", "session-command", "run", "call"].iter();
    names.find_map(|name| parsed.value(name))
}

/// `setarch x86_64 -R COMMAND`, `setarch -R COMMAND`, `linux64 COMMAND`.
fn architecture(
    judge: &mut Judge<'_>,
    wrapper: &Wrapper,
    words: &[Word],
    input: &Input,
) -> Option<Word> {
    let (first, rest) = words.split_first()?;
    if wrapper.name != "setarch" || !ARCHITECTURES.iter().any(|name| first.is(name)) {
        return inner(judge, words, input);
    }
    inner(
        judge,
        operands(rest, &wrapper.options.parse(rest), 0),
        input,
    )
}

/// What follows one of these subcommands.
fn behind<'a>(words: &'a [Word], names: &[&str]) -> Option<&'a [Word]> {
    let (first, rest) = words.split_first()?;
    names.iter().any(|name| first.is(name)).then_some(rest)
}

/// `perf stat COMMAND`, `npm exec -c TEXT`.
fn subcommand(
    judge: &mut Judge<'_>,
    wrapper: &Wrapper,
    names: &[&str],
    words: &[Word],
    input: &Input,
) -> Option<Word> {
    let rest = behind(words, names)?;
    let parsed = wrapper.options.parse(rest);
    if let Some(text) = parsed.value("call") {
        return Some(script(judge, text, input).output);
    }
    inner(judge, operands(rest, &parsed, wrapper.skip), input)
}

/// `tmux new-session TEXT`, `tmux send-keys TEXT Enter`.
fn subcommand_text(
    judge: &mut Judge<'_>,
    wrapper: &Wrapper,
    names: &[&str],
    words: &[Word],
    input: &Input,
) -> Option<Word> {
    let rest = behind(words, names)?;
    let text = joined(operands(rest, &wrapper.options.parse(rest), 0))?;
    Some(script(judge, &text, input).output)
}

/// `hyperfine TEXT TEXT`, and what it runs before and after.
fn texts(judge: &mut Judge<'_>, args: &[Word], parsed: &Parsed) {
    let around = ["setup", "prepare", "cleanup", "conclude"];
    let around = around.iter().filter_map(|name| parsed.value(name));
    let operands = parsed.operands.iter().filter_map(|index| args.get(*index));
    for text in operands.chain(around) {
        script(judge, text, &Input::Inherited);
    }
}

/// `at` runs later what it reads now.
fn from_input(judge: &mut Judge<'_>, parsed: &Parsed, input: &Input) -> Option<Word> {
    let text = match (parsed.value("f"), input) {
        (Some(file), _) => shells::held(judge, file)?.with_span(&file.span),
        (None, Input::Text(text)) => text.clone(),
        (None, Input::Inherited) => return None,
    };
    script(judge, &text, &Input::Inherited);
    None
}

/// `su -c TEXT`, `script -c TEXT`, `flock FILE -c TEXT`, `flock FILE COMMAND`.
fn option(
    judge: &mut Judge<'_>,
    name: &str,
    args: &[Word],
    parsed: &Parsed,
    operands: &[Word],
    input: &Input,
) -> Option<Word> {
    if let Some(text) = text_of(parsed) {
        return Some(script(judge, text, input).output);
    }
    match (name, operands) {
        ("flock", [option, text, ..]) if option.is("-c") || option.is("--command") => {
            Some(script(judge, text, input).output)
        }
        ("flock", command) => inner(judge, command, input),
        ("sg", [text, ..]) => Some(script(judge, text, input).output),
        // `runuser -u USER COMMAND`, `su USER -- -c TEXT`
        ("runuser", _) if parsed.on("user").is_some() => {
            let first = parsed.operands.first()?;
            inner(judge, args.get(*first..)?, input)
        }
        ("su" | "runuser", _) => match input {
            Input::Text(text) => Some(script(judge, text, &Input::Inherited).output),
            Input::Inherited => None,
        },
        _ => None,
    }
}

/// `parallel COMMAND ::: VALUES`: each value is put behind the command, or where `{}` stands.
fn parallel(judge: &mut Judge<'_>, words: &[Word], input: &Input) {
    let is_mark = |word: &Word| word.start().starts_with(":::");
    let end = words.iter().position(is_mark).unwrap_or(words.len());
    let (command, values) = words.split_at(end);
    let mut values: Vec<Word> = values
        .iter()
        .filter(|word| !is_mark(word))
        .cloned()
        .collect();
    if values.is_empty() {
        let known = match input {
            Input::Text(text) => text.get().map(str::to_owned),
            Input::Inherited => None,
        };
        let span = command.first().map_or(0..0, |word| word.span.clone());
        match known {
            Some(text) => {
                values.extend(text.lines().map(|line| Word::known(line, span.clone())));
            }
            None => values.push(Word::unknown(Doubt::Value, span)),
        }
    }
    let has_mark = command.iter().any(|word| word.start().contains("{}"));
    for value in values {
        let filled: Vec<Word> = command
            .iter()
            .map(|word| super::xargs::filled(word, "{}", &value))
            .chain((!has_mark).then(|| value.clone()))
            .collect();
        if let Some(text) = joined(&filled) {
            script(judge, &text, &Input::Inherited);
        }
    }
}
