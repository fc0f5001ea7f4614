//! Facts compared with what the real git says and makes.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panic as tests do"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use scc_git::{GitError, Identity, RepositoryFacts, discover, identity, origin_url};

struct Fixture {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self {
            _folder: folder,
            root,
        }
    }

    /// A repository `main` with one commit on branch `trunk`.
    fn with_repository() -> (Self, PathBuf) {
        let fixture = Self::new();
        let main = fixture.root.join("main");
        git(&fixture.root, &["init", "--initial-branch=trunk", "main"]);
        git(&main, &["commit", "--allow-empty", "--message=first"]);
        (fixture, main)
    }
}

fn git(at: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "protocol.file.allow=always", "-c", "safe.directory=*"])
        .args(args)
        .current_dir(at)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn facts(path: &Path) -> RepositoryFacts {
    discover(path).unwrap().unwrap()
}

#[test]
fn an_ordinary_repository_and_a_nested_directory() {
    let (_fixture, main) = Fixture::with_repository();
    let nested = main.join("a/b");
    fs::create_dir_all(&nested).unwrap();
    let expected = RepositoryFacts {
        root: main.clone(),
        common_dir: main.join(".git"),
        git_dir: main.join(".git"),
        is_linked_worktree: false,
        branch: Some("trunk".to_owned()),
        is_bare: false,
    };
    for path in [&main, &nested, &main.join(".git"), &main.join("a/../a")] {
        assert_eq!(facts(path), expected, "{path:?}");
    }
    assert_eq!(
        git(&nested, &["rev-parse", "--show-toplevel"]),
        main.to_str().unwrap()
    );
}

#[test]
fn branches_with_slashes_unborn_and_detached() {
    let (fixture, main) = Fixture::with_repository();
    git(&main, &["switch", "--create", "feature/x"]);
    assert_eq!(facts(&main).branch.as_deref(), Some("feature/x"));
    git(&main, &["switch", "--detach"]);
    assert_eq!(facts(&main).branch, None);
    git(&fixture.root, &["init", "--initial-branch=unborn", "new"]);
    assert_eq!(
        facts(&fixture.root.join("new")).branch.as_deref(),
        Some("unborn")
    );
}

#[test]
fn linked_worktrees() {
    let (fixture, main) = Fixture::with_repository();
    git(&main, &["worktree", "add", "-b", "scc/one", "../one"]);
    git(&main, &["worktree", "add", "--detach", "../two"]);
    let one = facts(&fixture.root.join("one"));
    assert_eq!(
        one,
        RepositoryFacts {
            root: fixture.root.join("one"),
            common_dir: main.join(".git"),
            git_dir: main.join(".git/worktrees/one"),
            is_linked_worktree: true,
            branch: Some("scc/one".to_owned()),
            is_bare: false,
        }
    );
    let two = facts(&fixture.root.join("two"));
    assert!(two.is_linked_worktree && two.branch.is_none());
    assert!(!facts(&main).is_linked_worktree);
}

#[test]
fn a_worktree_of_a_bare_repository() {
    let (fixture, main) = Fixture::with_repository();
    git(
        &fixture.root,
        &["clone", "--bare", main.to_str().unwrap(), "bare.git"],
    );
    let bare = fixture.root.join("bare.git");
    let found = facts(&bare);
    assert!(found.is_bare && !found.is_linked_worktree);
    assert_eq!((&found.root, &found.common_dir), (&bare, &bare));
    assert_eq!(found.branch.as_deref(), Some("trunk"));
    git(&bare, &["worktree", "add", "../tree"]);
    let tree = facts(&fixture.root.join("tree"));
    assert!(tree.is_linked_worktree && !tree.is_bare);
    assert_eq!(tree.common_dir, bare);
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let (fixture, main) = Fixture::with_repository();
    git(&fixture.root, &["init", "--initial-branch=trunk", "super"]);
    let above = fixture.root.join("super");
    git(&above, &["submodule", "add", main.to_str().unwrap(), "sub"]);
    let sub = facts(&above.join("sub"));
    assert_eq!(sub.root, above.join("sub"));
    assert_eq!(sub.git_dir, above.join(".git/modules/sub"));
    assert!(!sub.is_linked_worktree && !sub.is_bare);
    assert_eq!(sub.branch.as_deref(), Some("trunk"));
}

