//! What was loaded, and from where.

use std::time::Duration;

use jiff::Timestamp;

/// A document that passed its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The document.
    pub content: Vec<u8>,
    /// Where it came from this time.
    pub origin: Origin,
    /// Which version of the document it is, as far as the server says.
    pub revision: Option<Revision>,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
    /// When the content was fetched; for a file, when it was read.
    pub fetched_at: Timestamp,
    /// The copy is past its time and nobody has asked for a newer one in the last minute; only with
    /// [`LoadOptions::background`](crate::LoadOptions::background). The caller is to see to it.
    pub wants_refresh: bool,
    /// Sentences for the user, such as that a copy is stale or was changed by hand.
    pub warnings: Vec<String>,
}

/// Where a document came from this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was read or fetched now, or the server said that the copy is still right.
    Fresh,
    /// A copy that is within its time.
    Cached {
        /// How long ago the server last vouched for it.
        age: Duration,
    },
    /// A copy that is past its time, used while a newer one is fetched in the background.
    Due {
        /// How long ago the server last vouched for it.
        age: Duration,
    },
    /// A copy that is past its time, and nothing newer could be had.
    Stale {
        /// How long ago the server last vouched for it.
        age: Duration,
        /// Why there is nothing newer.
        reason: String,
        /// Whether the server answered and refused: the document may be gone, or the right to
        /// read it. Say so loudly.
        refused: bool,
    },
}

/// Which version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The ETag of a web server.
    Etag(String),
    /// The commit of a git repository, in full.
    Commit(String),
}

/// What a fetch gave.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The copy is still right.
    NotModified,
    New {
        content: Vec<u8>,
        revision: Option<Revision>,
    },
}
