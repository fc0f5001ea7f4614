//! From when on earlier work is offered again: before that moment the user wanted it forgotten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::{StateDir, StateError};

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Forgotten {
    everywhere: Option<Timestamp>,
    workspaces: BTreeMap<PathBuf, Timestamp>,
}

/// Workspaces in which agents are to work on a protected branch, and since when.
type Unprotected = BTreeMap<PathBuf, Timestamp>;

impl StateDir {
    /// The moment before which nothing of this workspace is to be offered again.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn forgotten_before(&self, workspace: &Path) -> Result<Option<Timestamp>, StateError> {
        let loaded = self.forgotten().read::<Forgotten>()?;
        self.warn(loaded.warnings);
        let here = loaded.value.workspaces.get(workspace).copied();
        Ok(here.max(loaded.value.everywhere))
    }

    /// Offers nothing from before `now` again: of one workspace, or of any. The provider last used
    /// there is forgotten, too, and on which branches agents may work. Sessions and their conversations are kept.
    ///
    /// # Errors
    /// When a file cannot be locked, read or written, or was written by a newer scc.
    pub fn forget(&self, workspace: Option<&Path>, now: Timestamp) -> Result<(), StateError> {
        let change = |forgotten: &mut Forgotten| match workspace {
            Some(path) => {
                forgotten.workspaces.insert(path.to_owned(), now);
            }
            None => {
                forgotten.everywhere = Some(now);
                forgotten.workspaces.clear();
            }
        };
        let loaded = self.forgotten().update(Some(now), change)?;
        self.warn(loaded.warnings);
        let change = |unprotected: &mut Unprotected| match workspace {
            Some(path) => {
                unprotected.remove(path);
            }
            None => unprotected.clear(),
        };
        let loaded = self.unprotected().update(Some(now), change)?;
        self.warn(loaded.warnings);
        self.forget_workspace_provider(workspace, now)
    }

    /// Whether agents are to work in this workspace whatever branch it is on.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn works_on_any_branch(&self, workspace: &Path) -> Result<bool, StateError> {
        let loaded = self.unprotected().read::<Unprotected>()?;
        self.warn(loaded.warnings);
        Ok(loaded.value.contains_key(workspace))
    }

    /// Remembers that agents are to work in this workspace whatever branch it is on.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn work_on_any_branch(&self, workspace: &Path, now: Timestamp) -> Result<(), StateError> {
        let change = |unprotected: &mut Unprotected| {
            unprotected.insert(workspace.to_owned(), now);
        };
        let loaded = self.unprotected().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn unprotected(&self) -> Document {
        Document::new(self.root(), "branches")
    }

    fn forgotten(&self) -> Document {
        Document::new(self.root(), "forgotten")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_here_and_everywhere_counts() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path().join("s")).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        for path in [a, b] {
            state.remember_workspace_provider(path, "x", at(0)).unwrap();
            state.work_on_any_branch(path, at(0)).unwrap();
        }
        assert_eq!(state.forgotten_before(a).unwrap(), None);
        state.forget(Some(a), at(10)).unwrap();
        assert_eq!(state.forgotten_before(a).unwrap(), Some(at(10)));
        assert_eq!(state.forgotten_before(b).unwrap(), None);
        assert_eq!(state.workspace_provider(a).unwrap(), None);
        assert!(!state.works_on_any_branch(a).unwrap());
        assert!(state.works_on_any_branch(b).unwrap());
        assert_eq!(state.workspace_provider(b).unwrap().as_deref(), Some("x"));
        state.forget(None, at(20)).unwrap();
        state.forget(Some(b), at(15)).unwrap();
        for path in [a, b] {
            assert_eq!(state.forgotten_before(path).unwrap(), Some(at(20)));
            assert_eq!(state.workspace_provider(path).unwrap(), None);
        }
    }
}
