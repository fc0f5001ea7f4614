//! Carrying out a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use scc_provider::VolumeFiles;
use scc_runtime::{
    Attachment, EngineError, SandboxRuntime, SandboxState, TerminalSize, UserIds, labels,
};
use scc_state::LaunchLock;
use sha2::{Digest as _, Sha256};

use crate::init::has_timed_out;
use crate::names::hex;
use crate::plan::Credentials;
use crate::safety;
use crate::tidy::volume_files;
use crate::worktree::{check_sources, make_config};
use crate::{Event, LaunchError, Launcher, Plan, Reporter, Requested};

/// How long a sandbox that is replaced may take to end.
const REPLACE_GRACE: Duration = Duration::from_secs(5);

/// The exit status of a process that SIGKILL has ended.
pub const KILLED: i64 = 137;

/// How an agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentEnd {
    /// Its exit status.
    pub status: i64,
    /// It was killed because the sandbox had used up its memory.
    pub out_of_memory: bool,
    /// The session's time was over.
    pub timed_out: bool,
    /// More was refused than the record of refusals holds; what came last is not in the audit log.
    pub record_is_full: bool,
}

/// What to do when a sandbox of the same workspace and provider is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Leave it and report [`Executed::Conflict`].
    Report,
    /// Stop it and start a new one.
    Replace,
}

/// The outcome of executing a plan.
#[derive(Debug)]
pub enum Executed {
    /// The agent runs.
    Started(LiveSession),
    /// A sandbox of the same workspace and provider is running; nothing was changed.
    Conflict {
        /// Its container.
        container: String,
    },
}

/// A session whose agent runs.
#[derive(Debug)]
pub struct LiveSession {
    /// The session's identifier.
    pub session_id: String,
    /// The runtime's identifier of the sandbox.
    pub sandbox: String,
    attachment: Option<Attachment>,
    /// The agent's user, where its commands are judged.
    judged: Option<UserIds>,
    credentials: Option<VolumeProbe>,
}

impl LiveSession {
    /// The agent's standard streams, connected before it started. They can be taken once.
    pub fn take_attachment(&mut self) -> Option<Attachment> {
        self.attachment.take()
    }

    pub(crate) fn judged(&self) -> Option<UserIds> {
        self.judged
    }
}

#[derive(Debug)]
struct VolumeProbe {
    provider: String,
    volume: String,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Carries out a plan: makes missing images, claims the sandbox's name, records the session,
    /// attaches, and starts the agent. After a conflict the caller calls again, or ends the launch
    /// with [`Launcher::give_way`] or [`Launcher::cancel`].
    ///
    /// # Errors
    /// When another scc is starting the same sandbox, the agent is signed out, or the engine
    /// refuses. Nothing half-made stays.
    pub async fn execute(
        &self,
        Requested { plan }: Requested<'_>,
        providers: &scc_provider::Registry,
        terminal: Option<TerminalSize>,
        on_conflict: OnConflict,
        report: Reporter<'_>,
    ) -> Result<Executed, LaunchError> {
        self.try_execute(plan, providers, terminal, on_conflict, report)
            .await
            .inspect_err(|error| self.note_end(plan, "launch.failed", &error.to_string()))
    }

