//! Real repositories: at `file://`, and behind `git http-backend` on a real HTTPS server.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use scc_sources::{
    AuthHeader, LoadOptions, Loader, Origin, Revision, Source, SourceCache, SourceError,
};
use scc_testkit::https::{HttpsServer, Reply, git_backend};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::bench::{Bench, DAY, HOUR, at, fetch_options, git_options, validate};

/// A bare repository `policy.git` and a work tree to fill it from.
struct Origins {
    folder: TempDir,
}

impl Origins {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let origins = Self { folder };
        origins.git(&["init", "--quiet", "--initial-branch=main", "work"], ".");
        origins.git(
            &[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "acme/policy.git",
            ],
            ".",
        );
        origins.git(&["remote", "add", "origin", "../acme/policy.git"], "work");
        origins.commit("org.json", "{\"version\": 1}");
        origins
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, args: &[&str], dir: &str) -> String {
        let options = git_options(self.folder.path());
        let output = Command::new("git")
            .env_clear()
            .envs(options.environment)
            .args([
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@example.invalid",
            ])
            .args(args)
            .current_dir(self.path(dir))
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits the work tree, pushes everything, and returns the commit.
    fn push(&self) -> String {
        self.git(&["add", "--all"], "work");
        self.git(
            &["commit", "--quiet", "--allow-empty", "--message=change"],
            "work",
        );
        self.git(&["push", "--quiet", "--force", "origin", "--all"], "work");
        self.git(&["push", "--quiet", "--force", "origin", "--tags"], "work");
        self.git(&["rev-parse", "HEAD"], "work")
    }

    fn commit(&self, file: &str, content: &str) -> String {
        let path = self.path("work").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self.push()
    }

    /// The source with this behind the repository's address.
    fn source(&self, rest: &str) -> Source {
        let text = format!("file://{}{rest}", self.path("acme/policy.git").display());
        Source::parse(&text, Path::new("/")).unwrap()
    }
}

fn message(error: &SourceError) -> String {
    let text = error.to_string();
    let reason = ["usable document: ", "`: "]
        .iter()
        .find_map(|mark| text.split_once(mark));
    reason.map_or(text.clone(), |(_, reason)| reason.to_owned())
}

fn content(bench: &Bench, source: &Source) -> String {
    String::from_utf8(bench.load(source, 0).unwrap().content).unwrap()
}

#[test]
fn a_document_and_its_commit() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    let commit = origins.commit("teams/a.json", "{\"team\": 1}");
    let loaded = bench.load(&origins.source(":teams/a.json"), 0).unwrap();
    assert_eq!(loaded.content, b"{\"team\": 1}");
    assert_eq!(loaded.origin, Origin::Fresh);
    assert_eq!(loaded.revision, Some(Revision::Commit(commit.clone())));

    origins.git(&["tag", "light"], "work");
    origins.git(&["tag", "--annotate", "heavy", "--message=x"], "work");
    origins.commit("teams/a.json", "{\"team\": 2}");
    for (reference, expected) in [
        ("main", "{\"team\": 2}"),
        ("refs/heads/main", "{\"team\": 2}"),
        ("light", "{\"team\": 1}"),
        ("heavy", "{\"team\": 1}"),
        (commit.as_str(), "{\"team\": 1}"),
    ] {
        let source = origins.source(&format!("@{reference}:teams/a.json"));
        assert_eq!(content(&bench, &source), expected, "{reference}");
        // Past its time, the same commit needs no second fetch.
        let loaded = bench.load(&source, 2 * DAY).unwrap();
        assert_eq!(loaded.origin, Origin::Fresh, "{reference}");
    }
    assert_eq!(
        bench.copies().len(),
        6,
        "no directory of a fetch is left: {:?}",
        bench.copies()
    );
}

#[test]
fn a_path_that_is_missing_or_a_folder_means_the_usual_document() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    origins.commit("teams/team.json", "{\"team\": 1}");
    origins.commit("team.json", "{\"team\": 0}");
    for (rest, expected) in [("", "{\"team\": 0}"), (":teams", "{\"team\": 1}")] {
        let source = origins.source(rest).with_document("team.json");
        assert_eq!(content(&bench, &source), expected);
        let source = origins.source(rest).with_document("other.json");
        bench.load(&source, 0).unwrap_err();
    }
    let error = bench.load(&origins.source(""), 0).unwrap_err();
    assert_eq!(message(&error), "its path in the repository is not given");
    let error = bench.load(&origins.source(":teams"), 0).unwrap_err();
    assert_eq!(message(&error), "`teams` is a folder");
}

