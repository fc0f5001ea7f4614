//! Worktrees without an engine: made, found, counted, removed; and nothing that the repository
//! names is run by any of it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use scc_testkit::context::{Run, TestContext};
use scc_testkit::pty::Terminal;
use serde_json::{Value, json};

const SCC: &str = env!("CARGO_BIN_EXE_scc-scripted");
const LIMIT: Duration = Duration::from_secs(60);

fn command(context: &TestContext, dir: &Path, args: &[&str]) -> Command {
    let mut command = context.command(Path::new(SCC));
    command.args(args).current_dir(dir);
    command.stdin(std::process::Stdio::null());
    command
}

fn scc_in(context: &TestContext, dir: &Path, args: &[&str]) -> Run {
    Run::of(&command(context, dir, args).output().unwrap())
}

fn scc(context: &TestContext, args: &[&str]) -> Run {
    scc_in(context, &context.workspace(), args)
}

fn git(context: &TestContext, dir: &Path, args: &[&str]) -> String {
    let mut git = context.command(Path::new("git"));
    // Looking must not leave an index of the tests' own user.
    git.env("GIT_OPTIONAL_LOCKS", "0");
    let git = git.args(["-c", "safe.directory=*"]).args(args);
    let output = git.current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn create(context: &TestContext, name: &str) -> PathBuf {
    let run = scc(context, &["worktree", "create", name, "--no-start"]).ok();
    PathBuf::from(run.stdout.trim())
}

fn owners(dir: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.path().symlink_metadata().unwrap();
        found.push((entry.path(), meta.uid()));
        if meta.is_dir() {
            found.extend(owners(&entry.path()));
        }
    }
    found
}

#[test]
fn a_worktree_is_made_beside_the_repository_for_its_owner() {
    let context = TestContext::new();
    let run = scc(&context, &["worktree", "create", "Feat B/x", "--json"]).ok();
    let made = &run.json()["data"];
    let path = context.path("ws-worktrees/feat-b-x");
    assert_eq!(
        (&made["name"], &made["branch"], &made["base"], &made["path"]),
        (
            &json!("feat-b-x"),
            &json!("scc/feat-b-x"),
            &json!("refs/heads/main"),
            &json!(path)
        )
    );
    assert_eq!(
        fs::read_to_string(path.join("README")).unwrap(),
        "a workspace\n"
    );
    assert_eq!(git(&context, &path, &["status", "--porcelain"]), "");
    let owner = fs::metadata(context.workspace()).unwrap().uid();
    for dir in [context.path("ws-worktrees"), context.workspace()] {
        let foreign: Vec<_> = owners(&dir)
            .into_iter()
            .filter(|(_, uid)| *uid != owner)
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
    }

    let again = scc(&context, &["worktree", "create", "feat-b-x", "--no-start"]);
    assert_eq!(again.status, 1, "{again:?}");
    assert!(
        again
            .stderr
            .contains("there is a worktree `feat-b-x` already"),
        "{again:?}"
    );
    // From inside of a worktree, and from elsewhere, it is the same repository.
    let second = scc_in(
        &context,
        &path,
        &["worktree", "create", "two", "--no-start"],
    )
    .ok();
    assert_eq!(
        Path::new(second.stdout.trim()),
        context.path("ws-worktrees/two")
    );
    let workspace = context.workspace();
    let args = [
        "worktree",
        "create",
        workspace.to_str().unwrap(),
        "three",
        "--no-start",
    ];
    let third = scc_in(&context, &context.path("home"), &args).ok();
    assert_eq!(
        Path::new(third.stdout.trim()),
        context.path("ws-worktrees/three")
    );
    scc(
        &context,
        &[
            "worktree",
            "create",
            "four",
            "--base",
            "scc/two",
            "--no-start",
        ],
    )
    .ok();
}

