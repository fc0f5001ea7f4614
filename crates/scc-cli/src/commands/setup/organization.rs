//! The organization's document, fetched and checked before it is recorded.

use std::fmt;
use std::path::PathBuf;

use scc_config::{OrganizationSource, SecretSource, UserConfig};
use scc_launch::{Freshness, OrgDocument};
use scc_sources::Source;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::org::about_the_candidate;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules};
use crate::host;

/// An organization whose document is valid.
#[derive(Debug)]
pub(super) struct Organization {
    pub(super) settings: OrganizationSource,
    document: OrgDocument,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SetupOrganization")]
pub(super) struct Report {
    id: String,
    name: String,
    source: String,
    pub(super) teams: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), from {}", self.name, self.id, self.source)
    }
}

impl Organization {
    pub(super) fn report(&self) -> Report {
        let config = self.document.config();
        Report {
            id: config.organization.id.clone(),
            name: config.organization.name.clone(),
            source: self.document.provenance().source.clone(),
            teams: config.profiles.keys().cloned().collect(),
        }
    }

    /// What its document says and probably does not mean.
    pub(super) fn advice(&self, context: &Context) -> Vec<String> {
        context.advice(self.document.document())
    }

    /// Whether there is a team of that name.
    pub(super) fn has_team(&self, name: &str) -> bool {
        self.document.config().profiles.contains_key(name)
    }

    /// The team as it was typed, if there is one of that name.
    pub(super) fn team(&self, name: &str) -> Result<String, CliError> {
        if self.has_team(name) {
            return Ok(name.to_owned());
        }
        let report = self.report();
        let hint = match report.teams.is_empty() {
            true => "it has no teams: leave --team out".to_owned(),
            false => format!("it has: {}", report.teams.join(", ")),
        };
        Err(CliError::Failed {
            message: format!("{} has no team `{name}`", report.name),
            hint,
        })
    }

    /// Whether organization and team allow this provider.
    pub(super) fn allows(&self, provider: &str, team: Option<&str>) -> bool {
        let config = self.document.config();
        let team = team.and_then(|team| config.profiles.get(team));
        let lists = [
            config.defaults.allowed_providers.as_ref(),
            team.and_then(|team| team.allowed_providers.as_ref()),
        ];
        let mut lists = lists.into_iter().flatten();
        lists.all(|list| list.iter().any(|allowed| allowed == provider))
    }
}

/// A source as it was typed; a relative path starts in the current directory.
pub(super) fn source(typed: &str) -> Result<Source, CliError> {
    let source = Source::parse(typed, &host::current_dir()?)?;
    Ok(host::plain_source(source))
}

/// The settings for a source, with no secret in them.
pub(super) fn settings(
    source: &Source,
    auth: Option<SecretSource>,
    auth_header: Option<&str>,
) -> OrganizationSource {
    OrganizationSource {
        source: source.to_text(),
        auth,
        auth_header: auth_header.map(str::to_owned),
        ca: None,
    }
}

/// Fetches the document now, whatever copy there is, and checks it.
pub(super) fn load(
    settings: OrganizationSource,
    certificates: &[PathBuf],
    context: &Context,
) -> Result<Organization, CliError> {
    let config = UserConfig {
        organization: Some(settings.clone()),
        ca_certificates: certificates.to_vec(),
        ..UserConfig::default()
    };
    let asked = Asked {
        force: true,
        ..Asked::default()
    };
    let document = Rules::with_config(context, config, asked)?.organization();
    let document = document.map_err(about_the_candidate)?;
    let provenance = document.provenance();
    // A copy is good enough to go on with, but a new setup does not rest on one.
    if provenance.freshness == Freshness::Stale {
        let reason = provenance.stale_reason.as_deref().unwrap_or("no answer");
        return Err(CliError::Invalid {
            message: format!("`{}` cannot be fetched now: {reason}", provenance.source),
            hint: "check the source and the connection, and try again".to_owned(),
        });
    }
    Ok(Organization { settings, document })
}
