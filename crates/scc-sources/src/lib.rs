//! Fetches documents from files, `https://` addresses and git repositories, and keeps checked
//! copies of them.
//!
//! A [`Source`] says where a document is; a [`Loader`] gets it, by the rules that stand there. The
//! main promises: nothing unencrypted is fetched; credentials go to the source's own host only;
//! nothing that comes from a repository is run or checked out; a document counts only after the
//! caller's check, whether it was just fetched or comes from a copy; a copy is asked about again
//! when its time to live is over (in the background, where the caller wants that), and is never used
//! when it is older than [`MAX_STALE`]. Calls block. The environment, the clock and the user's directories are the
//! caller's: they come in as arguments.
//!
//! ```
//! use scc_sources::{FetchOptions, Loader, LoadOptions, Origin, Source, SourceCache};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("org.json"), r#"{"schema_version": "1.0.0"}"#)?;
//!
//! let cache = SourceCache::open(folder.path().join("cache"))?;
//! let loader = Loader::new(cache, FetchOptions::default());
//! let source = Source::parse("org.json", folder.path())?;
//! let now = "2026-11-24T02:00:00Z".parse()?;
//! let check = |content: &[u8]| match content.starts_with(b"{") {
//!     true => Ok(()),
//!     false => Err("it is not an object".to_owned()),
//! };
//! let loaded = loader.load(&source, &LoadOptions::at(now), &check)?;
//! assert_eq!(loaded.origin, Origin::Fresh);
//!
//! let refused = Source::parse("http://example.org/org.json", folder.path());
//! assert_eq!(
//!     refused.unwrap_err().hint().as_deref(),
//!     Some("use an address that starts with `https://`")
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod age;
mod attempt;
mod auth;
mod authorities;
mod cache;
mod complaint;
mod error;
mod git;
mod http;
mod loaded;
mod loader;
mod options;
mod process;
mod source;
mod syntax;
mod tree;

pub use attempt::{Attempt, AttemptOutcome};
pub use auth::AuthHeader;
pub use cache::{CopyInfo, SourceCache};
pub use error::SourceError;
pub use loaded::{Loaded, Origin, Revision};
pub use loader::{Loader, Validator};
pub use options::{AuthProvider, FetchOptions, GitOptions, LoadOptions, MAX_STALE, ProxyOptions};
pub use source::{Source, SourceKind};
pub use tree::{FetchedTree, Tree, TreeFile, TreeLimits, TreeLoader};
