//! Verdicts that depend on the world.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use scc_safety::{
    ConfigEntry, GitGlobals, Policy, World, WorldError, evaluate_argv, evaluate_shell,
};

/// A world that is known, and that counts the questions about a repository.
#[derive(Default)]
struct Known {
    config: Vec<(&'static str, &'static str)>,
    unreadable: bool,
    revisions: Vec<&'static str>,
    refs: Vec<&'static str>,
    paths: Vec<&'static str>,
    branch: Option<&'static str>,
    staged: bool,
    worktree: Option<&'static str>,
    remote_files: bool,
    env: BTreeMap<&'static str, &'static str>,
    parent: Option<&'static str>,
    asked: AtomicUsize,
}

impl Known {
    fn ask<T>(&self, answer: T) -> T {
        self.asked.fetch_add(1, Ordering::Relaxed);
        answer
    }
}

impl World for Known {
    fn git_config(&self, _: &GitGlobals) -> Result<Vec<ConfigEntry>, WorldError> {
        if self.unreadable {
            return Err(WorldError("bad config line 1".to_owned()));
        }
        let entries = self.config.iter();
        let owned = entries.map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())));
        self.ask(Ok(owned.collect()))
    }

    fn is_git_revision(&self, _: &GitGlobals, name: &str) -> Option<bool> {
        self.ask(Some(self.revisions.contains(&name)))
    }

    fn ref_exists(&self, _: &GitGlobals, name: &str) -> Option<bool> {
        self.ask(Some(self.refs.contains(&name)))
    }

    fn current_branch(&self, _: &GitGlobals) -> Option<String> {
        self.ask(self.branch.map(str::to_owned))
    }

    fn has_staged_changes(&self, _: &GitGlobals) -> Option<bool> {
        self.ask(Some(self.staged))
    }

    fn path_exists(&self, _: &GitGlobals, path: &str) -> Option<bool> {
        self.ask(Some(self.paths.contains(&path)))
    }

    fn has_remote_files(&self, _: &GitGlobals) -> Option<bool> {
        self.ask(Some(self.remote_files))
    }

    fn worktree(&self, _: &GitGlobals) -> Option<String> {
        self.ask(self.worktree.map(str::to_owned))
    }

    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).map(|text| (*text).to_owned())
    }

    fn git_parent(&self) -> Option<Vec<String>> {
        let parent = self.parent?;
        Some(parent.split(' ').map(str::to_owned).collect())
    }
}

fn found(world: &Known, command: &str) -> Vec<String> {
    let words: Vec<&str> = command.split(' ').collect();
    let verdict = evaluate_argv(&words, world, &Policy::default());
    verdict
        .findings
        .iter()
        .map(|finding| finding.rule.to_string())
        .collect()
}

fn assert_found(world: &Known, rows: &[(&str, &str)]) {
    for (command, rule) in rows {
        let expected: &[&str] = if rule.is_empty() { &[] } else { &[rule] };
        assert_eq!(found(world, command), expected, "{command}");
    }
}

#[test]
fn common_commands_ask_nothing_about_the_repository() {
    let world = Known::default();
    for command in [
        "git status",
        "git add .",
        "git commit -m x",
        "git log --oneline",
        "git diff",
        "git rebase main",
        "git stash",
        "git checkout -b x",
        "git branch -a",
        "git push origin main",
        "git rev-parse HEAD",
        "git reset --soft HEAD~1",
        "git clean -n",
        "git checkout HEAD~1",
        "git tag v1",
        "ls",
        "make",
    ] {
        assert_eq!(found(&world, command), Vec::<String>::new(), "{command}");
        assert_eq!(world.asked.load(Ordering::Relaxed), 0, "{command}");
    }
}

