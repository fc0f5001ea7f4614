//! What common commands print, as far as it is known.

use crate::judge::Judge;
use crate::program::find;
use crate::shell::{Input, quote};
use crate::word::{Doubt, Word, base_name};

/// Programs that print names, paths, hashes and numbers.
const NAMES: [&str; 33] = [
    "arch",
    "basename",
    "bc",
    "date",
    "df",
    "dirname",
    "du",
    "expr",
    "fd",
    "fzf",
    "getconf",
    "hostname",
    "id",
    "logname",
    "ls",
    "mktemp",
    "nproc",
    "pgrep",
    "pidof",
    "pwd",
    "readlink",
    "realpath",
    "seq",
    "sha256sum",
    "stat",
    "tty",
    "type",
    "uname",
    "uuidgen",
    "wc",
    "which",
    "whoami",
    "git-branch",
];

/// Programs that print a setting.
const VALUES: [&str; 4] = ["gh", "jq", "npm", "yq"];

/// Programs that print a part of what they read.
const FILTERS: [&str; 13] = [
    "awk", "column", "cut", "egrep", "fgrep", "grep", "head", "rg", "sed", "sort", "tail", "tr",
    "uniq",
];

/// Programs that print commands for the shell that starts them.
const PRINTERS: [&str; 34] = [
    "asdf",
    "atuin",
    "brew",
    "cargo",
    "conda",
    "dircolors",
    "direnv",
    "docker-machine",
    "fnm",
    "gpg-agent",
    "helm",
    "jenv",
    "keychain",
    "kubectl",
    "lesspipe",
    "mamba",
    "micromamba",
    "minikube",
    "mise",
    "nodenv",
    "opam",
    "pip",
    "pyenv",
    "rbenv",
    "register-python-argcomplete",
    "resize",
    "rustup",
    "ssh-agent",
    "starship",
    "thefuck",
    "tput",
    "uv",
    "zoxide",
    "poetry",
];

/// Other programs that print commands for a shell, when they are asked for it.
const SETUPS: [&str; 37] = [
    "argocd",
    "aws",
    "bun",
    "bw",
    "chezmoi",
    "deno",
    "devbox",
    "docker",
    "flux",
    "fzf",
    "gh",
    "glab",
    "goenv",
    "golangci-lint",
    "hatch",
    "hugo",
    "istioctl",
    "just",
    "k3d",
    "kind",
    "kustomize",
    "luarocks",
    "mcfly",
    "navi",
    "nix",
    "npm",
    "oc",
    "op",
    "pdm",
    "pipenv",
    "pipx",
    "pixi",
    "plenv",
    "pnpm",
    "task",
    "tfenv",
    "volta",
];

/// How they are asked.
const SETUP_WORDS: [&str; 15] = [
    "--bash",
    "--fish",
    "--zsh",
    "activate",
    "completion",
    "completions",
    "env",
    "generate-shell-completion",
    "hook",
    "init",
    "path",
    "print-dev-env",
    "setup",
    "shell-init",
    "shellenv",
];

/// Git's subcommands that print the content of files or settings.
const GIT_CONTENT: [&str; 4] = ["archive", "cat-file", "config", "show"];

/// What a command prints.
pub(crate) fn of(judge: &Judge<'_>, words: &[Word], input: &Input) -> Word {
    let Some((first, args)) = words.split_first() else {
        return Word::default();
    };
    let name = base_name(first.get().unwrap_or_default());
    let gap = |doubt| Word::unknown(doubt, first.span.clone());
    match name {
        ":" | "true" | "false" | "test" | "[" | "cd" | "pushd" | "popd" | "wait" | "mkdir"
        | "touch" | "sleep" | "chmod" | "exit" | "return" | "shopt" => Word::default(),
        "echo" => echo(args),
        "printf" => printf(args),
        "cat" | "tee" => cat(judge, name, args, input),
        "basename" | "dirname" => path_part(name, args).unwrap_or_else(|| gap(Doubt::Name)),
        "which" => path_of(args),
        "readlink" | "realpath" => match args.last().and_then(Word::get) {
            Some(path) if !path.starts_with('-') => Word::known(path, first.span.clone()),
            _ => gap(Doubt::Name),
        },
        "git" => match args {
            [command, option]
                if command.is("rev-parse")
                    && (option.is("--git-dir") || option.is("--git-common-dir")) =>
            {
                Word::known(".git", first.span.clone())
            }
            _ => gap(git(args)),
        },
        _ if SETUPS.contains(&name) && asks_for_setup(args) => gap(Doubt::Printed),
        "find" => {
            let printed = find::printed(words);
            match printed.get() {
                Some(_) => printed,
                None => gap(Doubt::Name),
            }
        }
        _ if NAMES.contains(&name) => gap(Doubt::Name),
        _ if VALUES.contains(&name) => gap(Doubt::Value),
        _ if PRINTERS.contains(&name) => gap(Doubt::Printed),
        _ if FILTERS.contains(&name) => gap(filtered(name, args, input)),
        _ => gap(Doubt::Flag),
    }
}

fn asks_for_setup(args: &[Word]) -> bool {
    let known = args.iter().filter_map(Word::get);
    let mut words = known.take(2);
    words.any(|word| SETUP_WORDS.contains(&word))
}

