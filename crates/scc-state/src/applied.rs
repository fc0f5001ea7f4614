//! Which personal profiles were applied, and what the rules then made of them.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chain::hex;
use crate::document::Document;
use crate::{PersonalProfile, StateDir, StateError};

/// A personal profile as it was applied, for telling later what is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedProfile {
    /// When that was.
    pub applied_at: Timestamp,
    /// The profile's [`PersonalProfile::digest`].
    pub digest: String,
    /// What became of each of its items, such as `plugin a@m` and `allowed`.
    pub outcomes: BTreeMap<String, String>,
}

/// Repository → what was applied.
type Applied = BTreeMap<String, AppliedProfile>;

impl PersonalProfile {
    /// SHA-256 of the plugins and servers, in hex; when it was saved does not count.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn digest(&self) -> Result<String, StateError> {
        let content = (&self.plugins, &self.mcp_servers);
        let value = serde_json::to_value(content);
        let mut value = value.map_err(StateError::encode(Path::new(&self.repository)))?;
        value.sort_all_objects();
        Ok(hex(&Sha256::digest(value.to_string().as_bytes())))
    }
}

impl StateDir {
    /// What was applied last for this repository.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn applied_profile(&self, repository: &str) -> Result<Option<AppliedProfile>, StateError> {
        let mut loaded = self.applied().read::<Applied>()?;
        self.warn(loaded.warnings);
        Ok(loaded.value.remove(repository))
    }

    /// Records what is applied for this repository.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn record_applied_profile(
        &self,
        repository: &str,
        applied: AppliedProfile,
    ) -> Result<(), StateError> {
        let now = applied.applied_at;
        let change = |all: &mut Applied| {
            all.insert(repository.to_owned(), applied);
        };
        let loaded = self.applied().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn applied(&self) -> Document {
        Document::new(self.root(), "applied-profiles")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_is_remembered_for_its_repository() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path().join("scc")).unwrap();
        let mut profile = PersonalProfile {
            repository: "remote:host.example/a".into(),
            saved_at: "2030-01-01T00:00:00Z".parse().unwrap(),
            plugins: vec!["a@m".into()],
            mcp_servers: Vec::new(),
        };
        let digest = profile.digest().unwrap();
        let applied = AppliedProfile {
            applied_at: profile.saved_at,
            digest: digest.clone(),
            outcomes: [("plugin a@m".to_owned(), "allowed".to_owned())].into(),
        };
        let recorded = state.record_applied_profile(&profile.repository, applied.clone());
        recorded.unwrap();
        let found = state.applied_profile(&profile.repository).unwrap();
        assert_eq!(found, Some(applied));
        assert_eq!(
            state.applied_profile("remote:host.example/b").unwrap(),
            None
        );

        profile.saved_at = "2031-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(profile.digest().unwrap(), digest);
        profile.plugins.clear();
        assert_ne!(profile.digest().unwrap(), digest);
    }
}
