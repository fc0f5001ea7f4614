//! Why it is not known which rules apply.

use std::path::PathBuf;

use scc_config::ConfigError;
use scc_policy::PolicyError;
use scc_sources::SourceError;
use scc_state::StateError;

use super::TeamOrigin;

/// Why a launch has no rules to go by; it must not go on then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GovernanceError {
    /// Neither an organization nor the standalone state was recorded.
    #[error("scc is not set up on this machine")]
    NotSetUp,
    /// Standalone was asked for although the user works for an organization.
    #[error("the rules of `{organization}` apply here, and a flag does not switch them off")]
    StandaloneRefused {
        /// The source of the organization's document.
        organization: String,
    },
    /// A document cannot be had.
    #[error("{whose} cannot be read: {source}")]
    Unreadable {
        /// Whose document, such as `the organization's document`.
        whose: String,
        /// The reason.
        source: Box<SourceError>,
    },
    /// A document is not valid.
    #[error("{}", invalid(whose, findings))]
    Invalid {
        /// Whose document, such as `the organization's document`.
        whose: String,
        /// What is wrong with it, at least one thing.
        findings: Vec<ConfigError>,
    },
    /// The organization wants a newer scc.
    #[error("the organization's document needs scc {required} or newer, and this is {own}")]
    NeedsNewer {
        /// The oldest version that may be used.
        required: String,
        /// The version of this scc.
        own: String,
    },
    /// The organization wants its document to be signed, which this scc cannot verify.
    #[error(
        "the document from `{from}` wants a valid signature, and this scc cannot verify signatures"
    )]
    SignatureRequired {
        /// Where the document came from.
        from: String,
    },
    /// The organization has no such team.
    #[error("organization `{organization}` has no team `{}`", team.name)]
    UnknownTeam {
        /// The team, and who chose it.
        team: super::TeamChoice,
        /// The organization's id.
        organization: String,
        /// The teams there are, in alphabetical order.
        known: Vec<String>,
    },
    /// The credentials for a federated team's document are described in a way that is not usable.
    #[error("the document of team `{team}` cannot be fetched: {reason}")]
    TeamSource {
        /// The team.
        team: String,
        /// The reason.
        reason: String,
    },
    /// The workspace's document is something else than a file.
    #[error("`{}` is not a regular file", .0.display())]
    Irregular(PathBuf),
    /// A document from elsewhere names a command to be run on this machine.
    #[error("the document from `{from}` names a command in `{key}`, and nobody allowed that")]
    RemoteCommand {
        /// Where the document came from.
        from: String,
        /// The key.
        key: String,
    },
    /// The documents make no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The agent could change the rules that govern it.
    #[error(
        "the organization's document `{}` is in the workspace, where the agent could change it",
        path.display()
    )]
    WithinReach {
        /// The document.
        path: PathBuf,
    },
    /// What scc remembers cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

fn invalid(whose: &str, findings: &[ConfigError]) -> String {
    match findings {
        [one] => format!("{whose} is not valid: {one}"),
        [first, rest @ ..] => format!("{whose} is not valid: {first} (and {} more)", rest.len()),
        [] => format!("{whose} is not valid"),
    }
}

/// How the own document of a team is called, before its name.
pub(super) const TEAMS: &str = "the document of team ";

impl GovernanceError {
    /// What to type or do next.
    pub fn hints(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::NotSetUp => vec![
                "join your organization: scc org import SOURCE".to_owned(),
                "or work without one: scc setup --standalone".to_owned(),
            ],
            Self::StandaloneRefused { .. } => {
                one("record it, so that it shows everywhere: scc config set standalone true")
            }
            Self::Unreadable { whose, source } => {
                let mut hints: Vec<_> = source.hint().into_iter().collect();
                let command = match whose.strip_prefix(TEAMS).map(|team| team.trim_matches('`')) {
                    Some(team) => format!("scc team info {team}"),
                    None => "scc org status".to_owned(),
                };
                hints.push(format!("see where it comes from: {command}"));
                hints
            }
            Self::Invalid { findings, .. } => findings
                .iter()
                .filter_map(|finding| finding.suggestion().map(str::to_owned))
                .collect(),
            Self::NeedsNewer { .. } => one("update scc"),
            Self::SignatureRequired { .. } => one("update scc, or ask who keeps the document"),
            Self::UnknownTeam { team, known, .. } => team_hints(team.origin, known),
            Self::TeamSource { .. } => one("ask who keeps the organization's document"),
            Self::Irregular(_) => one("look at what is there, and remove it"),
            Self::RemoteCommand { .. } => {
                one("if you trust it, set SCC_ALLOW_REMOTE_COMMANDS=1 for this command")
            }
            Self::WithinReach { .. } => {
                vec!["keep it elsewhere, and tell scc where: scc org import SOURCE".to_owned()]
            }
            Self::Policy(_) | Self::State(_) => Vec::new(),
        }
    }
}

fn team_hints(origin: TeamOrigin, known: &[String]) -> Vec<String> {
    let mut hints = Vec::new();
    if known.is_empty() {
        hints.push("the organization has no teams".to_owned());
    } else {
        let shown: Vec<_> = known.iter().take(20).map(String::as_str).collect();
        hints.push(format!("it has: {}", shown.join(", ")));
    }
    hints.extend(match origin {
        TeamOrigin::Flag => None,
        TeamOrigin::Workspace => Some("choose one: scc team switch NAME --workspace".to_owned()),
        TeamOrigin::User => Some("choose one: scc team switch NAME".to_owned()),
    });
    hints
}
