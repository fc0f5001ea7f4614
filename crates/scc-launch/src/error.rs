//! Why a launch does not happen.

use std::path::PathBuf;

use scc_provider::ProviderError;
use scc_relay::probe::PRIVATE;
use scc_runtime::EngineError;
use scc_state::StateError;

use crate::WorkspaceError;

/// A reason, found while planning, for which a launch would be refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Blocker {
    /// What sort of reason it is.
    pub kind: BlockerKind,
    /// What is wrong, and why.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The sort of a [`Blocker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockerKind {
    /// The workspace looks like a mistake; a person may confirm it.
    SuspiciousWorkspace,
    /// Rules forbid it.
    Refused,
    /// Something has to be there first.
    MissingPrerequisite,
    /// Something has to be fetched, and cannot be had now.
    Unavailable,
}

/// A launch that failed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The workspace cannot be used.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The engine refused or is not there.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What scc remembers cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The provider's adapter objects to a setting.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The repository cannot be read.
    #[error("the git repository of `{}` cannot be read", workspace.display())]
    Git {
        /// The workspace.
        workspace: PathBuf,
        /// The cause.
        #[source]
        source: scc_git::GitError,
    },
    /// The plan has blockers.
    #[error("{}", .0.message)]
    Blocked(Blocker),
    /// The engine's machine cannot run the guard.
    #[error(
        "the engine runs sandboxes on `{engine}`, and this scc has a guard for `linux/{guard}` only"
    )]
    ForeignArchitecture {
        /// The engine's platform.
        engine: String,
        /// The guard's processor.
        guard: &'static str,
    },
    /// What was tried from inside the sandbox, before its agent started, did not come out as it has
    /// to.
    #[error("the network of the sandbox is not what the rules want, so the agent was not started")]
    EgressNotProven {
        /// What was tried and what came of it.
        details: Vec<String>,
    },
    /// The sandbox has no proxy.
    #[error("the network of `{name}` is not enforced by a proxy")]
    NoProxy {
        /// The container.
        name: String,
    },
    /// The sandbox's proxy runs no more.
    #[error("the proxy of `{name}` has ended, so nothing can be reached from there")]
    ProxyEnded {
        /// The container.
        name: String,
    },
    /// What would be mounted read-only over a worktree's own configuration cannot be made.
    #[error("`{}` cannot be made, and the agent could make it", path.display())]
    Unshielded {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A symbolic link has taken the place of what is mounted.
    #[error(
        "`{}` was replaced while the sandbox was made, so the agent was not started",
        path.display()
    )]
    Replaced {
        /// What would have been mounted.
        path: PathBuf,
    },
    /// The policy of the safety net cannot be written down.
    #[error("the policy of the safety net cannot be written")]
    SafetyPolicy(#[source] serde_json::Error),
    /// No provider has that id.
    #[error("there is no provider `{id}`; this scc has {}", known.join(", "))]
    UnknownProvider {
        /// What was asked for.
        id: String,
        /// The ids there are.
        known: Vec<&'static str>,
    },
    /// Another scc is between claiming the sandbox and starting it.
    #[error("another scc is starting a sandbox for this workspace right now")]
    Busy {
        /// The container's name.
        container: String,
    },
    /// A container that scc did not make has the name that the sandbox needs.
    #[error("a container named `{container}` is in the way, and scc did not make it")]
    ForeignContainer {
        /// The container's name.
        container: String,
    },
    /// Another running session has that name.
    #[error("a running session is named `{name}` already: {container}")]
    SessionNameTaken {
        /// The name.
        name: String,
        /// The other session's container.
        container: String,
    },
    /// The agent has no credentials.
    #[error("{name} is not signed in")]
    SignedOut {
        /// The provider's id.
        provider: String,
        /// The provider's display name.
        name: String,
    },
    /// A session cannot go on.
    #[error("the session `{session}` has no conversation that {provider} could go on with")]
    NoConversation {
        /// What people call the session.
        session: String,
        /// The provider's display name.
        provider: String,
    },
    /// No session has that name.
    #[error("{}", no_such(name.as_deref()))]
    NoSuchSession {
        /// What was asked for, if a name was given.
        name: Option<String>,
    },
    /// Several sessions match.
    #[error("{}: {}", several(name.as_deref()), matches.join(", "))]
    Ambiguous {
        /// What was asked for, if a name was given.
        name: Option<String>,
        /// The containers that match.
        matches: Vec<String>,
    },
    /// The session is there and not running.
    #[error("the sandbox `{name}` is not running")]
    NotRunning {
        /// Its container.
        name: String,
    },
    /// The session runs, so its sandbox cannot be removed.
    #[error("the sandbox `{name}` is not stopped")]
    NotStopped {
        /// Its container.
        name: String,
    },
}

impl LaunchError {
    /// Whether egress was not proven because a host on the list leads to a private address.
    pub fn is_of_a_private_host(&self) -> bool {
        let is_one = |detail: &String| detail.starts_with("allowed:") && detail.contains(PRIVATE);
        matches!(self, Self::EgressNotProven { details } if details.iter().any(is_one))
    }
}

fn no_such(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("no running or stopped sandbox matches `{name}`"),
        None => "nothing is running".to_owned(),
    }
}

fn several(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("`{name}` matches several sandboxes"),
        None => "several sandboxes could be meant".to_owned(),
    }
}
