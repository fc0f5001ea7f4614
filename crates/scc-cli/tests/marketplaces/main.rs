//! Marketplaces, friendly and hostile, on the way from a real git server to a plan; without an
//! engine.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bundles;
mod commands;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use scc_testkit::context::{Run, TestContext};
use scc_testkit::https::{HttpsServer, Reply, git_backend};
use serde_json::{Value, json};

const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

/// A machine whose user works for an organization with a marketplace.
struct Desk {
    context: TestContext,
    server: HttpsServer,
    /// What is served at `/m.tar`.
    archive: Arc<Mutex<Vec<u8>>>,
}

impl Desk {
    fn new() -> Self {
        let context = TestContext::new();
        let archive: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (root, served) = (context.path("served"), Arc::clone(&archive));
        std::fs::create_dir_all(root.join("acme")).unwrap();
        let server = HttpsServer::start(move |request| match request.path() {
            "/m.tar" => Reply::ok(served.lock().unwrap().clone()),
            _ => git_backend(&root, request),
        });
        let desk = Self {
            context,
            server: server.unwrap(),
            archive,
        };
        std::fs::write(desk.context.path("ca.pem"), desk.server.authority()).unwrap();
        std::fs::create_dir(desk.work()).unwrap();
        desk.git(&["init", "--quiet", "--initial-branch=main", "."]);
        let bare = "../served/acme/m.git";
        desk.git(&["init", "--quiet", "--bare", "--initial-branch=main", bare]);
        desk.git(&["remote", "add", "origin", bare]);
        desk.catalog(&json!([{ "name": "p", "source": "./plugins/p" }]));
        desk.write("plugins/p/skills/s/SKILL.md", "---\nname: s\n---\none\n");
        let git = json!({ "source": "git", "url": desk.server.url("/acme/m.git") });
        desk.rules(&git, &["p@m"]);
        desk
    }

    fn work(&self) -> PathBuf {
        self.context.path("work")
    }

