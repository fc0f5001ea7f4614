//! An engine's failures in scc's terms.

use std::error::Error as _;

use bollard::errors::Error;

use super::REQUEST_LIMIT;
use crate::EngineError;

/// Turns an engine's failure into ours. `what` is said not to exist when the engine says 404.
pub(super) fn failed(action: &str, what: &str) -> impl FnOnce(Error) -> EngineError {
    move |error| translate(error, action, what)
}

fn translate(error: Error, action: &str, what: &str) -> EngineError {
    let action = action.to_owned();
    match error {
        Error::DockerResponseServerError { message, .. } if is_disk_full(&message) => {
            EngineError::DiskFull { action }
        }
        // What is missing need not be what was named in the request.
        Error::DockerResponseServerError {
            status_code: 404,
            message,
        } if is_network_missing(&message) => refused(action, &message),
        Error::DockerResponseServerError {
            status_code: 404, ..
        } => EngineError::NotFound {
            what: what.to_owned(),
        },
        Error::DockerResponseServerError { message, .. }
        | Error::DockerStreamError { error: message } => refused(action, &message),
        Error::RequestTimeoutError => EngineError::TimedOut {
            action,
            limit: REQUEST_LIMIT,
        },
        other => EngineError::Broken {
            action,
            source: Box::new(other),
        },
    }
}

/// A refusal in the engine's own words, unless they mean a full disk.
fn refused(action: String, message: &str) -> EngineError {
    if is_disk_full(message) {
        return EngineError::DiskFull { action };
    }
    EngineError::Refused {
        action,
        message: message.trim_end().to_owned(),
    }
}

/// How engines pass on what the kernel says.
pub(super) fn is_disk_full(message: &str) -> bool {
    message
        .to_ascii_lowercase()
        .contains("no space left on device")
}

fn is_network_missing(message: &str) -> bool {
    message.contains("network ") && message.contains(" not found")
}

/// The HTTP status of a refusal.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether a container of that name exists. Docker says it with a status, Podman in words.
pub(super) fn is_name_taken(error: &Error) -> bool {
    status(error) == Some(409) || message(error).contains("name is already in use")
}

/// The engine's words of a refusal.
pub(super) fn message(error: &Error) -> &str {
    match error {
        Error::DockerResponseServerError { message, .. } => message,
        _ => "",
    }
}

/// The innermost cause, which is the one that says what happened to a connection.
pub(super) fn innermost(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = cause.to_string();
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError {
            status_code,
            message: message.to_owned(),
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let full = answer(500, "write /x: No space left on device");
        assert!(matches!(
            translate(full, "doing", "x"),
            EngineError::DiskFull { .. }
        ));
        let gone = translate(answer(404, "No such container: x"), "doing", "sandbox `x`");
        assert_eq!(gone.to_string(), "sandbox `x` does not exist");
        let network = answer(404, "network there-is-none not found");
        let network = translate(network, "starting it", "sandbox `x`");
        assert!(
            network
                .to_string()
                .ends_with("network there-is-none not found")
        );
        let other = translate(answer(400, "bad\n"), "doing", "x");
        assert_eq!(other.to_string(), "the engine refused, while doing: bad");
        let slow = translate(Error::RequestTimeoutError, "doing", "x");
        assert!(matches!(slow, EngineError::TimedOut { .. }));
    }
}