#[test]
fn a_new_commit_is_seen_after_the_time_to_live() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    let source = origins.source(":org.json");
    bench.load(&source, 0).unwrap();
    let commit = origins.commit("org.json", "{\"version\": 2}");
    assert_eq!(
        bench.load(&source, 23 * HOUR).unwrap().content,
        b"{\"version\": 1}"
    );
    let loaded = bench.load(&source, 25 * HOUR).unwrap();
    assert_eq!(loaded.content, b"{\"version\": 2}");
    assert_eq!(loaded.revision, Some(Revision::Commit(commit)));
}

#[test]
fn what_a_hostile_repository_tries() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    let witness = origins.path("witness");
    let note = |what: &str| format!("echo {what} >> {}", witness.display());
    let planted = [
        "post-checkout",
        "post-index-change",
        "reference-transaction",
        "fsmonitor",
    ];
    for place in ["acme/policy.git/hooks", "work/hooks"] {
        let dir = origins.path(place);
        std::fs::create_dir_all(&dir).unwrap();
        for hook in planted {
            let file = dir.join(hook);
            std::fs::write(&file, format!("#!/bin/sh\n{}\n", note(hook))).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    // This one would run on the server's side, where it may.
    std::fs::remove_file(origins.path("acme/policy.git/hooks/reference-transaction")).unwrap();
    // Not even the user's own hooks run.
    let hooks = origins.path("work/hooks");
    let config = format!(
        "[core]\n\thooksPath = {0}\n\tfsmonitor = {0}/fsmonitor\n[filter \"evil\"]\n\t\
         smudge = \"{1}; cat\"\n",
        hooks.display(),
        note("smudge")
    );
    std::fs::write(bench.folder.path().join(".gitconfig"), config).unwrap();
    let work = origins.path("work");
    symlink("/etc/passwd", work.join("link.json")).unwrap();
    symlink("teams", work.join("folder")).unwrap();
    std::fs::write(
        work.join(".gitattributes"),
        "* filter=evil\n*.json export-subst\n",
    )
    .unwrap();
    std::fs::write(
        work.join(".gitmodules"),
        "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/x\n",
    )
    .unwrap();
    origins.git(&["add", "--all"], "work");
    let id = origins.git(&["rev-parse", "HEAD"], "work");
    let entry = format!("160000,{id},module");
    origins.git(&["update-index", "--add", "--cacheinfo", &entry], "work");
    origins.git(&["commit", "--quiet", "--message=evil"], "work");
    origins.commit("teams/a.json", "{}");

    assert_eq!(
        content(&bench, &origins.source(":org.json")),
        "{\"version\": 1}"
    );
    for (path, reason) in [
        ("link.json", "`link.json` is a symbolic link"),
        ("folder", "`folder` is a symbolic link"),
        ("folder/a.json", "there is no `folder/a.json`"),
        ("teams/*.json", "there is no `teams/*.json`"),
        (":(glob)**", "there is no `:(glob)**`"),
        ("absent.json", "there is no `absent.json`"),
    ] {
        let error = bench
            .load(&origins.source(&format!(":{path}")), 0)
            .unwrap_err();
        assert_eq!(message(&error), reason);
        assert!(error.is_refusal());
    }
    assert!(!witness.exists(), "something of the repository ran");

    // Otherwise this test would show nothing: git as the user has it runs each of them.
    let plain = |args: &[&str]| {
        let mut git = Command::new("git");
        git.env_clear()
            .envs(git_options(bench.folder.path()).environment)
            .args(args)
            .current_dir(origins.path("."));
        assert!(git.status().unwrap().success(), "{args:?}");
    };
    plain(&["clone", "--quiet", "acme/policy.git", "clone"]);
    plain(&["-C", "clone", "status"]);
    let ran = std::fs::read_to_string(&witness).unwrap();
    for what in planted.iter().chain(&["smudge"]) {
        assert!(ran.contains(what), "no {what} in {ran}");
    }
}

#[test]
fn a_submodule_is_no_document() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    let entry = format!(
        "160000,{},module",
        origins.git(&["rev-parse", "HEAD"], "work")
    );
    origins.git(&["update-index", "--add", "--cacheinfo", &entry], "work");
    origins.git(&["commit", "--quiet", "--message=module"], "work");
    origins.git(&["push", "--quiet", "origin", "main"], "work");
    let error = bench.load(&origins.source(":module"), 0).unwrap_err();
    assert_eq!(message(&error), "`module` is a submodule");
}

