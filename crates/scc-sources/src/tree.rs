//! Folders of files that are fetched as a whole, such as marketplaces of plugins.
//!
//! What comes is data: nothing in it is run or checked out, and it is judged before anybody sees
//! it. A path that leads out of the folder refuses all of it; what cannot be taken over by itself
//! (a link that leads out, a submodule, a file that is too large) is left out, and the tree says
//! so, so that whoever needs that part can refuse it.

mod archive;
mod builder;
mod copies;
mod directory;
mod git;
mod links;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

pub use copies::{FetchedTree, TreeLoader};

/// A folder of files. Links are resolved: a file that was reached through one is there twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<String, TreeFile>,
    left_out: BTreeMap<String, String>,
    digest: String,
}

/// A file of a [`Tree`]. Clones share the content.
#[derive(Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its bytes.
    pub content: Arc<[u8]>,
    /// Whether it can be run.
    pub executable: bool,
}

/// How much a tree may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// Files.
    pub files: usize,
    /// Bytes of one file; a larger one is left out.
    pub file_bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Bytes that a fetch may put on the disk.
    pub download_bytes: u64,
    /// How long a fetch may take.
    pub timeout: Duration,
}

impl Default for TreeLimits {
    /// 20 000 files, 8 MiB each and 64 MiB in all, from 256 MiB, in 5 minutes.
    fn default() -> Self {
        Self {
            files: 20_000,
            file_bytes: 8 << 20,
            total_bytes: 64 << 20,
            download_bytes: 256 << 20,
            timeout: Duration::from_secs(300),
        }
    }
}

impl Tree {
    fn new(files: BTreeMap<String, TreeFile>, left_out: BTreeMap<String, String>) -> Self {
        let digest = digest(&files, &left_out);
        Self {
            files,
            left_out,
            digest,
        }
    }

    /// The files by their relative paths, in order.
    pub fn files(&self) -> &BTreeMap<String, TreeFile> {
        &self.files
    }

    /// What was left out, by path, and why: a fragment in lower case.
    pub fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }

    /// SHA-256 over everything in it, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// One file.
    pub fn file(&self, path: &str) -> Option<&TreeFile> {
        self.files.get(path)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("digest", &self.digest)
            .field("files", &self.files.keys())
            .field("left_out", &self.left_out)
            .finish()
    }
}

impl fmt::Debug for TreeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeFile")
            .field("bytes", &self.content.len())
            .field("executable", &self.executable)
            .finish()
    }
}

fn digest(files: &BTreeMap<String, TreeFile>, left_out: &BTreeMap<String, String>) -> String {
    let mut digest = Sha256::new();
    // Each part with its length, so that no two lists of parts run together into the same bytes.
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    for (path, file) in files {
        part(path.as_bytes());
        part(if file.executable { b"x" } else { b"-" });
        part(&file.content);
    }
    part(b"left out");
    for (path, reason) in left_out {
        part(path.as_bytes());
        part(reason.as_bytes());
    }
    let digest = digest.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
