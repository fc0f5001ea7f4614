//! From an error to what a person reads: message, details, next command, exit code.

use std::path::PathBuf;

use scc_config::ConfigError;
use scc_launch::{BlockerKind, GovernanceError, LaunchError, TeamOrigin};
use scc_provider::ProviderError;
use scc_runtime::EngineError;
use scc_sources::SourceError;
use scc_state::StateError;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Governance(#[from] Box<GovernanceError>),
    /// A rule forbids it.
    #[error("{message}")]
    Refused { message: String, hint: String },
    /// A setting or document that was given is not usable.
    #[error("{message}")]
    Invalid { message: String, hint: String },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Git(#[from] scc_git::GitError),
    #[error("scc cannot start its event loop")]
    Runtime(#[source] std::io::Error),
    #[error("the terminal cannot be used")]
    Terminal(#[source] std::io::Error),
    #[error("`{}` cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the home directory is not known, since HOME is not set to an absolute path")]
    NoHome,
    #[error("the secret for `{key}` cannot be had: {reason}")]
    Secret { key: String, reason: String },
    #[error("the certificate authority `{}` cannot be used: {reason}", path.display())]
    Certificate {
        named_by: CertificateNamed,
        path: PathBuf,
        reason: String,
    },
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("{message}")]
    Failed { message: String, hint: String },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the document from `{from}` is not valid: {}", count(findings.len()))]
    Findings {
        from: String,
        findings: Vec<ConfigError>,
    },
    #[error("a sandbox of this workspace and provider is running: `{container}`")]
    Conflict { container: String },
    #[error("cancelled")]
    Cancelled { status: u8 },
}

fn config_hints(error: &ConfigError) -> Vec<String> {
    match error.suggestion() {
        Some(suggestion) => vec![suggestion.to_owned()],
        // The user's own settings, not a document of the organization or of a workspace.
        None if error.file().ends_with("scc/config.json") => {
            vec!["mend it there, or start anew: scc setup --reset".to_owned()]
        }
        None => Vec::new(),
    }
}

/// Where the file of a certificate authority is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateNamed {
    /// At this key of the user's settings.
    Setting(&'static str),
    /// By this flag.
    Flag(&'static str),
    /// In the organization's document.
    Organization,
}

impl CertificateNamed {
    fn hint(self) -> String {
        match self {
            Self::Setting(key) => format!("change `{key}` in your scc configuration"),
            Self::Flag(flag) => format!("pass the PEM file of a certificate authority with {flag}"),
            Self::Organization => "the organization's document names this file in \
                                   `ca_certificates`; ask who keeps it"
                .to_owned(),
        }
    }
}

impl CliError {
    /// The user said no, or pressed Ctrl-C.
    pub(crate) const CANCELLED: Self = Self::Cancelled { status: 130 };

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Certificate { .. } | Self::Write { .. } => 3,
            Self::Source(_) | Self::Findings { .. } => 3,
            Self::Invalid { .. } => 3,
            Self::Refused { .. } => 6,
            Self::Governance(error) => governance_code(error),
            Self::Engine(error) => engine_code(error),
            Self::Launch(error) => launch_code(error),
            Self::Usage { .. } => 2,
            Self::NoHome | Self::Secret { .. } => 5,
            Self::Conflict { .. }
            | Self::Failed { .. }
            | Self::Git(_)
            | Self::State(_)
            | Self::Runtime(_)
            | Self::Terminal(_) => 1,
            Self::Cancelled { status } => *status,
        }
    }

    /// The message, and those of its causes that say more.
    pub(crate) fn full_message(&self) -> String {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        message
    }

    /// What to type next.
    pub(crate) fn hints(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Engine(error) => engine_hints(error),
            Self::Launch(error) => launch_hints(error),
            Self::Source(error) => error.hint().into_iter().collect(),
            Self::Governance(error) => error.hints(),
            Self::Usage { hint, .. }
            | Self::Failed { hint, .. }
            | Self::Refused { hint, .. }
            | Self::Invalid { hint, .. }
                if !hint.is_empty() =>
            {
                one(hint)
            }
            Self::NoHome => one("set HOME to your home directory"),
            Self::Secret { .. } => one("set it, or change the setting in your scc configuration"),
            Self::Certificate { named_by, .. } => vec![named_by.hint()],
            Self::Conflict { container } => vec![
                format!("attach to it: scc attach {container}"),
                "replace it: scc start --fresh (in its workspace)".to_owned(),
                format!("stop it: scc stop {container}"),
            ],
            Self::Config(error) => config_hints(error),
            _ => Vec::new(),
        }
    }

    /// Lines below the message.
    pub(crate) fn details(&self) -> Vec<String> {
        match self {
            Self::Engine(error) | Self::Launch(LaunchError::Engine(error)) => engine_details(error),
            Self::Config(error) => error.snippet().map(str::to_owned).into_iter().collect(),
            Self::Findings { findings, .. } => findings.iter().flat_map(finding_lines).collect(),
            Self::Governance(error) => governance_details(error),
            Self::Launch(LaunchError::EgressNotProven { details }) => details.clone(),
            _ => Vec::new(),
        }
    }
}

