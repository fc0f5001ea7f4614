//! The header that lets a reader in.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use ureq::http::{HeaderName, HeaderValue};

/// The header that says who asks. It is sent to the host that the source names and to no other.
#[derive(Clone)]
pub struct AuthHeader {
    name: HeaderName,
    secret: SecretString,
}

impl AuthHeader {
    /// A header of this name (`Authorization` when there is none) with this secret.
    ///
    /// In `Authorization` a bare token is sent as `Bearer TOKEN` to a web server, and to a git
    /// server as the password of a `Basic` pair, which is what those understand. A secret that
    /// names its scheme itself, and one in another header, is sent as it is.
    ///
    /// # Errors
    /// A reason, without the secret, when the name or the secret cannot stand in a header.
    pub fn new(name: Option<&str>, secret: &SecretString) -> Result<Self, String> {
        let name = name.unwrap_or("Authorization");
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is not the name of a header"))?;
        let secret = SecretString::from(secret.expose_secret().trim());
        let usable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if secret.expose_secret().is_empty() {
            return Err("the secret is empty".to_owned());
        }
        if !secret.expose_secret().bytes().all(usable) {
            return Err("the secret holds characters that a header cannot have".to_owned());
        }
        Ok(Self { name, secret })
    }

    /// For a web server.
    pub(crate) fn for_web(&self) -> Result<(HeaderName, HeaderValue), String> {
        let text = match self.is_bare() {
            true => SecretString::from(format!("Bearer {}", self.secret.expose_secret())),
            false => self.secret.clone(),
        };
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| "the secret holds characters that a header cannot have".to_owned())?;
        value.set_sensitive(true);
        Ok((self.name.clone(), value))
    }

    /// For a git server: a line `NAME: VALUE`.
    pub(crate) fn for_git(&self) -> SecretString {
        let secret = self.secret.expose_secret();
        let value = match self.is_bare() {
            true => format!(
                "Basic {}",
                STANDARD.encode(format!("x-access-token:{secret}"))
            ),
            false => secret.to_owned(),
        };
        SecretString::from(format!("{}: {value}", self.name))
    }

    fn is_bare(&self) -> bool {
        let first = self.secret.expose_secret().split(' ').next().unwrap_or("");
        let named = ["bearer", "basic", "token"].contains(&first.to_ascii_lowercase().as_str());
        self.name == "authorization" && !named
    }
}

impl fmt::Debug for AuthHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthHeader({}: …)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: Option<&str>, secret: &str) -> Result<AuthHeader, String> {
        AuthHeader::new(name, &SecretString::from(secret))
    }

    #[test]
    fn a_bare_token_gets_the_scheme_that_the_server_knows() {
        let web = |name, secret| {
            let (name, value) = header(name, secret).unwrap().for_web().unwrap();
            format!("{name}: {}", value.to_str().unwrap())
        };
        let git = |name, secret| header(name, secret).unwrap().for_git();
        assert_eq!(web(None, "abc\n"), "authorization: Bearer abc");
        assert_eq!(web(None, "bearer abc"), "authorization: bearer abc");
        assert_eq!(web(Some("Private-Token"), "abc"), "private-token: abc");
        assert_eq!(
            git(None, "abc").expose_secret(),
            "authorization: Basic eC1hY2Nlc3MtdG9rZW46YWJj"
        );
        assert_eq!(
            git(None, "Basic eA==").expose_secret(),
            "authorization: Basic eA=="
        );
        assert_eq!(git(Some("X-Key"), "abc").expose_secret(), "x-key: abc");
    }

    #[test]
    fn a_secret_is_not_shown() {
        for (name, secret) in [
            (None, ""),
            (None, "hunter2\r\nx: y"),
            (Some("a b"), "hunter2"),
            (None, "hunter2ü"),
        ] {
            let error = header(name, secret).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", header(None, "hunter2").unwrap());
        assert_eq!(shown, "AuthHeader(authorization: …)");
    }
}
