//! How much of what sandboxes recorded is in the audit log.

use std::collections::BTreeMap;

use crate::document::Document;
use crate::{StateDir, StateError};

/// Session → how many of its records.
type Collected = BTreeMap<String, u64>;

impl StateDir {
    /// How many records of this session's sandbox are in the audit log.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn collected_records(&self, session: &str) -> Result<u64, StateError> {
        let loaded = self.collected().read::<Collected>()?;
        self.warn(loaded.warnings);
        Ok(loaded.value.get(session).copied().unwrap_or_default())
    }

    /// Remembers that many, or with `None` that there will be no more.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn set_collected_records(
        &self,
        session: &str,
        count: Option<u64>,
    ) -> Result<(), StateError> {
        let change = |all: &mut Collected| {
            match count {
                Some(count) => all.insert(session.to_owned(), count),
                None => all.remove(session),
            };
        };
        let loaded = self.collected().update(None, change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn collected(&self) -> Document {
        Document::new(self.root(), "collected-records")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_belong_to_their_session() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path().join("scc")).unwrap();
        assert_eq!(state.collected_records("a").unwrap(), 0);
        state.set_collected_records("a", Some(3)).unwrap();
        state.set_collected_records("b", Some(1)).unwrap();
        assert_eq!(state.collected_records("a").unwrap(), 3);
        state.set_collected_records("a", None).unwrap();
        assert_eq!(state.collected_records("a").unwrap(), 0);
        assert_eq!(state.collected_records("b").unwrap(), 1);
    }
}
