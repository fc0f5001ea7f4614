//! Copies of documents: one file each, which holds the content and when and where it came from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scc_state::{StateError, files};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Source;
use crate::loaded::Revision;

/// The form of the files. One of another form is as good as none: it is fetched again.
const FORMAT: u32 = 1;
/// Clocks of two commands on one machine do not differ by more.
const SKEW: Duration = Duration::from_secs(300);
/// How often a lock that another holds is tried.
const POLL: Duration = Duration::from_millis(20);

/// The directory of the copies. Every file is private (0600), replaced in one step, and sealed: a
/// copy that was damaged or edited is found when it is read, set aside, and never used.
///
/// The seal has no key: it finds accidents and edits, not somebody who computes a new one. The
/// copies are the user's, whose machine it is; what an agent cannot do is write there.
#[derive(Debug, Clone)]
pub struct SourceCache {
    dir: PathBuf,
}

/// What a copy says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInfo {
    /// When the content was fetched.
    pub fetched_at: Timestamp,
    /// When the server last said that it is still right.
    pub checked_at: Timestamp,
    /// Which version of the document it is.
    pub revision: Option<Revision>,
    /// SHA-256 of the content, in hex.
    pub sha256: String,
}

/// A copy whose seal is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredCopy {
    pub(crate) info: CopyInfo,
    pub(crate) content: Vec<u8>,
}

/// The first line of a file; the content follows it.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    source: String,
    fetched_at: Timestamp,
    checked_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    sha256: String,
    /// Over this header without it.
    #[serde(default)]
    seal: String,
}

/// What is there.
pub(crate) enum Found {
    Nothing,
    Copy(StoredCopy),
    Damaged(String),
}

impl SourceCache {
    /// Opens the directory, making it (0700) where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or its mode cannot be set.
    pub fn open(dir: PathBuf) -> Result<Self, StateError> {
        files::private_dir(&dir)?;
        Ok(Self { dir })
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the copy of this source says about itself; `None` when there is none, or it is
    /// damaged.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn info(&self, source: &Source) -> Result<Option<CopyInfo>, StateError> {
        match self.find(source) {
            Found::Copy(copy) => Ok(Some(copy.info)),
            Found::Nothing | Found::Damaged(_) => Ok(None),
        }
    }

    /// Removes the copy of this source; none is fine.
    ///
    /// # Errors
    /// When it is there but cannot be removed.
    pub fn remove(&self, source: &Source) -> Result<(), StateError> {
        let _lock = self.write_lock(source)?;
        let path = self.path(source);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StateError::Io {
                action: "remove",
                path,
                source: error,
            }),
            _ => Ok(()),
        }
    }

    /// Reads the copy. A damaged one is set aside, and the warning says so.
    pub(crate) fn read(
        &self,
        source: &Source,
    ) -> Result<(Option<StoredCopy>, Option<String>), StateError> {
        match self.find(source) {
            Found::Nothing => return Ok((None, None)),
            Found::Copy(copy) => return Ok((Some(copy), None)),
            Found::Damaged(_) => {}
        }
        let _lock = self.write_lock(source)?;
        // Another may have set it aside, or replaced it, in the meantime.
        match self.find(source) {
            Found::Nothing => Ok((None, None)),
            Found::Copy(copy) => Ok((Some(copy), None)),
            Found::Damaged(reason) => {
                let path = self.path(source);
                let digest = match path.is_file() {
                    true => digest(&files::read(&path).ok().flatten().unwrap_or_default()),
                    false => digest(&[]),
                };
                let aside = files::set_aside(&path, "damaged", &digest[..8])?;
                let warning = format!(
                    "the copy of `{source}` is not used: {reason}; it is kept as `{}`",
                    aside.display()
                );
                Ok((None, Some(warning)))
            }
        }
    }

    pub(crate) fn write(&self, source: &Source, copy: &StoredCopy) -> Result<(), StateError> {
        let (etag, commit) = match copy.info.revision.clone() {
            Some(Revision::Etag(etag)) => (Some(etag), None),
            Some(Revision::Commit(commit)) => (None, Some(commit)),
            None => (None, None),
        };
        let mut header = Header {
            format: FORMAT,
            source: source.to_string(),
            fetched_at: copy.info.fetched_at,
            checked_at: copy.info.checked_at,
            etag,
            commit,
            sha256: digest(&copy.content),
            seal: String::new(),
        };
        let path = self.path(source);
        let encode = |header: &Header| {
            serde_json::to_vec(header).map_err(|source| StateError::Encode {
                path: path.clone(),
                source,
            })
        };
        header.seal = digest(&encode(&header)?);
        let mut bytes = encode(&header)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&copy.content);
        let _lock = self.write_lock(source)?;
        files::replace(&path, &bytes)
    }

    /// Waits until nobody else fetches this source, but no longer than `patience`: one fetch
    /// answers for all who wait for it, and one that hangs holds nobody up for ever.
    pub(crate) fn fetch_lock(
        &self,
        source: &Source,
        patience: Duration,
    ) -> Result<Option<File>, StateError> {
        let path = self.dir.join(format!("{}.fetch.lock", key(source)));
        let end = Instant::now() + patience;
        loop {
            let lock = files::try_lock(&path)?;
            if lock.is_some() || Instant::now() >= end {
                return Ok(lock);
            }
            std::thread::sleep(POLL);
        }
    }

    /// A new directory for a fetch. With the fetch lock in hand, those of dead fetches go.
    pub(crate) fn scratch(
        &self,
        source: &Source,
        lock: Option<&File>,
    ) -> Result<tempfile::TempDir, StateError> {
        let prefix = format!(".git-{}-", key(source));
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| StateError::Io {
                action,
                path,
                source,
            }
        };
        if lock.is_some() {
            let entries = fs::read_dir(&self.dir).map_err(failed("read", &self.dir))?;
            for entry in entries.flatten() {
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    // Tidying up is a courtesy; the fetch does not depend on it.
                    let _ = fs::remove_dir_all(entry.path());
                }
            }
        }
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(&prefix).tempdir_in(&self.dir);
        made.map_err(failed("create a directory in", &self.dir))
    }

    fn find(&self, source: &Source) -> Found {
        let path = self.path(source);
        // A directory cannot be read, and a pipe would block.
        match fs::metadata(&path) {
            Ok(meta) if !meta.is_file() => {
                return Found::Damaged("it is not a regular file".to_owned());
            }
            _ => {}
        }
        match files::read(&path) {
            Ok(None) => Found::Nothing,
            Ok(Some(bytes)) => decode(&bytes, &source.to_string()),
            Err(error) => Found::Damaged(format!("it cannot be read: {error}")),
        }
    }

    pub(crate) fn write_lock(&self, source: &Source) -> Result<File, StateError> {
        files::lock(&self.dir.join(format!("{}.lock", key(source))))
    }

    fn path(&self, source: &Source) -> PathBuf {
        self.dir.join(format!("{}.copy", key(source)))
    }

    pub(crate) fn attempt_path(&self, source: &Source) -> PathBuf {
        self.dir.join(format!("{}.attempt", key(source)))
    }
}

