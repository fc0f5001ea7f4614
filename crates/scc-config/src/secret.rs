//! Where a secret is found: never the secret itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The start of the message for a literal key; `document.rs` leaves the line out of the snippet by it.
pub(crate) const REFUSED: &str = "not a secret source";

/// Where a key comes from: `env:VAR` (the host's environment) or `command:CMD` (what a command
/// prints). A literal key is refused, and the error does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretSource {
    /// The name of a variable in the host's environment.
    Env(String),
    /// A command line whose standard output is the secret.
    Command(String),
}

crate::values::string_schema!(
    SecretSource,
    "SecretSource",
    "`env:VARIABLE` or `command:COMMAND`; never the secret itself",
    {"pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|command:.*\\S.*)$"}
);

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("{REFUSED}: {why}"));
        if let Some(name) = text.strip_prefix("env:") {
            return match is_variable(name) {
                true => Ok(Self::Env(name.to_owned())),
                false => refused("`env:` needs the name of an environment variable after it"),
            };
        }
        if let Some(command) = text.strip_prefix("command:") {
            let bad = command.trim().is_empty() || command.contains('\0');
            return match bad {
                false => Ok(Self::Command(command.to_owned())),
                true => refused("`command:` needs a command after it"),
            };
        }
        refused("write `env:VARIABLE` or `command:COMMAND` instead of the key itself")
    }
}

/// Whether a text can be the name of an environment variable.
pub fn is_variable(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Command(command) => write!(f, "command:{command}"),
        }
    }
}

impl TryFrom<String> for SecretSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SecretSource> for String {
    fn from(source: SecretSource) -> Self {
        source.to_string()
    }
}
