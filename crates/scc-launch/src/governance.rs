//! Which rules apply here: every document that has a say, read and checked, and the policy that
//! they make.
//!
//! [`Governance::load`] never quietly means "no rules". Standalone is what setup recorded, or a
//! flag where no organization is configured; a configured organization whose document cannot be
//! read, is not valid, wants a newer scc or a signature is an error. What an agent can write (the
//! workspace's document, the repository's exceptions) only narrows, or counts after a person
//! accepted it.

mod credentials;
mod error;
mod fetch;
mod local;
mod organization;
mod providers;
pub(crate) mod reach;
mod repository;
mod team;

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use scc_config::{
    Document, McpServer, OrgConfig, ProjectConfig, ProviderSection, SecretSource, UserConfig,
};
use scc_policy::{Decision, EffectivePolicy, PersonalProfile, PolicyError, PolicyInput, evaluate};
use scc_sources::{Loader, Source};
use scc_state::StateDir;
use secrecy::SecretString;

pub use credentials::CredentialFallback;
pub(crate) use credentials::Headers;
pub use error::GovernanceError;
pub use fetch::{Fetched, Freshness, Provenance};
pub use organization::{OrgDocument, load_organization, org_source};
pub use providers::org_provider_settings;
pub use repository::Repository;
pub use team::{TeamChoice, TeamOrigin, load_team_document};

use local::{LocalExceptions, Personal};

/// What the documents are found with. Everything is the caller's; nothing is read from the
/// environment.
#[derive(Clone, Copy)]
pub struct GovernanceInput<'a> {
    /// The user's settings.
    pub config: &'a UserConfig,
    /// The root of the workspace; `None` where none is meant.
    pub workspace: Option<&'a Path>,
    /// The team that was named on the command line.
    pub team: Option<&'a str>,
    /// A file that stands for the team's own document, before that is published.
    pub team_file: Option<&'a Path>,
    /// What stands for the personal profile, before that is recorded.
    pub profile: Option<&'a scc_state::PersonalProfile>,
    /// Standalone was asked for on the command line.
    pub standalone: bool,
    /// Ask nobody, use copies only.
    pub offline: bool,
    /// Ask even where a copy is within its time.
    pub force_refresh: bool,
    /// Use a copy that is past its time at once; the caller has newer ones fetched where
    /// [`Governance::wants_refresh`] says so.
    pub background: bool,
    /// Fetches documents and keeps their copies.
    pub loader: &'a Loader,
    /// Where a relative path of the organization's document starts.
    pub base: &'a Path,
    /// Finds a secret; the error is a reason without it.
    pub secret: &'a dyn Fn(&SecretSource) -> Result<SecretString, String>,
    /// Credentials for sources that have none configured.
    pub fallback: &'a CredentialFallback,
    /// A document from elsewhere may name a command for a secret.
    pub allow_remote_commands: bool,
    /// What scc remembers.
    pub state: &'a StateDir,
    /// The directory with the user's own exceptions.
    pub user_exceptions: &'a Path,
    /// The user's home, if they have one.
    pub user_home: Option<&'a Path>,
    /// The current time.
    pub now: Timestamp,
    /// The version of this scc.
    pub own_version: &'a str,
}

impl fmt::Debug for GovernanceInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GovernanceInput")
            .field("workspace", &self.workspace)
            .field("team", &self.team)
            .field("standalone", &self.standalone)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// Every document that has a say in a launch. `Debug` shows none of them: they may hold secrets.
pub struct Governance {
    organization: Option<OrgDocument>,
    team: Option<TeamChoice>,
    team_document: Option<Fetched<scc_config::TeamConfig>>,
    project: Option<Document<ProjectConfig>>,
    personal: Option<Personal>,
    exceptions: LocalExceptions,
    allow_remote_commands: bool,
    warnings: Vec<String>,
}

impl Governance {
    /// Reads every document.
    ///
    /// # Errors
    /// [`GovernanceError`] when it is not known which rules apply. A launch must not go on then.
    pub fn load(input: &GovernanceInput<'_>) -> Result<Self, GovernanceError> {
        let mut warnings = Vec::new();
        let organization = load_organization(input)?;
        let mut team = None;
        let mut team_document = None;
        match &organization {
            Some(organization) => {
                warnings.extend(organization.warnings().iter().cloned());
                out_of_reach(organization, input.workspace)?;
                team = team::choose(input, organization.config())?;
                if let Some(choice) = &team {
                    team_document = load_team_document(input, organization, &choice.name)?;
                }
            }
            None => warnings.extend(standalone_warnings(input)),
        }
        if let Some(document) = &team_document {
            warnings.extend(document.warnings.iter().cloned());
        }
        let project = local::project(input.workspace)?;
        warnings.extend(local::misnamed(input.workspace));
        let personal = local::personal(input, &mut warnings)?;
        let exceptions = local::exceptions(input, &mut warnings)?;
        Ok(Self {
            organization,
            team,
            team_document,
            project,
            personal,
            exceptions,
            allow_remote_commands: input.allow_remote_commands,
            warnings,
        })
    }

