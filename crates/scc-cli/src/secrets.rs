//! Fetching secrets from where the user keeps them.

use std::process::Command;
use std::time::Duration;

use scc_config::SecretSource;
use secrecy::SecretString;

use crate::environment;
use crate::error::CliError;
use crate::program::{Unheard, output_within};

/// Resolves a secret for the setting `key`.
pub(crate) fn resolve(key: &str, source: &SecretSource) -> Result<SecretString, CliError> {
    let missing = |reason: String| CliError::Secret {
        key: key.to_owned(),
        reason,
    };
    let value = match source {
        SecretSource::Env(name) => environment::variable(name)
            .ok_or_else(|| missing(format!("the environment variable `{name}` is not set")))?,
        SecretSource::Command(command) => output_of(command, PATIENCE).map_err(missing)?,
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

/// How long a command may take: a person may have to unlock something.
const PATIENCE: Duration = Duration::from_secs(60);

fn output_of(command: &str, patience: Duration) -> Result<String, String> {
    let failed = |why: String| format!("the command `{command}` {why}");
    let mut shell = Command::new("/bin/sh");
    // Not in the workspace, whose files an agent can write.
    shell.args(["-c", command]).current_dir("/");
    let (status, printed) =
        output_within(&mut shell, patience).map_err(|unheard| match unheard {
            Unheard::NotRun(error) => failed(format!("cannot be run: {error}")),
            Unheard::Lost(error) => failed(format!("was lost: {error}")),
            Unheard::Late => failed(format!("did not end within {} s", patience.as_secs())),
        })?;
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    String::from_utf8(printed).map_err(|_| failed("printed no text".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_a_command_prints_is_the_secret() {
        assert_eq!(output_of("echo hunter2", PATIENCE).unwrap(), "hunter2\n");
        let failed = output_of("echo hunter2; exit 3", PATIENCE).unwrap_err();
        assert!(failed.ends_with("failed (exit status: 3)"), "{failed}");
        assert_eq!(output_of("pwd", PATIENCE).unwrap(), "/\n");
    }

    /// Also one that went on in the background and holds the pipe.
    #[test]
    fn a_command_that_does_not_end_is_not_waited_for() {
        let started = Instant::now();
        for command in ["exec sleep 20", "sleep 20 & echo k"] {
            let failed = output_of(command, Duration::from_secs(1)).unwrap_err();
            assert!(failed.ends_with("did not end within 1 s"), "{failed}");
        }
        assert!(started.elapsed() < Duration::from_secs(18));
    }
}
