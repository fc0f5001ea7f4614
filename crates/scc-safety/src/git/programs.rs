//! Programs that git starts because its command line, its environment or a configuration given
//! there says so.

use crate::git::Call;
use crate::git::config::Entry;
use crate::git::{fetch, push};
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::program;
use crate::shell::{Input, script};
use crate::word::{Word, base_name};

/// Variables that name a program.
const VARIABLES: [&str; 10] = [
    "GIT_PAGER",
    "PAGER",
    "GIT_EDITOR",
    "VISUAL",
    "EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_PROXY_COMMAND",
];

/// Settings that name a program: the first and the last part of the key.
const SETTINGS: [(&str, &str); 29] = [
    ("core.pager", ""),
    ("core.editor", ""),
    ("core.fsmonitor", ""),
    ("core.askpass", ""),
    ("core.gitproxy", ""),
    ("core.alternaterefscommand", ""),
    ("core.hookspath", ""),
    ("sequence.editor", ""),
    ("diff.external", ""),
    ("diff.", ".command"),
    ("diff.", ".textconv"),
    ("difftool.", ".cmd"),
    ("mergetool.", ".cmd"),
    ("merge.", ".driver"),
    ("filter.", ".clean"),
    ("filter.", ".smudge"),
    ("filter.", ".process"),
    ("pager.", ""),
    ("interactive.difffilter", ""),
    ("gpg.", "program"),
    ("sendemail.", "cmd"),
    ("uploadpack.packobjectshook", ""),
    ("remote.", ".uploadpack"),
    ("remote.", ".receivepack"),
    ("trailer.", "command"),
    ("trailer.", ".cmd"),
    ("tar.", ".command"),
    ("man.", ".cmd"),
    ("browser.", ".cmd"),
];

/// Settings whose value is a program when it begins with `!`.
const MARKED: [(&str, &str); 2] = [("credential.", "helper"), ("submodule.", ".update")];

/// Settings that hold an address.
const ADDRESSES: [(&str, &str); 2] = [("remote.", ".url"), ("remote.", ".pushurl")];

/// Subcommands that take an address.
const CONNECT: [&str; 9] = [
    "clone",
    "fetch",
    "fetch-pack",
    "ls-remote",
    "pull",
    "push",
    "remote",
    "send-pack",
    "submodule",
];

const CLONE: Table = Table::new(
    "l,local no-hardlinks s,shared recurse-submodules? recursive? j,jobs= template= reference= \
     reference-if-able= dissociate o,origin= b,branch= u,upload-pack= depth= shallow-since= \
     shallow-exclude= single-branch tags shallow-submodules separate-git-dir= ref-format= c,config= \
     server-option= 4,ipv4 6,ipv6 filter= also-filter-submodules remote-submodules sparse \
     bundle-uri= v,verbose q,quiet progress reject-shallow n,no-checkout bare mirror",
);

const LS_REMOTE: Table = Table::new(
    "q,quiet upload-pack= exec= t,tags b,branches h,heads refs get-url sort= exit-code symref \
     o,server-option=",
);

const REBASE: Table = Table::new(
    "onto= keep-base no-verify q,quiet v,verbose n,no-stat signoff committer-date-is-author-date \
     reset-author-date ignore-date C= ignore-whitespace whitespace= f,force-rebase no-ff continue \
     skip abort quit edit-todo show-current-patch apply m,merge i,interactive rerere-autoupdate \
     empty= autosquash update-refs S,gpg-sign? autostash x,exec= r,rebase-merges? fork-point \
     s,strategy= X,strategy-option= root reschedule-failed-exec reapply-cherry-picks",
);

const DIFFTOOL: Table = Table::new(
    "g,gui d,dir-diff y,no-prompt symlinks t,tool= tool-help trust-exit-code x,extcmd= no-index index",
);

const SEND_EMAIL: Table = Table::new("sendmail-cmd= smtp-server= to-cmd= cc-cmd= header-cmd=");

const CONFIG: Table = Table::new(
    "global system local worktree f,file= blob= get get-all get-regexp get-urlmatch replace-all add \
     unset unset-all rename-section remove-section l,list e,edit get-color get-colorbool t,type= \
     bool int bool-or-int bool-or-str path expiry-date z,null name-only includes show-origin \
     show-scope default= comment= fixed-value all value= append",
);

/// More settings than these in one text are not remembered.
const MAX_CONFIGURED: usize = 64;

const FOREACH: Table = Table::leading("q,quiet recursive");

