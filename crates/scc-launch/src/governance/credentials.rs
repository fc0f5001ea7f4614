//! Which credential goes to which source. The loader sends it to the source's own host only.

use scc_config::{OrganizationSource, SecretSource};
use scc_sources::{AuthHeader, Source};
use secrecy::SecretString;

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
    let mut result = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((variable, after)) = after.split_once('}') else {
            return Err("a `${` of a header is not closed".to_owned());
        };
        let source: SecretSource = format!("env:{variable}").parse()?;
        result.push_str(before);
        result.push_str(secret(&source)?.expose_secret());
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}
