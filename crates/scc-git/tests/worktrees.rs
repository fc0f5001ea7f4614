//! Worktrees come and go, changes are counted, and nothing that a repository names is run.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use scc_git::{
    Changes, GitError, NewWorktree, RepositoryFacts, add_worktree, branches, changes,
    default_branch, discover, prune_worktrees, remove_worktree, start_branch, worktrees,
};

const LIMIT: Duration = Duration::from_secs(60);

struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    fn new() -> Self {
        let made = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(made.root()).unwrap();
        made.git(&["init", "-q", "--initial-branch=main"]);
        fs::write(made.root().join("file"), "one\n").unwrap();
        made.git(&["add", "-A"]);
        made.git(&["commit", "-qm", "first"]);
        made
    }

    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("repo")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root().with_file_name(name)
    }

    fn facts(&self) -> RepositoryFacts {
        discover(&self.root()).unwrap().unwrap()
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args)
    }

    fn add(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        add_worktree(&self.facts(), new(&path, name)).unwrap();
        path
    }
}

fn new<'a>(path: &'a Path, branch: &'a str) -> NewWorktree<'a> {
    NewWorktree {
        path,
        branch,
        base: None,
    }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn count(root: &Path) -> Changes {
    changes(root, LIMIT).unwrap().unwrap()
}

#[test]
fn git_sees_a_worktree_that_was_added_and_none_that_was_removed() {
    let repo = Repository::new();
    let path = repo.at("one");
    let added = add_worktree(&repo.facts(), new(&path, "scc/one")).unwrap();
    assert_eq!(added.base.as_deref(), Some("refs/heads/main"));
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "one\n");
    assert_eq!(git(&path, &["status", "--porcelain"]), "");
    assert_eq!(git(&path, &["branch", "--show-current"]), "scc/one\n");
    repo.git(&["fsck", "--strict"]);
    let all = worktrees(&repo.facts()).unwrap();
    assert!(all[0].is_main && all[0].path == repo.root());
    let one = &all[1];
    assert_eq!((&one.path, one.branch.as_deref()), (&path, Some("scc/one")));
    assert_eq!(one.name(), "one");
    // The same from inside of it.
    assert_eq!(worktrees(&discover(&path).unwrap().unwrap()).unwrap(), all);
    remove_worktree(&repo.facts(), &path, false).unwrap();
    assert!(!path.exists());
    let list = repo.git(&["worktree", "list"]);
    assert_eq!(list.lines().count(), 1, "{list}");
    // Its branch is there, and is what it goes on with.
    let again = add_worktree(&repo.facts(), new(&path, "scc/one")).unwrap();
    assert_eq!(again.base, None);
}

#[test]
fn a_branch_begins_where_it_is_told() {
    let repo = Repository::new();
    repo.git(&["switch", "-qc", "other"]);
    fs::write(repo.root().join("file"), "two\n").unwrap();
    repo.git(&["commit", "-qam", "second"]);
    let content = |name: &str, base: Option<&str>| {
        let path = repo.at(name);
        let wanted = NewWorktree {
            path: &path,
            branch: name,
            base,
        };
        add_worktree(&repo.facts(), wanted).unwrap();
        fs::read_to_string(path.join("file")).unwrap()
    };
    assert_eq!(content("a", None), "one\n");
    assert_eq!(content("b", Some("other")), "two\n");
    assert_eq!(content("c", Some("other~1")), "one\n");
    assert_eq!(
        default_branch(&repo.facts()).unwrap().as_deref(),
        Some("main")
    );
    assert_eq!(
        branches(&repo.facts()).unwrap(),
        ["a", "b", "c", "main", "other"]
    );
    // What the remote calls its head goes first.
    let clone = repo.at("clone");
    let from = repo.root();
    git(&from, &["clone", "-q", ".", clone.to_str().unwrap()]);
    let facts = discover(&clone).unwrap().unwrap();
    assert_eq!(default_branch(&facts).unwrap().as_deref(), Some("other"));
}

