//! The organisation's document, fetched and checked before it is recorded.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::{
    ConfigError, Document, DocumentKind, OrgConfig, OrganizationSource, SecretSource,
};
use scc_sources::{
    AuthHeader, FetchOptions, LoadOptions, Loader, Source, SourceCache, SourceError,
};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::{environment, host, secrets};

/// An organisation whose document is valid.
#[derive(Debug)]
pub(super) struct Organization {
    pub(super) settings: OrganizationSource,
    pub(super) document: Document<OrgConfig>,
    shown: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
        let config = self.document.value();
        Report {
            id: config.organization.id.clone(),
            name: config.organization.name.clone(),
            source: self.shown.clone(),
            teams: config.profiles.keys().cloned().collect(),
        }
    }

    /// The team as it was typed, if there is one of that name.
    pub(super) fn team(&self, name: &str) -> Result<String, CliError> {
        let teams = &self.document.value().profiles;
        if teams.contains_key(name) {
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

    /// Whether organisation and team allow this provider.
    pub(super) fn allows(&self, provider: &str, team: Option<&str>) -> bool {
        let config = self.document.value();
        let team = team.and_then(|team| config.profiles.get(team));
        let lists = [
            config.defaults.allowed_providers.as_ref(),
            team.and_then(|team| team.allowed_providers.as_ref()),
        ];
        let mut lists = lists.into_iter().flatten();
        lists.all(|list| list.iter().any(|allowed| allowed == provider))
    }
}

/// The settings for a source as it was typed: with an absolute path, and no secret in them.
pub(super) fn settings(
    source: &str,
    auth: Option<&str>,
    auth_header: Option<&str>,
) -> Result<OrganizationSource, CliError> {
    let here = std::env::current_dir().map_err(|source| CliError::Write {
        path: PathBuf::from("."),
        source,
    })?;
    let auth: Option<SecretSource> =
        auth.map(str::parse)
            .transpose()
            .map_err(|reason: String| CliError::Usage {
                message: format!("the value of `--auth` is {reason}"),
                hint: "such as --auth env:ORG_TOKEN".to_owned(),
            })?;
    Ok(OrganizationSource {
        source: Source::parse(source, &here)?.to_text(),
        auth,
        auth_header: auth_header.map(str::to_owned),
        ca: None,
    })
}

/// Fetches the document now, whatever copy there is, and checks it.
pub(super) fn load(
    settings: OrganizationSource,
    certificates: &[PathBuf],
    context: &Context,
) -> Result<Organization, CliError> {
    let base = context.config_file.parent().unwrap_or(Path::new("/"));
    let source = Source::parse(&settings.source, base)?;
    let source = source.with_document(DocumentKind::Org.file_name());
    let credential = || {
        let auth = settings.auth.as_ref().ok_or("there is no credential")?;
        let secret = secrets::resolve("organization.auth", auth).map_err(reason)?;
        AuthHeader::new(settings.auth_header.as_deref(), &secret)
    };
    let mut options = LoadOptions {
        force: true,
        ..LoadOptions::at(Timestamp::now())
    };
    if settings.auth.is_some() {
        options.auth = Some(&credential);
    }
    let loader = loader(certificates, settings.ca.as_deref(), context)?;
    let document = fetch(&loader, &source, &options)?;
    acceptable(document.value())?;
    let shown = source.to_string();
    Ok(Organization {
        settings,
        document,
        shown,
    })
}

fn reason(error: CliError) -> String {
    match error {
        CliError::Secret { reason, .. } => reason,
        other => other.to_string(),
    }
}

fn loader(
    certificates: &[PathBuf],
    own: Option<&Path>,
    context: &Context,
) -> Result<Loader, CliError> {
    let authorities: Vec<_> = certificates
        .iter()
        .cloned()
        .chain(own.map(Path::to_owned))
        .collect();
    let authorities = host::read_certificates(&authorities)?;
    let cache = SourceCache::open(context.cache_root.join("documents"))?;
    let options = FetchOptions {
        extra_authorities: authorities.into_values().collect(),
        proxy: environment::proxy(),
        git: environment::git(),
        ..FetchOptions::default()
    };
    Ok(Loader::new(cache, options))
}

fn fetch(
    loader: &Loader,
    source: &Source,
    options: &LoadOptions<'_>,
) -> Result<Document<OrgConfig>, CliError> {
    let name = source.to_string();
    let refused: RefCell<Vec<ConfigError>> = RefCell::default();
    let check = |content: &[u8]| match read(content, Path::new(&name)) {
        Ok(_) => Ok(()),
        Err(findings) => {
            let first = findings.first().map(ToString::to_string);
            *refused.borrow_mut() = findings;
            Err(first.unwrap_or_else(|| "it is not UTF-8 text".to_owned()))
        }
    };
    let loaded = match loader.load(source, options, &check) {
        Ok(loaded) => loaded,
        Err(error) => return Err(failed(error, &name, refused.take())),
    };
    // A copy stands in when the server cannot be asked, or sends something that is not valid. It
    // is good enough to work with, but nothing that a new setup may rest on.
    let findings = refused.take();
    if !findings.is_empty() {
        return Err(CliError::Findings {
            from: name,
            findings,
        });
    }
    if let scc_sources::Origin::Stale { reason, .. } = &loaded.origin {
        return Err(CliError::Failed {
            message: format!("`{name}` cannot be fetched now: {reason}"),
            hint: "check the address and the connection, and try again".to_owned(),
        });
    }
    read(&loaded.content, Path::new(&name)).map_err(|findings| CliError::Findings {
        from: name.clone(),
        findings,
    })
}

fn failed(error: SourceError, from: &str, findings: Vec<ConfigError>) -> CliError {
    match error {
        SourceError::Invalid { .. } if !findings.is_empty() => CliError::Findings {
            from: from.to_owned(),
            findings,
        },
        error => CliError::Source(error),
    }
}

fn read(content: &[u8], name: &Path) -> Result<Document<OrgConfig>, Vec<ConfigError>> {
    let text = std::str::from_utf8(content).map_err(|_| Vec::new())?;
    let document = Document::<OrgConfig>::parse(text, name).map_err(|error| vec![error])?;
    let findings = document.check();
    match findings.is_empty() {
        true => Ok(document),
        false => Err(findings),
    }
}

/// What a valid document may want of this scc.
fn acceptable(config: &OrgConfig) -> Result<(), CliError> {
    let own = env!("CARGO_PKG_VERSION");
    if let Some(required) = &config.min_cli_version
        && version(own) < version(required)
    {
        return Err(CliError::Failed {
            message: format!("the organisation wants scc {required} or newer, and this is {own}"),
            hint: "update scc".to_owned(),
        });
    }
    Ok(())
}

fn version(text: &str) -> [u64; 3] {
    let plain = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = plain.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}
