//! What a sandbox is made from, and what one looks like.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

/// Everything that distinguishes one sandbox from another.
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    /// Unique on the engine.
    pub name: String,
    /// Labels by which scc finds its sandboxes again.
    pub labels: BTreeMap<String, String>,
    /// Image reference.
    pub image: String,
    /// The command line of the main process, which runs below an init.
    pub argv: Vec<String>,
    /// The beginning of the command line of an init of its own, which is followed by that of the main
    /// process; the engine's init where it is empty.
    pub init: Vec<String>,
    /// Environment of the main process.
    pub env: BTreeMap<String, EnvValue>,
    /// Absolute path of the working directory.
    pub working_dir: String,
    /// Who the main process is.
    pub user: UserIds,
    /// The host name seen inside.
    pub hostname: String,
    /// What is mounted. Nothing else of the host is visible.
    pub mounts: Vec<Mount>,
    /// Root-owned directories, mounted read-only.
    pub sealed: Vec<SealedDirectory>,
    /// What the network reaches.
    pub network: Network,
    /// Resource limits.
    pub limits: Limits,
    /// Whether the root file system is read-only; `/tmp` and the agent's home stay writable.
    pub read_only_root: bool,
    /// The size of the terminal, `None` for plain streams.
    pub terminal: Option<TerminalSize>,
}

/// Something that a runtime makes on the way to a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// For [`crate::SandboxRuntime::remove`].
    pub id: String,
    /// The name of the sandbox that it was begun for.
    pub sandbox: String,
}

/// The value of an environment variable.
#[derive(Debug, Clone)]
pub enum EnvValue {
    /// May be shown.
    Plain(String),
    /// Is never shown.
    Secret(SecretString),
}

/// Numeric user and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct UserIds {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it comes from.
    pub source: MountSource,
    /// Absolute path inside.
    pub target: String,
    /// Whether the sandbox can only read it.
    pub read_only: bool,
}

/// Where a mount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A directory or file that exists on the machine that runs the sandbox.
    Host(PathBuf),
    /// A volume of the runtime, made with these labels when it does not exist. A new volume takes
    /// content and ownership of the image's directory at the target.
    Volume {
        /// Its name.
        name: String,
        /// Its labels when it is made.
        labels: BTreeMap<String, String>,
    },
    /// A volume of the sandbox's own, which goes when the sandbox is removed. It takes content and
    /// ownership of the image's directory at the target.
    Own,
}

/// A root-owned directory, mounted read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDirectory {
    /// Absolute path inside; it hides what the image has there.
    pub path: String,
    /// Relative path to file.
    pub files: BTreeMap<String, SealedFile>,
}

/// A file of a sealed directory. Clones share the content.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// Its bytes.
    pub content: Arc<[u8]>,
    /// Its mode is 0755 then, and 0644 otherwise.
    pub executable: bool,
}

impl From<String> for SealedFile {
    /// A file that is only read.
    fn from(text: String) -> Self {
        Self {
            content: text.into_bytes().into(),
            executable: false,
        }
    }
}

impl From<&str> for SealedFile {
    /// A file that is only read.
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for SealedFile {
    /// Text as text, anything else by its size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: &dyn fmt::Debug = match std::str::from_utf8(&self.content) {
            Ok(text) => &text.to_owned(),
            Err(_) => &self.content.len(),
        };
        f.debug_struct("SealedFile")
            .field("content", shown)
            .field("executable", &self.executable)
            .finish()
    }
}

/// What a sandbox's network reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// The engine's default network: everything.
    Open,
    /// No network at all.
    None,
    /// Networks of the engine, by name.
    Joined(JoinedNetworks),
}

/// Networks that a sandbox is joined to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedNetworks {
    /// The network, `None` for the engine's default one.
    pub network: Option<String>,
    /// A second one.
    pub further: Option<String>,
    /// Who is asked for names.
    pub names: NameServers,
}

/// Who is asked for names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NameServers {
    /// Whoever the engine asks.
    #[default]
    Engine,
    /// These.
    At(Vec<IpAddr>),
    /// An address where nobody is.
    Nobody,
}

/// A network between a sandbox and its proxy: no way out of it, and this machine has no address in
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A network that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkView {
    /// The runtime's identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// An address in its range.
    pub address: Option<IpAddr>,
}

/// Addresses around a sandbox that enforced egress must keep out of its reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Those of the engine's machine in the engine's networks.
    pub machine: Vec<IpAddr>,
    /// Those of running containers, whoever made them.
    pub containers: Vec<IpAddr>,
}

/// Resource limits.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Limits {
    /// Bytes of memory, swap included.
    pub memory_bytes: u64,
    /// Processors, fractions allowed. More than the machine has is no error.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: u32,
    /// How many files of 10 MB the log takes; the earliest ones are dropped.
    pub log_files: u8,
}

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// A further command in a running sandbox.
#[derive(Debug, Clone)]
pub struct ExecSpec {
    /// The command line.
    pub argv: Vec<String>,
    /// Additional environment.
    pub env: BTreeMap<String, String>,
    /// Absolute path of the working directory, the sandbox's own if absent.
    pub working_dir: Option<String>,
    /// Who runs it, the sandbox's own user if absent.
    pub user: Option<UserIds>,
    /// The size of the terminal, `None` for plain streams.
    pub terminal: Option<TerminalSize>,
}

/// A sandbox that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// The runtime's identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The image reference it was made from.
    pub image: String,
    /// What it is doing.
    pub state: SandboxState,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it ended, RFC 3339 in UTC; only from `inspect`.
    pub finished_at: Option<String>,
    /// Whether the kernel killed a process in it because the memory limit was reached; only from
    /// `inspect`.
    pub out_of_memory: bool,
}

/// What a sandbox is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxState {
    /// Made and never started.
    Created,
    /// Running or paused.
    Running,
    /// Ended; the status is known only from `inspect`.
    Exited {
        /// Exit status.
        status: Option<i64>,
    },
    /// Being removed, or damaged.
    Gone,
}
