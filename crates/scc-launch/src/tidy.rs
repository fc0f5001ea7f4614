//! Setting right what a killed scc left: half-made sandboxes are removed, and records of sessions
//! are brought in line with what the engine says.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use scc_provider::{AgentProvider, VolumeFiles};
use scc_runtime::{EngineError, Sandbox, SandboxRuntime, SandboxState, labels};
use scc_state::{SessionRecord, SessionState};
use serde_json::{Map, json};

use crate::control::STOP_GRACE;
use crate::init::has_timed_out;
use crate::names::{ROLE_LOGIN, ROLE_SEALED, ROLE_SESSION, ROLE_TRIAL, Scope, pairs};
use crate::{LaunchError, Launcher};

/// After its end a session may take so long to stop by itself.
const OVERDUE: SignedDuration = SignedDuration::from_secs(30);

/// What was set right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Containers that were never finished and are gone now.
    pub removed: Vec<String>,
    /// What could not be set right, and what does not work as it should.
    pub warnings: Vec<String>,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Sets right what earlier commands left. Launches in progress are not disturbed: they hold
    /// their lock, and what looks half-made is looked at again under it.
    ///
    /// # Errors
    /// When the engine or the state directory does not answer.
    pub async fn tidy(&self) -> Result<(Tidied, Vec<Sandbox>), LaunchError> {
        let records = self.state.session_records()?;
        let mut tidied = Tidied::default();
        let mut kept = Vec::new();
        for mut sandbox in self.list_role(ROLE_SESSION).await? {
            if self.stop_overdue(&sandbox).await? {
                let ended = self.runtime.inspect(&sandbox.id).await?;
                sandbox = ended.unwrap_or(sandbox);
            }
            kept.extend(self.tidy_sandbox(sandbox, &records, &mut tidied).await?);
        }
        self.remove_logins(&mut tidied).await?;
        let unfinished = self.remove_unfinished().await?;
        let abandoned = self.close_records(&records, &kept).await?;
        let interrupted = unfinished || abandoned || !tidied.removed.is_empty();
        let swept = self.sweep_egress(interrupted, &mut tidied.warnings).await?;
        if interrupted || swept {
            self.remove_unused_seals(false).await?;
        }
        Ok((tidied, kept))
    }

    /// Stops a sandbox that has outlived its time. Its first process ends it, unless the agent leaves
    /// that no processor.
    async fn stop_overdue(&self, sandbox: &Sandbox) -> Result<bool, LaunchError> {
        let expiry = sandbox.labels.get(labels::EXPIRES_AT);
        let expiry = expiry.and_then(|time| time.parse::<Timestamp>().ok());
        let is_overdue = expiry.is_some_and(|time| time + OVERDUE <= self.now());
        if !is_overdue || sandbox.state != SandboxState::Running {
            return Ok(false);
        }
        self.runtime.stop(&sandbox.id, STOP_GRACE).await?;
        self.remove_egress_of(sandbox).await?;
        self.reconcile_container(&sandbox.id).await?;
        Ok(true)
    }

    /// Removes a sandbox that nobody is making any more; returns it when it stays.
    async fn tidy_sandbox(
        &self,
        sandbox: Sandbox,
        records: &[SessionRecord],
        tidied: &mut Tidied,
    ) -> Result<Option<Sandbox>, LaunchError> {
        if !is_unfinished(&sandbox, records) {
            return Ok(Some(sandbox));
        }
        let Some(_lock) = self.state.try_launch_lock(&sandbox.name)? else {
            return Ok(Some(sandbox));
        };
        match self.tidy_locked(&sandbox.name).await {
            Ok(None) => {
                tidied.removed.push(sandbox.name);
                Ok(None)
            }
            Ok(stays) => Ok(stays),
            Err(LaunchError::Engine(error @ EngineError::Refused { .. })) => {
                tidied.warnings.push(error.to_string());
                Ok(Some(sandbox))
            }
            Err(error) => Err(error),
        }
    }

    /// The same for the container of this name, by whoever holds its lock: removes it when its
    /// launch never got further, and closes the records that are not its own. Returns it when it
    /// stays.
    pub(crate) async fn tidy_locked(
        &self,
        container: &str,
    ) -> Result<Option<Sandbox>, LaunchError> {
        let records = self.state.session_records()?;
        let mut found = self.runtime.inspect(container).await?;
        if let Some(sandbox) = &found {
            if !self.scope.owns(&sandbox.labels) {
                let container = container.to_owned();
                return Err(LaunchError::ForeignContainer { container });
            }
            if is_unfinished(sandbox, &records) {
                self.remove_sandbox(sandbox).await?;
                found = None;
            }
        }
        for record in open_records(&records).filter(|record| record.container == container) {
            if found.as_ref().is_none_or(|sandbox| !is_of(record, sandbox)) {
                self.abandon(record)?;
            }
        }
        Ok(found)
    }

    /// Removes containers of sign-ins, trials and proofs whose scc is gone.
    async fn remove_logins(&self, tidied: &mut Tidied) -> Result<(), LaunchError> {
        let mut all = self.list_role(ROLE_LOGIN).await?;
        all.extend(self.list_role(ROLE_TRIAL).await?);
        for sandbox in all {
            if let Some(_lock) = self.state.try_launch_lock(&sandbox.name)? {
                self.remove_sandbox(&sandbox).await?;
                tidied.removed.push(sandbox.name);
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
            if let Some(_lock) = self.state.try_launch_lock(&unfinished.sandbox)? {
                self.runtime.remove(&unfinished.id).await?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Closes the records of this engine's sessions whose sandbox has ended or is gone. Returns
    /// whether one was of a launch that never got further.
    async fn close_records(
        &self,
        records: &[SessionRecord],
        kept: &[Sandbox],
    ) -> Result<bool, LaunchError> {
        let mut abandoned = false;
        let here =
            open_records(records).filter(|record| same_endpoint(&record.endpoint, self.endpoint()));
        for record in here {
            match kept.iter().find(|sandbox| is_of(record, sandbox)) {
                Some(sandbox) if sandbox.state == SandboxState::Running => {}
                Some(sandbox) if record.state == SessionState::Running => {
                    self.reconcile_container(&sandbox.id).await?;
                }
                _ => {
                    if let Some(_lock) = self.state.try_launch_lock(&record.container)? {
                        self.tidy_locked(&record.container).await?;
                        abandoned |= record.state == SessionState::Starting;
                    }
                }
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
        let ended_at = sandbox.finished_at.as_deref().unwrap_or_default().parse();
        let ended_at = ended_at.unwrap_or_else(|_| self.now());
        match sandbox.labels.get(labels::SESSION) {
            Some(session) => {
                self.collect_records(session, id).await?;
                self.close_session(session, status, ended_at, has_timed_out(&sandbox))
            }
            None => Ok(()),
        }
    }

    fn abandon(&self, record: &SessionRecord) -> Result<(), LaunchError> {
        if record.state != SessionState::Starting {
            return self.close_session(&record.id, None, self.now(), false);
        }
        if self.set_state(&record.id, SessionState::Failed, None, self.now())? {
            let mut facts = Map::new();
            facts.insert("reason".to_owned(), json!("the launch was interrupted"));
            self.audit("launch.failed", &record.id, facts)?;
        }
        Ok(())
    }
}

/// Whether a sandbox looks half-made: its session never got past "starting", or it was never
/// started. Whether somebody is still making it is told by the lock.
fn is_unfinished(sandbox: &Sandbox, records: &[SessionRecord]) -> bool {
    let is_starting =
        |record: &SessionRecord| record.state == SessionState::Starting && is_of(record, sandbox);
    sandbox.state == SandboxState::Created || open_records(records).any(is_starting)
}

fn open_records(records: &[SessionRecord]) -> impl Iterator<Item = &SessionRecord> {
    records.iter().filter(|record| record.ended_at.is_none())
}

/// Whether two addresses are of one engine: a socket can be reached by several paths.
fn same_endpoint(a: &str, b: &str) -> bool {
    let socket = |address: &str| {
        let path = address.strip_prefix("unix://")?;
        Path::new(path).canonicalize().ok()
    };
    a == b || socket(a).is_some_and(|path| Some(path) == socket(b))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_the_same_by_every_path_to_its_socket() {
        let dir = tempfile::tempdir().unwrap();
        let [socket, link, other] = ["socket", "link", "other"].map(|name| dir.path().join(name));
        std::fs::write(&socket, "").unwrap();
        std::fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&socket, &link).unwrap();
        let [socket, link, other] =
            [socket, link, other].map(|path| format!("unix://{}", path.display()));
        assert!(same_endpoint(&socket, &link));
        assert!(!same_endpoint(&socket, &other));
        let gone = ["unix:///nonexistent/a", "unix:///nonexistent/b"];
        assert!(same_endpoint(gone[0], gone[0]) && !same_endpoint(gone[0], gone[1]));
        assert!(!same_endpoint("tcp://a:1", "tcp://a:2"));
    }
}
