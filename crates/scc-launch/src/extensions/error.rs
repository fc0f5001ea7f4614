//! Why a plugin or an artifact cannot be handed over.

use scc_sources::SourceError;
use scc_state::StateError;

/// Why a plugin or an artifact cannot be handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// Nobody says where its marketplace is.
    #[error("nobody says where the marketplace `{0}` is")]
    NoSource(String),
    /// Its marketplace cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What scc remembers cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Nothing was fetched so far, and nothing may be now.
    #[error("`{from}` was not fetched yet, and nothing is fetched offline")]
    Offline {
        /// The source.
        from: String,
    },
    /// There is something else now than what was pinned.
    #[error("`{from}` has changed since it was pinned")]
    Changed {
        /// The source.
        from: String,
    },
    /// It may not come from where it is said to be.
    #[error("it comes from the directory `{path}`, {reason}")]
    Directory {
        /// The directory.
        path: String,
        /// Why that is not possible.
        reason: &'static str,
    },
    /// Its marketplace does not have it, or has it in a way that cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The artifact cannot be had in the form that the agent needs.
    #[error("{0}")]
    Artifact(String),
    /// Something else has the artifact's name.
    #[error("{0}")]
    Clash(String),
}

impl ExtensionError {
    /// Whether it must not be used, and not merely cannot be had now.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Unusable(_)
            | Self::Changed { .. }
            | Self::Directory { .. }
            | Self::Artifact(_)
            | Self::Clash(_) => true,
            Self::NoSource(_) | Self::State(_) | Self::Offline { .. } => false,
            Self::Source(error) => {
                matches!(
                    error,
                    SourceError::Tree { .. } | SourceError::PinGone { .. }
                )
            }
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        let hint = match self {
            Self::NoSource(_) => {
                "name its source under `marketplaces` in the organization's document"
            }
            Self::Offline { .. } => "connect once without `--offline`",
            Self::Changed { .. } => "see what is there now, and accept it: scc org update",
            Self::Directory { .. } => "keep it elsewhere, or in a repository",
            Self::Artifact(_) => {
                "ask whoever keeps the organization's document to mend the artifact, or to make it \
                 `available`"
            }
            Self::Clash(_) => {
                "give one of them another name; that of an artifact is the `native_ref` of its binding"
            }
            Self::Unusable(_) => "ask whoever keeps the marketplace, or take the plugin out",
            Self::Source(error) => return error.hint().unwrap_or_default(),
            Self::State(_) => "",
        };
        hint.to_owned()
    }
}
