//! Which credential goes to which source. The loader sends it to the source's own host only.

use std::collections::BTreeMap;

use scc_config::{OrganizationSource, SecretSource, Template};
use scc_sources::{AuthHeader, Source};
use secrecy::SecretString;

use super::{GovernanceInput, OrgDocument};

/// Headers of requests; `${VAR}` in a value is taken from the host.
pub(crate) type Headers = BTreeMap<String, String>;

/// Credentials for sources that have none configured.
#[derive(Debug, Clone, Default)]
pub struct CredentialFallback {
    /// For the organization's own host.
    pub organization: Option<SecretString>,
    /// For GitHub only, whoever keeps the document.
    pub github: Option<SecretString>,
}

/// The hosts that a token of GitHub is for.
const GITHUB: [&str; 3] = ["github.com", "raw.githubusercontent.com", "api.github.com"];

type Secret<'a> = &'a dyn Fn(&SecretSource) -> Result<SecretString, String>;

/// Finds a credential when it is needed.
pub(super) type Finder<'a> = Box<dyn Fn() -> Result<AuthHeader, String> + 'a>;

/// For the organization's document: what the user configured, else a fallback.
pub(super) fn for_organization<'a>(
    settings: &'a OrganizationSource,
    source: &Source,
    secret: Secret<'a>,
    fallback: &'a CredentialFallback,
) -> Option<Finder<'a>> {
    if let Some(auth) = &settings.auth {
        let header = settings.auth_header.as_deref();
        return Some(Box::new(move || AuthHeader::new(header, &secret(auth)?)));
    }
    let token = fallback.organization.as_ref();
    token
        .or_else(|| github_token(source, fallback))
        .map(|token| -> Finder<'a> { Box::new(move || AuthHeader::new(None, token)) })
}

pub(super) fn github_token<'a>(
    source: &Source,
    fallback: &'a CredentialFallback,
) -> Option<&'a SecretString> {
    let authority = source.authority()?;
    let is_github = GITHUB.contains(&authority.as_str());
    fallback.github.as_ref().filter(|_| is_github)
}

/// For what a document names: the header that stands there; else the organization's credential
/// where the host is the same; else GitHub's own.
pub(super) fn for_place<'a>(
    input: &GovernanceInput<'a>,
    organization: Option<&OrgDocument>,
    headers: Option<&'a Headers>,
    source: &Source,
) -> Result<Option<Finder<'a>>, String> {
    let mut headers = headers.into_iter().flatten();
    if let Some((name, value)) = headers.next() {
        if headers.next().is_some() {
            return Err("it names several headers, and one can be sent".to_owned());
        }
        return Ok(Some(from_header(name, value, input.secret)));
    }
    let same = organization.is_some_and(|organization| {
        source.authority().is_some() && source.authority() == organization.source().authority()
    });
    let settings = input.config.organization.as_ref();
    if let Some(settings) = settings.filter(|_| same) {
        return Ok(for_organization(
            settings,
            source,
            input.secret,
            input.fallback,
        ));
    }
    let token = github_token(source, input.fallback);
    Ok(token.map(|token| -> Finder<'a> { Box::new(move || AuthHeader::new(None, token)) }))
}

/// For a document whose source has a header of its own, in which `${VAR}` stands for a variable of
/// this machine.
pub(super) fn from_header<'a>(name: &'a str, value: &'a str, secret: Secret<'a>) -> Finder<'a> {
    Box::new(move || {
        let value = expanded(value, secret)?;
        AuthHeader::new(Some(name), &SecretString::from(value))
    })
}

fn expanded(value: &str, secret: Secret<'_>) -> Result<String, String> {
    use secrecy::ExposeSecret as _;
    let find = |name: &str| {
        let found = secret(&SecretSource::Env(name.to_owned()))?;
        Ok::<_, String>(found.expose_secret().to_owned())
    };
    Template::parse(value)?.fill(find)
}