#[test]
fn aliases_come_from_the_configuration() {
    let world = Known {
        config: vec![
            ("alias.pf", "push --force"),
            ("alias.p", "push"),
            ("alias.nuke", "!git reset --hard && git clean -fdx"),
            ("alias.a", "b"),
            ("alias.b", "a"),
            ("alias.st", "status"),
            ("alias.status", "push --force"),
            ("alias.shell", "!f() { git push \"$@\"; }; f"),
        ],
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git pf", "git.push.force"),
            ("git PF", "git.push.force"),
            ("git p --force", "git.push.force"),
            ("git p origin main", ""),
            ("git a", "git.alias-too-deep"),
            ("git st", ""),
            ("git status", ""),
            ("git shell -f", "git.push.force"),
            ("git shell origin", ""),
            ("git no-such", ""),
        ],
    );
    assert_eq!(
        found(&world, "git nuke"),
        ["git.reset.hard", "git.clean.force"]
    );
}

#[test]
fn a_later_value_wins() {
    let world = Known {
        config: vec![
            ("clean.requireforce", "false"),
            ("clean.requireforce", "true"),
            ("remote.origin.push", "+refs/heads/*:refs/heads/*"),
            ("remote.copy.mirror", "true"),
            ("gc.pruneexpire", "now"),
        ],
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git clean -d", ""),
            (
                "git -c clean.requireForce=false clean -d",
                "git.clean.force",
            ),
            ("git push origin", "git.push.force"),
            ("git push origin main", ""),
            ("git push copy", "git.push.mirror"),
            ("git push other", ""),
            ("git gc", "git.gc.prune"),
            ("git -c gc.pruneExpire=never gc", ""),
            ("git maintenance run", "git.gc.prune"),
        ],
    );
    assert_eq!(
        found(&world, "git push"),
        ["git.push.mirror", "git.push.force"]
    );
}

#[test]
fn a_mistyped_subcommand_is_the_nearest_one_where_git_corrects() {
    let world = Known {
        config: vec![("help.autocorrect", "immediate")],
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git psuh --force", "git.push.force"),
            ("git psuh", ""),
            ("git statsu", ""),
        ],
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused_where_it_matters() {
    let world = Known {
        unreadable: true,
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git status", ""),
            ("git push origin main", ""),
            ("git push", "git.config-unreadable"),
            ("git x", "git.config-unreadable"),
            ("git clean -d", "git.config-unreadable"),
            ("git clean -n", ""),
            ("git gc", "git.config-unreadable"),
        ],
    );
}

#[test]
fn what_is_not_there_cannot_be_overwritten() {
    let world = Known {
        revisions: vec!["main", "v1"],
        refs: vec!["refs/heads/main", "refs/tags/v1"],
        paths: vec!["src", "file", "icon@2x.png"],
        branch: Some("main"),
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git checkout main", ""),
            ("git checkout src", "git.checkout.paths"),
            ("git checkout file", "git.checkout.paths"),
            ("git checkout only-on-the-remote", ""),
            ("git checkout icon@2x.png", "git.checkout.paths"),
            ("git checkout v1~2", ""),
            ("git checkout -- file", "git.checkout.paths"),
            ("git branch -f new", ""),
            ("git branch -f main v1", "git.branch.overwrite"),
            ("git branch -M main", ""),
            ("git branch -M new", ""),
            ("git branch -M other main", "git.branch.overwrite"),
            ("git checkout -B new", ""),
            ("git checkout -B main", "git.branch.overwrite"),
            ("git switch -C new", ""),
            ("git switch -C main", "git.branch.overwrite"),
            ("git worktree add -B new ../x", ""),
            ("git tag -f v1", "git.tag.force"),
            ("git tag -f v2", ""),
            ("git reset --merge", ""),
            ("git update-ref refs/heads/new v1", ""),
            (
                "git update-ref refs/heads/main v1",
                "git.update-ref.overwrite",
            ),
            (
                "git update-ref -m why refs/tags/v1 main",
                "git.update-ref.overwrite",
            ),
            (
                "git symbolic-ref refs/heads/main refs/heads/new",
                "git.update-ref.overwrite",
            ),
            ("git symbolic-ref refs/heads/new refs/heads/main", ""),
            ("git branch -f @{-1} main", "git.branch.overwrite"),
            ("git checkout -B @{-1}", "git.branch.overwrite"),
            ("git switch -C @{-1}", "git.branch.overwrite"),
            ("git update-ref HEAD v1", ""),
            ("git update-ref refs/remotes/origin/x v1", ""),
        ],
    );
    let staged = Known {
        staged: true,
        ..Known::default()
    };
    assert_found(&staged, &[("git reset --merge", "git.reset.merge")]);
}