#[test]
fn no_repository() {
    let fixture = Fixture::new();
    assert_eq!(discover(&fixture.root).unwrap(), None);
    fs::create_dir(fixture.root.join(".git")).unwrap();
    assert_eq!(
        discover(&fixture.root).unwrap(),
        None,
        "an empty `.git` is no repository"
    );
    assert!(discover(&fixture.root.join("missing")).is_err());
}

#[test]
fn a_symbolic_link_leads_to_the_real_root() {
    let (fixture, main) = Fixture::with_repository();
    let link = fixture.root.join("link");
    std::os::unix::fs::symlink(&main, &link).unwrap();
    assert_eq!(facts(&link).root, main);
}

#[test]
fn a_foreign_owner_changes_nothing() {
    let (_fixture, main) = Fixture::with_repository();
    let before = facts(&main);
    let changed = Command::new("chown")
        .args(["-R", "12345:12345"])
        .arg(&main)
        .status()
        .unwrap();
    if changed.success() {
        assert_eq!(facts(&main), before);
    }
}

#[test]
fn what_an_agent_writes_does_not_move_the_root() {
    let (fixture, main) = Fixture::with_repository();
    git(&main, &["config", "core.worktree", "/"]);
    assert_eq!(facts(&main).root, main);
    assert_eq!(facts(&main).common_dir, main.join(".git"));

    let victim = fixture.root.join("victim");
    git(&fixture.root, &["clone", main.to_str().unwrap(), "victim"]);
    git(&victim, &["worktree", "add", "../honest"]);
    let trap = fixture.root.join("trap");
    fs::create_dir(&trap).unwrap();
    let pointer = format!(
        "gitdir: {}\n",
        victim.join(".git/worktrees/honest").display()
    );
    fs::write(trap.join(".git"), pointer).unwrap();
    assert!(matches!(discover(&trap), Err(GitError::Unlinked { .. })));

    let own = trap.join("own/worktrees/x");
    fs::create_dir_all(&own).unwrap();
    fs::write(
        own.join("commondir"),
        format!("{}\n", victim.join(".git").display()),
    )
    .unwrap();
    fs::write(
        own.join("gitdir"),
        format!("{}\n", trap.join(".git").display()),
    )
    .unwrap();
    fs::write(own.join("HEAD"), "ref: refs/heads/trunk\n").unwrap();
    fs::write(trap.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
    assert!(matches!(discover(&trap), Err(GitError::Unlinked { .. })));
}

#[test]
fn a_pipe_in_the_place_of_a_file_does_not_block() {
    let (_fixture, main) = Fixture::with_repository();
    let config = main.join(".git/config");
    fs::remove_file(&config).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&config)
            .status()
            .unwrap()
            .success()
    );
    assert!(matches!(
        identity(&[], Some(&main)),
        Err(GitError::Read { .. })
    ));
    assert_eq!(facts(&main).branch.as_deref(), Some("trunk"));
}

#[test]
fn what_stands_above_a_repository_is_of_no_account() {
    let (_fixture, main) = Fixture::with_repository();
    let above = main.parent().unwrap();
    for name in ["HEAD", ".git"] {
        let pipe = above.join(name);
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(facts(&main).branch.as_deref(), Some("trunk"));
        // Where it would be asked, it is an error, and nobody waits.
        assert!(matches!(discover(above), Err(GitError::Read { .. })));
        fs::remove_file(&pipe).unwrap();
    }
}

#[test]
fn discovery_is_quick() {
    let (_fixture, main) = Fixture::with_repository();
    let nested = main.join("a/b/c/d");
    fs::create_dir_all(&nested).unwrap();
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            facts(&nested);
            start.elapsed()
        })
        .min()
        .unwrap();
    println!("discover: {best:?}");
    assert!(best.as_millis() < 20, "{best:?}");
}