#[test]
fn what_cannot_be_made_says_why() {
    let context = TestContext::new();
    let outside = context.path("home");
    let run = scc_in(
        &context,
        &outside,
        &["worktree", "create", "x", "--no-start"],
    );
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("is in no git repository"), "{run:?}");
    for (args, status, says) in [
        (
            &["worktree", "create", "..", "--no-start"] as &[&str],
            2,
            "cannot be the name",
        ),
        (
            &["worktree", "create", "x", "--base", "nothing", "--no-start"],
            1,
            "`nothing` is no commit",
        ),
        (&["worktree", "create"], 2, "required"),
        (
            &["worktree", "remove", "x", "-y"],
            1,
            "there is no worktree `x`",
        ),
        (
            &["worktree", "switch", "x"],
            1,
            "no worktree is called like `x`",
        ),
        (
            &["start", "--worktree", "x", "--dry-run"],
            1,
            "scc worktree create x --no-start",
        ),
    ] {
        let run = scc(&context, args);
        assert_eq!(run.status, status, "{args:?} {run:?}");
        assert!(run.stderr.contains(says), "{args:?} {run:?}");
    }
    assert!(!context.path("ws-worktrees/x").exists());
    let link = context.workspace().join(".git/worktrees");
    std::os::unix::fs::symlink(context.path("home"), &link).unwrap();
    let planted = scc(&context, &["worktree", "create", "x", "--no-start"]);
    assert_eq!(planted.status, 1);
    assert!(planted.stderr.contains("symbolic link"), "{planted:?}");
    fs::remove_file(link).unwrap();
    let _ = fs::remove_dir_all(context.path("ws-worktrees"));
    std::os::unix::fs::symlink(context.path("home"), context.path("ws-worktrees")).unwrap();
    let planted = scc(&context, &["worktree", "create", "x", "--no-start"]);
    assert_eq!(planted.status, 1);
    assert!(planted.stderr.contains("symbolic link"), "{planted:?}");
}

fn listed(context: &TestContext, args: &[&str]) -> Value {
    let mut all = vec!["worktree"];
    all.extend(args);
    all.push("--json");
    scc(context, &all).ok().json()["data"].clone()
}

