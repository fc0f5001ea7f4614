//! Setting right what a killed scc left: half-made sandboxes are removed, and records of sessions
//! are brought in line with what the engine says.

use std::collections::BTreeMap;

use scc_provider::{AgentProvider, VolumeFiles};
use scc_runtime::{Sandbox, SandboxRuntime, SandboxState, labels};
use scc_state::{SessionRecord, SessionState};

use crate::names::{ROLE_LOGIN, ROLE_SEALED, ROLE_SESSION, Scope, pairs};
use crate::{LaunchError, Launcher};

/// What was set right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Containers that were never finished and are gone now.
    pub removed: Vec<String>,
    /// What could not be read and was set aside.
    pub warnings: Vec<String>,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Sets right what earlier commands left. Launches in progress are not disturbed: they hold
    /// their lock.
    ///
    /// # Errors
    /// When the engine or the state directory does not answer.
    pub async fn tidy(&self) -> Result<(Tidied, Vec<Sandbox>), LaunchError> {
        let loaded = self.state.sessions()?;
        let mut tidied = Tidied {
            removed: Vec::new(),
            warnings: loaded.warnings,
        };
        let mut kept = Vec::new();
        for sandbox in self.list_role(ROLE_SESSION).await? {
            if self.is_half_made(&sandbox, &loaded.value)? {
                self.runtime.remove(&sandbox.id).await?;
                tidied.removed.push(sandbox.name);
            } else {
                kept.push(sandbox);
            }
        }
        for sandbox in self.list_role(ROLE_LOGIN).await? {
            if self.state.launch_lock_free(&sandbox.name)? {
                self.runtime.remove(&sandbox.id).await?;
                tidied.removed.push(sandbox.name);
            }
        }
        let unfinished = self.remove_unfinished().await?;
        let abandoned = self.close_records(&loaded.value, &kept).await?;
        if unfinished || abandoned || !tidied.removed.is_empty() {
            self.remove_unused_seals(false).await?;
        }
        Ok((tidied, kept))
    }

    /// The same for one container, by the launch that holds its lock.
    pub(crate) async fn tidy_locked(&self, container: &str) -> Result<(), LaunchError> {
        let records = self.state.sessions()?.value;
        let Some(sandbox) = self.runtime.inspect(container).await? else {
            for record in open_records(&records).filter(|record| record.container == container) {
                self.abandon(record)?;
            }
            return Ok(());
        };
        if !self.scope.owns(&sandbox.labels) {
            let container = container.to_owned();
            return Err(LaunchError::ForeignContainer { container });
        }
        let starting = open_records(&records)
            .any(|record| record.state == SessionState::Starting && is_of(record, &sandbox));
        if starting || sandbox.state == SandboxState::Created {
            self.runtime.remove(&sandbox.id).await?;
        }
        for record in open_records(&records).filter(|record| record.container == container) {
            if record.state == SessionState::Starting || !is_of(record, &sandbox) {
                self.abandon(record)?;
            }
        }
        Ok(())
    }

    pub(crate) async fn list_role(&self, role: &str) -> Result<Vec<Sandbox>, LaunchError> {
        let wanted = self.scope.labels(role);
        Ok(self.runtime.list(&pairs(&wanted)).await?)
    }

    /// Removes what the runtime was making for sandboxes whose launch is no longer in progress.
    async fn remove_unfinished(&self) -> Result<bool, LaunchError> {
        let mut any = false;
        let ours = self.scope.labels(ROLE_SEALED);
        for unfinished in self.runtime.unfinished(&pairs(&ours)).await? {
            if self.state.launch_lock_free(&unfinished.sandbox)? {
                self.runtime.remove(&unfinished.id).await?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Whether the scc that was making this sandbox is gone: its session never got past
    /// "starting", or the sandbox was never started, and nobody holds the lock.
    fn is_half_made(
        &self,
        sandbox: &Sandbox,
        records: &[SessionRecord],
    ) -> Result<bool, LaunchError> {
        let starting = open_records(records)
            .any(|record| record.state == SessionState::Starting && is_of(record, sandbox));
        let unfinished = starting || sandbox.state == SandboxState::Created;
        Ok(unfinished && self.state.launch_lock_free(&sandbox.name)?)
    }

    /// Closes the records of this engine's sessions whose sandbox has ended or is gone. Returns
    /// whether one was of a launch that never got further.
    async fn close_records(
        &self,
        records: &[SessionRecord],
        kept: &[Sandbox],
    ) -> Result<bool, LaunchError> {
        let mut abandoned = false;
        let here = open_records(records).filter(|record| record.endpoint == self.endpoint());
        for record in here {
            match kept.iter().find(|sandbox| is_of(record, sandbox)) {
                Some(sandbox) if sandbox.state == SandboxState::Running => {}
                Some(sandbox) if record.state == SessionState::Running => {
                    self.reconcile_container(&sandbox.id).await?;
                }
                _ if self.state.launch_lock_free(&record.container)? => {
                    self.abandon(record)?;
                    abandoned |= record.state == SessionState::Starting;
                }
                _ => {}
            }
        }
        Ok(abandoned)
    }

    /// Closes the session of a sandbox that has ended, with its exit status.
    pub(crate) async fn reconcile_container(&self, id: &str) -> Result<(), LaunchError> {
        let Some(sandbox) = self.runtime.inspect(id).await? else {
            return Ok(());
        };
        let SandboxState::Exited { status } = sandbox.state else {
            return Ok(());
        };
        match sandbox.labels.get(labels::SESSION) {
            Some(session) => self.close_session(session, status),
            None => Ok(()),
        }
    }

    fn abandon(&self, record: &SessionRecord) -> Result<(), LaunchError> {
        match record.state {
            SessionState::Starting => {
                self.set_state(&record.id, SessionState::Failed, None)?;
                Ok(())
            }
            _ => self.close_session(&record.id, None),
        }
    }
}

fn open_records(records: &[SessionRecord]) -> impl Iterator<Item = &SessionRecord> {
    records.iter().filter(|record| record.ended_at.is_none())
}

fn is_of(record: &SessionRecord, sandbox: &Sandbox) -> bool {
    sandbox.labels.get(labels::SESSION) == Some(&record.id)
}

/// The files of a volume that tell whether somebody is signed in.
pub(crate) async fn volume_files<R: SandboxRuntime>(
    runtime: &R,
    provider: &dyn AgentProvider,
    volume: &str,
) -> Result<VolumeFiles, LaunchError> {
    let mut files = BTreeMap::new();
    for path in provider.credential_files() {
        if let Some(content) = runtime.read_volume_file(volume, path).await? {
            files.insert((*path).to_owned(), content);
        }
    }
    Ok(files)
}

impl Scope {
    /// The volume that holds a provider's credentials for the agent's user.
    #[must_use]
    pub fn provider_volume(&self, provider: &str, agent_uid: u32) -> String {
        self.volume_name(provider, agent_uid)
    }
}