const FOR_EACH_REPO: Table = Table::leading("config= keep-going");

/// Judges what any git command may start.
pub(super) fn judge(judge: &mut Judge<'_>, call: &Call<'_>) {
    for (key, value) in &call.invocation.inline {
        if let Some(value) = value {
            setting(judge, key, value, call);
        }
    }
    for name in VARIABLES {
        if let Some(text) = judge.env(name) {
            text_of(judge, &text.with_span(&call.invocation.name.span));
        }
    }
    for name in ["GIT_SSH_COMMAND", "GIT_SSH"] {
        if let Some(text) = judge.env(name) {
            transport(judge, &text.with_span(&call.invocation.name.span));
        }
    }
    let subcommand = call.invocation.subcommand();
    if CONNECT.contains(&subcommand) {
        for word in call.args() {
            address(judge, word);
        }
    }
    match subcommand {
        "push" => options(judge, &call.parse(push::PUSH), &["receive-pack", "exec"]),
        "send-pack" => options(
            judge,
            &call.parse(push::SEND_PACK),
            &["receive-pack", "exec"],
        ),
        "fetch" => options(judge, &call.parse(fetch::FETCH), &["upload-pack"]),
        "pull" => options(judge, &call.parse(fetch::PULL), &["upload-pack"]),
        _ => {}
    }
}

fn setting(judge: &mut Judge<'_>, key: &str, value: &Word, call: &Call<'_>) {
    let value = value.clone().with_span(&place(value, call));
    let is = |(start, end): &(&str, &str)| {
        key.starts_with(start)
            && key.ends_with(end)
            && key.len() >= start.len() + end.len()
            && (!end.is_empty() || start.ends_with('.') || key == *start)
    };
    if key == "core.sshcommand" {
        transport(judge, &value);
    } else if SETTINGS.iter().any(is) {
        // Some of these may be on or off instead.
        if !value
            .get()
            .is_some_and(|text| matches!(text, "" | "true" | "false" | "0" | "1" | "yes" | "no"))
        {
            text_of(judge, &value);
        }
    } else if MARKED.iter().any(is) {
        if value.start().starts_with('!') {
            text_of(judge, &value.skip(1));
        } else if value.start().starts_with('/') {
            text_of(judge, &value);
        }
    } else if ADDRESSES.iter().any(is) {
        address(judge, &value);
    } else if let Some(base) = key
        .strip_prefix("url.")
        .filter(|_| key.ends_with("insteadof"))
    {
        let base = base.rsplit_once('.').map_or(base, |(base, _)| base);
        address(judge, &Word::known(base, value.span.clone()));
    }
}

fn place(value: &Word, call: &Call<'_>) -> std::ops::Range<usize> {
    if value.span.is_empty() {
        call.invocation.name.span.clone()
    } else {
        value.span.clone()
    }
}

/// A text that git hands to a shell.
fn text_of(judge: &mut Judge<'_>, text: &Word) {
    if judge
        .started
        .iter()
        .any(|other| other.pieces() == text.pieces())
    {
        return;
    }
    judge.started.push(text.clone());
    let saved = judge.state.clone();
    script(judge, text, &Input::Inherited);
    judge.state = saved;
    judge.started.pop();
}

/// The program for ssh connections, which git starts with the remote's command behind it.
fn transport(judge: &mut Judge<'_>, text: &Word) {
    let first = text
        .start()
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default();
    let is_ssh = matches!(base_name(first), "ssh" | "plink" | "tortoiseplink");
    let is_plain = !text
        .start()
        .contains([';', '&', '|', '`', '$', '(', ')', '<', '>', '\n']);
    if !is_ssh || !is_plain {
        let saved = std::mem::replace(&mut judge.transport, true);
        text_of(judge, text);
        judge.transport = saved;
    }
}

/// `ext::COMMAND` as an address runs a command: `%S` and the like are filled in, `% ` is a space.
fn address(judge: &mut Judge<'_>, word: &Word) {
    let Some(command) = word.get().and_then(|text| text.strip_prefix("ext::")) else {
        return;
    };
    let mut words = vec![String::new()];
    let mut chars = command.chars();
    while let Some(char) = chars.next() {
        match char {
            ' ' => words.push(String::new()),
            '%' => match chars.next() {
                Some('S') => push(&mut words, "git-upload-pack"),
                Some('s') => push(&mut words, "upload-pack"),
                Some(escaped @ (' ' | '%')) => push(&mut words, escaped.encode_utf8(&mut [0; 4])),
                _ => {}
            },
            _ => push(&mut words, char.encode_utf8(&mut [0; 4])),
        }
    }
    let words: Vec<Word> = words
        .into_iter()
        .map(|text| Word::known(text, word.span.clone()))
        .collect();
    program::judge(judge, &words, &Input::Inherited);
}