    fn git(&self, args: &[&str]) -> String {
        let mut git = self.context.command(Path::new("git"));
        let output = git.args(args).current_dir(self.work()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn catalog(&self, plugins: &Value) {
        let catalog = json!({ "name": "m", "owner": { "name": "o" }, "plugins": plugins });
        self.write(".claude-plugin/marketplace.json", catalog.to_string());
    }

    fn push(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        self.git(&["push", "--quiet", "--force", "origin", "main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn rules(&self, marketplace: &Value, plugins: &[&str]) {
        let org = json!({
            "schema_version": "1.0.0", "organization": { "name": "Corp", "id": "corp" },
            "marketplaces": { "m": marketplace },
            "defaults": { "enabled_plugins": plugins },
        });
        std::fs::write(self.context.path("org.json"), org.to_string()).unwrap();
        self.context.configure(&json!({
            "standalone": false,
            "organization": { "source": self.context.path("org.json") },
            "provider": "codex",
            "providers": { "codex": { "api_key": "command:echo k" } },
            "ca_certificates": [self.context.path("ca.pem")],
        }));
    }

    fn scc(&self, args: &[&str]) -> Run {
        let mut command = self.context.command(Path::new(SCRIPTED));
        command.args(args).current_dir(self.context.workspace());
        command.env("XDG_CACHE_HOME", self.context.path("home/.cache"));
        Run::of(&command.stdin(Stdio::null()).output().unwrap())
    }

    fn plan(&self, more: &[&str]) -> Run {
        self.scc(&[&["start", "--dry-run", "--json"], more].concat())
    }

    /// The marketplace's version in a plan that can start.
    fn version(&self) -> Value {
        self.plan(&[]).ok().json()["data"]["plugins"][0]["marketplace"].clone()
    }

    /// A plan that is refused for this reason, with the exit status.
    fn refused(&self, status: i32, reason: &str) {
        let run = self.plan(&[]);
        assert_eq!(run.status, status, "{reason}: {run:?}");
        let data = &run.json()["data"];
        let blockers = data["blockers"].to_string();
        assert!(blockers.contains(reason), "no `{reason}` in {blockers}");
        assert!(!blockers.contains("\"hint\":\"\""), "{blockers}");
        assert_eq!(data["ready_to_start"], false);
        assert_eq!(data["plugins"][0]["delivered"], false);
    }
}

#[test]
fn a_commit_is_pinned_until_it_is_moved() {
    let desk = Desk::new();
    let first = desk.push();
    assert_eq!(desk.version()["commit"], first.as_str());
    desk.write("plugins/p/skills/s/SKILL.md", "---\nname: s\n---\ntwo\n");
    desk.write("plugins/p/hooks/hooks.json", "{}");
    desk.catalog(&json!([
        { "name": "p", "source": "./plugins/p" }, { "name": "q", "source": "./plugins/q" },
    ]));
    desk.write("plugins/q/skills/s/SKILL.md", "---\nname: s\n---\none\n");
    let second = desk.push();
    assert_eq!(desk.version()["commit"], first.as_str());

    let run = desk.scc(&["org", "update"]).ok();
    let expected = format!(
        "marketplace m: {} -> {}\n  p (2 files)\n    + hooks/hooks.json\n    ~ skills/s/SKILL.md\n  q \
         (1 file)\n    + skills/s/SKILL.md\n",
        &first[..12],
        &second[..12]
    );
    assert!(run.stdout.ends_with(&expected), "{}", run.stdout);
    assert_eq!(desk.version()["commit"], second.as_str());
    let again = desk.scc(&["org", "update", "--json"]).ok().json();
    let market = &again["data"]["marketplaces"][0];
    assert_eq!(
        (&market["name"], &market["changed"]),
        (&json!("m"), &json!(false))
    );
    let state = desk.context.path("home/.local/state/scc/marketplaces.json");
    let lock: Value = serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
    let pins = lock["data"].as_object().unwrap();
    assert_eq!(pins.len(), 1);
    assert_eq!(pins.values().next().unwrap()["commit"], second.as_str());
}

/// What a tag stands for may change; what is used does not.
#[test]
fn a_tag_that_moves_changes_nothing() {
    let desk = Desk::new();
    let first = desk.push();
    desk.git(&["tag", "v1"]);
    desk.git(&["push", "--quiet", "origin", "v1"]);
    let url = desk.server.url("/acme/m.git");
    desk.rules(
        &json!({ "source": "git", "url": url, "branch": "v1" }),
        &["p@m"],
    );
    assert_eq!(desk.version()["commit"], first.as_str());
    desk.write("plugins/p/evil", "evil");
    desk.push();
    desk.git(&["tag", "--force", "v1"]);
    desk.git(&["push", "--quiet", "--force", "origin", "v1"]);
    let before = desk.version();
    // Also where the copy is not there any more, or was changed.
    std::fs::remove_dir_all(desk.context.path("home/.cache/scc/marketplaces")).unwrap();
    assert_eq!(desk.version(), before);
    let copies = desk.context.path("home/.cache/scc/marketplaces");
    let digest = before["digest"].as_str().unwrap();
    std::fs::write(copies.join(format!("{digest}.tree")), "something else").unwrap();
    assert_eq!(desk.version(), before);
}

#[test]
fn offline_there_is_what_was_fetched() {
    let desk = Desk::new();
    desk.push();
    let run = desk.plan(&["--offline"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.contains("nothing is fetched offline"), "{run:?}");
    desk.plan(&[]).ok();
    let asked = desk.server.requests().len();
    desk.plan(&["--offline"]).ok();
    desk.plan(&[]).ok();
    assert_eq!(
        desk.server.requests().len(),
        asked,
        "a pinned version is not asked about"
    );
}

#[test]
fn a_marketplace_that_cannot_be_reached() {
    let desk = Desk::new();
    let url = desk.server.url("/acme/nothing.git");
    desk.rules(&json!({ "source": "git", "url": url }), &["p@m"]);
    desk.refused(3, "git cannot fetch");
}

/// What is hostile or broken in the plugin itself refuses the launch, and says why.
#[test]
fn hostile_plugins_are_refused() {
    type Prepare = fn(&Desk);
    let cases: [(&str, Prepare); 12] = [
        ("`../../etc` leads out of the marketplace", |desk| {
            desk.catalog(&json!([{ "name": "p", "source": "../../etc" }]));
        }),
        ("`/etc` leads out of the marketplace", |desk| {
            desk.catalog(&json!([{ "name": "p", "source": "/etc" }]));
        }),
        ("leads out of the folder", |desk| {
            symlink("../../../../../etc/passwd", desk.work().join("plugins/p/l")).unwrap();
        }),
        ("is larger than 8388608 bytes", |desk| {
            desk.write("plugins/p/large", vec![0; (8 << 20) + 1]);
        }),
        ("it is a submodule", |desk| {
            desk.git(&["add", "--all"]);
            desk.git(&["commit", "--quiet", "--message=first"]);
            let id = desk.git(&["rev-parse", "HEAD"]);
            let entry = format!("160000,{id},plugins/p/module");
            desk.git(&["update-index", "--add", "--cacheinfo", &entry]);
            desk.git(&["commit", "--quiet", "--message=module"]);
            std::fs::create_dir(desk.work().join("plugins/p/module")).unwrap();
        }),
        ("has several plugins `p`", |desk| {
            desk.catalog(&json!([
                { "name": "p", "source": "./plugins/p" }, { "name": "P", "source": "./plugins/q" },
            ]));
        }),
        (
            "its files are not in the marketplace (`source` is `github`)",
            |desk| {
                let source = json!({ "source": "github", "repo": "eve/p" });
                desk.catalog(&json!([{ "name": "p", "source": source }]));
            },
        ),
        ("its files are not in the marketplace", |desk| {
            desk.catalog(&json!([{ "name": "p", "source": "https://eve.example/p.git" }]));
        }),
        ("cannot be read", |desk| {
            desk.write(".claude-plugin/marketplace.json", "{");
        }),
        ("has no catalog", |desk| {
            std::fs::remove_dir_all(desk.work().join(".claude-plugin")).unwrap();
        }),
        ("has no such plugin", |desk| desk.catalog(&json!([]))),
        ("is not there", |desk| {
            desk.catalog(&json!([{ "name": "p", "source": "./nothing" }]));
        }),
    ];
    for (reason, prepare) in cases {
        let desk = Desk::new();
        prepare(&desk);
        desk.push();
        desk.refused(6, reason);
    }
}

/// The same things elsewhere in the repository are left out, and nobody minds. Nothing in it runs.
#[test]
fn hostile_files_beside_a_plugin_are_left_out() {
    let desk = Desk::new();
    let witness = desk.context.path("witness");
    let script = format!("#!/bin/sh\ntouch {}\n", witness.display());
    for hook in ["post-checkout", "post-merge", "pre-commit"] {
        desk.write(&format!(".githooks/{hook}"), &script);
        desk.write(&format!("hooks/{hook}"), &script);
    }
    desk.write(".gitattributes", "* filter=evil\n");
    desk.write("large", vec![0; (8 << 20) + 1]);
    symlink("/etc/passwd", desk.work().join("l")).unwrap();
    let commit = desk.push();
    assert_eq!(desk.version()["commit"], commit.as_str());
    assert!(!witness.exists());
    let plan = desk.plan(&[]).ok().json();
    assert_eq!(plan["data"]["plugins"][0]["files"], 1);
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn an_archive_that_changes_is_refused_until_it_is_accepted() {
    let desk = Desk::new();
    let catalog = json!({ "name": "m", "plugins": [{ "name": "p", "source": "./p" }] }).to_string();
    let archive = |text: &str| {
        tar(&[
            ("m-1/.claude-plugin/marketplace.json", &catalog),
            ("m-1/p/skills/s/SKILL.md", text),
        ])
    };
    *desk.archive.lock().unwrap() = archive("one");
    let url = desk.server.url("/m.tar");
    desk.rules(&json!({ "source": "url", "url": url }), &["p@m"]);
    let first = desk.version();
    assert_eq!(first["commit"], Value::Null);
    *desk.archive.lock().unwrap() = archive("two");
    assert_eq!(desk.version(), first, "the copy is what was pinned");
    std::fs::remove_dir_all(desk.context.path("home/.cache/scc/marketplaces")).unwrap();
    desk.refused(6, "has changed since it was pinned");
    let run = desk.scc(&["org", "update"]).ok();
    assert!(
        run.stdout
            .contains("the old files are not here to be compared"),
        "{}",
        run.stdout
    );
    assert_ne!(desk.version()["digest"], first["digest"]);
}

/// A request carries one header; where a document names more, nothing is asked and nothing is sent.
#[test]
fn a_marketplace_has_one_header() {
    let desk = Desk::new();
    let catalog = json!({ "name": "m", "plugins": [{ "name": "p", "source": "./p" }] });
    *desk.archive.lock().unwrap() = tar(&[
        ("m-1/.claude-plugin/marketplace.json", &catalog.to_string()),
        ("m-1/p/skills/s/SKILL.md", "one"),
    ]);
    let url = desk.server.url("/m.tar");
    let rules = |headers: Value| {
        let market = json!({ "source": "url", "url": url, "headers": headers });
        desk.rules(&market, &["p@m"]);
    };
    rules(json!({ "X-Token": "${MARKET_TOKEN}", "X-User": "${MARKET_USER}" }));
    desk.refused(3, "it names several headers, and one can be sent");
    assert_eq!(desk.server.requests().len(), 0);
    rules(json!({ "X-Token": "${MARKET_TOKEN}" }));
    desk.refused(3, "MARKET_TOKEN");
    assert_eq!(desk.server.requests().len(), 0);
    let mut command = desk.context.command(Path::new(SCRIPTED));
    command.args(["start", "--dry-run"]).stdin(Stdio::null());
    command.current_dir(desk.context.workspace());
    command.env("XDG_CACHE_HOME", desk.context.path("home/.cache"));
    command.env("MARKET_TOKEN", "s3cret");
    let run = Run::of(&command.output().unwrap()).ok();
    let requests = desk.server.requests();
    assert_eq!(requests[0].header("x-token"), Some("s3cret"));
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_directory_is_the_organizations_own_and_out_of_reach() {
    let desk = Desk::new();
    desk.rules(&json!({ "source": "directory", "path": "work" }), &["p@m"]);
    assert_eq!(desk.version()["pinned_at"], Value::Null);
    let inside = desk.context.workspace().join("market");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([&desk.work(), &inside])
        .status();
    assert!(copied.unwrap().success());
    desk.rules(&json!({ "source": "directory", "path": inside }), &["p@m"]);
    desk.refused(6, "where the agent can write");
    // By way of a link.
    symlink(&inside, desk.context.path("link")).unwrap();
    desk.rules(&json!({ "source": "directory", "path": "link" }), &["p@m"]);
    desk.refused(6, "where the agent can write");
    // By way of a link that the agent can put elsewhere between two looks at it.
    let out = desk.context.workspace().join("out");
    symlink(desk.work(), &out).unwrap();
    desk.rules(&json!({ "source": "directory", "path": out }), &["p@m"]);
    desk.refused(6, "is reached through it");
    desk.rules(
        &json!({ "source": "directory", "path": desk.context.workspace() }),
        &["p@m"],
    );
    desk.refused(6, "has the workspace in it");
}

#[test]
fn no_workspace_is_in_a_marketplace() {
    let desk = Desk::new();
    std::fs::remove_dir_all(desk.work().join(".git")).unwrap();
    symlink(desk.work(), desk.context.path("link")).unwrap();
    for path in ["work", "link"] {
        desk.rules(&json!({ "source": "directory", "path": path }), &["p@m"]);
        desk.plan(&[]).ok();
        let mut command = desk.context.command(Path::new(SCRIPTED));
        command.args(["start", "--dry-run", "--json"]);
        command.current_dir(desk.work().join("plugins/p"));
        let run = Run::of(&command.stdin(Stdio::null()).output().unwrap());
        assert_eq!(run.status, 6, "{run:?}");
        assert!(run.stdout.contains("has the workspace in it"), "{run:?}");
    }
}

/// One failing marketplace does not keep the others from being moved.
#[test]
fn an_update_says_what_it_could_not_do() {
    let desk = Desk::new();
    desk.push();
    desk.version();
    std::fs::remove_dir_all(desk.context.path("served/acme/m.git")).unwrap();
    let run = desk.scc(&["org", "update"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr.contains("the marketplace `m` stays where it is"),
        "{run:?}"
    );
    desk.version();
}