/// The message of an error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    message
}

fn count(findings: usize) -> String {
    match findings {
        1 => "1 finding".to_owned(),
        _ => format!("{findings} findings"),
    }
}

/// What is wrong, the line in question, and what was probably meant.
fn finding_lines(finding: &ConfigError) -> Vec<String> {
    let mut lines = vec![finding.to_string()];
    let snippet = finding.snippet().unwrap_or_default();
    lines.extend(snippet.lines().map(|line| format!("  {line}")));
    lines.extend(finding.suggestion().map(|hint| format!("  hint: {hint}")));
    lines
}

impl From<GovernanceError> for CliError {
    fn from(error: GovernanceError) -> Self {
        Self::Governance(Box::new(error))
    }
}

fn governance_code(error: &GovernanceError) -> u8 {
    match error {
        GovernanceError::NotSetUp | GovernanceError::NeedsNewer { .. } => 5,
        GovernanceError::StandaloneRefused { .. }
        | GovernanceError::SignatureRequired { .. }
        | GovernanceError::RemoteCommand { .. }
        | GovernanceError::WithinReach { .. }
        | GovernanceError::Policy(_) => 6,
        GovernanceError::UnknownTeam { team, .. } if team.origin == TeamOrigin::Flag => 1,
        GovernanceError::State(_) => 1,
        _ => 3,
    }
}

/// The offending lines; from the second finding on, what is wrong as well.
fn governance_details(error: &GovernanceError) -> Vec<String> {
    let GovernanceError::Invalid { findings, .. } = error else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for (number, finding) in findings.iter().enumerate() {
        if number > 0 {
            lines.push(finding.to_string());
        }
        lines.extend(
            finding
                .snippet()
                .iter()
                .flat_map(|text| text.lines())
                .map(str::to_owned),
        );
    }
    lines
}

fn engine_code(error: &EngineError) -> u8 {
    match error {
        EngineError::Unreachable { .. }
        | EngineError::PermissionDenied { .. }
        | EngineError::TooOld { .. }
        | EngineError::Rootless { .. }
        | EngineError::BadEndpoint { .. } => 5,
        _ => 4,
    }
}