fn who(name: &str, email: &str) -> Identity {
    Identity {
        name: Some(name.to_owned()),
        email: Some(email.to_owned()),
    }
}

#[test]
fn identity_in_layers() {
    let (fixture, main) = Fixture::with_repository();
    let file = |name: &str| fixture.root.join(name);
    let files = [file("missing"), file("system"), file(".gitconfig")];
    assert_eq!(identity(&files, Some(&main)).unwrap(), Identity::default());

    fs::write(file("system"), "[user]\nname = S\nemail = s@example.org\n").unwrap();
    fs::write(
        file(".gitconfig"),
        "[User]\n\tName = \"G \\\"x\\\" U\" ; remark\n",
    )
    .unwrap();
    assert_eq!(
        identity(&files, None).unwrap(),
        who("G \"x\" U", "s@example.org")
    );

    git(&main, &["config", "user.email", "work@example.org"]);
    assert_eq!(
        identity(&files, Some(&main)).unwrap(),
        who("G \"x\" U", "work@example.org")
    );
    git(&main, &["worktree", "add", "../one"]);
    let one = file("one");
    assert_eq!(
        identity(&files, Some(&one)).unwrap(),
        who("G \"x\" U", "work@example.org")
    );
    git(&main, &["config", "extensions.worktreeConfig", "true"]);
    git(&one, &["config", "--worktree", "user.name", "One"]);
    assert_eq!(
        identity(&files, Some(&one)).unwrap(),
        who("One", "work@example.org")
    );
    assert_eq!(
        identity(&files, Some(&fixture.root))
            .unwrap()
            .email
            .unwrap(),
        "s@example.org"
    );
}

#[test]
fn identity_by_includes() {
    let (fixture, main) = Fixture::with_repository();
    let file = |name: &str| fixture.root.join(name);
    fs::write(file("plain"), "[user]\nname = Plain\n").unwrap();
    fs::write(file("work"), "[user]\nemail = work@example.org\n").unwrap();
    fs::write(file("trunk"), "[user]\nname = Trunk\n").unwrap();
    let config = format!(
        "[user]\nemail = me@example.org\n[include]\npath = plain\n[include]\npath = ~/nowhere\n\
         [includeIf \"gitdir:{}/\"]\npath = ~/work\n[includeIf \"onbranch:trunk\"]\npath = trunk\n",
        main.display()
    );
    fs::write(file(".gitconfig"), config).unwrap();
    let files = [file(".gitconfig")];
    assert_eq!(
        identity(&files, None).unwrap(),
        who("Plain", "me@example.org")
    );
    assert_eq!(
        identity(&files, Some(&main)).unwrap(),
        who("Trunk", "work@example.org")
    );
    git(
        &main,
        &["config", "include.path", file("plain").to_str().unwrap()],
    );
    assert_eq!(
        identity(&[], Some(&main)).unwrap(),
        Identity::default(),
        "not from a repository"
    );
}

#[test]
fn a_broken_configuration_is_an_error() {
    let fixture = Fixture::new();
    let file = fixture.root.join("config");
    fs::write(&file, "[user\nname").unwrap();
    assert!(matches!(
        identity(&[file], None),
        Err(GitError::Config { .. })
    ));
}

#[test]
fn the_origin_is_the_same_in_every_worktree() {
    let (fixture, main) = Fixture::with_repository();
    let origin = |at: &Path| origin_url(&discover(at).unwrap().unwrap()).unwrap();
    assert_eq!(origin(&main), None);
    let url = "git@host.example:owner/repo.git";
    git(&main, &["remote", "add", "origin", url]);
    let linked = fixture.root.join("linked");
    git(&main, &["worktree", "add", linked.to_str().unwrap()]);
    assert_eq!(origin(&main).as_deref(), Some(url));
    assert_eq!(origin(&linked).as_deref(), Some(url));
}
