//! A test's own home, workspace and namespace.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::authority::Authority;
use crate::engine::Engine;
use crate::schema::assert_output_fits;

/// The user whose workspace it is when the tests run as root.
const USER: u32 = 1000;

/// Everything of one test: files, a workspace, and what it makes on an engine. All of it is
/// removed in the end.
#[derive(Debug)]
pub struct TestContext {
    root: TempDir,
    namespace: String,
    engine: Option<Engine>,
}

impl TestContext {
    /// A context without an engine.
    #[must_use]
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("scc-test-")
            .tempdir()
            .expect("a directory");
        let name = root
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .to_lowercase();
        let namespace = name.replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let context = Self {
            root,
            namespace,
            engine: None,
        };
        for dir in ["home", "home/.config/scc"] {
            std::fs::create_dir_all(context.path(dir)).unwrap();
        }
        std::fs::write(
            context.path("home/.gitconfig"),
            "[user]\n\tname = Ada Test\n\temail = ada@example.invalid\n",
        )
        .unwrap();
        context.repository("ws");
        open_to_all(context.root.path());
        context
    }

    /// A context with the engine of the tests.
    #[must_use]
    pub fn with_engine() -> Self {
        let mut context = Self::new();
        context.engine = Some(Engine::required());
        context
    }

    /// A path below the test's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The scratch repository.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.path("ws")
    }

    /// The engine.
    ///
    /// # Panics
    /// When the context has none.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("a context with an engine")
    }

    /// What keeps this test's containers and volumes apart.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Makes a git repository with one commit, owned by an ordinary user.
    pub fn repository(&self, name: &str) -> PathBuf {
        let dir = self.path(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("README"), "a workspace\n").unwrap();
        for args in [
            &["init", "--quiet", "--initial-branch=main"] as &[&str],
            &["add", "--all"],
            &["commit", "--quiet", "--message=first"],
        ] {
            let mut git = self.command(Path::new("git"));
            let status = git.args(args).current_dir(&dir).status().expect("git runs");
            assert!(status.success(), "git {args:?}");
        }
        self.give_away(&dir);
        dir
    }

    /// Gives a directory to an ordinary user, when the tests run as root.
    pub fn give_away(&self, dir: &Path) {
        let owner = format!("{USER}:{USER}");
        let is_root = std::fs::metadata("/proc/self")
            .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
        if is_root {
            let status = Command::new("chown").arg("-R").arg(owner).arg(dir).status();
            assert!(status.is_ok_and(|status| status.success()), "chown");
        }
    }

    /// Writes the user's settings: standalone, with the test's base image, this machine's added
    /// authorities and that of the tests, and `extra` on top.
    pub fn configure(&self, extra: &Value) {
        let mut config = serde_json::json!({ "standalone": true });
        if let Some(engine) = &self.engine {
            config["images"] = serde_json::json!({ "base": engine.base_image() });
        }
        let mut authorities = added_authorities();
        authorities.push(Authority::shared_file());
        config["ca_certificates"] = serde_json::json!(authorities);
        for (key, value) in extra.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        let file = self.path("home/.config/scc/config.json");
        std::fs::write(file, config.to_string()).unwrap();
    }

    /// Writes the sessions that scc is to remember, as the entries of its store.
    pub fn remember_sessions(&self, sessions: &[Value]) {
        let store = self.path("home/.local/state/scc");
        std::fs::create_dir_all(&store).unwrap();
        let document = serde_json::json!({ "version": 1, "data": sessions });
        std::fs::write(store.join("sessions.json"), document.to_string()).unwrap();
    }

    /// A command with an environment of its own.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.root.path());
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("HOME", self.path("home"));
        command.env("XDG_CONFIG_HOME", self.path("home/.config"));
        command.env("XDG_STATE_HOME", self.path("home/.local/state"));
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_GLOBAL", self.path("home/.gitconfig"));
        command.env("SCC_NAMESPACE", &self.namespace);
        command.env("TERM", "xterm-256color");
        if let Some(engine) = &self.engine {
            command.env("DOCKER_HOST", engine.host());
        } else {
            command.env("DOCKER_HOST", "unix:///nonexistent/engine.sock");
        }
        command
    }

    /// Runs a command to its end without input.
    pub fn run(&self, program: &Path, args: &[&str]) -> Run {
        let mut command = self.command(program);
        command.args(args).stdin(std::process::Stdio::null());
        Run::of(&command.output().expect("the command runs"))
    }
}

impl Default for TestContext {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestContext {
    fn drop(&mut self) {
        if let Some(engine) = &self.engine {
            engine.clean(&self.namespace);
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Exit status, -1 after a signal.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// What `output` says.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Itself, when the command succeeded.
    ///
    /// # Panics
    /// With all that it printed when it did not.
    pub fn ok(self) -> Self {
        assert_eq!(
            self.status, 0,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard output as JSON. In scc's envelope it has to fit the schema of its kind.
    ///
    /// # Panics
    /// When it is not JSON, or does not fit.
    #[must_use]
    pub fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        if value.get("apiVersion").is_some() {
            assert_output_fits(&value);
        }
        value
    }
}

/// The certificate authorities that were added to this machine.
#[must_use]
pub fn added_authorities() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/usr/local/share/ca-certificates")
        .into_iter()
        .flatten();
    let paths = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "crt"))
        .collect();
    found.sort();
    found
}

/// Temporary directories are closed to others, and the agent's user is another.
fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
}
