//! Tools that developers use, through the proxy: what is on the list works as without one.

use std::path::{Path, PathBuf};
use std::process::Command;

use scc_testkit::context::TestContext;
use scc_testkit::engine::Engine;
use scc_testkit::https::{Reply, Request, git_backend};
use scc_testkit::wait_for;
use serde_json::json;

use super::world::{Plan, World, usual};
use crate::support::LIMIT;

const HOST: &str = "packages.test";

/// Files of package registries, below one directory.
struct Registry {
    root: PathBuf,
}

impl Registry {
    /// One package, for each manager in its own format.
    fn new(root: &Path) -> Self {
        let this = Self {
            root: root.to_owned(),
        };
        this.npm();
        this.pip();
        this.cargo();
        this.git();
        this
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run(&self, command: &str) -> String {
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).current_dir(&self.root);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn npm(&self) {
        self.write(
            "package/package.json",
            r#"{"name": "left", "version": "1.0.0"}"#,
        );
        self.run("mkdir npm && tar -czf npm/left-1.0.0.tgz package");
        let tarball = format!("https://{HOST}/npm/left-1.0.0.tgz");
        let version = json!({ "name": "left", "version": "1.0.0", "dist": { "tarball": tarball } });
        let package = json!({
            "name": "left",
            "dist-tags": { "latest": "1.0.0" },
            "versions": { "1.0.0": version },
        });
        self.write("npm/left", &package.to_string());
    }

    fn pip(&self) {
        self.write(
            "left-1.0.0/setup.py",
            "import setuptools\nsetuptools.setup(name='left', version='1.0.0')\n",
        );
        self.run("mkdir -p simple/left && tar -czf simple/left/left-1.0.0.tar.gz left-1.0.0");
        let page = "<a href=\"left-1.0.0.tar.gz\">left-1.0.0.tar.gz</a>";
        self.write("simple/left/index.html", page);
    }

    fn cargo(&self) {
        self.write(
            "left-1.0.0/Cargo.toml",
            "[package]\nname = \"left\"\nversion = \"1.0.0\"\n",
        );
        self.write("left-1.0.0/src/lib.rs", "");
        self.run("mkdir -p crates && tar -czf crates/left left-1.0.0");
        let sum = self.run("sha256sum crates/left");
        let sum = sum.split(' ').next().unwrap();
        let line = json!({
            "name": "left", "vers": "1.0.0", "deps": [], "cksum": sum, "features": {},
            "yanked": false,
        });
        self.write("index/le/ft/left", &line.to_string());
        let config = json!({ "dl": format!("https://{HOST}/crates/{{crate}}") });
        self.write("index/config.json", &config.to_string());
    }

    fn git(&self) {
        self.write("source/README", "from afar\n");
        self.run(
            "git -C source init -q -b main && git -C source add . && git -C source \
             -c user.name=A -c user.email=a@example.invalid commit -qm first \
             && git clone -q --bare source source.git",
        );
    }

    fn answer(&self, request: &Request) -> Reply {
        let path = request.path();
        if path.starts_with("/source.git") {
            return git_backend(&self.root, request);
        }
        let mut file = self.root.join(path.trim_matches('/'));
        if file.is_dir() {
            file.push("index.html");
        }
        match std::fs::read(&file) {
            Ok(bytes) if path.starts_with("/simple") && path.ends_with('/') => {
                Reply::ok(bytes).with_header("content-type", "text/html")
            }
            Ok(bytes) => Reply::ok(bytes),
            Err(_) => usual(request),
        }
    }
}

/// The user's own settings of the managers, which sandboxes are to follow.
fn configure_managers(world: &World) {
    let home = world.context.path("home");
    let npm = format!("registry=https://{HOST}/npm/\n");
    std::fs::write(home.join(".npmrc"), npm).unwrap();
    std::fs::create_dir_all(home.join(".cargo")).unwrap();
    let cargo = format!("[registries.mirror]\nindex = \"sparse+https://{HOST}/index/\"\n");
    std::fs::write(home.join(".cargo/config.toml"), cargo).unwrap();
}

/// This build's cargo, in the workspace, and a package that needs another.
fn bring_cargo(world: &World) {
    let workspace = world.context.workspace();
    std::fs::copy(env!("CARGO"), workspace.join("cargo")).unwrap();
    let project = workspace.join("project");
    std::fs::create_dir_all(project.join("src")).unwrap();
    std::fs::write(project.join("src/lib.rs"), "").unwrap();
    let manifest = "[package]\nname = \"own\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
                    [dependencies]\nleft = { version = \"1\", registry = \"mirror\" }\n";
    std::fs::write(project.join("Cargo.toml"), manifest).unwrap();
    world.context.give_away(&workspace);
}

const NETWORK: &str = "{allowed_hosts: [allowed.test, rebind.test, packages.test], \
                       use_destination_sets: [npm, cargo]}";

#[test]
fn tools_work_through_the_proxy() {
    let elsewhere = TestContext::new();
    let files = Registry::new(&elsewhere.workspace());
    let plan = Plan {
        network: NETWORK,
        zone: &["allowed.test=@", "packages.test=@"],
        names: &["allowed.test", HOST],
        ..Plan::default()
    };
    let world = World::serving(&plan, move |request| files.answer(request));
    let base = with_new_node(world.context.engine());
    world.configure(&plan, &json!({ "images": { "base": base } }));
    configure_managers(&world);
    bring_cargo(&world);
    let script = "set -ex
        curl -sS https://allowed.test/curl
        git clone -q https://packages.test/source.git cloned && cat cloned/README
        mkdir node && cd node && npm install --no-audit --no-fund left && ls node_modules && cd ..
        pip3 download -q --no-deps --no-build-isolation -i https://packages.test/simple/ left && ls left*
        cd project && ../cargo vendor -q && ls vendor";
    let run = world.scc(&["start", "--fresh", "--", "bash", "-c", script]);
    assert_eq!(run.status, 0, "{run:?}");
    for text in [
        "the internet says /curl",
        "from afar",
        "\nleft\n",
        "left-1.0.0.tar.gz",
    ] {
        assert!(run.stdout.contains(text), "no `{text}` in {run:?}");
    }
    let asked = world.server.requests();
    let asked = |path: &str| asked.iter().any(|request| request.path() == path);
    for path in [
        "/npm/left-1.0.0.tgz",
        "/simple/left/left-1.0.0.tar.gz",
        "/crates/left",
    ] {
        assert!(asked(path), "nobody asked for {path}");
    }
    refusals_are_readable(&world);
}

/// An image with the managers, and beside their own Node one that knows `NODE_USE_ENV_PROXY`. It stays
/// for the next time.
fn with_new_node(engine: &Engine) -> String {
    const NODE: &str = "24.9.0";
    let base = engine.image_with(&["npm", "python3-pip"]);
    let (_, tag) = base.split_once(':').unwrap();
    let (repository, tag) = ("scc-test", format!("{tag}-node-{NODE}"));
    let reference = format!("{repository}:{tag}");
    if engine.get(&format!("/images/{reference}/json"))["Id"].is_string() {
        return reference;
    }
    let script = format!(
        "cd /opt && npm pack node-linux-$(node -p process.arch)@{NODE} && tar -xzf node-*.tgz \
         && rm node-*.tgz && mv package new-node"
    );
    let certificates = "/etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro";
    let script = format!("export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt; {script}");
    let (status, said) = engine.run_as_root(&base, &script, &[certificates], |id| {
        let commit = format!("/commit?container={id}&repo={repository}&tag={tag}");
        let (status, answer) = engine.request("POST", &commit, Some(&json!({})));
        assert_eq!(status, 201, "{answer}");
    });
    assert_eq!(status, 0, "{said}");
    reference
}

/// What tools show whose host is not on the list. Of a tunnel that was refused curl, and git with it,
/// show the status only.
fn refusals_are_readable(world: &World) {
    let script = "exec 2>&1
        git ls-remote https://denied.test/x.git | sed 's/^/git: /'
        curl -sS http://denied.test/ | sed 's/^/curl: /'
        npm view --fetch-retries=0 --registry https://denied.test/ left | sed 's/^/npm: /'
        pip3 download --retries 1 -i https://denied.test/simple/ left | sed 's/^/pip: /'
        /opt/new-node/bin/node refused.mjs | sed 's/^/node /'
        node refused.mjs | sed 's/^/old-node /'
        true";
    let file = world.context.workspace().join("refused.mjs");
    std::fs::write(file, NODE_REFUSED).unwrap();
    let script = script.replace(" | sed", " 2>&1 | sed");
    let run = world.scc(&["start", "--fresh", "--", "bash", "-c", &script]);
    let shows = |tool: &str, text: &str| {
        let mut lines = run.stdout.lines();
        lines.any(|line| line.starts_with(tool) && line.contains(text))
    };
    let advice = "scc network explain denied.test";
    for tool in ["curl: ", "npm: ", "pip: "] {
        assert!(shows(tool, advice), "{tool}{}", run.stdout);
    }
    assert!(shows("git: ", "response 403"), "{}", run.stdout);
    // Node's fetch throws the answer away, and asks for tunnels only.
    for (tool, text) in [
        ("node get: ", advice),
        ("node https: ", "Proxy response (403)"),
        ("node http: ", "Proxy response (403)"),
        ("node listed https: ", "the internet says"),
        ("node listed http: ", "Proxy response (403)"),
        ("old-node https: ", "fetch failed"),
    ] {
        assert!(shows(tool, text), "{tool}{}", run.stdout);
    }
}

/// A line for each way in which Node asks, with all the causes of a failure.
const NODE_REFUSED: &str = r#"
import https from "node:https";
const ask = async (name, url) => {
    try {
        const answer = await fetch(url);
        console.log(name + ": " + (await answer.text()));
    } catch (error) {
        const causes = [];
        for (let one = error; one; one = one.cause) causes.push(one.message || one.code);
        console.log(name + ": " + causes.join("; "));
    }
};
await ask("https", "https://denied.test/");
await ask("http", "http://denied.test/");
await ask("listed https", "https://allowed.test/");
await ask("listed http", "http://allowed.test/");
https.get("https://denied.test/", () => {}).on("error", (error) => console.log("get: " + error.message));
"#;

/// A name whose address changes to a private one after it was looked at.
#[test]
fn a_name_that_moves_does_not_lead_inside() {
    let plan = Plan {
        network: NETWORK,
        zone: &["allowed.test=@", "rebind.test=@,172.17.0.1"],
        names: &["allowed.test", "rebind.test"],
        ..Plan::default()
    };
    let world = World::new(&plan);
    let _session = world.session();
    let workspace = world.context.workspace();
    let script = "for i in 1 2 3 4 5 6 7 8; do curl -sS -m 10 https://rebind.test/ || true; done";
    let args = [
        "exec",
        workspace.to_str().unwrap(),
        "--",
        "bash",
        "-c",
        script,
    ];
    let run = world.scc(&args).ok();
    assert!(run.stdout.starts_with("the internet says"), "{run:?}");
    let addresses = || -> Vec<_> {
        let rows = world.requests().into_iter();
        let own = rows.filter(|row| row["host"] == "rebind.test");
        own.map(|row| row["address"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let addresses = wait_for("what the proxy writes of each", LIMIT, || {
        let all = addresses();
        (all.len() == 8).then_some(all)
    });
    let inside = |address: &String| address.starts_with("172.");
    assert!(!addresses.iter().any(inside), "{addresses:?}");
}
