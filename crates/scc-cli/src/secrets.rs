//! Fetching secrets from where the user keeps them.

use scc_config::SecretSource;
use secrecy::SecretString;

use crate::environment;
use crate::error::CliError;

/// Resolves a secret for the setting `key`.
pub(crate) fn resolve(key: &str, source: &SecretSource) -> Result<SecretString, CliError> {
    let missing = |reason: String| CliError::Secret {
        key: key.to_owned(),
        reason,
    };
    let value = match source {
        SecretSource::Env(name) => environment::variable(name)
            .ok_or_else(|| missing(format!("the environment variable `{name}` is not set")))?,
        SecretSource::Command(command) => output_of(command).map_err(missing)?,
    };
    let value = value.trim();
    if value.is_empty() {
        return Err(missing("it is empty".to_owned()));
    }
    Ok(SecretString::from(value.to_owned()))
}

/// Why a secret cannot be had, as far as that can be told without running a command.
pub(crate) fn missing(key: &str, source: &SecretSource) -> Option<CliError> {
    match source {
        SecretSource::Env(_) => resolve(key, source).err(),
        SecretSource::Command(_) => None,
    }
}

fn output_of(command: &str) -> Result<String, String> {
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", command])
        // Not in the workspace, whose files an agent can write.
        .current_dir("/")
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("the command `{command}` cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "the command `{command}` failed ({})",
            output.status
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("the command `{command}` printed no text"))
}