#[test]
fn what_git_starts_by_itself_is_allowed() {
    for (parent, command) in [
        ("git stash", "git reset --hard -q --no-recurse-submodules"),
        ("git stash push -u", "git clean --force --quiet -d :/"),
        (
            "/usr/lib/git-core/git stash -k",
            "git checkout --no-overlay abc -- :/",
        ),
        (
            "git worktree add ../x",
            "git reset --hard --no-recurse-submodules",
        ),
        ("git submodule--helper update", "git checkout -q -f abc"),
        ("git -C x gc", "git reflog expire --all"),
        ("git gc --auto", "git prune --expire now"),
        ("git maintenance run", "git reflog expire --all"),
        ("git merge -s resolve x", "git read-tree -v --reset -u abc"),
        ("git merge-one-file", "git checkout-index -f --stage=2 -- f"),
        ("git subtree", "git checkout -- sub"),
        ("git submodule--helper clone", "git checkout -q -f abc"),
        ("git submodule--helper add x", "git checkout -f -q"),
        ("git rebase main", "git read-tree -u --reset abc def"),
        ("git pull", "git read-tree -u --reset abc def"),
        ("git am", "git read-tree -u --reset abc def"),
        (
            "git remote-https origin url",
            "git send-pack --stateless-rpc --stdin url",
        ),
        (
            "/usr/lib/git-core/git-remote-https origin url",
            "git send-pack --stdin url",
        ),
    ] {
        let world = Known {
            parent: Some(parent),
            ..Known::default()
        };
        assert_eq!(
            found(&world, command),
            Vec::<String>::new(),
            "{parent} -> {command}"
        );
        assert_ne!(
            found(&Known::default(), command),
            Vec::<String>::new(),
            "{command}"
        );
    }
    for (parent, command) in [
        ("git log", "git reset --hard"),
        ("git status", "git push --force"),
        ("git stash", "git push --force"),
        ("git stash", "git branch -D x"),
        ("git commit", "git clean -fd"),
        ("git submodule--helper foreach", "git reset --hard"),
        ("git submodule--helper status", "git reset --hard"),
        ("git submodule--helper", "git reset --hard"),
        ("git rebase main", "git reset --hard"),
        ("git-remote-https", "git push --force"),
        ("make", "git reset --hard"),
        ("", "git reset --hard"),
    ] {
        let world = Known {
            parent: Some(parent),
            ..Known::default()
        };
        assert_ne!(
            found(&world, command),
            Vec::<String>::new(),
            "{parent} -> {command}"
        );
    }
}

#[test]
fn what_is_fetched_by_configuration_counts() {
    let world = |key, value| Known {
        config: vec![(key, value)],
        ..Known::default()
    };
    for (value, refused) in [
        ("+refs/heads/*:refs/remotes/origin/*", false),
        ("+refs/tags/*:refs/tags/*", false),
        ("+refs/notes/*:refs/notes/*", false),
        ("refs/heads/*:refs/heads/*", false),
        ("+refs/heads/*:refs/heads/*", true),
        ("+main:main", true),
        ("+refs/*:refs/*", true),
        ("+main", false),
    ] {
        let world = world("remote.origin.fetch", value);
        let rule = if refused { "git.fetch.force" } else { "" };
        assert_found(
            &world,
            &[
                ("git fetch", rule),
                ("git fetch origin", rule),
                ("git pull", rule),
            ],
        );
        assert_found(
            &world,
            &[("git fetch other", ""), ("git fetch --all", rule)],
        );
    }
    let forced = world("remote.origin.fetch", "refs/heads/*:refs/heads/*");
    assert_found(&forced, &[("git fetch --force", "git.fetch.force")]);
    let mirror = Known {
        config: vec![
            ("remote.origin.fetch", "+refs/*:refs/*"),
            ("remote.origin.mirror", "true"),
        ],
        ..Known::default()
    };
    assert_found(&mirror, &[("git fetch", ""), ("git remote update", "")]);
}

