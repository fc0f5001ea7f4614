//! The organization's document.

use std::time::Duration;

use scc_config::{Document, DocumentKind, OrgConfig, OrganizationSource};
use scc_sources::Source;

use super::fetch::{Fetched, Provenance, Wanted};
use super::{GovernanceError, GovernanceInput, credentials};

const WHOSE: &str = "the organization's document";
const DEFAULT_TTL_HOURS: u32 = 24;

/// The organization's document, and where it came from.
#[derive(Debug)]
pub struct OrgDocument {
    fetched: Fetched<OrgConfig>,
    source: Source,
}

impl OrgDocument {
    /// The document.
    pub fn document(&self) -> &Document<OrgConfig> {
        &self.fetched.document
    }

    /// What it says.
    pub fn config(&self) -> &OrgConfig {
        self.fetched.document.value()
    }

    /// Where it came from.
    pub fn provenance(&self) -> &Provenance {
        &self.fetched.provenance
    }

    /// Its source.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether it is kept on this machine.
    pub fn is_local(&self) -> bool {
        self.source.is_local()
    }

    /// Sentences for the user, such as that the copy is stale.
    pub fn warnings(&self) -> &[String] {
        &self.fetched.warnings
    }

    /// A newer one is to be fetched in the background.
    pub fn wants_refresh(&self) -> bool {
        self.fetched.wants_refresh
    }

    /// How long a copy may be used without asking.
    pub fn ttl(&self) -> Duration {
        ttl(self.config())
    }
}

/// Reads the organization's document alone; `None` in the standalone state.
///
/// # Errors
/// [`GovernanceError`] when nothing was set up, the document cannot be read or is not valid, or it
/// wants what this scc is not.
pub fn load_organization(
    input: &GovernanceInput<'_>,
) -> Result<Option<OrgDocument>, GovernanceError> {
    let settings = input.config.organization.as_ref();
    match settings {
        _ if input.config.standalone => return Ok(None),
        None if input.standalone => return Ok(None),
        None => return Err(GovernanceError::NotSetUp),
        Some(settings) if input.standalone => {
            let organization = shown(settings, input);
            return Err(GovernanceError::StandaloneRefused { organization });
        }
        Some(_) => {}
    }
    let Some(settings) = settings else {
        return Err(GovernanceError::NotSetUp);
    };
    let source = org_source(settings, input.base)?;
    let auth = credentials::for_organization(settings, &source, input.secret, input.fallback);
    let wanted = Wanted::new(WHOSE, &source, auth.as_deref(), input);
    let fetched = wanted.fetch(ttl)?;
    acceptable(&fetched, input.own_version)?;
    Ok(Some(OrgDocument { fetched, source }))
}

/// The source that the settings name.
///
/// # Errors
/// When it is not a usable source.
pub fn org_source(
    settings: &OrganizationSource,
    base: &std::path::Path,
) -> Result<Source, GovernanceError> {
    let source = Source::parse(&settings.source, base);
    let source = source.map_err(|error| GovernanceError::Unreadable {
        whose: WHOSE.to_owned(),
        source: Box::new(error),
    })?;
    Ok(source.with_document(DocumentKind::Org.file_name()))
}

/// The source without what may be a secret.
fn shown(settings: &OrganizationSource, input: &GovernanceInput<'_>) -> String {
    match org_source(settings, input.base) {
        Ok(source) => source.to_string(),
        Err(_) => "your organization".to_owned(),
    }
}

fn ttl(config: &OrgConfig) -> Duration {
    let hours = config.defaults.cache_ttl_hours.unwrap_or(DEFAULT_TTL_HOURS);
    Duration::from_secs(u64::from(hours) * 3600)
}

/// What holds for a valid document too. It is judged after the fetch, so that a document that
/// wants a newer scc is not set aside for an older copy.
fn acceptable(fetched: &Fetched<OrgConfig>, own: &str) -> Result<(), GovernanceError> {
    let config = fetched.document.value();
    if let Some(required) = &config.min_cli_version
        && version(own, 0) < version(required, u64::MAX)
    {
        return Err(GovernanceError::NeedsNewer {
            required: required.clone(),
            own: own.to_owned(),
        });
    }
    let signing = config.signing.as_ref();
    if signing.is_some_and(|signing| signing.required) {
        let from = fetched.provenance.source.clone();
        return Err(GovernanceError::SignatureRequired { from });
    }
    Ok(())
}

/// The three numbers of a version; what follows them does not count. `unfit` stands for a number that
/// is too large to be one: no scc is that new.
fn version(text: &str, unfit: u64) -> [u64; 3] {
    let plain = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = plain.split('.').map(|part| part.parse().unwrap_or(unfit));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}