#[test]
fn nobody_waits_for_a_pipe_that_is_named_as_the_base() {
    let repo = Repository::new();
    for (pipe, base) in [
        ("refs/heads/pipe", "pipe"),
        ("refs/heads/pipe", "pipe~1"),
        ("refs/heads/pipe", "heads/pipe"),
        ("refs/tags/label", "label^{commit}"),
    ] {
        let place = repo.root().join(".git").join(pipe);
        mkfifo(&place);
        let path = repo.at("x");
        let wanted = NewWorktree {
            path: &path,
            branch: "x",
            base: Some(base),
        };
        let refused = add_worktree(&repo.facts(), wanted).unwrap_err();
        assert!(matches!(refused, GitError::NoCommit { .. }), "{refused}");
        fs::remove_file(&place).unwrap();
    }
}

#[test]
fn a_branch_begins_at_what_is_checked_out() {
    let repo = Repository::new();
    fs::write(repo.root().join("file"), "work\n").unwrap();
    fs::write(repo.root().join("new"), "").unwrap();
    start_branch(&repo.facts(), "scc/topic").unwrap();
    assert_eq!(repo.git(&["branch", "--show-current"]), "scc/topic\n");
    assert_eq!(repo.git(&["status", "--porcelain"]), " M file\n?? new\n");
    assert_eq!(
        repo.git(&["rev-parse", "main"]),
        repo.git(&["rev-parse", "HEAD"])
    );
    let log = repo.git(&["reflog", "-1", "--format=%gs", "scc/topic"]);
    assert_eq!(log, "branch: Created from main\n");
    repo.git(&["fsck", "--strict"]);
    // In a linked worktree it is that one's head.
    let path = repo.add("linked");
    start_branch(&discover(&path).unwrap().unwrap(), "scc/other").unwrap();
    assert_eq!(git(&path, &["branch", "--show-current"]), "scc/other\n");
    assert_eq!(repo.git(&["branch", "--show-current"]), "scc/topic\n");
    let taken = start_branch(&repo.facts(), "main").unwrap_err();
    assert!(matches!(taken, GitError::BranchExists { .. }), "{taken}");
    let bad = start_branch(&repo.facts(), "a b").unwrap_err();
    assert!(matches!(bad, GitError::BadBranch { .. }), "{bad}");
    assert_eq!(repo.git(&["branch", "--show-current"]), "scc/topic\n");
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let repo = Repository::new();
    let path = repo.at("x");
    let error = |branch: &str, base: Option<&str>| {
        let wanted = NewWorktree {
            path: &path,
            branch,
            base,
        };
        add_worktree(&repo.facts(), wanted).unwrap_err()
    };
    assert!(matches!(
        error("x", Some("nothing")),
        GitError::NoCommit { .. }
    ));
    assert!(matches!(error("a..b", None), GitError::BadBranch { .. }));
    assert!(matches!(error("main", None), GitError::CheckedOut { .. }));
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine"), "").unwrap();
    assert!(matches!(error("y", None), GitError::Change { .. }));
    assert!(path.join("mine").exists());
    // The branch that was made for it is gone, too.
    assert_eq!(branches(&repo.facts()).unwrap(), ["main"]);
    repo.git(&["branch", "old"]);
    assert!(matches!(error("old", None), GitError::Change { .. }));
    assert_eq!(branches(&repo.facts()).unwrap(), ["main", "old"]);
    assert!(matches!(
        error("old", Some("main")),
        GitError::BaseOfExisting { .. }
    ));
    assert_eq!(worktrees(&repo.facts()).unwrap().len(), 1);
    let empty = repo.at("empty");
    git(&repo.root(), &["init", "-q", empty.to_str().unwrap()]);
    let facts = discover(&empty).unwrap().unwrap();
    let unborn = add_worktree(&facts, new(&repo.at("z"), "z")).unwrap_err();
    assert!(matches!(unborn, GitError::NoCommit { .. }), "{unborn}");
}

#[test]
fn changes_are_counted_as_git_does() {
    let repo = Repository::new();
    let path = repo.add("one");
    assert!(count(&path).is_clean());
    fs::write(path.join(".gitignore"), "ignored\n").unwrap();
    for name in ["a", "b", "ignored"] {
        fs::write(path.join(name), "x").unwrap();
    }
    fs::create_dir(path.join("dir")).unwrap();
    fs::write(path.join("dir/c"), "x").unwrap();
    fs::write(path.join("file"), "changed\n").unwrap();
    git(&path, &["add", ".gitignore", "a"]);
    let wanted = Changes {
        staged: 2,
        modified: 1,
        untracked: 2,
    };
    assert_eq!(count(&path), wanted);
    fs::remove_file(path.join("file")).unwrap();
    assert_eq!(count(&path), wanted);
    assert!(count(&repo.root()).is_clean());
    // A new time stamp alone is no change.
    let touched = repo.root().join("file");
    fs::write(&touched, "one\n").unwrap();
    assert!(count(&repo.root()).is_clean());
}

