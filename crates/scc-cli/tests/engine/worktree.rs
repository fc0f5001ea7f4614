//! A linked worktree: git works in it, and nothing in the shared `.git` that would run code on the
//! host can be changed from inside.

use std::path::PathBuf;
use std::process::Command;

use scc_testkit::context::{Run, TestContext};

use crate::support::{command, context};

/// The context's repository with two linked worktrees beside it.
fn worktrees(context: &TestContext) -> (PathBuf, PathBuf) {
    let git = |args: &[&str]| {
        let mut git = context.command("git".as_ref());
        git.args(["-c", "safe.directory=*"]).args(args);
        let status = git.current_dir(context.workspace()).status().unwrap();
        assert!(status.success(), "git {args:?}");
    };
    git(&["worktree", "add", "-q", "../mine"]);
    git(&["worktree", "add", "-q", "../other"]);
    for dir in ["ws", "mine", "other"] {
        context.give_away(&context.path(dir));
    }
    (context.path("mine"), context.path("other"))
}

fn agent_in(context: &TestContext, workspace: &PathBuf, script: &str) -> Run {
    let args = ["start", "--fresh", "--", "bash", "-c", script];
    Run::of(
        &command(context, &args)
            .current_dir(workspace)
            .output()
            .unwrap(),
    )
}

/// Everything of the shared `.git` that is not objects, refs, logs or the worktree's own.
fn digest(context: &TestContext) -> String {
    let script = "find . -path ./objects -prune -o -path ./refs -prune -o -path ./logs -prune \
                  -o -path ./worktrees/mine -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; \
                  find . -name objects -prune -o -type d -print | sort; \
                  cat worktrees/mine/commondir worktrees/mine/gitdir ../../mine/.git";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(context.workspace().join(".git"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn git_works_and_commits_are_seen_on_the_host() {
    let context = context();
    let (mine, _) = worktrees(&context);
    let script = "git status --short && echo x > made && git add made && git commit -qm inside && \
                  git log --oneline | wc -l && git switch -qc topic && git stash list";
    let run = agent_in(&context, &mine, script).ok();
    assert_eq!(run.stdout.trim(), "2");
    let mut log = context.command("git".as_ref());
    log.args([
        "-c",
        "safe.directory=*",
        "log",
        "-1",
        "--format=%s %an",
        "topic",
    ]);
    let log = log.current_dir(context.workspace()).output().unwrap();
    assert_eq!(String::from_utf8(log.stdout).unwrap(), "inside Ada Test\n");
}

#[test]
fn what_runs_code_on_the_host_cannot_be_changed() {
    let context = context();
    let (mine, other) = worktrees(&context);
    let git = context.workspace().join(".git");
    let before = digest(&context);
    let script = format!(
        "cd '{git}' || exit 9; own='{git}/worktrees/mine'; done=''
         try() {{ if \"$@\" 2>/dev/null; then done=\"$done [$*]\"; fi; }}
         try sh -c 'echo x >> config'
         try git config core.fsmonitor /evil
         try sh -c 'echo x > hooks/post-checkout'
         try mkdir hooks
         try mv hooks hooks2
         try sh -c 'echo ref: refs/heads/x > HEAD'
         try sh -c 'echo x > config.worktree'
         try sh -c 'echo x > info/attributes'
         try mkdir modules
         try mv worktrees worktrees2
         try mv worktrees/other worktrees/gone
         try sh -c 'echo /evil > worktrees/other/commondir'
         try sh -c \"echo /evil > $own/commondir\"
         try sh -c \"echo /evil > $own/gitdir\"
         try rm -f $own/commondir
         try mv $own $own.x
         try mv '{mine}/.git' '{mine}/.git.x'
         try sh -c \"echo gitdir: /evil > '{mine}/.git'\"
         try ls '{other}/README'
         try ls '{ws}/README'
         echo \"reached:$done\"",
        git = git.display(),
        mine = mine.display(),
        other = other.display(),
        ws = context.workspace().display(),
    );
    let run = agent_in(&context, &mine, &script).ok();
    assert_eq!(run.stdout.trim(), "reached:", "{}", run.stderr);
    assert_eq!(digest(&context), before);
}

#[test]
fn configuration_that_could_be_made_inside_is_a_reason_to_refuse() {
    let context = context();
    let (mine, _) = worktrees(&context);
    let mut git = context.command("git".as_ref());
    git.args([
        "-c",
        "safe.directory=*",
        "config",
        "extensions.worktreeConfig",
        "true",
    ]);
    assert!(
        git.current_dir(context.workspace())
            .status()
            .unwrap()
            .success()
    );
    let run = agent_in(&context, &mine, "true");
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stderr.contains("config.worktree"), "{}", run.stderr);
    let config = context
        .workspace()
        .join(".git/worktrees/mine/config.worktree");
    std::fs::write(&config, "").unwrap();
    let attack = format!("echo x >> '{}' || echo refused", config.display());
    assert_eq!(agent_in(&context, &mine, &attack).ok().stdout, "refused\n");
    assert_eq!(std::fs::read_to_string(config).unwrap(), "");
}
