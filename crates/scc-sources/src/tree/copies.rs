//! Trees by the places that they come from, and copies of them by their content.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use scc_state::{StateError, files};
use serde::{Deserialize, Serialize};

use super::builder::check_path;
use super::{Tree, TreeFile, TreeLimits, archive, directory, git};
use crate::cache::digest as digest_of;
use crate::source::Place;
use crate::{AuthHeader, FetchOptions, Source, SourceError, http};

/// The first entry of a copy: what the files do not say.
const HEAD: &str = "scc-tree.json";

/// Fetches trees and keeps a copy of each. A copy is named by the digest of its content, and only
/// counts while it has that digest; so nobody can change one, and none is ever out of date.
#[derive(Debug, Clone)]
pub struct TreeLoader {
    dir: PathBuf,
    options: FetchOptions,
    limits: TreeLimits,
}

/// A tree that was fetched.
#[derive(Debug, Clone)]
pub struct FetchedTree {
    /// The files.
    pub tree: Tree,
    /// The commit that they are of, where they come from a git repository.
    pub commit: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    left_out: std::collections::BTreeMap<String, String>,
}

impl TreeLoader {
    /// A loader with its copies in `dir`, which is made (0700) where it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made or its mode cannot be set.
    pub fn open(
        dir: PathBuf,
        options: FetchOptions,
        limits: TreeLimits,
    ) -> Result<Self, StateError> {
        files::private_dir(&dir)?;
        let options = FetchOptions {
            total_timeout: limits.timeout,
            max_bytes: limits.total_bytes,
            ..options
        };
        Ok(Self {
            dir,
            options,
            limits,
        })
    }

    /// The copy with this digest; `None` where there is none, or where it was changed.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn copy(&self, digest: &str) -> Result<Option<Tree>, StateError> {
        let path = self.path(digest);
        let io = |source| StateError::Io {
            action: "read",
            path: path.clone(),
            source,
        };
        match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
            Ok(_) => {}
        }
        let tree = unpack(&path).map_err(io)?;
        Ok(tree.filter(|tree| tree.digest() == digest))
    }

    /// Gets what is at the source: the commit `pinned` of a repository, else the newest; of an
    /// address or a directory what is there now. The path of a file is that of a directory here, and
    /// the path in a repository that of a folder.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be had or must not be used; [`SourceError::PinGone`] when the
    /// repository does not have the commit any more.
    pub fn fetch(
        &self,
        source: &Source,
        pinned: Option<&str>,
        auth: Option<&AuthHeader>,
    ) -> Result<FetchedTree, SourceError> {
        let from = source.to_string();
        let fetched = match &source.0 {
            Place::File(path) => {
                let tree = self.directory(&from, path)?;
                return Ok(FetchedTree { tree, commit: None });
            }
            Place::Https(url) => {
                let _lock = self.lock(source)?;
                let fetched = http::fetch(url, None, auth, &self.options)?;
                let crate::loaded::Fetched::New { content, .. } = fetched else {
                    let status = 304;
                    return Err(SourceError::Status { from, status });
                };
                let tree = archive::read(&content, self.limits);
                let tree = tree.map_err(|reason| SourceError::Tree { from, reason })?;
                FetchedTree { tree, commit: None }
            }
            Place::Git(place) => {
                let lock = self.lock(source)?;
                let dir = self.scratch(source, &lock)?;
                let access = (auth, &self.options);
                let (commit, tree) =
                    git::fetch(&from, place, pinned, access, self.limits, dir.path())?;
                let commit = Some(commit);
                FetchedTree { tree, commit }
            }
        };
        self.store(&fetched.tree)?;
        Ok(fetched)
    }

    /// Removes every copy but these.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn retain(&self, digests: &[&str]) -> Result<(), StateError> {
        let keep: Vec<_> = digests.iter().map(|digest| self.path(digest)).collect();
        let entries = fs::read_dir(&self.dir).map_err(|source| StateError::Io {
            action: "read",
            path: self.dir.clone(),
            source,
        })?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_copy = path
                .extension()
                .is_some_and(|extension| extension == "tree");
            if is_copy && !keep.contains(&path) {
                // Whoever needs it fetches it again.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn directory(&self, from: &str, path: &Path) -> Result<Tree, SourceError> {
        directory::read(path, self.limits).map_err(|error| match error {
            directory::Error::Io(source) => SourceError::File {
                path: path.to_owned(),
                source,
            },
            directory::Error::Refused(reason) => SourceError::Tree {
                from: from.to_owned(),
                reason,
            },
        })
    }

    fn path(&self, digest: &str) -> PathBuf {
        // What is no digest must not lead elsewhere.
        let name: String = digest.chars().filter(char::is_ascii_alphanumeric).collect();
        self.dir.join(format!("{name}.tree"))
    }

    fn store(&self, tree: &Tree) -> Result<(), StateError> {
        let path = self.path(tree.digest());
        let bytes = pack(tree).map_err(|source| StateError::Io {
            action: "pack",
            path: path.clone(),
            source,
        })?;
        let _lock = files::lock(&self.dir.join("store.lock"))?;
        files::replace(&path, &bytes)
    }

    /// One fetch of a source at a time; the kernel drops the lock of a process that dies.
    fn lock(&self, source: &Source) -> Result<File, StateError> {
        files::lock(&self.dir.join(format!("{}.lock", key(source))))
    }

    /// A new directory; with the lock in hand, those of dead fetches go.
    fn scratch(&self, source: &Source, _lock: &File) -> Result<tempfile::TempDir, StateError> {
        let prefix = format!(".git-{}-", key(source));
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(&prefix).tempdir_in(&self.dir);
        made.map_err(|source| StateError::Io {
            action: "create a directory in",
            path: self.dir.clone(),
            source,
        })
    }
}

fn key(source: &Source) -> String {
    digest_of(source.to_text().as_bytes())[..32].to_owned()
}

fn pack(tree: &Tree) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, content: &[u8], mode: u32| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        builder.append_data(&mut header, path, content)
    };
    let head = Head {
        left_out: tree.left_out().clone(),
    };
    add(HEAD, &serde_json::to_vec(&head)?, 0o644)?;
    for (path, file) in tree.files() {
        let mode = if file.executable { 0o755 } else { 0o644 };
        // Below a folder of its own, so that no file can be taken for the head.
        add(&format!("files/{path}"), &file.content, mode)?;
    }
    builder.into_inner()
}

/// `None` where it is not what [`pack`] writes. The digest says the rest.
fn unpack(path: &Path) -> std::io::Result<Option<Tree>> {
    let mut archive = tar::Archive::new(File::open(path)?);
    let mut left_out = None;
    let mut files = std::collections::BTreeMap::new();
    let Ok(entries) = archive.entries() else {
        return Ok(None);
    };
    for entry in entries {
        let Ok(mut entry) = entry else {
            return Ok(None);
        };
        let mut content = Vec::new();
        if entry.read_to_end(&mut content).is_err() {
            return Ok(None);
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        match name.strip_prefix("files/") {
            Some(path) if check_path(path).is_ok() => {
                let content = content.into();
                let file = TreeFile {
                    content,
                    executable,
                };
                files.insert(path.to_owned(), file);
            }
            None if name == HEAD => {
                left_out = serde_json::from_slice::<Head>(&content).ok();
            }
            _ => return Ok(None),
        }
    }
    Ok(left_out.map(|head| Tree::new(files, head.left_out)))
}