    async fn try_execute(
        &self,
        plan: &Plan,
        providers: &scc_provider::Registry,
        terminal: Option<TerminalSize>,
        on_conflict: OnConflict,
        report: Reporter<'_>,
    ) -> Result<Executed, LaunchError> {
        self.ensure_images(&plan.image, report).await?;
        if let Some(egress) = &plan.egress {
            self.ensure_proxy_image(egress, report).await?;
        }
        self.check_credentials(plan, providers).await?;
        let Some(_claim) = self.state.try_launch_lock(&plan.container)? else {
            return Err(LaunchError::Busy {
                container: plan.container.clone(),
            });
        };
        let _name = self.claim_session_name(plan).await?;
        self.tidy_locked(&plan.container).await?;
        if let Some(container) = self.clear_the_way(plan, on_conflict, report).await? {
            return Ok(Executed::Conflict { container });
        }
        self.record_starting(plan)?;
        match self.make_and_start(plan, terminal).await {
            Ok((id, attachment)) => Ok(Executed::Started(LiveSession {
                session_id: plan.session_id.clone(),
                sandbox: id,
                attachment: Some(attachment),
                judged: safety::judges(&plan.policy.safety_net.value).then_some(plan.spec.user),
                credentials: match &plan.credentials {
                    Credentials::Key => None,
                    Credentials::Volume(volume) => Some(VolumeProbe {
                        provider: plan.provider.id.clone(),
                        volume: volume.clone(),
                    }),
                },
            })),
            Err(error) => {
                // What stays is tidied by the next command, which goes by the record.
                if self.undo(plan).await.is_ok() {
                    self.note_failed(plan);
                }
                Err(error)
            }
        }
    }

    /// Makes the sandbox, with its proxy where there is one, and starts the agent.
    async fn make_and_start(
        &self,
        plan: &Plan,
        terminal: Option<TerminalSize>,
    ) -> Result<(String, Attachment), LaunchError> {
        let mut spec = plan.spec.clone();
        spec.terminal = terminal;
        plan.worktree_of.as_ref().map_or(Ok(()), make_config)?;
        let made = match &plan.egress {
            Some(egress) => self.start_enforced(plan, egress, spec).await?,
            None => self.create_and_start(&spec).await?,
        };
        self.record_started(plan)?;
        Ok(made)
    }

    /// Makes a sandbox, connects to it, and starts it when nothing that it mounts was replaced.
    pub(crate) async fn create_and_start(
        &self,
        spec: &scc_runtime::SandboxSpec,
    ) -> Result<(String, Attachment), LaunchError> {
        let id = self.create(spec).await?;
        let attachment = self.runtime.attach(&id).await?;
        check_sources(&spec.mounts)?;
        self.runtime.start(&id).await?;
        Ok((id, attachment))
    }

    /// Removes what a launch that came to nothing has made.
    pub(crate) async fn undo(&self, plan: &Plan) -> Result<(), LaunchError> {
        let made = self.runtime.inspect(&plan.container).await?;
        let is_ours = |labels: &BTreeMap<String, String>| {
            labels.get(labels::SESSION) == Some(&plan.session_id)
        };
        if let Some(sandbox) = made.filter(|found| is_ours(&found.labels)) {
            self.runtime.remove(&sandbox.id).await?;
        }
        if plan.egress.is_some() {
            let removed = self
                .remove_egress(&plan.container, Some(&plan.session_id))
                .await;
            self.remove_unused_sockets(false).await?;
            removed?;
        }
        Ok(())
    }

    /// Makes sure that no other running session has this one's name, until the lock is dropped.
    async fn claim_session_name(&self, plan: &Plan) -> Result<Option<LaunchLock>, LaunchError> {
        let Some(name) = &plan.session_name else {
            return Ok(None);
        };
        let key = format!("name-{}", hex(&Sha256::digest(name), 8));
        let taken = |container: &str| LaunchError::SessionNameTaken {
            name: name.clone(),
            container: container.to_owned(),
        };
        let lock = self.state.try_launch_lock(&key)?;
        let lock = lock.ok_or_else(|| taken("one that is being started"))?;
        let running = self.running().await?;
        let other = running
            .iter()
            .find(|view| view.name.as_ref() == Some(name) && view.container != plan.container);
        match other {
            Some(view) => Err(taken(&view.container)),
            None => Ok(Some(lock)),
        }
    }

    pub(crate) async fn create(
        &self,
        spec: &scc_runtime::SandboxSpec,
    ) -> Result<String, LaunchError> {
        match self.runtime.create(spec).await {
            // Somebody without our lock (another state directory) was faster.
            Err(EngineError::NameTaken { name }) => Err(LaunchError::Busy { container: name }),
            other => Ok(other?),
        }
    }

