//! Trees from real repositories, a real HTTPS server and directories, friendly and hostile.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scc_sources::{Source, SourceError, Tree, TreeLimits, TreeLoader};
use scc_testkit::https::{HttpsServer, Reply, git_backend};
use tempfile::TempDir;

use crate::bench::{fetch_options, git_options};

const LIMITS: TreeLimits = TreeLimits {
    files: 100,
    file_bytes: 1000,
    total_bytes: 20_000,
    download_bytes: 4 << 20,
    timeout: Duration::from_secs(60),
};

/// A work tree `work`, a bare repository `acme/market.git`, and a loader.
struct Market {
    folder: TempDir,
    loader: TreeLoader,
    server: HttpsServer,
}

impl Market {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let server = HttpsServer::start(move |request| git_backend(&root, request)).unwrap();
        let options = fetch_options(Some(&server), folder.path());
        let loader = TreeLoader::open(folder.path().join("copies"), options, LIMITS).unwrap();
        let market = Self {
            folder,
            loader,
            server,
        };
        std::fs::create_dir(market.path("work")).unwrap();
        let bare = [
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            "../acme/market.git",
        ];
        market.git(&["init", "--quiet", "--initial-branch=main", "."]);
        market.git(&bare);
        market.git(&["remote", "add", "origin", "../acme/market.git"]);
        let config = market.path("acme/market.git/config");
        let filter = "[uploadpack]\n\tallowFilter = true\n[http]\n\treceivepack = false\n";
        let old = std::fs::read_to_string(&config).unwrap();
        std::fs::write(config, old + filter).unwrap();
        market
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .env_clear()
            .envs(git_options(self.folder.path()).environment)
            .args([
                "-c",
                "user.name=Ada",
                "-c",
                "user.email=ada@example.invalid",
            ])
            .args(["-c", "protocol.file.allow=always"])
            .args(args)
            .current_dir(self.path("work"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path("work").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn push(&self) -> String {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        self.git(&["push", "--quiet", "--force", "origin", "main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn source(&self, reference: Option<&str>, path: Option<&str>) -> Source {
        Source::git(&self.server.url("/acme/market.git"), reference, path).unwrap()
    }

    fn fetch(&self) -> Result<Tree, SourceError> {
        let fetched = self
            .loader
            .fetch(&self.source(Some("main"), None), None, None);
        fetched.map(|fetched| fetched.tree)
    }

    /// The reason for which everything is refused.
    fn refusal(&self) -> String {
        match self.fetch().unwrap_err() {
            SourceError::Tree { reason, .. } => reason,
            other => panic!("{other}"),
        }
    }
}

fn text(tree: &Tree, path: &str) -> String {
    let file = tree.file(path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.content.to_vec()).unwrap()
}

#[test]
fn a_repository_with_its_commit_and_folder() {
    let market = Market::new();
    market.write("catalog.json", "{}");
    market.write("plugins/a/run", "#!/bin/sh\n");
    market.write("plugins/a/text", "1");
    let run = market.path("work/plugins/a/run");
    std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a/text", market.path("work/plugins/link")).unwrap();
    let commit = market.push();
    let whole = market
        .loader
        .fetch(&market.source(Some("main"), None), None, None)
        .unwrap();
    assert_eq!(whole.commit.as_deref(), Some(commit.as_str()));
    let paths: Vec<_> = whole.tree.files().keys().collect();
    assert_eq!(
        paths,
        [
            "catalog.json",
            "plugins/a/run",
            "plugins/a/text",
            "plugins/link"
        ]
    );
    assert!(whole.tree.file("plugins/a/run").unwrap().executable);
    assert!(!whole.tree.file("plugins/a/text").unwrap().executable);
    let part = market
        .loader
        .fetch(&market.source(None, Some("plugins/a")), None, None)
        .unwrap();
    assert_eq!(part.tree.files().len(), 2);
    let error = market
        .loader
        .fetch(&market.source(None, Some("nothing")), None, None);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("there is no `nothing`")
    );
    let error = market
        .loader
        .fetch(&market.source(None, Some("catalog.json")), None, None);
    assert!(error.unwrap_err().to_string().contains("no folder"));
}

/// What a tag or branch points to may change; what was pinned does not.
#[test]
fn a_pinned_commit_stays_what_it_is() {
    let market = Market::new();
    market.write("a", "1");
    let first = market.push();
    market.git(&["tag", "v1"]);
    market.git(&["push", "--quiet", "origin", "v1"]);
    let tagged = market.source(Some("refs/tags/v1"), None);
    let pinned = market.loader.fetch(&tagged, None, None).unwrap();
    market.write("a", "2");
    let second = market.push();
    market.git(&["tag", "--force", "v1"]);
    market.git(&["push", "--quiet", "--force", "origin", "v1"]);
    let again = market.loader.fetch(&tagged, Some(&first), None).unwrap();
    assert_eq!(again.tree, pinned.tree);
    let newest = market.loader.fetch(&tagged, None, None).unwrap();
    assert_eq!(newest.commit, Some(second));
    assert_eq!(text(&newest.tree, "a"), "2");
    let unknown = "0123456789012345678901234567890123456789";
    let error = market
        .loader
        .fetch(&tagged, Some(unknown), None)
        .unwrap_err();
    assert!(matches!(error, SourceError::PinGone { .. }), "{error}");
    assert!(error.hint().unwrap().contains("scc org update"));
}

#[test]
fn a_copy_counts_while_it_is_whole() {
    let market = Market::new();
    market.write("a", "1");
    symlink("/etc/passwd", market.path("work/out")).unwrap();
    market.push();
    let tree = market.fetch().unwrap();
    assert_eq!(
        market.loader.copy(tree.digest()).unwrap().as_ref(),
        Some(&tree)
    );
    assert_eq!(market.loader.copy("0123").unwrap(), None);
    assert_eq!(market.loader.copy("../../etc/passwd").unwrap(), None);
    let file = market.path(&format!("copies/{}.tree", tree.digest()));
    let bytes = std::fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&file, changed).unwrap();
        let copy = market.loader.copy(tree.digest()).unwrap();
        assert!(copy.is_none_or(|copy| copy == tree), "byte {at}");
    }
    std::fs::write(&file, &bytes).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    market.loader.retain(&[tree.digest()]).unwrap();
    assert!(market.loader.copy(tree.digest()).unwrap().is_some());
    market.loader.retain(&[]).unwrap();
    assert_eq!(market.loader.copy(tree.digest()).unwrap(), None);
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_leads_out_or_elsewhere_is_left_out() {
    let market = Market::new();
    let other = market.path("other");
    std::fs::create_dir(&other).unwrap();
    market.write("a/ok", "1");
    symlink("/etc/passwd", market.path("work/a/absolute")).unwrap();
    symlink("../../../outside", market.path("work/a/upwards")).unwrap();
    symlink("../a", market.path("work/a/loop")).unwrap();
    market.push();
    // A submodule, as a commit has it; its repository does not exist.
    let id = market.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{id},a/module");
    market.git(&["update-index", "--add", "--cacheinfo", &entry]);
    market.git(&["commit", "--quiet", "--message=module"]);
    market.git(&["push", "--quiet", "origin", "main"]);
    let tree = market.fetch().unwrap();
    let left_out: Vec<_> = tree.left_out().keys().map(String::as_str).collect();
    assert_eq!(left_out, ["a/absolute", "a/loop", "a/module", "a/upwards"]);
    assert_eq!(tree.left_out()["a/module"], "it is a submodule");
    assert_eq!(tree.files().len(), 1);
}

/// The server sends no blob above the limit, and git is not made to ask for one.
#[test]
fn a_large_file_does_not_even_come() {
    let market = Market::new();
    market.write("a", "1");
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    market.write("large", &noise);
    market.push();
    let before = market.server.requests().len();
    let tree = market.fetch().unwrap();
    assert!(tree.left_out()["large"].contains("larger than 1000 bytes"));
    assert_eq!(text(&tree, "a"), "1");
    let asked = market.server.requests().split_off(before);
    let posts = asked.iter().filter(|request| request.method == "POST");
    // The references twice, and the pack once.
    assert_eq!(posts.count(), 3, "{asked:?}");
}

/// A server that knows no filters sends everything; a repository that is too large is given up.
#[test]
fn a_large_repository_is_given_up() {
    let market = Market::new();
    market.git(&[
        "--git-dir=../acme/market.git",
        "config",
        "uploadpack.allowFilter",
        "false",
    ]);
    market.write("a", "1");
    let noise = |bytes: u32| -> Vec<u8> {
        let noise = (0..bytes / 4).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31));
        noise.flat_map(u32::to_le_bytes).collect()
    };
    market.write("large", noise(100_000));
    market.push();
    let tree = market.fetch().unwrap();
    assert!(tree.left_out().contains_key("large"), "{tree:?}");
    market.write("larger", noise(6 << 20));
    market.push();
    let error = market.fetch().unwrap_err().to_string();
    assert!(error.contains("larger than 4194304 bytes"), "{error}");
    let left = std::fs::read_dir(market.path("copies")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with(".git-")).count(), 0);
}

