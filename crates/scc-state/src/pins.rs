//! Which team a workspace works for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::{Loaded, StateDir, StateError};

/// The team that a workspace was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamPin {
    /// The team's name in the organization's document.
    pub team: String,
    /// When it was pinned.
    pub pinned_at: Timestamp,
}

type Pins = BTreeMap<PathBuf, TeamPin>;

impl StateDir {
    /// The team that this workspace was given; paths are compared as they are.
    ///
    /// # Errors
    /// When the file cannot be read or was written by a newer scc.
    pub fn workspace_team(&self, workspace: &Path) -> Result<Option<String>, StateError> {
        let mut loaded = self.pins().read::<Pins>()?;
        self.warn(loaded.warnings);
        Ok(loaded.value.remove(workspace).map(|pin| pin.team))
    }

    /// All workspaces that were given a team.
    ///
    /// # Errors
    /// As for [`StateDir::workspace_team`].
    pub fn workspace_teams(&self) -> Result<Loaded<BTreeMap<PathBuf, TeamPin>>, StateError> {
        self.pins().read()
    }

    /// Gives this workspace a team, or takes it away with `None`.
    ///
    /// # Errors
    /// When the file cannot be locked, read or written, or was written by a newer scc.
    pub fn pin_workspace_team(
        &self,
        workspace: &Path,
        team: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let change = |pins: &mut Pins| match team {
            Some(team) => {
                let pin = TeamPin {
                    team: team.to_owned(),
                    pinned_at: now,
                };
                pins.insert(workspace.to_owned(), pin);
            }
            None => {
                pins.remove(workspace);
            }
        };
        let loaded = self.pins().update(Some(now), change)?;
        self.warn(loaded.warnings);
        Ok(())
    }

    fn pins(&self) -> Document {
        Document::new(self.root(), "workspace-teams")
    }
}