fn engine_hints(error: &EngineError) -> Vec<String> {
    let hint = match error {
        EngineError::Unreachable { .. } => {
            "start Docker or Podman, or set DOCKER_HOST to where it listens; then: scc doctor"
        }
        EngineError::PermissionDenied { .. } => {
            "join the group that owns the socket (`sudo usermod -aG docker $USER`, then log in \
             again)"
        }
        EngineError::TooOld { .. } => "update the engine: Docker 20.10 or Podman 4 is enough",
        EngineError::Rootless { .. } => {
            "use an engine of the machine: set DOCKER_HOST to unix:///var/run/docker.sock, or to \
             unix:///run/podman/podman.sock"
        }
        EngineError::BadEndpoint { .. } => "use a `unix://` or `tcp://` address",
        EngineError::DiskFull { .. } => {
            "free space: scc prune, then `docker system df` shows what takes it"
        }
        EngineError::BuildFailed { log, message, .. } => build_hint(log, message),
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

/// What a failed build is most likely to need.
fn build_hint(log: &[String], message: &str) -> &'static str {
    let said = |texts: &[&str]| {
        let mut lines = log.iter().map(String::as_str).chain([message]);
        lines.any(|line| texts.iter().any(|text| line.to_lowercase().contains(text)))
    };
    if said(&["certificate", "self-signed", "self signed", "ssl"]) {
        "a TLS-inspecting proxy needs its certificate: scc setup --ca-certificate FILE"
    } else if said(&[
        "pull access denied",
        "manifest unknown",
        "no such host",
        "registry",
    ]) {
        "the base image or a package cannot be fetched; another base: scc setup --base-image \
         REFERENCE"
    } else {
        "nothing was tagged; the lines above are the end of the build's log"
    }
}

fn engine_details(error: &EngineError) -> Vec<String> {
    match error {
        EngineError::Unreachable { tried } => tried
            .iter()
            .map(|t| format!("tried {} ({}): {}", t.endpoint, t.because, t.outcome))
            .collect(),
        EngineError::BuildFailed { log, message, .. } => {
            log.iter().cloned().chain([message.clone()]).collect()
        }
        _ => Vec::new(),
    }
}

fn launch_code(error: &LaunchError) -> u8 {
    match error {
        LaunchError::Engine(error) => engine_code(error),
        LaunchError::Blocked(blocker) => match blocker.kind {
            BlockerKind::SuspiciousWorkspace | BlockerKind::Refused => 6,
            BlockerKind::MissingPrerequisite => 5,
            BlockerKind::Unavailable => 3,
        },
        LaunchError::UnknownProvider { .. } | LaunchError::Ambiguous { .. } => 2,
        LaunchError::EgressNotProven { .. }
        | LaunchError::Unshielded { .. }
        | LaunchError::Replaced { .. } => 6,
        LaunchError::SignedOut { .. } | LaunchError::ForeignArchitecture { .. } => 5,
        LaunchError::Provider(
            ProviderError::RefusedArgument { .. } | ProviderError::Unrenderable { .. },
        ) => 6,
        LaunchError::Provider(_) => 3,
        _ => 1,
    }
}

fn launch_hints(error: &LaunchError) -> Vec<String> {
    match error {
        LaunchError::Engine(error) => engine_hints(error),
        LaunchError::Blocked(blocker) => vec![blocker.hint.clone()],
        LaunchError::UnknownProvider { .. } => {
            vec!["see what there is: scc provider show".to_owned()]
        }
        LaunchError::Busy { .. } => {
            vec!["wait a moment; then `scc list` shows it, and `scc attach` joins it".to_owned()]
        }
        LaunchError::ForeignContainer { container } => vec![format!(
            "look at it, and remove or rename it: docker inspect {container}"
        )],
        LaunchError::SessionNameTaken { name, .. } => vec![
            "choose another name with --session".to_owned(),
            format!("or join it: scc attach {name}"),
        ],
        LaunchError::SignedOut { provider, .. } => vec![
            format!("sign in: scc provider login {provider}"),
            format!("or use a key: set `providers.{provider}.api_key` to `env:VARIABLE`"),
        ],
        LaunchError::NoConversation { .. } => vec![
            "start a new one: scc start --fresh".to_owned(),
            "or choose another: scc start --select".to_owned(),
        ],
        LaunchError::EgressNotProven { .. } if error.is_of_a_private_host() => vec![
            "write `internal: true` at the host in `allowed_hosts`, if it is meant to be reached, \
             or take it out"
                .to_owned(),
        ],
        LaunchError::EgressNotProven { .. } => vec![
            "try the other way to join proxy and sandbox: SCC_EGRESS_TOPOLOGY=internal-network, or \
             =socket"
                .to_owned(),
        ],
        LaunchError::Unshielded { path, .. } => {
            vec![format!("make it yourself, empty: touch {}", path.display())]
        }
        LaunchError::Replaced { .. } => {
            vec!["look at it, and put back what was there: an agent may have done that".to_owned()]
        }
        LaunchError::NoProxy { .. } => {
            vec!["see which policy applies: scc network explain".to_owned()]
        }
        LaunchError::ProxyEnded { .. } => vec!["start anew: scc start --fresh".to_owned()],
        LaunchError::ForeignArchitecture { .. } => vec![
            "use an engine on this processor, or an scc that was built for the engine's".to_owned(),
        ],
        LaunchError::NoSuchSession { .. } => vec!["see what there is: scc list".to_owned()],
        LaunchError::Ambiguous { .. } => vec!["name one of them".to_owned()],
        LaunchError::NotStopped { name } => vec![format!("stop it first: scc stop {name}")],
        LaunchError::NotRunning { .. } => {
            vec![
                "go on with it: scc start --resume in its workspace; see it: scc list".to_owned(),
                "see what it has asked for: scc audit egress, scc audit safety".to_owned(),
            ]
        }
        _ => Vec::new(),
    }
}