#[test]
fn too_many_files_or_bytes_refuse_all() {
    let market = Market::new();
    for number in 0..101 {
        market.write(&format!("n/{number}"), "");
    }
    market.push();
    assert!(market.refusal().contains("more than 100 files"));
    let market = Market::new();
    // One blob, many times.
    for number in 0..30 {
        market.write(&format!("n/{number}"), "x".repeat(999));
    }
    market.push();
    assert!(market.refusal().contains("larger than 20000 bytes"));
}

/// A tree object that no `git add` makes, with a name that leads out.
#[test]
fn names_that_lead_out_refuse_all() {
    for name in ["..", ".git", "a\\b", "a\nb"] {
        let market = Market::new();
        market.write("a", "1");
        market.push();
        let blob = market.git(&["rev-parse", "HEAD:a"]);
        let inner = object(&market, &[("100644", "x", &blob)]);
        let tree = object(&market, &[("40000", name, &inner)]);
        let commit = market.git(&["commit-tree", &tree, "-m", "hostile"]);
        let reference = format!("{commit}:refs/heads/main");
        market.git(&["push", "--quiet", "--force", "origin", &reference]);
        let reason = market.refusal();
        let expected = ["leads out", "git's own", "holds characters"];
        assert!(
            expected.iter().any(|text| reason.contains(text)),
            "{name:?}: {reason}"
        );
    }
}

