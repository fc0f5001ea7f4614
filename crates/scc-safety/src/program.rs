//! Programs: which of them are judged, and which run others.

pub(crate) mod find;
mod network;
mod remove;
mod shells;
mod wrappers;
mod xargs;

use crate::git;
use crate::judge::Judge;
use crate::policy::NetworkTool;
use crate::rules;
use crate::shell::{Input, pattern};
use crate::word::{Word, base_name};

/// What a command's first word says about the program.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// Its name, without a folder.
    Known(String),
    /// It is not known, and may be one that is judged.
    Open,
}

/// Folders of programs. A program elsewhere is not one that is judged by its name.
const FOLDERS: [&str; 6] = ["/usr/", "/bin/", "/sbin/", "/opt/", "/proc/", "/snap/"];

/// Judges a program with its arguments. What it prints, if that is that of another command.
pub(crate) fn judge(judge: &mut Judge<'_>, words: &[Word], input: &Input) -> Option<Word> {
    let (first, _) = words.split_first()?;
    let name = match named(first) {
        Named::Known(name) => name,
        Named::Open => {
            judge.find(rules::UNKNOWN_COMMAND, &[first], words);
            return None;
        }
    };
    if name == "git" || name.starts_with("git-") {
        git::judge(judge, &name, words);
        return None;
    }
    if let Some(tool) = NetworkTool::from_name(&name) {
        network::judge(judge, tool, words);
        return None;
    }
    match name.as_str() {
        "rm" | "rmdir" | "unlink" | "shred" => remove::judge(judge, words),
        "tee" => write_files(judge, &words[1..], input),
        "find" => find::judge(judge, words, input),
        "xargs" => xargs::judge(judge, words, input),
        "busybox" | "toybox" => return inner(judge, &words[1..], input),
        _ if shells::is_shell(&name) => return shells::judge(judge, words, input),
        _ => return wrappers::judge(judge, &name, words, input),
    }
    None
}

/// `tee` writes what it reads to files.
fn write_files(judge: &mut Judge<'_>, args: &[Word], input: &Input) {
    let appends = args
        .iter()
        .any(|word| word.is("-a") || word.is("--append") || word.is("-ai") || word.is("-ia"));
    let text = match input {
        Input::Text(text) => text.clone(),
        Input::Inherited => return,
    };
    for file in args.iter().filter(|word| !word.start().starts_with('-')) {
        judge.write(file, &text, appends);
    }
}

/// Judges the command that another one runs.
fn inner(judge: &mut Judge<'_>, words: &[Word], input: &Input) -> Option<Word> {
    let span = words.first()?.span.clone();
    let ran = judge.deeper(&span, |judge| crate::shell::run(judge, words, input, false));
    Some(ran.output)
}

/// The program's name, from its path; a pattern in it is tried on the names that matter.
fn named(first: &Word) -> Named {
    let Some(text) = first.get() else {
        return named_in_part(first);
    };
    let base = base_name(text);
    if first.glob {
        let mut names = candidates();
        if let Some(name) = names.find(|name| pattern::matches(base, name)) {
            return Named::Known(name.to_owned());
        }
    }
    Named::Known(base.to_owned())
}

/// The name of a program of which only a part is known.
fn named_in_part(first: &Word) -> Named {
    let end = first.end();
    if let Some((_, base)) = end.rsplit_once('/')
        && !base.is_empty()
    {
        return Named::Known(base.to_owned());
    }
    let start = base_name(first.start());
    if first.start().contains('/')
        && !FOLDERS
            .iter()
            .any(|folder| first.start().starts_with(folder))
    {
        return Named::Known(format!("{start}…{end}"));
    }
    let possible = |name: &str| name.starts_with(start) && name.ends_with(end);
    if candidates().any(possible) || "git-".starts_with(start) || start.starts_with("git-") {
        return Named::Open;
    }
    Named::Known(format!("{start}…{end}"))
}

/// The names of all programs that are judged.
fn candidates() -> impl Iterator<Item = &'static str> {
    let tools = NetworkTool::ALL.iter().map(|tool| tool.name());
    ["git", "rm", "find", "xargs", "busybox"]
        .into_iter()
        .chain(tools)
        .chain(shells::SHELLS)
        .chain(wrappers::NAMES)
}