fn push(words: &mut [String], text: &str) {
    if let Some(last) = words.last_mut() {
        last.push_str(text);
    }
}

/// Options whose value is a command.
fn options(judge: &mut Judge<'_>, parsed: &Parsed, names: &[&str]) {
    for given in &parsed.given {
        if let Some(text) = given.value.as_ref().filter(|_| names.contains(&given.name)) {
            text_of(judge, text);
        }
    }
}

/// Judges the commands in the arguments of subcommands that have no rules of their own.
pub(super) fn of_subcommand(judge: &mut Judge<'_>, call: &Call<'_>) {
    let args = call.args();
    match call.invocation.subcommand() {
        "clone" => {
            let parsed = call.parse(CLONE);
            options(judge, &parsed, &["upload-pack"]);
            let configured: Vec<Entry> = parsed
                .given
                .iter()
                .filter(|given| given.name == "config")
                .filter_map(|given| super::config::from_option(given.value.as_ref()?).ok())
                .collect();
            for (key, value) in configured {
                if let Some(value) = value {
                    setting(judge, &key, &value, call);
                }
            }
        }
        "ls-remote" | "fetch-pack" | "archive" => {
            options(judge, &call.parse(LS_REMOTE), &["upload-pack", "exec"]);
        }
        "rebase" => options(judge, &call.parse(REBASE), &["exec"]),
        "difftool" => options(judge, &call.parse(DIFFTOOL), &["extcmd"]),
        "send-email" => {
            let names = [
                "sendmail-cmd",
                "smtp-server",
                "to-cmd",
                "cc-cmd",
                "header-cmd",
            ];
            options(judge, &call.parse(SEND_EMAIL), &names);
        }
        "bisect" if args.first().is_some_and(|word| word.is("run")) => {
            run(judge, args.get(1..).unwrap_or_default());
        }
        "grep" => pager(judge, args),
        "config" => configure(judge, call),
        "for-each-repo" => {
            let parsed = FOR_EACH_REPO.parse(args);
            if let Some(start) = parsed.operands.first() {
                let git = Word::known("git", args[*start].span.clone());
                let words: Vec<Word> = std::iter::once(git)
                    .chain(args[*start..].iter().cloned())
                    .collect();
                run(judge, &words);
            }
        }
        "remote-ext" => {
            if let Some(command) = args.get(1).and_then(Word::get) {
                let text = Word::known(format!("ext::{command}"), args[1].span.clone());
                address(judge, &text);
            }
        }
        _ => {}
    }
}

/// `git submodule foreach COMMAND`: one word is a text for a shell.
pub(super) fn foreach(judge: &mut Judge<'_>, args: &[Word]) {
    let parsed = FOREACH.parse(args);
    match parsed.operands.as_slice() {
        [] => {}
        [text] => text_of(judge, &args[*text]),
        [first, ..] => run(judge, &args[*first..]),
    }
}

fn run(judge: &mut Judge<'_>, words: &[Word]) {
    let Some(first) = words.first() else {
        return;
    };
    let span = first.span.clone();
    let saved = judge.state.clone();
    judge.deeper(&span, |judge| {
        crate::shell::run(judge, words, &Input::Inherited, false)
    });
    judge.state = saved;
}

/// `git config KEY VALUE`, for what the same text does later.
fn configure(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(CONFIG);
    let mut operands: Vec<&Word> = call.operands(&parsed, 0).collect();
    if operands.first().is_some_and(|word| word.is("set")) {
        operands.remove(0);
    }
    if let [key, value] = operands.as_slice()
        && let Some(key) = key.get()
        && judge.configured.len() < MAX_CONFIGURED
    {
        let value = (*value).clone();
        judge.configured.push((super::config::normal(key), value));
    }
}

/// `git grep -O[PAGER]`.
fn pager(judge: &mut Judge<'_>, args: &[Word]) {
    for word in args {
        let start = word.start();
        let length = match start.strip_prefix("-O") {
            Some(rest) if !rest.is_empty() => 2,
            _ => match start.strip_prefix("--open-files-in-pager=") {
                Some(_) => "--open-files-in-pager=".len(),
                None => continue,
            },
        };
        text_of(judge, &word.skip(length));
    }
}