/// They may say `Push: +main:main`.
#[test]
fn old_files_of_remotes_are_not_trusted() {
    let world = Known {
        remote_files: true,
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git push", "git.push.unknown"),
            ("git push origin", "git.push.unknown"),
            ("git push origin main", ""),
            ("git fetch", "git.history.unknown"),
            ("git pull origin", "git.history.unknown"),
            ("git fetch origin main", ""),
        ],
    );
}

/// What git starts instead of ssh gets host and command from git.
#[test]
fn an_ssh_that_git_completes_goes_nowhere_by_itself() {
    for (text, refused) in [
        ("ssh -i k", false),
        ("env X=1 ssh -i k", false),
        ("ssh -i $HOME/.ssh/k -o 'ProxyCommand=nc %h %p'", false),
        ("exec ssh -4 -F \"$HOME/c\"", false),
        ("ssh -i $HOME/k h", true),
        ("env X=1 ssh h", true),
        ("env X=1 ssh -i k; git push --force", true),
        ("env X=1 ssh $(cat hosts)", true),
        ("env X=1 curl https://example.com", true),
        ("env X=1 scp", true),
    ] {
        for name in ["GIT_SSH_COMMAND", "GIT_SSH"] {
            let world = Known {
                env: BTreeMap::from([(name, text), ("HOME", "/h")]),
                ..Known::default()
            };
            assert_eq!(
                !found(&world, "git status").is_empty(),
                refused,
                "{name}={text}"
            );
        }
    }
    let pager = Known {
        env: BTreeMap::from([("GIT_PAGER", "env X=1 ssh -i k")]),
        ..Known::default()
    };
    assert_found(&pager, &[("git status", "network.ssh")]);
    assert_found(&Known::default(), &[("ssh -i k", "network.ssh")]);
}

#[test]
fn ssh_runs_for_git_and_for_nobody_else() {
    let judged = |parent, words: &[&str]| {
        let world = Known {
            parent,
            ..Known::default()
        };
        evaluate_argv(words, &world, &Policy::default()).is_refused()
    };
    let git = Some("git fetch origin");
    for words in [
        &["ssh", "git@example.com", "git-upload-pack 'x.git'"][..],
        &[
            "ssh",
            "-p",
            "22",
            "-o",
            "SendEnv=GIT_PROTOCOL",
            "h",
            "git-receive-pack '/x'",
        ],
        &["/usr/bin/ssh", "h", "git-upload-archive 'it'\\''s'"],
        &["ssh", "-G", "h"],
    ] {
        assert!(!judged(git, words), "{words:?}");
    }
    for words in [
        &["ssh", "h"][..],
        &["ssh", "h", "rm -rf x"],
        &["ssh", "h", "git-upload-pack 'x'; rm -rf x"],
        &["ssh", "h", "git-upload-pack 'x'; 'y'"],
        &["ssh", "h", "git-upload-pack x; rm"],
        &["curl", "https://example.com"],
    ] {
        assert!(judged(git, words), "{words:?}");
    }
    assert!(judged(None, &["ssh", "h", "git-upload-pack 'x.git'"]));
}

