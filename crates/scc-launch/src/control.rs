//! Seeing, stopping and removing what launches left.

use std::time::Duration;

use scc_runtime::{Sandbox, SandboxRuntime, SandboxState, labels};
use serde_json::Map;

use crate::names::{ROLE_READER, ROLE_SEALED, ROLE_SESSION, pairs};
use crate::{LaunchError, Launcher};

/// How long an agent may take to end when it is stopped.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long a launch may take from making its sandbox to starting it, and how often that is looked
/// at.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);
const SETTLE_POLL: Duration = Duration::from_millis(50);

/// A session's sandbox, for display.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
pub struct SessionView {
    /// The container's name.
    pub container: String,
    /// The runtime's identifier.
    pub id: String,
    /// The session's identifier.
    pub session_id: Option<String>,
    /// The session's name.
    pub name: Option<String>,
    /// The workspace's root.
    pub workspace: Option<String>,
    /// The provider's id.
    pub provider: Option<String>,
    /// What it is doing.
    pub state: &'static str,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
}

impl SessionView {
    fn of(sandbox: &Sandbox) -> Self {
        let label = |key: &str| sandbox.labels.get(key).cloned();
        Self {
            container: sandbox.name.clone(),
            id: sandbox.id.clone(),
            session_id: label(labels::SESSION),
            name: label(labels::SESSION_NAME),
            workspace: label(labels::WORKSPACE),
            provider: label(labels::PROVIDER),
            state: match sandbox.state {
                SandboxState::Created => "starting",
                SandboxState::Running => "running",
                SandboxState::Exited { .. } => "stopped",
                SandboxState::Gone => "removing",
            },
            created_at: sandbox.created_at.clone(),
        }
    }

    /// Whether the agent runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Whether `wanted` names this sandbox: its session name, its container, the start or end of its
    /// session id, its workspace, or the workspace's own name.
    #[must_use]
    pub fn matches(&self, wanted: &str) -> bool {
        let id = self.session_id.as_deref().unwrap_or_default();
        let workspace = self.workspace.as_deref().unwrap_or_default();
        let by_id = id.starts_with(wanted) || id.ends_with(wanted) || self.id.starts_with(wanted);
        self.name.as_deref() == Some(wanted)
            || self.container == wanted
            || (wanted.len() >= 4 && by_id)
            || workspace == wanted.trim_end_matches('/')
            || workspace.rsplit('/').next() == Some(wanted)
    }
}

/// Which sandbox is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one that [`SessionView::matches`] this.
    Named(String),
    /// The one of this workspace; where none runs there, the only one that runs anywhere.
    Here(String),
}

