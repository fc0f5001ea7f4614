//! `git checkout`, `git switch`, `git restore`, and their plumbing.

use crate::git::Call;
use crate::git::config::may_be_true;
use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules;
use crate::word::{Word, base_name};

pub(super) const CHECKOUT: Table = Table::new(
    "b= B= l guess overlay q,quiet recurse-submodules? progress m,merge conflict= d,detach t,track? \
     f,force orphan= overwrite-ignore ignore-other-worktrees 2,ours 3,theirs p,patch U,unified= \
     inter-hunk-context= ignore-skip-worktree-bits pathspec-from-file= pathspec-file-nul",
);

pub(super) const SWITCH: Table = Table::new(
    "c,create= C,force-create= guess discard-changes q,quiet recurse-submodules? progress m,merge \
     conflict= d,detach t,track? f,force orphan= overwrite-ignore ignore-other-worktrees",
);

pub(super) const RESTORE: Table = Table::new(
    "s,source= S,staged W,worktree ignore-unmerged overlay q,quiet recurse-submodules? progress \
     m,merge conflict= 2,ours 3,theirs p,patch U,unified= inter-hunk-context= \
     ignore-skip-worktree-bits pathspec-from-file= pathspec-file-nul",
);

pub(super) const CHECKOUT_INDEX: Table = Table::new(
    "a,all ignore-skip-worktree-bits f,force q,quiet n,no-create u,index z stdin temp prefix= stage=",
);

pub(super) const READ_TREE: Table = Table::new(
    "super-prefix= index-output= empty v,verbose m trivial aggressive reset prefix= u \
     exclude-per-directory= i n,dry-run no-sparse-checkout debug-unpack recurse-submodules? q,quiet",
);

pub(super) fn checkout(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(CHECKOUT);
    if parsed.help {
        return;
    }
    call.find_option(judge, &parsed, "force", rules::CHECKOUT_FORCE);
    for option in ["pathspec-from-file", "patch"] {
        call.find_option(judge, &parsed, option, rules::CHECKOUT_PATHS);
    }
    if let Some(name) = parsed.value("B")
        && call.may_exist(judge, "heads", name)
    {
        call.find_option(judge, &parsed, "B", rules::BRANCH_OVERWRITE);
    }
    // With these the operands are a commit.
    let creates = ["b", "B", "orphan", "detach", "track"];
    if creates.iter().any(|option| parsed.surely_on(option)) {
        return call.find_stray(judge, &parsed, 1, rules::CHECKOUT_UNKNOWN);
    }
    let paths = paths(judge, call, &parsed);
    if !paths.is_empty() {
        call.find(
            judge,
            rules::CHECKOUT_PATHS,
            &paths.iter().collect::<Vec<_>>(),
        );
    }
    call.find_stray(judge, &parsed, 1, rules::CHECKOUT_UNKNOWN);
}

/// The operands that are paths.
fn paths(judge: &Judge<'_>, call: &Call<'_>, parsed: &Parsed) -> Vec<Word> {
    if let Some(before) = parsed.before_dashes {
        return call.operands(parsed, before).cloned().collect();
    }
    match parsed.operands.len() {
        0 => Vec::new(),
        1 => call
            .operand(parsed, 0)
            .filter(|word| is_path(judge, call, word))
            .cloned()
            .into_iter()
            .collect(),
        // `git checkout HEAD FILE`, or two files.
        _ => call.operands(parsed, 1).cloned().collect(),
    }
}

/// A single operand is a file, not a branch. Where the repository cannot be asked, its form says.
fn is_path(judge: &Judge<'_>, call: &Call<'_>, word: &Word) -> bool {
    let text = word.get().unwrap_or_else(|| word.start());
    if text == "." || text == ".." {
        return true;
    }
    let globals = &call.invocation.globals;
    // A commit by its message or, where no message matches, a path from the top. Where case does
    // not matter in paths, git looks for no file before it takes a word for one.
    if text.starts_with(":/") || ignores_case(judge, call) {
        let name = word.get();
        let is_revision = name.and_then(|name| judge.world.is_git_revision(globals, name));
        return text == ":/" || judge.or_worse(is_revision.map(|is| !is));
    }
    if ["./", "../", ":(", ":!", ":^", "/"]
        .iter()
        .any(|start| text.starts_with(start))
        || text.contains(['*', '?', '['])
        || word.end().ends_with('/')
    {
        return true;
    }
    let looks_like_file = |text: &str| judge.or_worse(None) && has_file_ending(text);
    if text.is_empty() || text == "-" {
        return word.get().is_none() && looks_like_file(word.end());
    }
    let Some(name) = word.get() else {
        return looks_like_file(word.end());
    };
    // Of what is written from the head, nobody makes a file's name.
    let from_head = text.strip_prefix("HEAD").or_else(|| text.strip_prefix('@'));
    if from_head.is_some_and(|rest| rest.starts_with(['~', '^', '@', '{'])) {
        return false;
    }
    let is_revision_form = text.contains(['~', '^', '@', ':']);
    match judge.world.is_git_revision(globals, name) {
        Some(true) => false,
        // Neither a commit nor a file: git makes a branch of a remote one, or refuses.
        Some(false) => judge.world.path_exists(globals, name) != Some(false),
        None => !is_revision_form && looks_like_file(name),
    }
}

