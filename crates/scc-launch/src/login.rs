//! Signing in, in a container with the provider's volume and a terminal, and no workspace.

use std::path::Path;

use scc_provider::{AGENT_HOME, AgentProvider};
use scc_runtime::{
    Attachment, EnvValue, Mount, MountSource, Network, SandboxRuntime, SandboxSpec, TerminalSize,
    UserIds, labels,
};
use scc_state::LaunchLock;
use serde_json::{Map, json};

use crate::images::plan_images;
use crate::init::init;
use crate::names::ROLE_LOGIN;
use crate::request::HostFacts;
use crate::safety;
use crate::user::agent_user;
use crate::{DEFAULT_BASE, LaunchError, LaunchRequest, Launcher, Reporter, detect_workspace};

/// Who signs in where.
#[derive(Clone, Copy)]
pub struct LoginRequest<'a> {
    /// The agent.
    pub provider: &'a dyn AgentProvider,
    /// The request a launch would be made from. Its workspace is not mounted.
    pub request: &'a LaunchRequest<'a>,
    /// The size of the user's terminal.
    pub terminal: Option<TerminalSize>,
}

/// A sign-in that waits for a person.
#[derive(Debug)]
pub struct LiveLogin {
    /// The runtime's identifier of the container.
    pub sandbox: String,
    attachment: Option<Attachment>,
    volume: String,
    _lock: LaunchLock,
}

impl LiveLogin {
    /// The command's standard streams. They can be taken once.
    pub fn take_attachment(&mut self) -> Option<Attachment> {
        self.attachment.take()
    }
}

/// The user whose volume a sign-in fills: the one that an agent started in `directory` would be.
#[must_use]
pub fn login_user(host: &HostFacts, directory: &Path) -> UserIds {
    let workspace = detect_workspace(directory).map(|workspace| workspace.root);
    let workspace = workspace.unwrap_or_else(|_| directory.to_owned());
    agent_user(host, &workspace, true).unwrap_or(UserIds {
        uid: host.uid,
        gid: host.gid,
    })
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Starts a sign-in.
    ///
    /// # Errors
    /// When the image cannot be made, another sign-in runs, or the engine refuses.
    pub async fn begin_login(
        &self,
        login: &LoginRequest<'_>,
        report: Reporter<'_>,
    ) -> Result<LiveLogin, LaunchError> {
        let LoginRequest {
            provider, request, ..
        } = *login;
        let user = login_user(&request.host, &request.workspace);
        let base = request
            .config
            .images
            .base
            .as_deref()
            .unwrap_or(DEFAULT_BASE);
        let folder = provider.image(&request.settings)?;
        let registry = request.npm_registry.as_deref();
        let owner = (user, provider.volume_path());
        let images = plan_images(base, &folder, owner, &request.certificates, registry);
        self.ensure_images(&images, report).await?;
        let name = self.scope.login_name(provider.id());
        let Some(lock) = self.state.try_launch_lock(&name)? else {
            return Err(LaunchError::Busy { container: name });
        };
        if let Some(earlier) = self.runtime.inspect(&name).await? {
            if !self.scope.owns(&earlier.labels) {
                return Err(LaunchError::ForeignContainer { container: name });
            }
            self.runtime.remove(&earlier.id).await?;
        }
        let volume = self.scope.volume_name(provider.id(), user.uid);
        let spec = self.login_spec(login, user, &images.reference, &volume)?;
        let sandbox = self.runtime.create(&spec).await?;
        let attachment = self.runtime.attach(&sandbox).await?;
        self.runtime.start(&sandbox).await?;
        Ok(LiveLogin {
            sandbox,
            attachment: Some(attachment),
            volume,
            _lock: lock,
        })
    }

    fn login_spec(
        &self,
        login: &LoginRequest<'_>,
        user: UserIds,
        image: &str,
        volume: &str,
    ) -> Result<SandboxSpec, LaunchError> {
        let sealed = safety::sealed(&login.request.policy.safety_net.value)?;
        let id = login.provider.id();
        let spec = login.provider.login();
        let mut labels = self.scope.labels(ROLE_LOGIN);
        labels.insert(labels::PROVIDER.to_owned(), id.to_owned());
        let mut env: std::collections::BTreeMap<_, _> = spec
            .env
            .into_iter()
            .map(|(key, value)| (key, EnvValue::Plain(value)))
            .collect();
        env.insert("HOME".to_owned(), EnvValue::Plain(AGENT_HOME.to_owned()));
        for (key, value) in &login.request.host.environment {
            env.entry(key.clone())
                .or_insert_with(|| EnvValue::Plain(value.clone()));
        }
        Ok(SandboxSpec {
            name: self.scope.login_name(id),
            labels,
            image: image.to_owned(),
            argv: spec.argv,
            init: init(None),
            env,
            working_dir: AGENT_HOME.to_owned(),
            user,
            hostname: "scc-login".to_owned(),
            mounts: vec![Mount {
                source: MountSource::Volume {
                    name: volume.to_owned(),
                    labels: self.scope.volume_labels(id),
                },
                target: login.provider.volume_path().to_owned(),
                read_only: false,
            }],
            sealed: vec![sealed],
            network: Network::Open,
            limits: crate::plan::limits(&login.request.config.resources),
            read_only_root: user.uid == 0,
            terminal: login.terminal,
        })
    }

    /// Gives up a sign-in; its container goes.
    ///
    /// # Errors
    /// When the engine does not answer; the next command does the rest.
    pub async fn abandon_login(&self, login: &LiveLogin) -> Result<(), LaunchError> {
        Ok(self.runtime.remove(&login.sandbox).await?)
    }

    /// Ends a sign-in: waits for the command, looks at what it left in the volume, and removes the
    /// container. Returns the command's status and whether somebody is signed in now.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn finish_login(
        &self,
        login: &LiveLogin,
        provider: &dyn AgentProvider,
    ) -> Result<(i64, bool), LaunchError> {
        let status = self.runtime.wait(&login.sandbox).await?;
        let signed_in = self.refresh_sign_in(provider, &login.volume).await?;
        self.runtime.remove(&login.sandbox).await?;
        let mut facts = Map::new();
        facts.insert("provider".to_owned(), json!(provider.id()));
        facts.insert("signed_in".to_owned(), json!(signed_in));
        self.state
            .audit()
            .append("provider.login", None, facts, self.now())?;
        Ok((status, signed_in))
    }
}