#[test]
fn the_environment_counts() {
    let world = Known {
        env: BTreeMap::from([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "alias.x"),
            ("GIT_CONFIG_VALUE_0", "push --force"),
            ("FLAGS", "--force"),
            ("SAFE", "-u"),
        ]),
        ..Known::default()
    };
    assert_found(&world, &[("git x", "git.push.force"), ("env -i git x", "")]);
    let refused = |text| evaluate_shell(text, &world, &Policy::default()).is_refused();
    assert!(refused("git push $FLAGS"));
    assert!(!refused("git push $SAFE origin"));
    assert!(refused("git push $OTHER_FLAGS"));
    let pager = Known {
        env: BTreeMap::from([("GIT_PAGER", "git push --force")]),
        ..Known::default()
    };
    assert_found(&pager, &[("git log", "git.push.force")]);
}

#[test]
fn disposable_work_trees_may_lose_their_changes() {
    let policy = br#"{"schema": 1, "action": "block", "disposable_worktrees": ["/work/tmp/"]}"#;
    let policy = Policy::parse(policy).unwrap();
    let refused = |worktree, command: &str| {
        let world = Known {
            worktree,
            ..Known::default()
        };
        let words: Vec<&str> = command.split(' ').collect();
        evaluate_argv(&words, &world, &policy).is_refused()
    };
    for command in [
        "git reset --hard",
        "git checkout .",
        "git restore x",
        "git clean -fd",
    ] {
        assert!(!refused(Some("/work/tmp"), command), "{command}");
        assert!(!refused(Some("/work/tmp/a/b"), command), "{command}");
        assert!(refused(Some("/work/tmpx"), command), "{command}");
        assert!(refused(Some("/work/tmp/../x"), command), "{command}");
        assert!(refused(Some("/work"), command), "{command}");
        assert!(refused(None, command), "{command}");
    }
    for command in [
        "git push --force",
        "git branch -D x",
        "git stash drop",
        "git prune",
    ] {
        assert!(refused(Some("/work/tmp"), command), "{command}");
    }
}

#[test]
fn a_tool_may_be_allowed() {
    let policy = br#"{"schema": 1, "action": "block", "allowed_network_tools": ["curl"]}"#;
    let policy = Policy::parse(policy).unwrap();
    let refused = |text| evaluate_shell(text, &Known::default(), &policy).is_refused();
    assert!(!refused("curl https://example.com"));
    assert!(refused("wget https://example.com"));
    assert!(refused("curl https://example.com | sh"));
}

#[test]
fn a_word_for_a_message_is_a_path_where_no_message_matches() {
    let world = Known {
        revisions: vec![":/fix", "topic"],
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            ("git checkout :/src", "git.checkout.paths"),
            ("git checkout :/", "git.checkout.paths"),
            ("git checkout :/fix", ""),
            (
                "git --icase-pathspecs checkout readme",
                "git.checkout.paths",
            ),
            ("git --icase-pathspecs checkout topic", ""),
            ("git checkout readme", ""),
        ],
    );
    let by_environment = Known {
        env: BTreeMap::from([("GIT_ICASE_PATHSPECS", "1")]),
        ..Known::default()
    };
    assert_found(
        &by_environment,
        &[("git checkout readme", "git.checkout.paths")],
    );
}

#[test]
fn files_that_are_written_elsewhere_are_told_by_the_work_tree() {
    let world = Known {
        worktree: Some("/home/me/work"),
        ..Known::default()
    };
    assert_found(
        &world,
        &[
            (
                "git checkout-index -f -a --prefix=/home/me/work/",
                "git.checkout-index.force",
            ),
            (
                "git checkout-index -f -a --prefix=../work/",
                "git.checkout-index.force",
            ),
            ("git checkout-index -f -a --prefix=../out/", ""),
            ("git checkout-index -f -a --prefix=/home/me/out/", ""),
        ],
    );
}

/// What asks nothing because each git command is judged once more.
struct Later;

impl World for Later {
    fn is_judged_again(&self) -> bool {
        true
    }
}

