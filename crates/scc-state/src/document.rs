//! A versioned JSON document: read without a lock (renames are atomic), changed under one.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Loaded, StateError, files};

/// The version that this scc writes, and the newest it reads. It is to be raised with every
/// change of a document's form: fields that an older scc does not know would be lost by it.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    version: u64,
    #[serde(default)]
    updated_at: Option<Timestamp>,
    data: T,
}

/// One document of the state directory.
pub(crate) struct Document {
    path: PathBuf,
    lock: PathBuf,
}

impl Document {
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        Self {
            path: root.join(format!("{name}.json")),
            lock: root.join(format!("{name}.lock")),
        }
    }

    /// Reads the document; no file is the default. A damaged one is set aside.
    pub(crate) fn read<T>(&self) -> Result<Loaded<T>, StateError>
    where
        T: Default + DeserializeOwned,
    {
        match self.decode()? {
            Decoded::Value(value) => Ok(Loaded {
                value,
                warnings: Vec::new(),
            }),
            Decoded::Damaged(_) => {
                let _lock = files::lock(&self.lock)?;
                self.read_locked()
            }
        }
    }

    /// Reads, changes and, if that made a difference, writes the document, all under its lock.
    pub(crate) fn update<T, R>(
        &self,
        now: Option<Timestamp>,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Loaded<R>, StateError>
    where
        T: Default + Clone + PartialEq + Serialize + DeserializeOwned,
    {
        let _lock = files::lock(&self.lock)?;
        let Loaded {
            value: mut data,
            warnings,
        } = self.read_locked::<T>()?;
        let before = data.clone();
        let value = change(&mut data);
        if data != before {
            let envelope = Envelope {
                version: VERSION,
                updated_at: now,
                data,
            };
            let json = serde_json::to_vec(&envelope).map_err(StateError::encode(&self.path))?;
            files::replace(&self.path, &json)?;
        }
        Ok(Loaded { value, warnings })
    }

    fn read_locked<T: Default + DeserializeOwned>(&self) -> Result<Loaded<T>, StateError> {
        match self.decode()? {
            Decoded::Value(value) => Ok(Loaded {
                value,
                warnings: Vec::new(),
            }),
            Decoded::Damaged(reason) => {
                let aside =
                    files::set_aside(&self.path, "damaged", &files::modified_at(&self.path))?;
                let warning = format!(
                    "`{}` was damaged ({reason}); it is kept as `{}`",
                    self.path.display(),
                    aside.display()
                );
                Ok(Loaded {
                    value: T::default(),
                    warnings: vec![warning],
                })
            }
        }
    }

    fn decode<T: Default + DeserializeOwned>(&self) -> Result<Decoded<T>, StateError> {
        let Some(bytes) = files::read(&self.path)? else {
            return Ok(Decoded::Value(T::default()));
        };
        let damaged = |error: serde_json::Error| Ok(Decoded::Damaged(error.to_string()));
        let found = match serde_json::from_slice::<Version>(&bytes) {
            Ok(Version { version }) => version,
            Err(error) => return damaged(error),
        };
        if found > VERSION {
            let path = self.path.clone();
            return Err(StateError::NewerVersion {
                path,
                found,
                supported: VERSION,
            });
        }
        match serde_json::from_slice::<Envelope<T>>(&bytes) {
            Ok(envelope) => Ok(Decoded::Value(envelope.data)),
            Err(error) => damaged(error),
        }
    }
}

enum Decoded<T> {
    Value(T),
    Damaged(String),
}
