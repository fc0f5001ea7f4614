//! Trying the guard of an image, in a container that is thrown away.

use std::collections::BTreeMap;

use scc_config::SafetyNet;
use scc_provider::{AGENT_HOME, AgentProvider};
use scc_runtime::{EnvValue, Network, SandboxRuntime, SandboxSpec, UserIds};
use scc_state::LaunchLock;

use crate::images::plan_images;
use crate::init::init;
use crate::names::ROLE_TRIAL;
use crate::{DEFAULT_BASE, LaunchError, LaunchRequest, Launcher, login_user, record, safety};

/// A harmless command has to run, and a destructive one has to be refused; there is no repository, so
/// that it would fail otherwise with another status.
const SCRIPT: &str = "git --version > /dev/null 2>&1 || exit 3
    git push --force > /dev/null 2>&1
    [ $? = 126 ] || exit 4";
const HARMLESS_REFUSED: i64 = 3;
const DESTRUCTIVE_ALLOWED: i64 = 4;

/// What came of trying the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardTrial {
    /// A harmless command ran, and a destructive one was refused and recorded.
    Passed,
    /// The image is not there yet, so that there is nothing to try.
    NoImage,
    /// `git --version` did not run.
    HarmlessRefused,
    /// `git push --force` was not refused.
    DestructiveAllowed,
    /// It was refused, and no record of it was found.
    NotRecorded,
    /// The trial itself did not run, and ended with this status.
    Broken(i64),
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Tries the guard in the image of this agent, with the policy that refuses everything.
    ///
    /// # Errors
    /// When another trial runs, or the engine refuses.
    pub async fn try_guard(
        &self,
        provider: &dyn AgentProvider,
        request: &LaunchRequest<'_>,
    ) -> Result<GuardTrial, LaunchError> {
        let user = login_user(&request.host, &request.workspace);
        let base = request.config.images.base.as_deref();
        let images = plan_images(
            base.unwrap_or(DEFAULT_BASE),
            &provider.image(&request.settings)?,
            (user, provider.volume_path()),
            &request.certificates,
            None,
        );
        if !self.runtime.image_exists(&images.reference).await? {
            return Ok(GuardTrial::NoImage);
        }
        let (name, _lock) = self.claim_trial(provider.id()).await?;
        let spec = self.trial_spec(name, images.reference, user, request)?;
        let id = self.runtime.create(&spec).await?;
        let outcome = self.run_trial(&id, user).await;
        self.runtime.remove(&id).await?;
        outcome
    }

    /// The name of the container, which is free now.
    async fn claim_trial(&self, provider: &str) -> Result<(String, LaunchLock), LaunchError> {
        let name = self.scope.trial_name(provider);
        let Some(lock) = self.state.try_launch_lock(&name)? else {
            return Err(LaunchError::Busy { container: name });
        };
        if let Some(earlier) = self.runtime.inspect(&name).await? {
            if !self.scope.owns(&earlier.labels) {
                return Err(LaunchError::ForeignContainer { container: name });
            }
            self.runtime.remove(&earlier.id).await?;
        }
        Ok((name, lock))
    }

    fn trial_spec(
        &self,
        name: String,
        image: String,
        user: UserIds,
        request: &LaunchRequest<'_>,
    ) -> Result<SandboxSpec, LaunchError> {
        let home = EnvValue::Plain(AGENT_HOME.to_owned());
        Ok(SandboxSpec {
            name,
            labels: self.scope.labels(ROLE_TRIAL),
            image,
            argv: ["/bin/sh", "-c", SCRIPT].map(str::to_owned).into(),
            init: init(None),
            env: BTreeMap::from([("HOME".to_owned(), home)]),
            working_dir: "/".to_owned(),
            user,
            hostname: "scc-trial".to_owned(),
            mounts: vec![record::mount()],
            sealed: vec![safety::sealed(&SafetyNet::default())?],
            network: Network::None,
            limits: crate::plan::limits(&request.config.resources),
            read_only_root: true,
            terminal: None,
        })
    }

    async fn run_trial(&self, id: &str, user: UserIds) -> Result<GuardTrial, LaunchError> {
        self.runtime.start(id).await?;
        self.start_collector(id, user).await?;
        Ok(match self.runtime.wait(id).await? {
            0 if self.has_records(id).await? => GuardTrial::Passed,
            0 => GuardTrial::NotRecorded,
            HARMLESS_REFUSED => GuardTrial::HarmlessRefused,
            DESTRUCTIVE_ALLOWED => GuardTrial::DestructiveAllowed,
            other => GuardTrial::Broken(other),
        })
    }
}
