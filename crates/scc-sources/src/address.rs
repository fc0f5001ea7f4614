//! Addresses: what they must not be, and how they are shown.

use url::Url;

use crate::SourceError;

/// An address for people: a query may hold a token.
pub(crate) fn without_query(url: &Url) -> String {
    match url.query() {
        Some(_) => {
            let mut shown = url.clone();
            shown.set_query(None);
            format!("{shown}?…")
        }
        None => url.to_string(),
    }
}

/// An address without a password. In `https://` a user name is refused as well, since tokens are
/// written in its place.
pub(crate) fn checked_url(address: &str) -> Result<Url, SourceError> {
    let url = Url::parse(address)
        .map_err(|error| syntax(address, &format!("it is not an address: {error}"), None))?;
    let named = !url.username().is_empty();
    if url.password().is_some() || (named && url.scheme() != "ssh") {
        let hint = "take the user name and password out; name a variable or command for them";
        let why = "an address must not hold credentials";
        return Err(syntax(&format!("{}://…", url.scheme()), why, Some(hint)));
    }
    if url.username().starts_with('-') || url.host_str().is_some_and(|host| host.starts_with('-')) {
        return Err(syntax(address, "its host starts with `-`", None));
    }
    Ok(url)
}

/// Splits a URL where its path starts; a `@` or `:` before that belongs to the host.
pub(crate) fn split_host(address: &str) -> Option<(&str, &str)> {
    let start = address.find("://")? + 3;
    let slash = address[start..].find('/')? + start;
    Some(address.split_at(slash))
}

/// The address of a repository in its normal form: without `..`, which could make one address look
/// like another.
pub(crate) fn repository_url(address: &str, local_allowed: bool) -> Result<String, SourceError> {
    let url = checked_url(address)?;
    let allowed = match url.scheme() {
        "https" | "ssh" => url.has_host(),
        "file" if local_allowed => !url.has_host(),
        "file" => {
            let why = "a document may not name a place on this machine";
            return Err(syntax(address, why, None));
        }
        other => return Err(unencrypted(address, other)),
    };
    let extra = url.query().is_some() || url.fragment().is_some();
    if !allowed || extra || url.path().len() < 2 {
        return Err(syntax(
            address,
            "it is not the address of a repository",
            None,
        ));
    }
    Ok(url.into())
}

pub(crate) fn unencrypted(text: &str, scheme: &str) -> SourceError {
    match scheme {
        "http" | "git" | "git+http" => {
            let why = "anybody on the way could change the document";
            let hint = "use an address that starts with `https://`";
            syntax(text, why, Some(hint))
        }
        other => {
            let why = format!("`{other}://` is not supported");
            let hint = "use a path, `https://`, `github:OWNER/REPO` or a git address";
            syntax(text, &why, Some(hint))
        }
    }
}

pub(crate) fn syntax(text: &str, reason: &str, hint: Option<&str>) -> SourceError {
    // Neither a query nor what stands before an `@` is repeated: both may be secrets.
    let mut shown = text.split('?').next().unwrap_or_default().to_owned();
    if let Some((scheme, rest)) = shown.split_once("://")
        && let Some((user, rest)) = rest.split_once('@')
        && !user.contains('/')
    {
        shown = format!("{scheme}://…@{rest}");
    }
    SourceError::Syntax {
        text: shown,
        reason: reason.to_owned(),
        hint: hint.map(str::to_owned),
    }
}