#[test]
fn a_tag_does_not_stand_in_for_a_branch() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    origins.git(&["tag", "main"], "work");
    let source = origins.source("@main:org.json");
    origins.git(&["push", "--quiet", "origin", "refs/tags/main"], "work");
    assert_eq!(content(&bench, &source), "{\"version\": 1}");

    std::fs::write(origins.path("work/org.json"), "{\"version\": 2}").unwrap();
    origins.git(&["commit", "--quiet", "--all", "--message=next"], "work");
    origins.git(&["push", "--quiet", "origin", "refs/heads/main"], "work");
    let error = Bench::new(None).load(&source, 0).unwrap_err();
    assert!(
        message(&error).starts_with("`main` is a branch and a tag"),
        "{error}"
    );
    let source = origins.source("@refs/heads/main:org.json");
    assert_eq!(content(&Bench::new(None), &source), "{\"version\": 2}");
}

#[test]
fn what_git_cannot_fetch() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    let error = bench
        .load(&origins.source("@absent:org.json"), 0)
        .unwrap_err();
    assert_eq!(message(&error), "there is no branch or tag `absent`");
    let absent = "0123456789012345678901234567890123456789";
    let error = bench
        .load(&origins.source(&format!("@{absent}:org.json")), 0)
        .unwrap_err();
    assert!(matches!(error, SourceError::Git { .. }), "{error}");

    let nowhere = Source::parse("file:///nonexistent/x.git:org.json", Path::new("/")).unwrap();
    let error = bench.load(&nowhere, 0).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(error.hint().unwrap().contains("git ls-remote"), "{error}");

    origins.commit("large.json", &format!("{{{:10000}}}", ""));
    let error = bench.load(&origins.source(":large.json"), 0).unwrap_err();
    assert_eq!(message(&error), "it is larger than 10000 bytes");
    origins.commit("empty.json", "");
    let error = bench.load(&origins.source(":empty.json"), 0).unwrap_err();
    assert_eq!(message(&error), "it is empty");

    let bench = Bench::with(None, |options| {
        options.git.program = "/nonexistent/git".into();
    });
    let error = bench.load(&origins.source(":org.json"), 0).unwrap_err();
    assert_eq!(error.to_string(), "cannot run `/nonexistent/git`");
    assert_eq!(error.hint().as_deref(), Some("install git"));
}

