//! What can go wrong between a document and its reader.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use scc_state::StateError;

use crate::age::words;

/// A document that cannot be had. `Display` says what, [`SourceError::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A text that is not a source.
    #[error("`{text}` is not a usable source: {reason}")]
    Syntax {
        /// The text, without what may be a secret.
        text: String,
        /// What is wrong with it.
        reason: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A file of this machine.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The credentials that the configuration names cannot be had.
    #[error("cannot get the credentials for `{from}`: {reason}")]
    Credentials {
        /// The source.
        from: String,
        /// The reason, without the secret.
        reason: String,
    },
    /// No answer came.
    #[error("cannot reach `{from}`: {reason}")]
    Network {
        /// The source.
        from: String,
        /// The reason.
        reason: String,
    },
    /// The server answered with something else than the document.
    #[error("`{from}` {}", answered(*status))]
    Status {
        /// The source.
        from: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server points to a place that scc does not follow.
    #[error("`{from}` redirects {reason}")]
    Redirect {
        /// The source.
        from: String,
        /// Where to, and what is wrong with it.
        reason: String,
    },
    /// What came is not a document at all.
    #[error("`{from}` did not send a usable document: {reason}")]
    Content {
        /// The source.
        from: String,
        /// What it is.
        reason: String,
        /// What to do about it.
        hint: Option<&'static str>,
    },
    /// git failed.
    #[error("git cannot fetch `{from}`: {reason}")]
    Git {
        /// The source.
        from: String,
        /// What git said.
        reason: String,
        /// Whether the server refused, as far as git tells.
        refused: bool,
    },
    /// git does not run.
    #[error("cannot run `{}`", program.display())]
    GitMissing {
        /// The program.
        program: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The repository does not have the document.
    #[error("`{from}` has no usable document: {reason}")]
    NotInRepository {
        /// The source.
        from: String,
        /// What is there instead.
        reason: String,
    },
    /// A folder of files that must not be used.
    #[error("the files of `{from}` are refused: {reason}")]
    Tree {
        /// The source.
        from: String,
        /// The reason.
        reason: String,
    },
    /// What was pinned is not there any more.
    #[error("`{from}` does not have `{pinned}` any more")]
    PinGone {
        /// The source.
        from: String,
        /// The commit or digest that was pinned.
        pinned: String,
    },
    /// The document is not valid.
    #[error("the document from `{from}` is not valid: {reason}")]
    Invalid {
        /// The source.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing may be fetched, and there is no copy.
    #[error("there is no usable copy of `{from}`, and no server was asked")]
    Offline {
        /// The source.
        from: String,
    },
    /// The copy is too old to be used.
    #[error("the copy of `{from}` {}", too_old(*age))]
    TooOld {
        /// The source.
        from: String,
        /// How old it is; `None` when it seems to be from the future.
        age: Option<Duration>,
        /// Why there is no newer one.
        source: Option<Box<SourceError>>,
    },
    /// The directory of the copies cannot be used.
    #[error(transparent)]
    Cache(#[from] StateError),
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax { hint, .. } => return hint.clone(),
            Self::TooOld { age: None, .. } => "check the clock of this machine, then fetch again",
            Self::TooOld { source, .. } => match source {
                Some(source) => return source.hint(),
                None => "fetch it again without `--offline`",
            },
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path"
            }
            Self::Credentials { .. } => {
                "check the header or command that is named for it; a variable has to be set where you \
                 type scc"
            }
            Self::Network { reason, .. } if reason.contains("certificate") => {
                "if your company has its own authority, add its PEM file to `ca_certificates`"
            }
            Self::Network { .. } => "check the address and the connection",
            Self::Status { status: 401, .. } => "check the credentials that the settings name",
            Self::Status { status: 403, .. } => "ask whoever keeps the document to let you read it",
            Self::Status { status: 404, .. } => {
                "check the address; some servers answer like this when you may not read it"
            }
            Self::Status { status, .. } if *status >= 500 => "try again later",
            Self::Git { refused: true, .. } => {
                "check that the repository exists and that `git ls-remote` may read it"
            }
            Self::GitMissing { .. } => "install git",
            Self::Tree { .. } => "ask whoever keeps it; nothing of it was used",
            Self::PinGone { .. } => {
                "see what is there now, and accept it: scc org update; who rewrote it can say why"
            }
            Self::Offline { .. } => "connect once without `--offline`",
            Self::Content { hint, .. } => return hint.map(str::to_owned),
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the other side answered and said no: the right to read may have been taken away.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 401 | 403 | 404 | 410),
            Self::Git { refused, .. } => *refused,
            Self::NotInRepository { .. } => true,
            _ => false,
        }
    }
}

fn answered(status: u16) -> String {
    match status {
        401 => "wants credentials, or other ones (401)".to_owned(),
        403 => "does not let you read it (403)".to_owned(),
        404 | 410 => format!("does not exist ({status})"),
        429 => "is asked too often (429)".to_owned(),
        500.. => format!("failed on the server's side ({status})"),
        _ => format!("was answered with status {status}"),
    }
}

fn too_old(age: Option<Duration>) -> String {
    match age {
        Some(age) => format!("is {} old, which is too old to be used", words(age)),
        None => "seems to be from the future".to_owned(),
    }
}
