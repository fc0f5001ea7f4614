//! What a launch of an agent consists of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use crate::{Conversation, Extensions, Undelivered};

/// What the user, team or organization set for one provider.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// An exact version of the agent; the adapter's own default if absent.
    pub version: Option<String>,
    /// The URL of a gateway that stands in for the vendor's API.
    pub base_url: Option<String>,
    /// An API key, already resolved from the host.
    pub api_key: Option<SecretString>,
    /// The model to ask for; the agent's own default if absent.
    pub model: Option<String>,
}

/// The circumstances of one launch.
#[derive(Debug, Clone, Copy)]
pub struct LaunchContext<'a> {
    /// Absolute path of the workspace inside the container.
    pub workspace: &'a str,
    /// Whether a conversation begins or goes on.
    pub conversation: Conversation<'a>,
    /// What was set for this provider.
    pub settings: &'a ProviderSettings,
    /// Arguments that the user handed on to the agent (`-- ARGS`).
    pub args: &'a [String],
    /// Whether the agent runs as uid 0 in the container.
    pub agent_is_root: bool,
    /// What judges every shell command before the agent runs it.
    pub command_hook: Option<CommandHook<'a>>,
    /// The plugins and MCP servers that it gets.
    pub extensions: &'a Extensions,
}

/// A command that an agent has to run before each shell command of its own, through its managed
/// settings. It reads the call as JSON on standard input; status 0 lets the command run, and status
/// 2, with a reason on standard error, refuses it. It never ends with anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandHook<'a> {
    /// A line for a POSIX shell.
    pub command: &'a str,
    /// After how many seconds it has certainly ended.
    pub timeout_seconds: u32,
}

/// What to run. Everything in it is data for the sandbox; nothing refers to this machine.
#[derive(Debug, Clone, Default)]
pub struct LaunchSpec {
    /// The command line; the first word is an absolute path in the image.
    pub argv: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, EnvValue>,
    /// The identifier that the conversation has, where that is known before it begins.
    pub conversation: Option<String>,
    /// Directories of governing files and plugins, root-owned and read-only in the container. Where
    /// one lies in another, that one has a file at the place.
    pub sealed: Vec<SealedDirectory>,
    /// What of the extensions this agent does not get, so that nothing is dropped in silence.
    pub undelivered: Vec<Undelivered>,
}

/// The value of an environment variable.
#[derive(Debug, Clone)]
pub enum EnvValue {
    /// May be shown in a plan.
    Plain(String),
    /// Is never shown.
    Secret(SecretString),
}

/// A directory that the agent can read and not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDirectory {
    /// Absolute path in the container; it hides whatever the image has there.
    pub path: String,
    /// Relative path to file, all owned by root.
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

/// What an adapter can object to.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// A setting has a value that this agent cannot work with.
    #[error("`providers.{provider}.{key}` is `{value}`: {reason}")]
    BadSetting {
        /// The provider's id.
        provider: &'static str,
        /// The key below `providers.<id>`.
        key: &'static str,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument for the agent that would undo what governs it.
    #[error("the argument `{argument}` cannot be used here: {reason}")]
    RefusedArgument {
        /// The argument.
        argument: String,
        /// Why.
        reason: String,
    },
    /// The extensions cannot be expressed for this agent.
    #[error("{what} cannot be rendered: {reason}")]
    Unrenderable {
        /// Such as `plugin x@y`.
        what: String,
        /// Why.
        reason: String,
    },
}