    /// Removes an ended sandbox of the same name, and a running one if it is to be replaced.
    /// Returns the container's name if a running one stays.
    async fn clear_the_way(
        &self,
        plan: &Plan,
        on_conflict: OnConflict,
        report: Reporter<'_>,
    ) -> Result<Option<String>, LaunchError> {
        let Some(existing) = self.runtime.inspect(&plan.container).await? else {
            return Ok(None);
        };
        if existing.state == SandboxState::Running {
            if on_conflict == OnConflict::Report {
                return Ok(Some(plan.container.clone()));
            }
            self.runtime.stop(&existing.id, REPLACE_GRACE).await?;
        }
        self.reconcile_container(&existing.id).await?;
        self.remove_sandbox(&existing).await?;
        report(Event::Replaced {
            container: plan.container.clone(),
        });
        Ok(None)
    }

    /// Refuses early when nobody is signed in. What is remembered spares a look into the volume;
    /// a remembered "no" is looked at again, since signing in may have happened elsewhere.
    async fn check_credentials(
        &self,
        plan: &Plan,
        providers: &scc_provider::Registry,
    ) -> Result<(), LaunchError> {
        let Credentials::Volume(volume) = &plan.credentials else {
            return Ok(());
        };
        if self.state.sign_in(self.endpoint(), volume)? == Some(true) {
            return Ok(());
        }
        let Some(provider) = providers.get(&plan.provider.id) else {
            return Ok(());
        };
        if self.refresh_sign_in(provider, volume).await? {
            return Ok(());
        }
        Err(LaunchError::SignedOut {
            provider: plan.provider.id.clone(),
            name: plan.provider.name.clone(),
        })
    }

    /// Looks into a provider's volume and remembers whether it holds a sign-in.
    ///
    /// # Errors
    /// When the volume cannot be read.
    pub async fn refresh_sign_in(
        &self,
        provider: &dyn scc_provider::AgentProvider,
        volume: &str,
    ) -> Result<bool, LaunchError> {
        let files = match volume_files(self.runtime, provider, volume).await {
            // What an agent has left there may be anything; then it is no sign-in.
            Err(LaunchError::Engine(error)) if error.is_of_content() => {
                tracing::warn!(%error, volume, "credentials that cannot be read");
                VolumeFiles::new()
            }
            files => files?,
        };
        let signed_in = provider.sign_in(&files) == scc_provider::SignIn::SignedIn;
        self.state
            .record_sign_in(self.endpoint(), volume, signed_in)?;
        Ok(signed_in)
    }

    /// Waits for a session's agent, closes the session and returns how the agent ended.
    ///
    /// # Errors
    /// When the engine does not answer; the next command closes the session then.
    pub async fn finish(&self, session_id: &str, sandbox: &str) -> Result<AgentEnd, LaunchError> {
        let status = self.runtime.wait(sandbox).await?;
        let found = self.runtime.inspect(sandbox).await?;
        // First of all it ends: what cannot be recorded must not keep a proxy running.
        let removed = match &found {
            Some(found) => self.remove_egress_of(found).await,
            None => Ok(()),
        };
        let record_is_full = self.collect_records(session_id, sandbox).await?;
        let timed_out = found.as_ref().is_some_and(has_timed_out);
        self.close_session(session_id, Some(status), self.now(), timed_out)?;
        removed?;
        Ok(AgentEnd {
            status,
            out_of_memory: status == KILLED && found.is_some_and(|found| found.out_of_memory),
            timed_out,
            record_is_full,
        })
    }

    /// Looks once more into the volume of a session that depends on it, so that signing out inside
    /// the session is known to the next launch.
    ///
    /// # Errors
    /// When the volume cannot be read.
    pub async fn note_sign_in(
        &self,
        live: &LiveSession,
        providers: &scc_provider::Registry,
    ) -> Result<(), LaunchError> {
        let Some(probe) = &live.credentials else {
            return Ok(());
        };
        if let Some(provider) = providers.get(&probe.provider) {
            self.refresh_sign_in(provider, &probe.volume).await?;
        }
        Ok(())
    }
}