#[test]
fn a_git_that_hangs_is_ended_with_its_helpers() {
    let (origins, folder) = (Origins::new(), tempfile::tempdir().unwrap());
    let program = folder.path().join("git");
    let pid = folder.path().join("pid");
    let script = format!("#!/bin/sh\nsleep 60 &\necho $! > {}\nwait\n", pid.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bench = Bench::with(None, |options| {
        options.git.program = program;
        options.total_timeout = Duration::from_millis(500);
    });
    let start = Instant::now();
    let error = bench.load(&origins.source(":org.json"), 0).unwrap_err();
    assert_eq!(message(&error), "it did not answer in time");
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    let pid = std::fs::read_to_string(pid).unwrap();
    let status = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    scc_testkit::wait_for("the end of the helper", Duration::from_secs(2), || {
        let stat = std::fs::read_to_string(&status).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn what_a_killed_fetch_leaves_is_removed_by_the_next_one() {
    let (origins, bench) = (Origins::new(), Bench::new(None));
    let source = origins.source(":org.json");
    let ready = bench.folder.path().join("ready");
    let program = bench.folder.path().join("git");
    let script = format!("#!/bin/sh\ntouch {}\nexec sleep 5\n", ready.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "git::child_process", "--ignored"])
        .env("SCC_TEST_ROOT", bench.folder.path())
        .env("SCC_TEST_SOURCE", source.to_text())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let limit = Duration::from_secs(30);
    scc_testkit::wait_for("the fetch", limit, || ready.exists().then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    let left = bench.copies();
    assert!(left.len() == 1 && left[0].is_dir(), "{left:?}");
    bench.load(&source, 0).unwrap();
    let left = bench.copies();
    assert!(left.len() == 1 && left[0].is_file(), "{left:?}");
}

#[test]
#[ignore = "the other side of `what_a_killed_fetch_leaves_is_removed_by_the_next_one`"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test process is told its part by environment"
)]
fn child_process() {
    let root = PathBuf::from(std::env::var_os("SCC_TEST_ROOT").unwrap());
    let source = std::env::var("SCC_TEST_SOURCE").unwrap();
    let mut options = fetch_options(None, &root);
    options.git.program = root.join("git");
    let cache = SourceCache::open(root.join("cache")).unwrap();
    let source = Source::parse(&source, &root).unwrap();
    let loaded = Loader::new(cache, options).load(&source, &LoadOptions::at(at(0)), &validate);
    loaded.unwrap_err();
}

#[test]
fn nothing_of_the_caller_but_what_it_gives_reaches_git() {
    let (origins, folder) = (Origins::new(), tempfile::tempdir().unwrap());
    let (program, log) = (folder.path().join("git"), folder.path().join("log"));
    let script = format!(
        "#!/bin/sh\nenv >> {0}\necho \"args: $*\" >> {0}\nexec git \"$@\"\n",
        log.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bench = Bench::with(None, |options| options.git.program = program);
    let find = || AuthHeader::new(None, &SecretString::from("hunter2"));
    let options = LoadOptions {
        auth: Some(&find),
        ..LoadOptions::at(at(0))
    };
    bench
        .load_with(&origins.source(":org.json"), options)
        .unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    let lines = |start: &str| log.lines().filter(|line| line.starts_with(start)).count();
    let calls = lines("args: ");
    assert!(calls >= 5, "{log}");
    assert_eq!(lines("GIT_TERMINAL_PROMPT=0"), calls);
    assert_eq!(lines("GIT_ALLOW_PROTOCOL=file"), calls);
    assert_eq!(lines("CARGO"), 0);
    let token = base64::engine::general_purpose::STANDARD.encode("x-access-token:hunter2");
    for line in log
        .lines()
        .filter(|line| line.contains(&token) || line.contains("hunter2"))
    {
        assert!(line.starts_with("GIT_CONFIG_VALUE_0="), "{line}");
    }
}

#[test]
fn a_repository_behind_ssh() {
    let (origins, folder) = (Origins::new(), tempfile::tempdir().unwrap());
    let (program, log) = (folder.path().join("ssh"), folder.path().join("log"));
    // Takes the place of ssh, and runs what it is to run on this machine.
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\nfor last; do :; done\ncd {} && exec sh -c \"$last\"\n",
        log.display(),
        origins.folder.path().display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bench = Bench::with(None, |options| {
        let command = program.clone().into_os_string();
        options
            .git
            .environment
            .push(("GIT_SSH_COMMAND".into(), command));
    });
    let source = Source::parse("git@git.example:acme/absent@main:org.json", Path::new("/"));
    assert!(bench.load(&source.unwrap(), 0).unwrap_err().is_refusal());
    let source = Source::parse("git@git.example:acme/policy.git:org.json", Path::new("/"));
    assert_eq!(content(&bench, &source.unwrap()), "{\"version\": 1}");
    let log = std::fs::read_to_string(log).unwrap();
    let last = log.lines().next_back().unwrap();
    assert!(
        last.ends_with("git@git.example git-upload-pack 'acme/policy.git'"),
        "{log}"
    );
}

fn serve(origins: &Origins) -> HttpsServer {
    let root = origins.folder.path().to_owned();
    HttpsServer::start(move |request| match request.path().split('/').nth(1) {
        Some("acme") => git_backend(&root, request),
        Some("closed") => {
            let token = base64::engine::general_purpose::STANDARD.encode("x-access-token:hunter2");
            let mut inner = request.clone();
            inner.target = request.target.replacen("/closed", "/acme", 1);
            match request.header("authorization") == Some(&format!("Basic {token}")) {
                true => git_backend(&root, &inner),
                false => Reply::status(401).with_header("www-authenticate", "Basic realm=x"),
            }
        }
        Some("moved") => {
            let port = request.header("host").unwrap().rsplit(':').next().unwrap();
            let target = request.target.replacen("/moved", "/acme", 1);
            Reply::redirect(&format!("https://127.0.0.1:{port}{target}"))
        }
        Some("plain") => Reply::redirect("http://127.0.0.1:9/acme/policy.git/info/refs"),
        _ => Reply::status(404),
    })
    .unwrap()
}

#[test]
fn a_repository_at_an_https_address() {
    let origins = Origins::new();
    let server = serve(&origins);
    let commit = origins.commit("teams/a.json", "{\"team\": 1}");
    for filter in ["false", "true"] {
        origins.git(
            &["config", "uploadpack.allowFilter", filter],
            "acme/policy.git",
        );
        let bench = Bench::with(Some(&server), |options| {
            options.github_base = server.url("");
        });
        let source = Source::github("acme", "policy", Some("main"), Some("teams/a.json")).unwrap();
        let start = Instant::now();
        let loaded = bench.load(&source, 0).unwrap();
        println!("first fetch, filter {filter}: {:?}", start.elapsed());
        assert_eq!(loaded.content, b"{\"team\": 1}");
        assert_eq!(loaded.revision, Some(Revision::Commit(commit.clone())));

        let (before, start) = (server.requests().len(), Instant::now());
        let loaded = bench.load(&source, 2 * DAY).unwrap();
        println!("same commit again: {:?}", start.elapsed());
        assert_eq!(loaded.origin, Origin::Fresh);
        let asked = &server.requests()[before..];
        assert!(
            asked.len() <= 2,
            "only the references were asked for: {asked:?}"
        );
    }
    let error = Bench::with(None, |options| options.github_base = server.url(""))
        .load(
            &Source::github("acme", "policy", None, Some("org.json")).unwrap(),
            0,
        )
        .unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn only_the_document_is_fetched_where_the_server_can_do_that() {
    let origins = Origins::new();
    origins.git(
        &["config", "uploadpack.allowFilter", "true"],
        "acme/policy.git",
    );
    let mut state = 1_u64;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + (state >> 60) as u8)
    };
    let noise: String = (0..200_000).map(|_| letter()).collect();
    origins.commit("large.txt", &noise);
    let root = origins.folder.path().to_owned();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let server = HttpsServer::start(move |request| {
        let reply = git_backend(&root, request);
        counter.fetch_add(reply.size(), Ordering::Relaxed);
        reply
    })
    .unwrap();
    for (filter, most) in [("true", 5_000), ("false", usize::MAX)] {
        origins.git(
            &["config", "uploadpack.allowFilter", filter],
            "acme/policy.git",
        );
        sent.store(0, Ordering::Relaxed);
        let bench = Bench::with(Some(&server), |options| {
            options.github_base = server.url("");
        });
        let source = Source::github("acme", "policy", None, Some("org.json")).unwrap();
        bench.load(&source, 0).unwrap();
        let sent = sent.load(Ordering::Relaxed);
        println!("filter {filter}: {sent} bytes sent");
        assert!(sent < most, "{sent}");
    }
}

#[test]
fn a_repository_that_is_closed_or_elsewhere() {
    let origins = Origins::new();
    let server = serve(&origins);
    let bench = Bench::new(Some(&server));
    let source = |path: &str| {
        let address = server.url(path);
        Source::git(&address, None, Some("org.json")).unwrap()
    };
    let start = Instant::now();
    let error = bench.load(&source("/closed/policy.git"), 0).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "nobody was asked for a password"
    );
    let error = bench.load(&source("/absent/policy.git"), 0).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    let error = bench.load(&source("/plain/policy.git"), 0).unwrap_err();
    assert!(matches!(error, SourceError::Git { .. }), "{error}");

    bench.load(&source("/moved/policy.git"), 0).unwrap();
    let find = || AuthHeader::new(None, &SecretString::from("hunter2"));
    let load = |path: &str| {
        let options = LoadOptions {
            auth: Some(&find),
            force: true,
            ..LoadOptions::at(at(0))
        };
        Bench::new(Some(&server)).load_with(&source(path), options)
    };
    load("/closed/policy.git").unwrap();
    let before = server.requests().len();
    load("/moved/policy.git").unwrap_err();
    assert_eq!(
        server.requests().len(),
        before + 1,
        "the redirection was not followed"
    );
}