#[test]
fn changes_keep_a_worktree_unless_they_are_to_be_discarded() {
    let repo = Repository::new();
    for change in ["modified", "untracked", "staged"] {
        let path = repo.add(change);
        match change {
            "modified" => fs::write(path.join("file"), "x").unwrap(),
            _ => fs::write(path.join("new"), "x").unwrap(),
        }
        if change == "staged" {
            git(&path, &["add", "-A"]);
        }
        let refused = remove_worktree(&repo.facts(), &path, false).unwrap_err();
        assert!(matches!(refused, GitError::Change { .. }), "{refused}");
        assert!(path.exists());
        remove_worktree(&repo.facts(), &path, true).unwrap();
        assert!(!path.exists());
    }
    let path = repo.add("locked");
    repo.git(&[
        "worktree",
        "lock",
        "--reason",
        "mine",
        path.to_str().unwrap(),
    ]);
    assert!(remove_worktree(&repo.facts(), &path, true).is_err());
    let locked = worktrees(&repo.facts()).unwrap();
    assert_eq!(locked[1].locked.as_deref(), Some("mine"));
    assert!(remove_worktree(&repo.facts(), &repo.root(), true).is_err());
}

#[test]
fn what_is_gone_is_forgotten_unless_it_is_locked() {
    let repo = Repository::new();
    let (gone, kept, here) = (repo.add("gone"), repo.add("kept"), repo.add("here"));
    repo.git(&["worktree", "lock", kept.to_str().unwrap()]);
    fs::remove_dir_all(&gone).unwrap();
    fs::remove_dir_all(&kept).unwrap();
    let missing = worktrees(&repo.facts()).unwrap();
    let missing: Vec<_> = missing.iter().map(|w| w.is_missing).collect();
    assert_eq!(missing, [false, true, false, true]);
    for dry_run in [true, false] {
        let pruned = prune_worktrees(&repo.facts(), dry_run).unwrap();
        assert_eq!(pruned, [gone.as_path()]);
    }
    assert_eq!(
        prune_worktrees(&repo.facts(), false).unwrap(),
        [""; 0].map(PathBuf::from)
    );
    assert!(here.join("file").exists());
    assert_eq!(worktrees(&repo.facts()).unwrap().len(), 3);
}

/// A repository cannot pass off a directory of somebody else as its worktree.
#[test]
fn only_what_points_back_is_a_worktree() {
    let repo = Repository::new();
    let path = repo.add("one");
    let foreign = Repository::new();
    let admin = repo.root().join(".git/worktrees/one/gitdir");
    for victim in [foreign.root(), repo.at("plain")] {
        fs::create_dir_all(&victim).unwrap();
        fs::write(&admin, format!("{}\n", victim.join(".git").display())).unwrap();
        let all = worktrees(&repo.facts()).unwrap();
        assert!(all[1].is_missing, "{all:?}");
        if victim.join(".git").exists() {
            remove_worktree(&repo.facts(), &victim, true).unwrap_err();
        }
        assert!(victim.exists());
    }
    assert!(path.join("file").exists());
    assert!(foreign.root().join("file").exists());
}

/// Links in the repository do not lead what is written to another place.
#[test]
fn links_in_the_repository_are_not_followed() {
    let repo = Repository::new();
    let elsewhere = repo.at("elsewhere");
    for place in ["worktrees", "refs/heads/scc", "logs/refs/heads/scc"] {
        fs::create_dir_all(&elsewhere).unwrap();
        let link = repo.root().join(".git").join(place);
        let _ = fs::remove_dir_all(&link);
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        if place == "worktrees" {
            worktrees(&repo.facts()).unwrap_err();
            prune_worktrees(&repo.facts(), false).unwrap_err();
        }
        let path = repo.at("x");
        let refused = add_worktree(&repo.facts(), new(&path, "scc/x")).unwrap_err();
        assert!(
            matches!(refused, GitError::Planted(_)),
            "{place}: {refused}"
        );
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{place}");
        fs::remove_file(link).unwrap();
    }
}