/// Paths are compared without regard to case.
fn ignores_case(judge: &Judge<'_>, call: &Call<'_>) -> bool {
    let options = &call.invocation.globals.args;
    let given = options.iter().any(|option| option == "--icase-pathspecs");
    given
        || judge
            .env("GIT_ICASE_PATHSPECS")
            .is_some_and(|word| may_be_true(&word))
}

/// Names of files that have no ending.
const FILES: [&str; 12] = [
    "Dockerfile",
    "Gemfile",
    "Justfile",
    "LICENSE",
    "Makefile",
    "Procfile",
    "README",
    "Rakefile",
    "Vagrantfile",
    "CHANGELOG",
    "CMakeLists.txt",
    "justfile",
];

/// Endings of files that branches are not called by.
const ENDINGS: [&str; 79] = [
    "rs",
    "toml",
    "lock",
    "md",
    "txt",
    "py",
    "pyi",
    "js",
    "jsx",
    "ts",
    "tsx",
    "mjs",
    "cjs",
    "json",
    "json5",
    "yaml",
    "yml",
    "xml",
    "html",
    "htm",
    "css",
    "scss",
    "sass",
    "less",
    "vue",
    "svelte",
    "c",
    "h",
    "cc",
    "cpp",
    "cxx",
    "hpp",
    "hh",
    "cs",
    "go",
    "mod",
    "sum",
    "java",
    "kt",
    "kts",
    "scala",
    "swift",
    "m",
    "mm",
    "rb",
    "erb",
    "php",
    "pl",
    "pm",
    "lua",
    "sh",
    "bash",
    "zsh",
    "fish",
    "sql",
    "csv",
    "tsv",
    "ini",
    "cfg",
    "conf",
    "env",
    "log",
    "tf",
    "hcl",
    "proto",
    "gradle",
    "properties",
    "svg",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "pdf",
    "ipynb",
    "ex",
    "exs",
    "hs",
    "ml",
    "r",
];

fn has_file_ending(path: &str) -> bool {
    let name = base_name(path);
    if FILES.contains(&name) || (name.starts_with('.') && name.len() > 1) {
        return true;
    }
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

pub(super) fn switch(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(SWITCH);
    if parsed.help {
        return;
    }
    for option in ["force", "discard-changes"] {
        call.find_option(judge, &parsed, option, rules::SWITCH_DISCARD);
    }
    if let Some(name) = parsed.value("force-create")
        && call.may_exist(judge, "heads", name)
    {
        call.find_option(judge, &parsed, "force-create", rules::BRANCH_OVERWRITE);
    }
    call.find_stray(judge, &parsed, 1, rules::CHECKOUT_UNKNOWN);
}

pub(super) fn restore(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(RESTORE);
    if parsed.help {
        return;
    }
    if parsed.on("worktree").is_some() || !parsed.surely_on("staged") {
        let files: Vec<&Word> = call.operands(&parsed, 0).collect();
        if !files.is_empty() {
            call.find(judge, rules::RESTORE_WORKTREE, &files);
        }
        for option in ["pathspec-from-file", "patch"] {
            call.find_option(judge, &parsed, option, rules::RESTORE_WORKTREE);
        }
    }
    call.find_stray(judge, &parsed, usize::MAX, rules::CHECKOUT_UNKNOWN);
}

/// Where no repository is.
const TEMPORARY: [&str; 2] = ["/tmp/", "/var/tmp/"];

/// What is put before the names of files leads out of the work tree, or to other files in it. It
/// counts from the top of the work tree.
fn is_elsewhere(judge: &Judge<'_>, call: &Call<'_>, prefix: &str) -> bool {
    let top = judge.world.worktree(&call.invocation.globals);
    let Some(top) = top else {
        return match prefix.starts_with('/') {
            true => TEMPORARY.iter().any(|folder| prefix.starts_with(folder)),
            false => !cleaned(prefix).is_empty(),
        };
    };
    let whole = match prefix.starts_with('/') {
        true => prefix.to_owned(),
        false => format!("{top}/{prefix}"),
    };
    cleaned(&whole) != cleaned(&top)
}

/// The parts of a path without `.`, and `..` resolved.
fn cleaned(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts
}

pub(super) fn checkout_index(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(CHECKOUT_INDEX);
    let elsewhere = parsed
        .value("prefix")
        .and_then(Word::get)
        .is_some_and(|prefix| is_elsewhere(judge, call, prefix));
    if parsed.help || elsewhere || parsed.surely_on("temp") {
        return;
    }
    call.find_option(judge, &parsed, "force", rules::CHECKOUT_INDEX);
    call.find_stray(judge, &parsed, usize::MAX, rules::CHECKOUT_UNKNOWN);
}

pub(super) fn read_tree(judge: &mut Judge<'_>, call: &Call<'_>) {
    let parsed = call.parse(READ_TREE);
    if parsed.help || parsed.surely_on("dry-run") {
        return;
    }
    if parsed.on("u").is_some() {
        let reset = call.find_option(judge, &parsed, "reset", rules::READ_TREE);
        // With one tree, `-m` takes the tree's version of what is staged.
        let one = parsed.operands.len() == 1 && parsed.on("prefix").is_none();
        if one && !reset && call.may_have_staged(judge) {
            call.find_option(judge, &parsed, "m", rules::READ_TREE);
        }
    }
    call.find_stray(judge, &parsed, 3, rules::CHECKOUT_UNKNOWN);
}