fn git(args: &[Word]) -> Doubt {
    let subcommand = args
        .iter()
        .filter_map(Word::get)
        .find(|word| !word.starts_with('-'));
    if subcommand.is_some_and(|name| GIT_CONTENT.contains(&name)) {
        Doubt::Printed
    } else {
        Doubt::Name
    }
}

/// A part of names is names; a part of a file is printed by it; of anything else, anything.
fn filtered(name: &str, args: &[Word], input: &Input) -> Doubt {
    match input {
        Input::Text(text) => match text.doubt() {
            Some(doubt @ (Doubt::Name | Doubt::Value | Doubt::Printed)) => doubt,
            Some(_) => Doubt::Flag,
            None if name != "sed"
                && name != "awk"
                && name != "tr"
                && !text.start().contains('-') =>
            {
                Doubt::Value
            }
            None => Doubt::Flag,
        },
        Input::Inherited if args.len() > 1 => Doubt::Printed,
        Input::Inherited => Doubt::Flag,
    }
}

fn echo(args: &[Word]) -> Word {
    let mut text = Word::default();
    let (mut line_feed, mut escapes) = (true, false);
    let mut args = args;
    while let Some((option, rest)) = args.split_first() {
        let letters = option
            .get()
            .and_then(|text| text.strip_prefix('-'))
            .unwrap_or_default();
        if letters.is_empty() || !letters.chars().all(|letter| "neE".contains(letter)) {
            break;
        }
        line_feed &= !letters.contains('n');
        escapes |= letters.contains('e');
        args = rest;
    }
    for (number, word) in args.iter().enumerate() {
        if number > 0 {
            text.push_str(" ");
        }
        match word.get() {
            Some(known) if escapes => text.push_str(&quote::ansi_c(&known.replace('\'', "\\'"))),
            _ => text.push_word(word),
        }
    }
    if line_feed {
        text.push_str("\n");
    }
    text
}

/// `printf FORMAT WORDS…`, as far as `%s`, `%b`, `%q` and numbers go.
pub(crate) fn printf(args: &[Word]) -> Word {
    let args = match args {
        [dashes, rest @ ..] if dashes.is("--") => rest,
        _ => args,
    };
    let Some((format, mut values)) = args.split_first() else {
        return Word::default();
    };
    let Some(known) = format.get() else {
        return Word::unknown(Doubt::Flag, format.span.clone());
    };
    let known = quote::ansi_c(&known.replace('\'', "\\'"));
    let mut text = Word::default();
    loop {
        let before = values.len();
        once(&known, &mut values, &mut text);
        if values.is_empty() || values.len() == before || text.len() > super::parse::MAX_LENGTH {
            return text;
        }
    }
}

/// One pass over a format.
fn once(format: &str, values: &mut &[Word], text: &mut Word) {
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            text.push_char(char);
            continue;
        }
        let mut directive = chars.find(|char| !"-+ #0123456789.*'".contains(*char));
        if directive == Some('(') {
            directive = chars.find(|char| *char == ')').and_then(|_| chars.next());
        }
        if directive == Some('%') {
            text.push_char('%');
            continue;
        }
        let value = values.split_first().map(|(value, rest)| {
            *values = rest;
            value
        });
        match (directive, value) {
            (Some('s' | 'q'), Some(value)) => text.push_word(value),
            (Some('b'), Some(value)) => match value.get() {
                Some(known) => text.push_str(&quote::ansi_c(&known.replace('\'', "\\'"))),
                None => text.push_word(value),
            },
            (Some('s' | 'q' | 'b'), None) => {}
            _ => text.push_gap(Doubt::Name),
        }
    }
}

fn cat(judge: &Judge<'_>, name: &str, args: &[Word], input: &Input) -> Word {
    let read = || match input {
        Input::Text(text) => text.clone(),
        Input::Inherited => Word::unknown(Doubt::Flag, 0..0),
    };
    let is_file = |word: &&Word| !word.start().starts_with('-');
    let files: Vec<&Word> = args.iter().filter(is_file).collect();
    if files.is_empty() || name == "tee" {
        return read();
    }
    let mut text = Word::default();
    for file in files {
        let key = file
            .get()
            .map(|name| name.strip_prefix("./").unwrap_or(name));
        match key.map(|key| (key, judge.files.get(key))) {
            Some((_, Some(held))) => text.push_word(held),
            Some(("/dev/stdin", None)) => text.push_word(&read()),
            _ => text.push_gap(Doubt::Printed),
        }
    }
    text
}

fn path_part(name: &str, args: &[Word]) -> Option<Word> {
    let path = args.first()?.get()?.trim_end_matches('/');
    let base = base_name(path);
    let part = if name == "basename" {
        let suffix = args.get(1).map_or(Some(""), Word::get)?;
        base.strip_suffix(suffix).unwrap_or(base)
    } else {
        let folder = path.strip_suffix(base)?.trim_end_matches('/');
        if folder.is_empty() { "." } else { folder }
    };
    (!path.starts_with('-')).then(|| Word::known(part, args[0].span.clone()))
}

/// Where a program is: `which git`, `command -v git`.
pub(crate) fn path_of(names: &[Word]) -> Word {
    let mut names = names.iter().filter(|word| !word.start().starts_with('-'));
    match names.next_back().and_then(Word::get) {
        Some(name) if name.contains('/') => Word::known(name, 0..0),
        Some(name) => Word::known(format!("/usr/bin/{name}"), 0..0),
        None => Word::unknown(Doubt::Name, 0..0),
    }
}
