//! Personal profiles: one person's plugins and MCP servers for one repository, kept outside it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::chain::hex;
use crate::document::Document;
use crate::{Loaded, StateDir, StateError, files};

/// The directory of the profiles, and the kind of an exported one.
const PROFILES: &str = "profiles";

/// One person's additions for one repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalProfile {
    /// What identifies the repository on every machine, such as `remote:host/owner/repo`.
    pub repository: String,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// Plugins, as `name@marketplace`.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// MCP servers, each in the form of the documents. They may hold secrets: never show them.
    #[serde(default)]
    pub mcp_servers: Vec<Value>,
}

impl StateDir {
    /// The profile for this repository.
    ///
    /// # Errors
    /// When its file cannot be read or was written by a newer scc. A damaged file is set aside;
    /// [`StateDir::take_warnings`] says so.
    pub fn profile(&self, repository: &str) -> Result<Option<PersonalProfile>, StateError> {
        let loaded = self.profile_document(repository).read::<Slot>()?;
        self.warn(loaded.warnings);
        Ok(loaded.value.filter(|found| found.repository == repository))
    }

    /// Changes the profile for this repository under its lock and writes it if it differs; `None`
    /// is no profile, before and after. Keep `change` short: every other scc waits for it.
    ///
    /// # Errors
    /// As for [`StateDir::profile`], and when the file cannot be locked or written; the change is
    /// then not kept.
    pub fn update_profile<R>(
        &self,
        repository: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Option<PersonalProfile>) -> R,
    ) -> Result<R, StateError> {
        files::private_dir(&self.root().join(PROFILES))?;
        let document = self.profile_document(repository);
        let loaded = document.update(Some(now), |slot: &mut Slot| change(slot))?;
        self.warn(loaded.warnings);
        Ok(loaded.value)
    }

    /// All profiles, ordered by repository. A damaged one is set aside, one of a newer scc left alone;
    /// the warnings say so.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn profiles(&self) -> Result<Loaded<Vec<PersonalProfile>>, StateError> {
        let dir = self.root().join(PROFILES);
        let mut found = Loaded {
            value: Vec::new(),
            warnings: Vec::new(),
        };
        if !dir.exists() {
            return Ok(found);
        }
        for entry in fs::read_dir(&dir).map_err(StateError::io("read", &dir))? {
            let path = entry.map_err(StateError::io("read", &dir))?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(stem) = stem.filter(|stem| !stem.starts_with('.')) else {
                continue;
            };
            match Document::new(&dir, stem).read::<Slot>() {
                Ok(loaded) => {
                    found.value.extend(loaded.value);
                    found.warnings.extend(loaded.warnings);
                }
                Err(error) => found.warnings.push(error.to_string()),
            }
        }
        found.value.sort_by(|a, b| a.repository.cmp(&b.repository));
        Ok(found)
    }

    /// The file of the profile for this repository, whether it is there or not.
    pub fn profile_file(&self, repository: &str) -> PathBuf {
        let name = hex(&Sha256::digest(repository.as_bytes()));
        let dir = self.root().join(PROFILES);
        dir.join(format!("{}.json", &name[..32]))
    }

    fn profile_document(&self, repository: &str) -> Document {
        let name = hex(&Sha256::digest(repository.as_bytes()));
        Document::new(&self.root().join(PROFILES), &name[..32])
    }
}

type Slot = Option<PersonalProfile>;

/// A profile outside the state directory, with the version of its form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    version: u64,
    profile: PersonalProfile,
}

/// The version that this scc exports, and the newest it imports.
const VERSION: u64 = 1;

/// A file that is no exported profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file cannot be read or written, or is of a newer scc.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file is something else, or damaged.
    #[error("`{}` is not an exported profile", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
}

impl PersonalProfile {
    /// The text of an exported profile: indented JSON with a newline at the end.
    ///
    /// # Errors
    /// When the profile has no JSON form.
    pub fn to_json(&self) -> Result<String, StateError> {
        let exported = Exported {
            version: VERSION,
            profile: self.clone(),
        };
        let json = serde_json::to_string_pretty(&exported);
        let mut json = json.map_err(StateError::encode(Path::new(&self.repository)))?;
        json.push('\n');
        Ok(json)
    }

    /// Writes the text of [`PersonalProfile::to_json`] to a file (0600).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn export(&self, path: &Path) -> Result<(), StateError> {
        files::replace(path, self.to_json()?.as_bytes())
    }

    /// Reads an exported profile. The file is somebody else's: it is neither changed nor set aside.
    ///
    /// # Errors
    /// [`ProfileError`] when it cannot be read or is no profile.
    pub fn import(path: &Path) -> Result<Self, ProfileError> {
        Self::parse(&fs::read(path).map_err(StateError::io("read", path))?, path)
    }

    /// The same of a file at `path` that was read already.
    ///
    /// # Errors
    /// [`ProfileError`] when it is no profile.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, ProfileError> {
        let invalid = |source| ProfileError::Invalid {
            path: path.to_owned(),
            source,
        };
        let value: Value = serde_json::from_slice(bytes).map_err(invalid)?;
        let found = value.get("version").and_then(Value::as_u64).unwrap_or(0);
        if found > VERSION {
            let path = path.to_owned();
            return Err(ProfileError::State(StateError::NewerVersion {
                path,
                found,
                supported: VERSION,
            }));
        }
        let exported: Exported = serde_json::from_value(value).map_err(invalid)?;
        Ok(exported.profile)
    }
}
