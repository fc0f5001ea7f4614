//! Which repository each workspace was when scc first saw it.
//!
//! A repository is known by its origin, which stands in a file that an agent can write. What
//! depends on it, such as a personal profile, must not change hands because of that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::{StateDir, StateError};

/// A workspace as it is found now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceRepository<'a> {
    /// The root of the workspace.
    pub workspace: &'a Path,
    /// What identifies its repository, such as `remote:host/owner/repo`.
    pub repository: &'a str,
    /// The directory that all worktrees of the repository share; `None` where there is none.
    pub common_dir: Option<&'a Path>,
}

/// What scc remembers of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    repository: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    common_dir: Option<PathBuf>,
    seen_at: Timestamp,
}

type AllSeen = BTreeMap<PathBuf, Seen>;

/// Whether a workspace is the repository that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryTrust {
    /// It is, or this is the first time.
    Known,
    /// It was another one, which is named.
    Changed(String),
    /// It was never seen, and lies in a workspace, which is named: an agent there may have made it.
    Inside(PathBuf),
}

impl StateDir {
    /// Compares a workspace with what is remembered of it, and remembers it when this is the first
    /// time.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn see_repository(
        &self,
        found: WorkspaceRepository<'_>,
        now: Timestamp,
    ) -> Result<RepositoryTrust, StateError> {
        let loaded = self.repositories().read::<AllSeen>()?;
        self.warn(loaded.warnings);
        if let Some(trust) = judge(&loaded.value, found) {
            return Ok(trust);
        }
        let change = |all: &mut AllSeen| match judge(all, found) {
            Some(trust) => trust,
            None => {
                all.insert(found.workspace.to_owned(), seen(found, now));
                RepositoryTrust::Known
            }
        };
        let loaded = self.repositories().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(loaded.value)
    }

    /// Remembers a workspace as it is now, whatever it was before: the user says that this is right.
    ///
    /// # Errors
    /// As for [`StateDir::see_repository`].
    pub fn accept_repository(
        &self,
        found: WorkspaceRepository<'_>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let change = |all: &mut AllSeen| {
            all.insert(found.workspace.to_owned(), seen(found, now));
        };
        let loaded = self.repositories().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn repositories(&self) -> Document {
        Document::new(self.root(), "repositories")
    }
}

fn seen(found: WorkspaceRepository<'_>, now: Timestamp) -> Seen {
    Seen {
        repository: found.repository.to_owned(),
        common_dir: found.common_dir.map(Path::to_owned),
        seen_at: now,
    }
}

/// What is remembered about a workspace; `None` where nothing is.
fn judge(all: &AllSeen, found: WorkspaceRepository<'_>) -> Option<RepositoryTrust> {
    let changed = |before: &Seen| match before.repository == found.repository {
        true => RepositoryTrust::Known,
        false => RepositoryTrust::Changed(before.repository.clone()),
    };
    if let Some(before) = all.get(found.workspace) {
        return Some(changed(before));
    }
    let mut above = found.workspace.ancestors().skip(1);
    if let Some(outer) = above.find(|folder| all.contains_key(*folder)) {
        return Some(RepositoryTrust::Inside(outer.to_owned()));
    }
    // Another worktree of the same repository, whose agent could write the shared configuration.
    let shares =
        |seen: &&Seen| found.common_dir.is_some() && seen.common_dir.as_deref() == found.common_dir;
    let mut siblings = all.values().filter(shares).map(changed);
    siblings.find(|trust| *trust != RepositoryTrust::Known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(workspace: &'a str, repository: &'a str, git: &'a str) -> WorkspaceRepository<'a> {
        WorkspaceRepository {
            workspace: Path::new(workspace),
            repository,
            common_dir: (!git.is_empty()).then_some(Path::new(git)),
        }
    }

    #[test]
    fn a_workspace_stays_the_repository_that_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path().join("scc")).unwrap();
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let see = |workspace, repository, git| {
            state
                .see_repository(found(workspace, repository, git), now)
                .unwrap()
        };
        let changed = |before: &str| RepositoryTrust::Changed(before.to_owned());
        for _ in 0..2 {
            assert_eq!(
                see("/w/a", "remote:h/a", "/w/a/.git"),
                RepositoryTrust::Known
            );
            assert_eq!(see("/w/b", "path:/w/b", ""), RepositoryTrust::Known);
        }
        assert_eq!(
            see("/w/a", "remote:h/b", "/w/a/.git"),
            changed("remote:h/a")
        );
        assert_eq!(see("/w/a", "path:/w/a", ""), changed("remote:h/a"));
        assert_eq!(see("/w/b", "remote:h/a", "/w/b/.git"), changed("path:/w/b"));
        // Made by an agent in a workspace, or a worktree whose shared configuration one wrote.
        let inside = RepositoryTrust::Inside("/w/a".into());
        assert_eq!(see("/w/a/sub", "remote:h/b", "/w/a/sub/.git"), inside);
        assert_eq!(
            see("/w/t", "remote:h/b", "/w/a/.git"),
            changed("remote:h/a")
        );
        assert_eq!(
            see("/w/t", "remote:h/a", "/w/a/.git"),
            RepositoryTrust::Known
        );
        // Another clone of the same repository, and a folder that only starts alike.
        assert_eq!(
            see("/w/ab", "remote:h/a", "/w/ab/.git"),
            RepositoryTrust::Known
        );

        for (workspace, git) in [("/w/a", "/w/a/.git"), ("/w/a/sub", "/w/a/sub/.git")] {
            let is_now = found(workspace, "remote:h/b", git);
            state.accept_repository(is_now, now).unwrap();
            assert_eq!(see(workspace, "remote:h/b", git), RepositoryTrust::Known);
        }
        assert_eq!(
            see("/w/t", "remote:h/b", "/w/a/.git"),
            changed("remote:h/a")
        );
    }
}