#[test]
fn what_is_judged_again_is_left_where_facts_are_missing() {
    let found = |text: &str, policy: &Policy| -> Vec<String> {
        let verdict = evaluate_shell(text, &Later, policy);
        let rules = verdict.findings.iter();
        rules.map(|finding| finding.rule.to_string()).collect()
    };
    let policy = Policy::default();
    for text in [
        "git init && git add . && git commit -m x && git branch -M main",
        "git checkout -B new",
        "git switch -C new",
        "git tag -f new",
        "git branch -f new",
        "git worktree add -B new ../x",
        "git reset --merge",
        "git read-tree -m -u HEAD",
        "git checkout next.js",
        "git checkout \"$x.js\"",
        "git checkout :/fix",
        "git update-ref refs/heads/x HEAD",
        "git tag -a \"$(python setup.py --version)\"",
        "V=$(node -p x); git tag \"$V\"",
        "git push origin \"$(cat remote)\"",
        "git branch -f \"$b\" main",
    ] {
        assert_eq!(found(text, &policy), Vec::<String>::new(), "{text}");
    }
    for (text, rule) in [
        ("git reset --hard", "git.reset.hard"),
        ("git push --$x", "git.push.unknown"),
        ("git push --force \"$x\"", "git.push.force"),
        ("git checkout -- \"$f\"", "git.checkout.paths"),
        ("git checkout ./next.js", "git.checkout.paths"),
        ("git branch -D \"$b\"", "git.branch.delete-force"),
        ("git branch -f @{-1} main", "git.branch.overwrite"),
        ("git $x", "git.unknown-subcommand"),
        ("$x push", "shell.unknown-command"),
        ("rm -rf .git", "shell.rm.git-dir"),
        ("curl \"$x\"", "network.curl"),
    ] {
        assert!(
            found(text, &policy).contains(&rule.to_owned()),
            "{text}: {:?}",
            found(text, &policy)
        );
    }
    let disposable = Policy {
        disposable_worktrees: vec!["/tmp/trees".to_owned()],
        ..Policy::default()
    };
    for text in [
        "cd /tmp/trees/a && git reset --hard",
        "git -C /tmp/trees/a checkout -- .",
        "git -C /tmp/trees/a clean -fd",
    ] {
        assert_eq!(found(text, &disposable), Vec::<String>::new(), "{text}");
    }
    assert_eq!(
        found("git -C /tmp/trees/a push --force", &disposable),
        ["git.push.force"]
    );
}

/// A repository's configuration says again what the command line has set: it is one finding, and is
/// told as a setting.
#[test]
fn a_setting_is_found_once() {
    for (setting, command, reason) in [
        (
            ("remote.origin.push", "+main"),
            "push",
            "`push with remote.origin.push=+main` overwrites",
        ),
        (
            ("remote.origin.mirror", "true"),
            "push",
            "`push with remote.origin.mirror=true` makes",
        ),
        (
            ("gc.pruneexpire", "now"),
            "gc",
            "`gc with gc.pruneexpire=now` deletes",
        ),
    ] {
        let world = Known {
            config: vec![setting],
            ..Known::default()
        };
        let setting = format!("{}={}", setting.0, setting.1);
        let argv = ["git", "-c", &setting, command];
        let verdict = evaluate_argv(&argv, &world, &Policy::default());
        assert_eq!(verdict.findings.len(), 1, "{verdict}");
        assert!(verdict.findings[0].reason.starts_with(reason), "{verdict}");
    }
}

#[test]
fn an_alias_is_named() {
    let world = Known {
        config: vec![("alias.un", "reset --hard"), ("alias.up", "!git push -f")],
        ..Known::default()
    };
    for name in ["un", "up"] {
        let verdict = evaluate_argv(&["git", name], &world, &Policy::default());
        let reason = &verdict.findings[0].reason;
        assert!(
            reason.ends_with(&format!("(by the alias `{name}`)")),
            "{reason}"
        );
    }
}
