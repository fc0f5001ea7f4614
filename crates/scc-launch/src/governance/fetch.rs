//! One document: fetched or from its copy, parsed and checked each time it is read.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use scc_config::{ConfigDocument, ConfigError, Document};
use scc_sources::{
    AuthProvider, LoadOptions, Loaded, Loader, MAX_STALE, Origin, Revision, Source, SourceError,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{GovernanceError, GovernanceInput};

/// A document that came from a source, and how.
#[derive(Debug)]
pub struct Fetched<T> {
    /// The document.
    pub document: Document<T>,
    /// Where it came from.
    pub provenance: Provenance,
    /// A newer one is to be fetched in the background.
    pub wants_refresh: bool,
    /// Sentences for the user, such as that the copy is stale.
    pub warnings: Vec<String>,
}

/// Where a document came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Provenance {
    /// The source, without what may be a secret.
    pub source: String,
    /// When the content was fetched; for a file, when it was read.
    pub fetched_at: Timestamp,
    /// How long ago the server last vouched for it, in seconds.
    pub age_seconds: u64,
    /// Whether it is new, a copy, or a copy that is past its time.
    pub freshness: Freshness,
    /// Why there is nothing newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_reason: Option<String>,
    /// The server answered and refused: the right to read may be gone.
    pub refused: bool,
    /// The ETag or commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
}

/// Whether a document is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// Read or fetched now.
    Fresh,
    /// A copy within its time.
    Cached,
    /// A copy past its time, used while a newer one is fetched in the background.
    Due,
    /// A copy past its time, with nothing newer to be had.
    Stale,
}

/// How to get one document.
pub(super) struct Wanted<'a> {
    pub(super) whose: String,
    pub(super) source: &'a Source,
    pub(super) auth: Option<&'a AuthProvider<'a>>,
    pub(super) loader: &'a Loader,
    pub(super) now: Timestamp,
    pub(super) offline: bool,
    pub(super) force: bool,
    pub(super) background: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(
        whose: &str,
        source: &'a Source,
        auth: Option<&'a AuthProvider<'a>>,
        input: &GovernanceInput<'a>,
    ) -> Self {
        Self {
            whose: whose.to_owned(),
            source,
            auth,
            loader: input.loader,
            now: input.now,
            offline: input.offline,
            force: input.force_refresh,
            background: input.background,
        }
    }

    /// Gets the document. How long a copy may be used stands in the document itself: the copy is
    /// read first, and once more with its own time where that is over.
    pub(super) fn fetch<T: ConfigDocument>(
        &self,
        ttl: impl Fn(&T) -> Duration,
    ) -> Result<Fetched<T>, GovernanceError> {
        let first = self.load_once::<T>(MAX_STALE)?;
        let Origin::Cached { age } = first.1.origin else {
            return Ok(self.fetched(first));
        };
        let own = ttl(first.0.value());
        if age < own {
            return Ok(self.fetched(first));
        }
        let again = self.load_once(own)?;
        Ok(self.fetched(again))
    }

    fn load_once<T: ConfigDocument>(
        &self,
        ttl: Duration,
    ) -> Result<(Document<T>, Loaded), GovernanceError> {
        let options = LoadOptions {
            ttl,
            offline: self.offline,
            force: self.force,
            background: self.background,
            auth: self.auth,
            ..LoadOptions::at(self.now)
        };
        let name = self.source.to_string();
        let name = Path::new(&name);
        let refused: RefCell<Vec<ConfigError>> = RefCell::default();
        let accepted: RefCell<Option<(Vec<u8>, Document<T>)>> = RefCell::default();
        let check = |content: &[u8]| match read(content, name) {
            Ok(document) => {
                *accepted.borrow_mut() = Some((content.to_owned(), document));
                Ok(())
            }
            Err(Unusable::NotText) => Err("it is not UTF-8 text".to_owned()),
            Err(Unusable::Findings(findings)) => {
                let reason = findings.first().map(ToString::to_string);
                *refused.borrow_mut() = findings;
                Err(reason.unwrap_or_default())
            }
        };
        let loaded = self.loader.load(self.source, &options, &check);
        let loaded = loaded.map_err(|error| self.failed(error, refused.take()))?;
        match accepted.take() {
            Some((content, document)) if content == loaded.content => Ok((document, loaded)),
            _ => match read(&loaded.content, name) {
                Ok(document) => Ok((document, loaded)),
                Err(Unusable::Findings(findings)) => Err(self.invalid(findings)),
                Err(Unusable::NotText) => Err(self.invalid(Vec::new())),
            },
        }
    }

    fn failed(&self, error: SourceError, findings: Vec<ConfigError>) -> GovernanceError {
        if matches!(error, SourceError::Invalid { .. }) && !findings.is_empty() {
            return self.invalid(findings);
        }
        GovernanceError::Unreadable {
            whose: self.whose.clone(),
            source: Box::new(error),
        }
    }

    fn invalid(&self, findings: Vec<ConfigError>) -> GovernanceError {
        GovernanceError::Invalid {
            whose: self.whose.clone(),
            findings,
        }
    }

    fn fetched<T>(&self, (document, loaded): (Document<T>, Loaded)) -> Fetched<T> {
        Fetched {
            document,
            provenance: provenance(self.source, &loaded),
            wants_refresh: loaded.wants_refresh,
            warnings: loaded.warnings,
        }
    }
}

enum Unusable {
    NotText,
    Findings(Vec<ConfigError>),
}

fn read<T: ConfigDocument>(content: &[u8], name: &Path) -> Result<Document<T>, Unusable> {
    let text = std::str::from_utf8(content).map_err(|_| Unusable::NotText)?;
    let document =
        Document::<T>::parse(text, name).map_err(|error| Unusable::Findings(vec![error]))?;
    let findings = document.check();
    match findings.is_empty() {
        true => Ok(document),
        false => Err(Unusable::Findings(findings)),
    }
}

fn provenance(source: &Source, loaded: &Loaded) -> Provenance {
    let (freshness, age, stale_reason, refused) = match &loaded.origin {
        Origin::Fresh => (Freshness::Fresh, Duration::ZERO, None, false),
        Origin::Cached { age } => (Freshness::Cached, *age, None, false),
        Origin::Due { age } => (Freshness::Due, *age, None, false),
        Origin::Stale {
            age,
            reason,
            refused,
        } => (Freshness::Stale, *age, Some(reason.clone()), *refused),
    };
    Provenance {
        source: source.to_string(),
        fetched_at: loaded.fetched_at,
        age_seconds: age.as_secs(),
        freshness,
        stale_reason,
        refused,
        revision: loaded.revision.as_ref().map(|revision| match revision {
            Revision::Etag(text) | Revision::Commit(text) => text.clone(),
        }),
        sha256: loaded.sha256.clone(),
    }
}
