//! The team, and the own document of a federated one.

use std::time::Duration;

use scc_config::{ConfigSource, DocumentKind, OrgConfig, TeamConfig};
use scc_sources::{Source, SourceError};
use schemars::JsonSchema;
use serde::Serialize;

use super::credentials;
use super::error::TEAMS;
use super::fetch::{Fetched, Wanted};
use super::{GovernanceError, GovernanceInput, OrgDocument};

/// The team that applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TeamChoice {
    /// Its name, as in the organization's document.
    pub name: String,
    /// Who chose it.
    pub origin: TeamOrigin,
}

/// Who chose a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TeamOrigin {
    /// The command line.
    Flag,
    /// The workspace was given it.
    Workspace,
    /// The user's settings.
    User,
}

impl TeamOrigin {
    /// For messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "the command line",
            Self::Workspace => "this workspace",
            Self::User => "your settings",
        }
    }
}

impl TeamChoice {
    /// The team that was chosen, whether the organization has it or not: the flag, else the
    /// workspace's, else the user's.
    ///
    /// # Errors
    /// When what scc remembers cannot be read.
    pub fn find(input: &GovernanceInput<'_>) -> Result<Option<Self>, GovernanceError> {
        let choice = |name: &str, origin| {
            let name = name.to_owned();
            Some(Self { name, origin })
        };
        if let Some(name) = input.team {
            return Ok(choice(name, TeamOrigin::Flag));
        }
        if let Some(workspace) = input.workspace
            && let Some(name) = input.state.workspace_team(workspace)?
        {
            return Ok(choice(&name, TeamOrigin::Workspace));
        }
        let user = input.config.team.as_deref();
        Ok(user.and_then(|name| choice(name, TeamOrigin::User)))
    }
}

/// The chosen team, which the organization has to know.
pub(super) fn choose(
    input: &GovernanceInput<'_>,
    org: &OrgConfig,
) -> Result<Option<TeamChoice>, GovernanceError> {
    let Some(team) = TeamChoice::find(input)? else {
        return Ok(None);
    };
    if org.profiles.contains_key(&team.name) {
        return Ok(Some(team));
    }
    Err(GovernanceError::UnknownTeam {
        team,
        organization: org.organization.id.clone(),
        known: org.profiles.keys().cloned().collect(),
    })
}

/// The own document of a team; `None` where it keeps none, or the organization has no such team.
///
/// # Errors
/// When it cannot be read, or is not valid.
pub fn load_team_document(
    input: &GovernanceInput<'_>,
    organization: &OrgDocument,
    team: &str,
) -> Result<Option<Fetched<TeamConfig>>, GovernanceError> {
    let profile = organization.config().profiles.get(team);
    let Some(config) = profile.and_then(|profile| profile.config_source.as_ref()) else {
        return Ok(None);
    };
    let whose = format!("{TEAMS}`{team}`");
    if let Some(file) = input.team_file {
        let source = Source::file(file.to_owned());
        let wanted = Wanted::new(&whose, &source, None, input);
        return wanted.fetch(|_| Duration::ZERO).map(Some);
    }
    let source = source_of(config).map_err(|error| GovernanceError::Unreadable {
        whose: whose.clone(),
        source: Box::new(error),
    })?;
    let headers = match config {
        ConfigSource::Github(at) => Some(&at.headers),
        ConfigSource::Url(at) => Some(&at.headers),
        ConfigSource::Git(_) => None,
    };
    let auth = credentials::for_place(input, Some(organization), headers, &source);
    let auth = auth.map_err(|reason| {
        let team = team.to_owned();
        GovernanceError::TeamSource { team, reason }
    })?;
    let wanted = Wanted::new(&whose, &source, auth.as_deref(), input);
    let ttl: Duration = organization.ttl();
    wanted.fetch(|_| ttl).map(Some)
}

fn source_of(config: &ConfigSource) -> Result<Source, SourceError> {
    let path = |path: &str| {
        let path = path.trim_matches('/').to_owned();
        Some(path).filter(|path| !path.is_empty())
    };
    let source = match config {
        ConfigSource::Github(at) => Source::github(
            &at.owner,
            &at.repo,
            Some(&at.branch),
            path(&at.path).as_deref(),
        ),
        ConfigSource::Git(at) => Source::git(&at.url, Some(&at.branch), path(&at.path).as_deref()),
        ConfigSource::Url(at) => Source::https(&at.url),
    };
    Ok(source?.with_document(DocumentKind::Team.file_name()))
}
