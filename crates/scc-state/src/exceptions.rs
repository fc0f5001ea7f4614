//! Exceptions files: the user's own, and one that a repository shares.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::chain::hex;
use crate::{Exception, Loaded, StateError, files};

/// The version that this scc writes, and the newest it reads.
const VERSION: u64 = 1;
/// Far more than anybody grants, far less than what hurts.
const MAX_BYTES: u64 = 4 << 20;

/// A file of exceptions: read without a lock, changed under one.
///
/// A file of a newer scc is an error and stays as it is. A damaged file is set aside and reported.
/// A single exception that cannot be read is reported, does not hold, and stays in the file; so do
/// fields that this scc does not know.
#[derive(Debug, Clone)]
pub struct ExceptionStore {
    path: PathBuf,
    lock: PathBuf,
    /// A directory that somebody else may have made: it must not lead elsewhere.
    guarded: Option<PathBuf>,
}

/// The file. Exceptions stay values, so that one that is damaged does not take the others along.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema_version: u64,
    #[serde(default)]
    exceptions: Vec<Value>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

struct Read {
    file: File,
    exceptions: Vec<Exception>,
    /// Those that cannot be read.
    broken: Vec<Value>,
    warnings: Vec<String>,
}

impl ExceptionStore {
    /// The user's own file, `exceptions.json` in this directory.
    pub fn user(dir: &Path) -> Self {
        Self {
            path: dir.join("exceptions.json"),
            lock: dir.join("exceptions.lock"),
            guarded: None,
        }
    }

    /// The file that a repository shares, `.scc/exceptions.json` below `root`. An agent can write
    /// there: a symbolic link on the way is refused, and the lock is a file in `lock_dir`, where
    /// no agent can hold it.
    pub fn repository(root: &Path, lock_dir: &Path) -> Self {
        let dir = root.join(".scc");
        let key = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes()));
        Self {
            path: dir.join("exceptions.json"),
            lock: lock_dir.join(format!("exceptions-{}.lock", &key[..16])),
            guarded: Some(dir),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All exceptions, expired ones too, in the order of the file; none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, was written by a newer scc, or is reached through a symbolic
    /// link in a repository. A damaged file is no error: it is set aside and a warning says so.
    pub fn read(&self) -> Result<Loaded<Vec<Exception>>, StateError> {
        let read = match self.decode()? {
            Ok(read) => read,
            Err(_) => {
                let _lock = self.lock()?;
                self.read_locked()?
            }
        };
        Ok(Loaded {
            value: read.exceptions,
            warnings: read.warnings,
        })
    }

    /// Changes the exceptions under the lock and writes them, sorted by age and id, if they
    /// differ. Keep `change` short: every other scc waits for it.
    ///
    /// # Errors
    /// As for [`ExceptionStore::read`], and when the file cannot be locked or written; the change
    /// is then not kept.
    pub fn update<R>(
        &self,
        change: impl FnOnce(&mut Vec<Exception>) -> R,
    ) -> Result<Loaded<R>, StateError> {
        let _lock = self.lock()?;
        let mut read = self.read_locked()?;
        let before = read.exceptions.clone();
        let value = change(&mut read.exceptions);
        if read.exceptions != before {
            self.write(read.file, read.exceptions, read.broken)?;
        }
        Ok(Loaded {
            value,
            warnings: read.warnings,
        })
    }

    fn write(
        &self,
        mut file: File,
        mut exceptions: Vec<Exception>,
        broken: Vec<Value>,
    ) -> Result<(), StateError> {
        exceptions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        let values: Result<Vec<_>, _> = exceptions.iter().map(serde_json::to_value).collect();
        file.exceptions = values.map_err(StateError::encode(&self.path))?;
        file.exceptions.extend(broken);
        let mut value = serde_json::to_value(file).map_err(StateError::encode(&self.path))?;
        value.sort_all_objects();
        let mut json =
            serde_json::to_string_pretty(&value).map_err(StateError::encode(&self.path))?;
        json.push('\n');
        if let Some(dir) = &self.guarded {
            fs::create_dir_all(dir).map_err(StateError::io("create directory", dir))?;
            self.check()?;
        }
        files::replace(&self.path, json.as_bytes())
    }

    fn lock(&self) -> Result<fs::File, StateError> {
        if let Some(dir) = self.lock.parent() {
            files::private_dir(dir)?;
        }
        files::lock(&self.lock)
    }

    fn read_locked(&self) -> Result<Read, StateError> {
        match self.decode()? {
            Ok(read) => Ok(read),
            Err(reason) => {
                let time = files::modified_at(&self.path);
                let aside = files::set_aside(&self.path, "damaged", &time)?;
                let mut read = Read::empty();
                read.warnings.push(format!(
                    "`{}` was damaged ({reason}); it is kept as `{}`",
                    self.path.display(),
                    aside.display()
                ));
                Ok(read)
            }
        }
    }

    /// `Err` inside is the damage.
    fn decode(&self) -> Result<Result<Read, String>, StateError> {
        self.check()?;
        let Some(bytes) = files::read(&self.path)? else {
            return Ok(Ok(Read::empty()));
        };
        let found = match serde_json::from_slice::<Version>(&bytes) {
            Ok(Version { schema_version }) => schema_version,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if found > VERSION {
            return Err(StateError::NewerVersion {
                path: self.path.clone(),
                found,
                supported: VERSION,
            });
        }
        let file: File = match serde_json::from_slice(&bytes) {
            Ok(file) => file,
            Err(error) => return Ok(Err(error.to_string())),
        };
        Ok(Ok(self.split(file)))
    }

    fn split(&self, mut file: File) -> Read {
        let mut read = Read::empty();
        for (index, value) in std::mem::take(&mut file.exceptions).into_iter().enumerate() {
            match Exception::deserialize(&value) {
                Ok(exception) => read.exceptions.push(exception),
                Err(error) => {
                    read.warnings.push(format!(
                        "exception {} in `{}` does not hold, since it cannot be read: {error}",
                        index + 1,
                        self.path.display()
                    ));
                    read.broken.push(value);
                }
            }
        }
        read.file = file;
        read
    }

    /// Refuses what would lead a read or a write elsewhere, block it, or never end.
    fn check(&self) -> Result<(), StateError> {
        let unexpected = |path: &Path, found| {
            let path = path.to_owned();
            Err(StateError::Unexpected { path, found })
        };
        if let Some(dir) = &self.guarded {
            for path in [dir, &self.path] {
                if path.is_symlink() {
                    return unexpected(path, "a symbolic link");
                }
            }
        }
        match fs::metadata(&self.path) {
            Ok(meta) if !meta.is_file() => unexpected(&self.path, "not a regular file"),
            Ok(meta) if meta.len() > MAX_BYTES => unexpected(&self.path, "larger than 4 MiB"),
            _ => Ok(()),
        }
    }
}

impl Read {
    fn empty() -> Self {
        Self {
            file: File {
                schema_version: VERSION,
                exceptions: Vec::new(),
                extra: Map::new(),
            },
            exceptions: Vec::new(),
            broken: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
