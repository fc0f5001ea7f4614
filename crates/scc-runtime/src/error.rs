//! What can go wrong between scc and an engine.

use std::time::Duration;

/// An endpoint that was tried, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedEndpoint {
    /// The URL, such as `unix:///var/run/docker.sock`.
    pub endpoint: String,
    /// Why it was tried, such as "`DOCKER_HOST`".
    pub because: String,
    /// What happened, such as "no such file".
    pub outcome: String,
}

/// An engine's refusal, or its absence.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No endpoint answered.
    #[error("no container engine answers")]
    Unreachable {
        /// Every endpoint that was tried, in order.
        tried: Vec<TriedEndpoint>,
    },
    /// The endpoint exists and this user may not open it.
    #[error("permission denied on the engine's socket `{endpoint}`")]
    PermissionDenied {
        /// The endpoint.
        endpoint: String,
    },
    /// The engine speaks only an API older than scc needs.
    #[error("the engine at `{endpoint}` speaks API {found}, scc needs {needed} or later")]
    TooOld {
        /// The endpoint.
        endpoint: String,
        /// The engine's newest API version.
        found: String,
        /// The oldest one that scc works with.
        needed: &'static str,
    },
    /// The engine belongs to a user and not to the machine.
    #[error("the engine at `{endpoint}` is rootless, which scc does not work with yet")]
    Rootless {
        /// The endpoint.
        endpoint: String,
    },
    /// A setting that names the engine cannot be used.
    #[error("{what}: {reason}")]
    BadEndpoint {
        /// The setting, such as "`DOCKER_HOST=ftp://x`".
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A sandbox with that name exists.
    #[error("the name `{name}` is taken by another container")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no such sandbox, image or volume.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// A build step failed.
    #[error("building the image `{reference}` failed at: {step}")]
    BuildFailed {
        /// The image.
        reference: String,
        /// The failing instruction.
        step: String,
        /// The engine's own words.
        message: String,
        /// The last lines that the build printed.
        log: Vec<String>,
    },
    /// The engine's disk is full.
    #[error("the engine has no space left on its disk, while {action}")]
    DiskFull {
        /// What was being done.
        action: String,
    },
    /// The engine did not answer in time.
    #[error("the engine did not answer within {}s, while {action}", limit.as_secs())]
    TimedOut {
        /// What was being done.
        action: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The engine refused.
    #[error("the engine refused, while {action}: {message}")]
    Refused {
        /// What was being done.
        action: String,
        /// The engine's own words.
        message: String,
    },
    /// A file of a volume or a sandbox is larger than what is read of one.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// Where the engine has it.
        path: String,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// The connection broke.
    #[error("the connection to the engine broke, while {action}")]
    Broken {
        /// What was being done.
        action: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl EngineError {
    /// Whether reading a file failed by what is in it, as far as that can be told from a connection
    /// that broke, and not by the engine. Whoever can write the file can bring that about.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Broken { .. })
    }
}
