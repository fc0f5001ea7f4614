//! What a refusal suggests, tried: in a repository of every state it is allowed, and works.

use std::path::Path;
use std::process::{Command, Output};

use scc_safety::{Policy, evaluate_shell};

use crate::world::Here;

/// Two branches that change the same line; `main` is checked out, and `g` has changes.
const TWO: &str = "git init -q -b main; echo 1 > f; echo 1 > g; git add .; git commit -qm 1
    git switch -qc other; echo 2 > f; git commit -qam 2; echo 3 > h; git add h; git commit -qm 3
    git switch -q main; echo 4 > f; git commit -qam 4; ";

/// States of a repository: how they come to be, and a word by which the alternatives are known.
const STATES: [(&str, &str, &str); 10] = [
    ("changed", "echo x > f; echo x > u", "git stash"),
    ("merge", "git merge -q other; true", "git merge --abort"),
    (
        "merge resolved",
        "git merge -q other; git add f",
        "git merge --abort",
    ),
    ("rebase", "git rebase -q other; true", "git rebase --abort"),
    (
        "cherry-pick",
        "git cherry-pick other~1; true",
        "git cherry-pick --abort",
    ),
    (
        "revert",
        "echo 5 > f; git commit -qam 5; git revert --no-edit HEAD~1; true",
        "git revert --abort",
    ),
    (
        "am",
        "git format-patch -q -2 other; git am -q -3 000*; rm 000*; true",
        "git am --abort",
    ),
    (
        "am without a base",
        "git format-patch -q -2 other; git am -q 000*; rm 000*; true",
        "git am --abort",
    ),
    (
        "stash",
        "echo 6 > f; git stash -q; echo 7 > f; git commit -qam 7; git stash pop -q; true",
        "git reset",
    ),
    ("unborn", "", "git commit"),
];

/// Commands that discard something.
const COMMANDS: [&str; 15] = [
    "git reset --hard",
    "git reset --merge",
    "git checkout -f",
    "git checkout --force main",
    "git switch -f main",
    "git switch --discard-changes other",
    "git checkout -- f",
    "git checkout --theirs f",
    "git checkout --ours -- f",
    "git restore f",
    "git restore --theirs f",
    "git restore --staged --worktree f",
    "git clean -fdx",
    "git clean -i",
    "git read-tree --reset -u HEAD",
];

fn sh(folder: &Path, text: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", text]).current_dir(folder);
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "n"),
        ("GIT_AUTHOR_EMAIL", "e"),
        ("GIT_COMMITTER_NAME", "n"),
        ("GIT_COMMITTER_EMAIL", "e"),
        ("GIT_EDITOR", "true"),
    ] {
        command.env(name, value);
    }
    command.output().unwrap()
}

fn made(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = sh(folder.path(), text);
    assert!(output.status.success(), "{text}: {output:?}");
    folder
}

fn copied(template: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("cp")
        .args(["-a", "--"])
        .args([&template.join("."), folder.path()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // The copies are other files than those that the index knows. It fails where some are in conflict.
    sh(folder.path(), "git update-index -q --refresh");
    folder
}

/// The commands that are suggested instead of this one; empty where it is not refused.
fn suggested(folder: &Path, command: &str) -> Vec<String> {
    let there = format!("git -C {} ", folder.display());
    let words = command.strip_prefix("git ").unwrap();
    let verdict = judged(&format!("{there}{words}"));
    let texts = verdict.findings.iter();
    let texts = texts.filter_map(|finding| finding.alternative.clone());
    let commands = texts.flat_map(|text| {
        let parts = text.split('`').skip(1).step_by(2).map(str::to_owned);
        parts.collect::<Vec<_>>()
    });
    commands.collect()
}

fn judged(text: &str) -> scc_safety::Verdict {
    evaluate_shell(text, &Here::on_host(), &Policy::default())
}

/// Every command is allowed and works, one after the other.
fn try_all(folder: &Path, what: &str, commands: &[String]) {
    assert!(!commands.is_empty(), "{what}");
    for command in commands {
        let command = [("FILE", "f"), ("BRANCH", "main"), ("MESSAGE", "m")]
            .iter()
            .fold(command.clone(), |text, (name, value)| {
                text.replace(name, value)
            });
        let there = format!("git -C {} ", folder.display());
        let verdict = judged(&command.replacen("git ", &there, 1));
        assert!(!verdict.is_refused(), "{what}: `{command}` {verdict}");
        let output = sh(folder, &command);
        assert!(output.status.success(), "{what}: `{command}` {output:?}");
    }
}

#[test]
fn alternatives_fit_the_state() {
    for (name, text, word) in STATES {
        let start = match name {
            "unborn" => "git init -q -b main; echo 1 > f; git add f; echo 2 > f; echo 3 > u",
            _ => TWO,
        };
        let text = format!("{start}{text}");
        let template = made(&text);
        let mut seen = Vec::new();
        for command in COMMANDS {
            let folder = copied(template.path());
            let commands = suggested(folder.path(), command);
            // It is refused only where something is staged.
            if commands.is_empty() && command == "git reset --merge" {
                continue;
            }
            try_all(folder.path(), &format!("{name}: {command}"), &commands);
            seen.extend(commands);
        }
        let named = |seen: &String| seen.starts_with(word);
        assert!(seen.iter().any(named), "{name}: {seen:?}");
    }
}

/// What the configuration makes of a command, it would make of the usual alternative too.
#[test]
fn alternatives_do_not_depend_on_the_setting() {
    let remote = "git init -q --bare r; git remote add origin ./r; git push -q origin HEAD;
        git branch -qu origin/main; ";
    for (setting, command) in [
        ("gc.pruneExpire now", "git gc"),
        ("gc.reflogExpire now", "git gc"),
        ("gc.pruneExpire now", "git gc --prune=now"),
        ("gc.pruneExpire now", "git maintenance run"),
        ("remote.origin.push +refs/heads/main", "git push"),
        ("remote.origin.push +refs/heads/main", "git push origin"),
        ("remote.origin.push +refs/heads/main", "git push --force"),
        ("remote.origin.mirror true", "git push"),
        ("remote.origin.mirror true", "git push --force origin"),
    ] {
        let folder = made(&format!("{TWO}{remote}git config {setting}"));
        let commands = suggested(folder.path(), command);
        try_all(folder.path(), &format!("{setting}: {command}"), &commands);
    }
}