impl CopyInfo {
    /// How long ago the server last vouched for it; `None` when that is in the future.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let age = now.duration_since(self.checked_at);
        match Duration::try_from(age) {
            Ok(age) => Some(age),
            Err(_) => (age.unsigned_abs() <= SKEW).then_some(Duration::ZERO),
        }
    }
}

fn decode(bytes: &[u8], source: &str) -> Found {
    let damaged = |reason: &str| Found::Damaged(reason.to_owned());
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return damaged("it is cut off");
    };
    let (line, content) = (&bytes[..end], &bytes[end + 1..]);
    let Ok(mut header) = serde_json::from_slice::<Header>(line) else {
        return damaged("its first line cannot be read");
    };
    if header.format != FORMAT {
        return Found::Nothing;
    }
    let seal = std::mem::take(&mut header.seal);
    let sealed = serde_json::to_vec(&header).map(|line| digest(&line));
    if sealed.ok() != Some(seal) || header.sha256 != digest(content) {
        return damaged("it was changed after it was fetched");
    }
    if header.source != source {
        return damaged("it is the copy of another document");
    }
    let etag = header.etag.map(Revision::Etag);
    Found::Copy(StoredCopy {
        info: CopyInfo {
            fetched_at: header.fetched_at,
            checked_at: header.checked_at,
            revision: etag.or(header.commit.map(Revision::Commit)),
            sha256: header.sha256,
        },
        content: content.to_vec(),
    })
}

/// The name of a source's files. The document's usual name counts: with it, another file is meant.
fn key(source: &Source) -> String {
    let document = source.document().unwrap_or_default();
    let text = format!("{}\n{document}", source.to_text());
    digest(text.as_bytes())[..32].to_owned()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_of_a_byte_makes_another_copy() {
        let folder = tempfile::tempdir().unwrap();
        let cache = SourceCache::open(folder.path().to_owned()).unwrap();
        let source = Source::https("https://example.org/org.json").unwrap();
        let time = "2026-11-24T02:00:00Z".parse().unwrap();
        let content = b"{\"schema_version\":\n\"1.0.0\"}".to_vec();
        let copy = StoredCopy {
            info: CopyInfo {
                fetched_at: time,
                checked_at: time,
                revision: Some(Revision::Etag("\"one\"".to_owned())),
                sha256: digest(&content),
            },
            content,
        };
        cache.write(&source, &copy).unwrap();
        let bytes = files::read(&cache.path(&source)).unwrap().unwrap();
        let name = source.to_string();
        assert!(matches!(decode(&bytes, &name), Found::Copy(found) if found == copy));
        let mut refused = 0;
        for at in 0..bytes.len() {
            for change in [1, 2, 16, 32, 128] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                match decode(&changed, &name) {
                    // Such as a letter of a date that means the same in either case.
                    Found::Copy(found) => assert_eq!(found, copy, "byte {at}"),
                    Found::Nothing | Found::Damaged(_) => refused += 1,
                }
            }
            assert!(
                !matches!(decode(&bytes[..at], &name), Found::Copy(_)),
                "cut at {at}"
            );
        }
        assert!(refused > bytes.len() * 4, "{refused}");
    }
}