/// Every program that a repository can name leaves a mark; git itself is led to run some of them.
#[test]
fn nothing_that_a_repository_names_is_run() {
    let repo = Repository::new();
    let mark = repo.at("mark");
    plant(&repo, &mark);
    let path = repo.add("one");
    fs::write(path.join("file"), "changed\n").unwrap();
    assert_eq!(count(&path).modified, 1);
    fs::write(repo.root().join("file"), "changed\n").unwrap();
    assert_eq!(count(&repo.root()).modified, 1);
    worktrees(&repo.facts()).unwrap();
    branches(&repo.facts()).unwrap();
    default_branch(&repo.facts()).unwrap();
    remove_worktree(&repo.facts(), &path, true).unwrap();
    prune_worktrees(&repo.facts(), false).unwrap();
    start_branch(&repo.facts(), "scc/topic").unwrap();
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
    // Otherwise this test would show nothing.
    repo.git(&["status"]);
    repo.git(&["worktree", "add", "-q", "../two"]);
    let ran = fs::read_to_string(&mark).unwrap();
    for what in ["fsmonitor", "post-checkout", "smudge"] {
        assert!(ran.contains(what), "{what} in {ran}");
    }
}

fn plant(repo: &Repository, mark: &Path) {
    fs::write(
        repo.root().join(".gitattributes"),
        "* filter=evil diff=evil merge=evil\n",
    )
    .unwrap();
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-qm", "attributes"]);
    let evil = |what: &str| format!("echo {what} >> {}; cat", mark.display());
    let program = repo.root().join(".git/evil");
    fs::write(
        &program,
        format!("#!/bin/sh\necho fsmonitor >> {}\n", mark.display()),
    )
    .unwrap();
    make_executable(&program);
    for (key, value) in [
        ("core.fsmonitor", program.to_str().unwrap()),
        ("filter.evil.clean", &evil("clean")),
        ("filter.evil.smudge", &evil("smudge")),
        ("diff.evil.textconv", &evil("textconv")),
        ("diff.external", &evil("external")),
        ("merge.evil.driver", &evil("driver")),
        ("core.sshCommand", &evil("ssh")),
        ("core.pager", &evil("pager")),
        ("core.editor", &evil("editor")),
        ("core.askPass", &evil("askpass")),
        ("credential.helper", &format!("!{}", evil("credential"))),
        ("gpg.program", &evil("gpg")),
    ] {
        repo.git(&["config", key, value]);
    }
    let hooks = repo.root().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for name in [
        "post-checkout",
        "post-index-change",
        "reference-transaction",
        "pre-commit",
        "fsmonitor-watchman",
    ] {
        let hook = hooks.join(name);
        fs::write(
            &hook,
            format!("#!/bin/sh\necho {name} >> {}\n", mark.display()),
        )
        .unwrap();
        make_executable(&hook);
    }
    // What planting itself ran does not count.
    let _ = fs::remove_file(mark);
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A pipe in the place of a file holds nobody for longer than the limit.
#[test]
fn counting_ends_in_time() {
    let repo = Repository::new();
    let pipe = repo.root().join(".git/info/exclude");
    let _ = fs::remove_file(&pipe);
    fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let begin = std::time::Instant::now();
    let counted = changes(&repo.root(), Duration::from_millis(300));
    assert!(matches!(counted, Ok(None)), "{counted:?}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

fn mkfifo(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// What an agent leaves of its own worktree breaks that one, and nothing waits for it.
#[test]
fn a_broken_worktree_breaks_no_other() {
    let repo = Repository::new();
    for (file, is_known) in [
        ("HEAD", true),
        ("locked", true),
        ("commondir", false),
        ("gitdir", false),
    ] {
        let path = repo.add("bad");
        let good = repo.add("good");
        let admin = repo.root().join(".git/worktrees/bad");
        mkfifo(&admin.join(file));
        let all = worktrees(&repo.facts()).unwrap();
        let broken: Vec<_> = all.iter().filter(|w| w.broken.is_some()).collect();
        assert_eq!(broken.len(), 1, "{all:?}");
        let known = if file == "gitdir" { &admin } else { &path };
        assert_eq!((&broken[0].path, broken[0].is_missing), (known, !is_known));
        let why = broken[0].broken.as_deref().unwrap();
        assert!(why.contains("not a regular file"), "{why}");
        let other = repo.add("other");
        remove_worktree(&repo.facts(), &other, false).unwrap();
        remove_worktree(&repo.facts(), &good, false).unwrap();
        assert_eq!(
            prune_worktrees(&repo.facts(), false).unwrap(),
            [""; 0].map(PathBuf::from)
        );
        remove_worktree(&repo.facts(), known, false).unwrap_err();
        assert!(path.join("file").exists());
        remove_worktree(&repo.facts(), known, true).unwrap();
        assert!(!admin.exists());
        assert_eq!(path.exists(), !is_known, "{file}");
        let _ = fs::remove_dir_all(&path);
        repo.git(&["branch", "-D", "bad", "good", "other"]);
    }
    // A locked one stays.
    let path = repo.add("bad");
    let admin = repo.root().join(".git/worktrees/bad");
    repo.git(&["worktree", "lock", "../bad"]);
    mkfifo(&admin.join("HEAD"));
    remove_worktree(&repo.facts(), &path, true).unwrap_err();
    assert!(path.join("file").exists());
    // Nobody who looks from inside of it waits.
    let read = discover(&path).unwrap_err();
    assert!(matches!(read, GitError::Read { .. }), "{read}");
    assert!(changes(&path, LIMIT).is_err());
    fs::create_dir(below(&repo)).unwrap();
    mkfifo(&below(&repo).join("HEAD"));
    discover(&below(&repo)).unwrap_err();
    // And one in the repository's own place ends at once.
    mkfifo(&repo.root().join(".git/HEAD"));
    let facts = facts_of_a_broken_one(&repo);
    assert!(worktrees(&facts).unwrap()[0].broken.is_some());
    let path = repo.at("x");
    let refused = add_worktree(&facts, new(&path, "x")).unwrap_err();
    assert!(matches!(refused, GitError::Planted(_)), "{refused}");
}

fn below(repo: &Repository) -> PathBuf {
    repo.root().join("below")
}

/// As they were before it broke.
fn facts_of_a_broken_one(repo: &Repository) -> RepositoryFacts {
    let git_dir = repo.root().join(".git");
    RepositoryFacts {
        root: repo.root(),
        common_dir: git_dir.clone(),
        git_dir,
        is_linked_worktree: false,
        branch: None,
        is_bare: false,
    }
}

/// Git can name a worktree relative to the repository; its path is the same one.
#[test]
fn relative_paths_are_compared_as_they_are() {
    let repo = Repository::new();
    let path = repo.add("one");
    let admin = repo.root().join(".git/worktrees/one");
    fs::write(admin.join("gitdir"), "../../../../one/.git\n").unwrap();
    fs::write(path.join(".git"), "gitdir: ../repo/.git/worktrees/one\n").unwrap();
    assert_eq!(git(&path, &["status", "--porcelain"]), "");
    let found = worktrees(&repo.facts()).unwrap().remove(1);
    assert_eq!((&found.path, found.is_missing), (&path, false));
    assert_eq!(discover(&path).unwrap().unwrap().root, path);
    remove_worktree(&repo.facts(), &found.path, false).unwrap();
    assert!(!path.exists());
    // Also where it is gone.
    let path = repo.add("one");
    fs::write(admin.join("gitdir"), "../../../../one/.git\n").unwrap();
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(worktrees(&repo.facts()).unwrap()[1].path, path);
    assert_eq!(prune_worktrees(&repo.facts(), false).unwrap(), [path]);
}

/// What is written to the logs does not reach a file elsewhere.
#[test]
fn a_branch_is_not_logged_through_a_link() {
    for place in ["logs/HEAD", "HEAD", "logs/refs/heads/x"] {
        let repo = Repository::new();
        let path = repo.add("one");
        let victim = repo.at("victim");
        fs::write(&victim, "mine\n").unwrap();
        for (root, dir) in [
            (repo.root(), repo.root().join(".git")),
            (path, repo.root().join(".git/worktrees/one")),
        ] {
            let facts = discover(&root).unwrap().unwrap();
            let link = dir.join(place);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            let kept = fs::read(&link).ok();
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&victim, &link).unwrap();
            let refused = start_branch(&facts, "x").unwrap_err();
            assert!(
                matches!(refused, GitError::Planted(_)),
                "{place}: {refused}"
            );
            assert_eq!(fs::read_to_string(&victim).unwrap(), "mine\n");
            fs::remove_file(&link).unwrap();
            if let Some(kept) = kept {
                fs::write(&link, kept).unwrap();
            }
        }
    }
}