/// Writes a tree object as it is given.
fn object(market: &Market, entries: &[(&str, &str, &str)]) -> String {
    let mut content = Vec::new();
    for (mode, name, id) in entries {
        content.extend(format!("{mode} {name}\0").into_bytes());
        let bytes = (0..40)
            .step_by(2)
            .map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap());
        content.extend(bytes);
    }
    std::fs::write(market.path("object"), content).unwrap();
    market.git(&[
        "hash-object",
        "-w",
        "-t",
        "tree",
        "--literally",
        "../object",
    ])
}

/// Nothing of a repository runs here: neither hooks nor filters nor what attributes name.
#[test]
fn nothing_of_a_repository_runs() {
    let market = Market::new();
    let witness = market.path("witness");
    let script = format!("#!/bin/sh\ntouch {}\n", witness.display());
    for hook in [
        "post-checkout",
        "post-merge",
        "reference-transaction",
        "fsmonitor-watchman",
    ] {
        market.write(&format!(".githooks/{hook}"), &script);
        market.write(&format!("hooks/{hook}"), &script);
    }
    market.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    market.write(
        ".gitmodules",
        "[submodule \"m\"]\n\tpath = m\n\turl = ext::sh -c touch\n",
    );
    market.push();
    let tree = market.fetch().unwrap();
    assert!(tree.file(".githooks/post-checkout").is_some());
    assert!(!witness.exists());
}

#[test]
fn an_archive_of_a_server() {
    let requests: Arc<Mutex<u32>> = Arc::default();
    let seen = Arc::clone(&requests);
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in [("m-1/catalog.json", "{}"), ("m-1/p/x", "1")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let server = HttpsServer::start(move |request| {
        *seen.lock().unwrap() += 1;
        match request.path() {
            "/m.tar" => Reply::ok(archive.clone()),
            _ => Reply::ok("{\"name\": \"a catalog\"}"),
        }
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = fetch_options(Some(&server), folder.path());
    let loader = TreeLoader::open(folder.path().join("copies"), options, LIMITS).unwrap();
    let fetch = |path: &str| loader.fetch(&Source::https(&server.url(path)).unwrap(), None, None);
    let fetched = fetch("/m.tar").unwrap();
    assert_eq!(
        (fetched.commit, text(&fetched.tree, "p/x").as_str()),
        (None, "1")
    );
    assert!(loader.copy(fetched.tree.digest()).unwrap().is_some());
    let error = fetch("/catalog.json").unwrap_err().to_string();
    assert!(error.contains("no tar archive"), "{error}");
    assert_eq!(*requests.lock().unwrap(), 2);
}

#[test]
fn a_directory_of_this_machine() {
    let market = Market::new();
    let root = market.path("work");
    market.write("catalog.json", "{}");
    market.write("p/x", "1");
    market.write("large", "x".repeat(1001));
    symlink("x", root.join("p/l")).unwrap();
    symlink(market.path("acme"), root.join("p/out")).unwrap();
    let status = Command::new("mkfifo")
        .arg(root.join("pipe"))
        .status()
        .unwrap();
    assert!(status.success());
    // A repository, a submodule and a linked one, as they lie in a work tree.
    market.write("p/.git/hooks/post-checkout", "#!/bin/sh\n");
    market.write("p/module/.git", "gitdir: ../../.git/modules/m\n");
    market.write("p/module/y", "1");
    symlink("../.git", root.join("p/module/.GIT")).unwrap();
    let source = Source::parse("work", market.folder.path()).unwrap();
    let fetched = market.loader.fetch(&source, None, None).unwrap();
    let paths: Vec<_> = fetched.tree.files().keys().collect();
    assert_eq!(paths, ["catalog.json", "p/l", "p/module/y", "p/x"]);
    let left_out: Vec<_> = fetched.tree.left_out().keys().collect();
    assert_eq!(left_out, ["large", "p/out", "pipe"]);
    let missing = Source::parse("nothing", Path::new("/")).unwrap();
    let error = market.loader.fetch(&missing, None, None).unwrap_err();
    assert!(matches!(error, SourceError::File { .. }), "{error}");
}