/// What pruning removed.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub struct Pruned {
    /// Stopped sandboxes.
    pub containers: Vec<String>,
    /// Volumes of sealed files that nothing uses any more.
    pub volumes: Vec<String>,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// The sandboxes of sessions, newest first, after tidying up; with what was tidied.
    ///
    /// # Errors
    /// When the engine or the state directory does not answer.
    pub async fn sandboxes(&self) -> Result<(Vec<SessionView>, crate::Tidied), LaunchError> {
        let (tidied, kept) = self.tidy().await?;
        Ok((kept.iter().map(SessionView::of).collect(), tidied))
    }

    /// The same once no launch is between making and starting its sandbox: what is about to run can
    /// be stopped or entered only when it does.
    ///
    /// # Errors
    /// When the engine or the state directory does not answer.
    pub async fn settled_sandboxes(&self) -> Result<Vec<SessionView>, LaunchError> {
        let deadline = tokio::time::Instant::now() + SETTLE_LIMIT;
        loop {
            let (views, _) = self.sandboxes().await?;
            let starting = views.iter().any(|view| view.state == "starting");
            if !starting || tokio::time::Instant::now() > deadline {
                return Ok(views);
            }
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// The one sandbox that is meant.
    ///
    /// # Errors
    /// When none or several are.
    pub async fn find(&self, wanted: &Wanted) -> Result<SessionView, LaunchError> {
        let mut all = self.settled_sandboxes().await?;
        match wanted {
            Wanted::Named(name) => all.retain(|view| view.matches(name)),
            Wanted::Here(workspace) => {
                let is_here = |view: &SessionView| view.workspace.as_ref() == Some(workspace);
                let running = |view: &SessionView| view.is_running();
                if all.iter().any(|view| is_here(view) && running(view)) {
                    all.retain(|view| is_here(view) && running(view));
                } else if all.iter().any(running) {
                    all.retain(running);
                } else {
                    all.retain(is_here);
                }
            }
        }
        let name = match wanted {
            Wanted::Named(name) => Some(name.clone()),
            Wanted::Here(_) => None,
        };
        match all.len() {
            0 => Err(LaunchError::NoSuchSession { name }),
            1 => Ok(all.remove(0)),
            _ => {
                let matches = all.into_iter().map(|view| view.container).collect();
                Err(LaunchError::Ambiguous { name, matches })
            }
        }
    }

    /// The same, which has to be running.
    ///
    /// # Errors
    /// When none or several match, or the one that does has ended.
    pub async fn find_running(&self, wanted: &Wanted) -> Result<SessionView, LaunchError> {
        let view = self.find(wanted).await?;
        if view.is_running() {
            return Ok(view);
        }
        let name = view.container;
        Err(LaunchError::NotRunning { name })
    }

    /// Stops a sandbox's agent and closes its session. The stopped sandbox stays until it is
    /// replaced or pruned.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn stop(&self, view: &SessionView) -> Result<(), LaunchError> {
        // First of all it ends, and its proxy: a log that cannot be written must not keep them running.
        self.runtime.stop(&view.id, STOP_GRACE).await?;
        let removed = match self.runtime.inspect(&view.id).await? {
            Some(found) => self.remove_egress_of(&found).await,
            None => Ok(()),
        };
        let session = view.session_id.as_deref().unwrap_or_default();
        self.audit("sandbox.stop", session, Map::new())?;
        self.reconcile_container(&view.id).await?;
        removed
    }

    /// Stops a sandbox that this scc attends; whoever attends it closes the session.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn stop_sandbox(&self, id: &str) -> Result<(), LaunchError> {
        Ok(self.runtime.stop(id, STOP_GRACE).await?)
    }

    /// Removes one stopped sandbox and what only it used. Credentials and conversations stay.
    ///
    /// # Errors
    /// [`LaunchError::NotStopped`] when it is not stopped, and when the engine refuses.
    pub async fn remove(&self, view: &SessionView) -> Result<(), LaunchError> {
        if view.state != "stopped" {
            let name = view.container.clone();
            return Err(LaunchError::NotStopped { name });
        }
        self.runtime.remove(&view.id).await?;
        self.remove_unused_seals(false).await?;
        self.remove_unused_sockets(false).await?;
        Ok(())
    }

    /// Removes stopped sandboxes and what only they used. Volumes with credentials stay.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn prune(&self, dry_run: bool) -> Result<Pruned, LaunchError> {
        let (views, _) = self.sandboxes().await?;
        let mut pruned = Pruned::default();
        for view in views.into_iter().filter(|view| view.state == "stopped") {
            if !dry_run {
                self.runtime.remove(&view.id).await?;
            }
            pruned.containers.push(view.container);
        }
        if !dry_run {
            let readers = self.scope.labels(ROLE_READER);
            self.runtime.remove_readers(&pairs(&readers)).await?;
        }
        pruned.volumes = self.remove_unused_seals(dry_run).await?;
        pruned
            .volumes
            .extend(self.remove_unused_sockets(dry_run).await?);
        Ok(pruned)
    }

    /// Removes the volumes of sealed files that no sandbox uses.
    pub(crate) async fn remove_unused_seals(
        &self,
        dry_run: bool,
    ) -> Result<Vec<String>, LaunchError> {
        let sealed = self.scope.labels(ROLE_SEALED);
        Ok(self
            .runtime
            .remove_unused_volumes(&pairs(&sealed), dry_run)
            .await?)
    }

    /// The running sandboxes of sessions, without tidying: one question to the engine.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn running(&self) -> Result<Vec<SessionView>, LaunchError> {
        let all = self.list_role(ROLE_SESSION).await?;
        Ok(all
            .iter()
            .map(SessionView::of)
            .filter(SessionView::is_running)
            .collect())
    }
}