#[test]
fn worktrees_are_listed_and_counted() {
    let context = TestContext::new();
    let path = create(&context, "one");
    create(&context, "two");
    fs::write(path.join("new"), "").unwrap();
    fs::write(path.join("README"), "changed").unwrap();
    let all = listed(&context, &[]);
    let names: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["name"].clone())
        .collect();
    assert_eq!(names, ["ws", "one", "two"]);
    assert_eq!(
        (&all[0]["main"], &all[0]["current"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(all[1]["branch"], "scc/one");
    assert_eq!(all[1].get("changes"), None);
    assert_eq!(listed(&context, &["list"]), all);
    let counted = listed(&context, &["list", "-v"]);
    assert_eq!(
        counted[1]["changes"],
        json!({ "staged": 0, "modified": 1, "untracked": 1 })
    );
    assert_eq!(counted[2]["changes"]["modified"], 0);
    let table = scc(&context, &["worktree", "list", "-v"]).ok().stdout;
    assert!(
        table.starts_with("NAME") && table.contains("UNTRACKED"),
        "{table}"
    );
    fs::remove_dir_all(context.path("ws-worktrees/two")).unwrap();
    assert_eq!(listed(&context, &["list", "-v"])[2]["missing"], true);
    let dry = listed(&context, &["prune", "-n"]);
    assert_eq!(dry["forgotten"], json!([context.path("ws-worktrees/two")]));
    scc(&context, &["worktree", "prune"]).ok();
    assert_eq!(listed(&context, &[]).as_array().unwrap().len(), 2);
}

/// Counting that takes too long is not waited for.
#[test]
fn counting_has_a_limit() {
    let context = TestContext::new();
    create(&context, "one");
    let pipe = context.workspace().join(".git/info/exclude");
    fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&pipe);
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let run = scc(&context, &["worktree", "list", "-v"]).ok();
    assert!(run.stdout.contains('?'), "{run:?}");
    assert!(run.stderr.contains("counting took longer"), "{run:?}");
    let kept = scc(&context, &["worktree", "remove", "one", "-y"]);
    assert_eq!(kept.status, 1, "{kept:?}");
    assert!(context.path("ws-worktrees/one/README").exists());
}

#[test]
fn uncommitted_work_keeps_a_worktree() {
    let context = TestContext::new();
    let path = create(&context, "one");
    fs::write(path.join("new"), "work").unwrap();
    let refused = scc(&context, &["worktree", "remove", "one", "-y"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("1 untracked") && refused.stderr.contains("--force"));
    assert!(path.join("new").exists());
    let unasked = scc(&context, &["worktree", "remove", "one", "--force"]);
    assert_eq!(unasked.status, 2, "{unasked:?}");
    let dry = scc(
        &context,
        &["worktree", "remove", "one", "--force", "--dry-run"],
    )
    .ok();
    assert!(dry.stdout.starts_with("would remove"), "{dry:?}");
    assert!(path.join("new").exists());
    scc(&context, &["worktree", "remove", "one", "--force", "-y"]).ok();
    assert!(!path.exists());
    assert!(git(&context, &context.workspace(), &["branch"]).contains("scc/one"));
    // One that git itself made goes by its own name.
    git(
        &context,
        &context.workspace(),
        &["worktree", "add", "-q", "../ws-worktrees/By_Hand"],
    );
    context.give_away(&context.workspace());
    context.give_away(&context.path("ws-worktrees/By_Hand"));
    scc(&context, &["worktree", "remove", "By_Hand", "-y"]).ok();
    assert!(!context.path("ws-worktrees/By_Hand").exists());
    // A clean one goes without force; its branch is gone on with.
    let clean = create(&context, "one");
    scc(&context, &["worktree", "remove", "one", "-y"]).ok();
    assert!(!clean.exists());
}

/// A session of an agent that runs there.
fn record_running(context: &TestContext, path: &Path) {
    let state = context.path("home/.local/state/scc");
    fs::create_dir_all(&state).unwrap();
    let record = json!({
        "id": "0000-1111", "name": "busy", "workspace": path, "branch": "scc/one",
        "provider": "script", "team": null, "container": "scc-one", "endpoint": "e",
        "state": "running", "started_at": "2026-01-01T00:00:00Z", "ended_at": null,
        "exit_status": null, "owner_pid": null,
    });
    let document = json!({ "version": 1, "data": [record] });
    fs::write(state.join("sessions.json"), document.to_string()).unwrap();
}

#[test]
fn an_agent_at_work_keeps_a_worktree() {
    let context = TestContext::new();
    let path = create(&context, "one");
    record_running(&context, &path);
    let refused = scc(&context, &["worktree", "remove", "one", "--force", "-y"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("scc stop scc-one"), "{refused:?}");
    assert!(path.exists());
}

#[test]
fn a_worktree_is_found_by_what_it_is_called() {
    let context = TestContext::new();
    for name in ["pay", "payments", "search"] {
        create(&context, name);
    }
    let switch = |target: &str| scc(&context, &["worktree", "switch", target]);
    for (target, name) in [
        ("pay", "ws-worktrees/pay"),
        ("scc/payments", "ws-worktrees/payments"),
        ("paym", "ws-worktrees/payments"),
        ("arch", "ws-worktrees/search"),
        ("main", "ws"),
        ("^", "ws"),
    ] {
        let run = switch(target).ok();
        assert_eq!(
            run.stdout,
            format!("{}\n", context.path(name).display()),
            "{target}"
        );
    }
    let several = switch("pa");
    assert_eq!((several.status, several.stdout.as_str()), (2, ""));
    assert!(
        several.stderr.contains("name one: pay, payments"),
        "{several:?}"
    );
    scc(&context, &["worktree", "remove", "pay", "-y"]).ok();
    let free = switch("pay");
    assert_eq!(free.status, 1);
    assert!(
        free.stderr.contains("scc worktree create pay --no-start"),
        "{free:?}"
    );
    assert_eq!(switch("-").status, 1);
    let mut back = command(&context, &context.workspace(), &["worktree", "switch", "-"]);
    let back = Run::of(&back.env("OLDPWD", context.path("home")).output().unwrap()).ok();
    assert_eq!(Path::new(back.stdout.trim()), context.path("home"));
}

/// The function that `scc completion` prints goes there, in a real shell.
#[test]
fn the_shell_goes_there() {
    let context = TestContext::new();
    create(&context, "one");
    let bin = context.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(SCC, bin.join("scc")).unwrap();
    let script = "eval \"$(scc completion bash)\" && wt one && pwd && wt - && pwd && wt ^ && pwd; \
                  wt nothing; echo $?; pwd";
    let mut bash = context.command(Path::new("/bin/bash"));
    let script = format!("PATH={}:$PATH; {script}", bin.display());
    bash.args(["-c", &script]).current_dir(context.workspace());
    let run = Run::of(&bash.output().unwrap()).ok();
    let (one, ws) = (context.path("ws-worktrees/one"), context.workspace());
    let wanted = format!("{0}\n{1}\n{1}\n1\n{1}\n", one.display(), ws.display());
    assert_eq!(run.stdout, wanted, "{run:?}");
    for (shell, function) in [("zsh", "wt() {"), ("fish", "function wt")] {
        let script = scc(&context, &["completion", shell]).ok().stdout;
        assert!(script.contains(function), "{shell}");
    }
}

#[test]
fn one_is_chosen_on_the_terminal_and_entered() {
    let context = TestContext::new();
    create(&context, "one");
    create(&context, "two");
    scc(&context, &["worktree", "remove", "two", "-y"]).ok();
    let line = format!("cd \"$({SCC} worktree select -b)\" && echo now in $PWD");
    let mut shell = context.command(Path::new("/bin/sh"));
    shell.args(["-c", &line]).current_dir(context.workspace());
    let mut terminal = Terminal::start(&shell, 24, 100);
    terminal.wait_for_text("Which worktree?", LIMIT);
    terminal.wait_for_text("scc/two  (no worktree yet)", LIMIT);
    terminal.send("two\r");
    terminal.wait_for_text("now in", LIMIT);
    assert_eq!(terminal.wait(LIMIT), 0, "{}", terminal.screen());
    assert!(context.path("ws-worktrees/two/README").exists());

    let mut enter = command(
        &context,
        &context.workspace(),
        &["worktree", "enter", "one"],
    );
    enter.env("SHELL", "/bin/bash");
    let mut terminal = Terminal::start(&enter, 24, 100);
    terminal.send("echo $SCC_WORKTREE in $(basename $PWD); exit 3\r");
    terminal.wait_for_text("one in one", LIMIT);
    assert_eq!(terminal.wait(LIMIT), 3);
    let alone = scc(&context, &["worktree", "select"]);
    assert_eq!(alone.status, 2, "{alone:?}");
}

/// A plan in a worktree, by its path and by its name, with what installs its dependencies.
#[test]
fn a_launch_is_planned_in_a_worktree() {
    let context = TestContext::new();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    let path = create(&context, "one");
    fs::write(path.join("package-lock.json"), "{}").unwrap();
    let plan = |args: &[&str]| {
        let mut all = vec!["start", "--dry-run", "--json"];
        all.extend(args);
        scc(&context, &all).ok().json()["data"].clone()
    };
    let by_name = plan(&["--worktree", "one"]);
    assert_eq!(by_name["workspace"], json!(path));
    assert_eq!(by_name["workspace_kind"], "worktree");
    assert_ne!(by_name["container"], plan(&[])["container"]);
    assert_eq!(by_name["command"], json!(["/usr/local/bin/script-agent"]));
    let installs = plan(&["--worktree", "one", "--install-deps"]);
    assert_eq!(installs["command"][0], "/bin/sh");
    assert!(installs["command"][2].as_str().unwrap().contains("npm ci"));
    let decided = installs["decisions"].as_array().unwrap();
    assert!(
        decided
            .iter()
            .any(|d| d["subject"] == "dependencies" && d["value"] == "npm ci")
    );
}

/// Programs that the repository names leave a mark when anything runs them.
fn plant(context: &TestContext, mark: &Path) {
    let repo = context.workspace();
    fs::write(repo.join(".gitattributes"), "* filter=evil diff=evil\n").unwrap();
    git(context, &repo, &["add", "-A"]);
    git(context, &repo, &["commit", "-qm", "attributes"]);
    let hooks = repo.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for name in [
        "post-checkout",
        "post-index-change",
        "reference-transaction",
        "fsmonitor",
    ] {
        let hook = hooks.join(name);
        fs::write(
            &hook,
            format!("#!/bin/sh\necho {name} >> {}\n", mark.display()),
        )
        .unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let evil = |what: &str| format!("echo {what} >> {}; cat", mark.display());
    for (key, value) in [
        ("core.fsmonitor", hooks.join("fsmonitor").to_str().unwrap()),
        ("core.hooksPath", hooks.to_str().unwrap()),
        ("filter.evil.clean", &evil("clean")),
        ("filter.evil.smudge", &evil("smudge")),
        ("diff.evil.textconv", &evil("textconv")),
        ("diff.external", &evil("external")),
        ("core.sshCommand", &evil("ssh")),
        ("core.pager", &evil("pager")),
        ("core.editor", &evil("editor")),
        ("core.askPass", &evil("askpass")),
        ("credential.helper", &format!("!{}", evil("credential"))),
        (
            "remote.origin.url",
            &format!("ext::sh -c \"{}\"", evil("remote")),
        ),
    ] {
        git(context, &repo, &["config", key, value]);
    }
    context.give_away(&repo);
    let _ = fs::remove_file(mark);
}

#[test]
fn no_command_runs_what_the_repository_names() {
    let context = TestContext::new();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    fs::create_dir(context.path("marks")).unwrap();
    context.give_away(&context.path("marks"));
    let mark = context.path("marks/ran");
    plant(&context, &mark);
    let path = create(&context, "one");
    fs::write(path.join("README"), "changed").unwrap();
    fs::write(context.workspace().join("README"), "changed").unwrap();
    for args in [
        &["worktree", "list", "-v"] as &[&str],
        &["worktree", "switch", "one"],
        &["worktree", "remove", "one", "-y"],
        &["worktree", "remove", "one", "-y", "--force"],
        &["worktree", "create", "two", "--base", "main", "--no-start"],
        &["worktree", "prune"],
        &["start", "--dry-run"],
        &["start", "--worktree", "two", "--dry-run", "--install-deps"],
        &["start", "--resume"],
        &["status"],
        &["list"],
        &["sessions"],
        &["doctor"],
        &["config", "explain"],
        &["profile", "status"],
        &["profile", "save", "--plugin", "a@b"],
        &["team", "current"],
        &["exceptions", "list"],
        &["audit"],
    ] {
        scc(&context, args);
        let ran = fs::read_to_string(&mark).unwrap_or_default();
        assert!(!mark.exists(), "{args:?} ran {ran}");
    }
    // Otherwise this test would show nothing.
    git(&context, &context.workspace(), &["status"]);
    let ran = fs::read_to_string(&mark).unwrap();
    assert!(ran.contains("fsmonitor"), "{ran}");
}

fn add_by_hand(context: &TestContext, dir: &str, branch: &str) -> PathBuf {
    let path = context.path(dir);
    let args = [
        "worktree",
        "add",
        "-q",
        "-b",
        branch,
        path.to_str().unwrap(),
    ];
    git(context, &context.workspace(), &args);
    context.give_away(&context.workspace());
    let parent = path.parent().unwrap();
    context.give_away(match parent == context.path("") {
        true => &path,
        false => parent,
    });
    path
}

/// A path means that worktree, then its name, then its branch; what means several is refused.
#[test]
fn the_worktree_that_is_meant_is_removed() {
    let context = TestContext::new();
    let first = add_by_hand(&context, "one/a", "scc/b");
    let second = add_by_hand(&context, "two/b", "other");
    let third = add_by_hand(&context, "three/b", "third");
    let remove = |name: &str| scc(&context, &["worktree", "remove", name, "-y"]);
    let refused = remove("b");
    assert_eq!(refused.status, 2, "{refused:?}");
    for path in [&second, &third] {
        assert!(
            refused.stderr.contains(path.to_str().unwrap()),
            "{refused:?}"
        );
    }
    remove(third.to_str().unwrap()).ok();
    remove("b").ok();
    assert!(first.exists() && !second.exists() && !third.exists());
    remove("scc/b").ok();
    assert!(!first.exists());
    let by_branch = add_by_hand(&context, "one/x", "scc/y");
    let by_name = add_by_hand(&context, "y", "z");
    remove("scc/y").ok();
    assert!(by_name.exists() && !by_branch.exists());
}

#[test]
fn a_base_is_not_passed_over() {
    let context = TestContext::new();
    let dir = context.workspace();
    git(&context, &dir, &["branch", "scc/one"]);
    context.give_away(&dir);
    let create = |args: &[&str]| {
        let mut all = vec!["worktree", "create", "one", "--no-start"];
        all.extend(args);
        scc(&context, &all)
    };
    let refused = create(&["--base", "main"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("leave out --base"), "{refused:?}");
    create(&[]).ok();
    // What fails leaves no branch that would be in the way of the next try.
    fs::create_dir_all(context.path("ws-worktrees/two/full")).unwrap();
    context.give_away(&context.path("ws-worktrees"));
    let args = ["worktree", "create", "two", "--no-start", "--base", "main"];
    assert_eq!(scc(&context, &args).status, 1);
    fs::remove_dir_all(context.path("ws-worktrees/two")).unwrap();
    scc(&context, &args).ok();
}

#[test]
fn a_broken_worktree_is_listed_and_removed_with_force() {
    let context = TestContext::new();
    let path = create(&context, "bad");
    let good = create(&context, "good");
    let head = context.workspace().join(".git/worktrees/bad/HEAD");
    fs::remove_file(&head).unwrap();
    let made = Command::new("mkfifo").arg(&head).status().unwrap();
    assert!(made.success());
    let all = listed(&context, &[]);
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert!(all[1]["broken"].as_str().unwrap().contains("HEAD"), "{all}");
    let table = scc(&context, &["worktree", "list", "-v"]).ok();
    assert!(table.stdout.contains("broken"), "{table:?}");
    assert!(table.stderr.contains("--force"), "{table:?}");
    let there = scc(&context, &["worktree", "switch", "good"]).ok();
    assert_eq!(Path::new(there.stdout.trim()), good);
    create(&context, "third");
    let kept = scc(&context, &["worktree", "remove", "bad", "-y"]);
    assert_eq!(kept.status, 1, "{kept:?}");
    assert!(kept.stderr.contains("--force"), "{kept:?}");
    assert!(path.exists());
    scc(&context, &["worktree", "remove", "bad", "-y", "--force"]).ok();
    assert!(!path.exists());
    assert_eq!(listed(&context, &[]).as_array().unwrap().len(), 3);
}

/// Where the repository is not in the workspace, git would not work inside.
#[test]
fn a_repository_elsewhere_is_a_reason_to_refuse() {
    let context = TestContext::new();
    context.configure(&json!({
        "provider": "script",
        "providers": { "script": { "api_key": "command:echo k" } },
    }));
    let ws = context.workspace();
    let (apart, place) = (context.path("apart"), context.path("place"));
    // As git lays a submodule out.
    let modules = ws.join(".git/modules/part");
    fs::create_dir(ws.join(".git/modules")).unwrap();
    for (tree, place) in [(&apart, &place), (&ws.join("part"), &modules)] {
        let separate = format!("--separate-git-dir={}", place.display());
        git(
            &context,
            &ws,
            &["init", "-q", &separate, tree.to_str().unwrap()],
        );
    }
    for dir in [&ws, &apart, &place] {
        context.give_away(dir);
    }
    for (dir, says) in [
        (ws.join("part"), format!("scc start {}", ws.display())),
        (apart, format!("mv {}", place.display())),
    ] {
        let plan = scc_in(&context, &dir, &["start", "--dry-run", "--json"]);
        let blockers = &plan.json()["data"]["blockers"];
        assert!(blockers.to_string().contains(&says), "{plan:?}");
        let args = ["worktree", "create", "x", "--no-start"];
        let refused = scc_in(&context, &dir, &args);
        assert_eq!(refused.status, 6, "{refused:?}");
        assert!(refused.stderr.contains(&says), "{refused:?}");
    }
    assert!(!ws.join(".git/modules/part-worktrees").exists());
}

/// A path is what it is, also where it is no text.
#[test]
fn a_path_is_printed_as_it_is() {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let context = TestContext::new();
    let name = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    let path = context.path("odd").join(name);
    let mut add = context.command(Path::new("git"));
    add.args([
        "-c",
        "safe.directory=*",
        "worktree",
        "add",
        "-q",
        "-b",
        "topic",
    ]);
    let made = add.arg(&path).current_dir(context.workspace()).status();
    assert!(made.unwrap().success());
    context.give_away(&context.workspace());
    context.give_away(&context.path("odd"));
    let mut switch = command(
        &context,
        &context.workspace(),
        &["worktree", "switch", "topic"],
    );
    let output = switch.output().unwrap();
    assert_eq!(output.stdout, [path.as_os_str().as_bytes(), b"\n"].concat());
    assert_eq!(listed(&context, &[])[1]["branch"], "topic");
    scc(&context, &["worktree", "remove", "topic", "-y"]).ok();
    assert!(!path.exists());
}

/// A session is found by where it works, however git writes the path down.
#[test]
fn an_agent_at_work_keeps_a_worktree_with_a_relative_path() {
    let context = TestContext::new();
    let path = create(&context, "one");
    let admin = context.workspace().join(".git/worktrees/one");
    fs::write(admin.join("gitdir"), "../../../../ws-worktrees/one/.git\n").unwrap();
    fs::write(path.join(".git"), "gitdir: ../../ws/.git/worktrees/one\n").unwrap();
    assert_eq!(listed(&context, &[])[1]["path"], json!(path));
    record_running(&context, &path);
    let refused = scc(&context, &["worktree", "remove", "one", "--force", "-y"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(path.exists());
}