    /// The policy that holds at `now`, for these providers.
    ///
    /// # Errors
    /// As for [`evaluate`].
    pub fn policy(
        &self,
        providers: &[&str],
        implicit_marketplaces: &[&str],
        now: Timestamp,
    ) -> Result<EffectivePolicy, PolicyError> {
        let personal = self.personal.as_ref().map(|personal| PersonalProfile {
            file: &personal.file,
            plugins: &personal.plugins,
            mcp_servers: &personal.servers,
        });
        let exceptions = self.exceptions.borrowed();
        let mut policy = evaluate(&PolicyInput {
            org: self.org_config(),
            team: self.team.as_ref().map(|team| team.name.as_str()),
            team_document: self.team_document.as_ref().map(|fetched| &fetched.document),
            personal: personal.as_ref(),
            project: self.project.as_ref(),
            exceptions: &exceptions,
            providers,
            implicit_marketplaces,
            now,
        })?;
        let ignored = self.exceptions.ignored.iter().cloned();
        policy.decisions.extend(ignored);
        Ok(policy)
    }

    /// The organization's document and where it came from; `None` when standalone.
    pub fn organization(&self) -> Option<&OrgDocument> {
        self.organization.as_ref()
    }

    /// The organization's document alone.
    pub fn org_config(&self) -> Option<&Document<OrgConfig>> {
        self.organization.as_ref().map(OrgDocument::document)
    }

    /// The team, and who chose it.
    pub fn team(&self) -> Option<&TeamChoice> {
        self.team.as_ref()
    }

    /// The own document of a federated team, and where it came from.
    pub fn team_document(&self) -> Option<&Fetched<scc_config::TeamConfig>> {
        self.team_document.as_ref()
    }

    /// A document came from a copy past its time, and a newer one is to be fetched in the background:
    /// by the same load without [`GovernanceInput::background`], in another process.
    pub fn wants_refresh(&self) -> bool {
        let org = self.organization.as_ref();
        let team = self.team_document.as_ref();
        org.is_some_and(OrgDocument::wants_refresh) || team.is_some_and(|team| team.wants_refresh)
    }

    /// Nobody's rules apply.
    pub fn is_standalone(&self) -> bool {
        self.organization.is_none()
    }

    /// Sentences for the user: stale copies, servers that refused, what was ignored and why.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Exceptions in files of the user or the repository that have no effect.
    pub fn ignored(&self) -> &[Decision] {
        &self.exceptions.ignored
    }

    /// The server of this identity ([`McpServer::identity`]) that the workspace or the personal profile
    /// asks for.
    #[must_use]
    pub fn local_server(&self, identity: &str) -> Option<&McpServer> {
        let project = self.project.iter();
        let project = project.flat_map(|project| &project.value().additional_mcp_servers);
        let personal = self.personal.iter().flat_map(|personal| &personal.servers);
        let mut servers = project.chain(personal);
        servers.find(|server| server.identity() == identity)
    }

    /// Finds the credential for something that a document names, when it is needed.
    pub(crate) fn credential<'a>(
        &'a self,
        input: &GovernanceInput<'a>,
        headers: Option<&'a Headers>,
        source: &Source,
    ) -> Result<Option<credentials::Finder<'a>>, String> {
        credentials::for_place(input, self.organization.as_ref(), headers, source)
    }

    /// The settings of a provider: the team's values win over the organization's, and those over
    /// the user's.
    ///
    /// # Errors
    /// When a document from elsewhere names a command for the key, and that is not allowed.
    pub fn provider_settings(
        &self,
        id: &str,
        user: &ProviderSection,
    ) -> Result<ProviderSection, GovernanceError> {
        let Some(organization) = &self.organization else {
            return Ok(user.clone());
        };
        let config = organization.config();
        let team = self.team.as_ref().map(|team| team.name.as_str());
        let nobody = ProviderSection::default();
        let ruled = org_provider_settings(config, team, id, &nobody);
        let is_command = matches!(ruled.api_key, Some(SecretSource::Command(_)));
        if is_command && !organization.is_local() && !self.allow_remote_commands {
            return Err(GovernanceError::RemoteCommand {
                from: organization.provenance().source.clone(),
                key: format!("providers.{id}.api_key"),
            });
        }
        Ok(org_provider_settings(config, team, id, user))
    }
}

/// A document that an agent in the workspace could change does not govern it: neither one that lies
/// there, nor one that is reached through a link there, nor one of the repository to which the agent
/// commits.
fn out_of_reach(
    organization: &OrgDocument,
    workspace: Option<&Path>,
) -> Result<(), GovernanceError> {
    let (Some(path), Some(workspace)) = (organization.source().local_path(), workspace) else {
        return Ok(());
    };
    let is_document = organization.source().file_path().is_some();
    let in_reach = reach::leads_through(&path, workspace)
        || !is_document && reach::is_same_repository(&path, workspace);
    match in_reach {
        true => Err(GovernanceError::WithinReach { path }),
        false => Ok(()),
    }
}

impl fmt::Debug for Governance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.organization.as_ref().map(OrgDocument::source);
        f.debug_struct("Governance")
            .field("organization", &source)
            .field("team", &self.team)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

fn standalone_warnings(input: &GovernanceInput<'_>) -> Option<String> {
    let organization = input.config.organization.as_ref()?;
    Some(format!(
        "standalone: the rules of `{}` do not apply; `scc config set standalone false` brings them back",
        organization.source
    ))
}
