//! Shells: `sh -c TEXT`, a text on their input, a file of which the content is known.

use std::rc::Rc;

use crate::judge::Judge;
use crate::shell::{Input, State, script};
use crate::word::Word;

/// The names of shells.
pub(super) const SHELLS: [&str; 12] = [
    "sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "rbash", "yash", "fish", "csh", "tcsh",
];

pub(super) fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

/// What a shell is told to run.
struct Call<'a> {
    /// `-c`
    command: bool,
    /// `-s`
    input: bool,
    /// What follows the options: a text or a file, and its arguments.
    operands: &'a [Word],
}

pub(super) fn judge(judge: &mut Judge<'_>, words: &[Word], input: &Input) -> Option<Word> {
    let call = read(words);
    let saved = judge.state.clone();
    let ran = if call.command {
        let text = call.operands.first()?;
        // The word behind the text is the name of the shell.
        let args = call.operands.get(2..).unwrap_or_default();
        if let Some(name) = call.operands.get(1) {
            judge.state.set_scalar("0", name.clone());
        }
        run(judge, text, args, input)
    } else {
        match call.operands.first() {
            Some(file) if !call.input && !file.is("-") && !file.is("/dev/stdin") => {
                let held = held(judge, file)?;
                run(
                    judge,
                    &held.with_span(&file.span),
                    &call.operands[1..],
                    input,
                )
            }
            _ => match input {
                Input::Text(text) => {
                    let text = text.clone().with_span(&words[0].span);
                    run(judge, &text, call.operands, &Input::Inherited)
                }
                Input::Inherited => None,
            },
        }
    };
    judge.state = saved;
    ran
}

/// What was written to a file before, in the same text.
pub(super) fn held(judge: &Judge<'_>, file: &Word) -> Option<Word> {
    let name = file.get()?;
    let key = name.strip_prefix("./").unwrap_or(name);
    judge.files.get(key).cloned()
}

/// Runs a text in a shell of its own.
pub(super) fn run(
    judge: &mut Judge<'_>,
    text: &Word,
    args: &[Word],
    input: &Input,
) -> Option<Word> {
    let saved: State = judge.state.clone();
    judge.state.positional = Some(Rc::new(args.to_vec()));
    let ran = script(judge, text, input);
    judge.state = saved;
    Some(ran.output)
}

fn read(words: &[Word]) -> Call<'_> {
    let mut call = Call {
        command: false,
        input: false,
        operands: &[],
    };
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let text = word.start();
        let unknown_option = word.get().is_none()
            && words
                .get(at + 1)
                .is_some_and(|next| next.start().starts_with('-'));
        if !text.starts_with(['-', '+']) && !unknown_option {
            break;
        }
        at += 1;
        if text == "-" || text == "--" {
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            // fish
            call.command |= long == "command";
            at += usize::from(matches!(long, "rcfile" | "init-file"));
            continue;
        }
        let letters = text.get(1..).unwrap_or_default();
        call.command |= text.starts_with('-') && letters.contains('c');
        call.input |= text.starts_with('-') && letters.contains('s');
        at += letters.matches(['o', 'O']).count();
    }
    call.operands = words.get(at..).unwrap_or_default();
    call
}
