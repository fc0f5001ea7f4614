//! A linked worktree: git works in it, and nothing in the shared `.git` that would run code on the
//! host can be changed from inside.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use scc_testkit::context::{Run, TestContext};

use crate::support::{command, context};

/// The context's repository with two linked worktrees beside it.
pub(crate) fn worktrees(context: &TestContext) -> (PathBuf, PathBuf) {
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
         try sh -c \"echo x > $own/config.worktree\"
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

/// A configuration of the worktree's own is there, empty, before the agent is.
#[test]
fn configuration_that_git_may_read_later_cannot_be_made_inside() {
    let context = context();
    let (mine, _) = worktrees(&context);
    let admin = context.workspace().join(".git/worktrees/mine");
    let config = admin.join("config.worktree");
    let name = config.display();
    let attack = format!(
        "try() {{ if \"$@\" 2>/dev/null; then echo \"reached $*\"; fi; }}
         try sh -c 'echo x >> {name}'
         try rm -f '{name}'
         try mv '{name}' '{name}.x'
         try ln -sf /evil '{name}'
         echo done"
    );
    let turn_on = || {
        let mut git = context.command("git".as_ref());
        git.args(["-c", "safe.directory=*", "config"]);
        git.args(["extensions.worktreeConfig", "true"]);
        let status = git.current_dir(context.workspace()).status().unwrap();
        assert!(status.success());
        context.give_away(&context.workspace());
    };
    for extension in [false, true] {
        if extension {
            turn_on();
            std::fs::remove_file(&config).unwrap();
        }
        assert_eq!(agent_in(&context, &mine, &attack).ok().stdout, "done\n");
        assert_eq!(std::fs::read_to_string(&config).unwrap(), "");
        let owner = |path: &Path| std::fs::metadata(path).unwrap().uid();
        assert_eq!(owner(&config), owner(&admin));
    }
}

/// What an agent in the repository's own work tree leaves there does not reach the next sandbox.
#[test]
fn links_that_an_agent_planted_are_not_mounted() {
    let context = context();
    let (mine, _) = worktrees(&context);
    let git = context.workspace().join(".git");
    let home = context.path("home");
    std::fs::write(home.join("mine"), "private").unwrap();
    let plant = format!(
        "mv '{git}/logs' '{git}/old' && ln -s '{home}' '{git}/logs'",
        git = git.display(),
        home = home.display()
    );
    agent_in(&context, &context.workspace(), &plant).ok();
    let read = format!("cat '{}/logs/mine'", git.display());
    let run = agent_in(&context, &mine, &read);
    assert_eq!((run.status, run.stdout.as_str()), (6, ""), "{run:?}");
    assert!(run.stderr.contains("symbolic link"), "{}", run.stderr);
    std::fs::remove_file(git.join("logs")).unwrap();
    let plant = format!(
        "printf '[core]\\n\\tfsmonitor = /evil\\n' > '{}/worktrees/mine/config.worktree'",
        git.display()
    );
    agent_in(&context, &context.workspace(), &plant).ok();
    let run = agent_in(&context, &mine, "true");
    assert_eq!(run.status, 6, "{run:?}");
    assert!(run.stderr.contains("worktreeConfig"), "{}", run.stderr);
}
