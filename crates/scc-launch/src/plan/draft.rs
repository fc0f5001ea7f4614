//! The parts of a plan.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scc_config::ResourcesSection;
use scc_provider::{AGENT_HOME, AgentProvider, LaunchSpec, SESSION_VARIABLE};
use scc_runtime::{
    EnvValue, Limits, Mount, MountSource, Network, SandboxSpec, SealedDirectory, UserIds, egress,
    labels,
};

use super::{Credentials, Decision, MountPlan, Plan, PlannedNetwork, ProviderPlan, UserPlan};
use crate::egress::EgressPlan;
use crate::extension_plan::{ExtensionsPlan, sealed};
use crate::governed;
use crate::images::ImagePlan;
use crate::init::init;
use crate::names::{ROLE_SESSION, Scope};
use crate::record;
use crate::resume::NOT_LOOKED_UP;
use crate::safety;
use crate::worktree::worktree_mounts;
use crate::worktrees::{Installer, installers, with_installers};
use crate::{Blocker, LaunchError, LaunchRequest, Workspace, WorkspaceKind};

/// Limits where the user sets none: room for a large build, and an end to a fork bomb.
const DEFAULT_MEMORY: u64 = 8 << 30;
const DEFAULT_CPUS: f64 = 4.0;
const DEFAULT_PIDS: u32 = 4096;

/// What the parts of a plan are made from.
pub(super) struct Draft<'a> {
    pub(super) request: &'a LaunchRequest<'a>,
    pub(super) scope: &'a Scope,
    pub(super) provider: &'a dyn AgentProvider,
    pub(super) workspace: &'a Workspace,
    pub(super) session: &'a str,
    pub(super) conversation: Option<String>,
    pub(super) user: UserIds,
    pub(super) image: &'a ImagePlan,
    pub(super) egress: Option<EgressPlan>,
}

impl Draft<'_> {
    fn root(&self) -> String {
        self.workspace.root.to_string_lossy().into_owned()
    }

    fn installers(&self) -> Vec<Installer> {
        match self.request.install_dependencies {
            true => installers(&self.workspace.root),
            false => Vec::new(),
        }
    }

    fn expiry(&self) -> Option<Timestamp> {
        governed::expiry(
            self.request.policy,
            self.request.session_hour,
            self.request.now,
        )
    }

    pub(super) fn volume(&self) -> String {
        self.scope.volume_name(self.provider.id(), self.user.uid)
    }

    pub(super) fn spec(&self, launch: LaunchSpec) -> Result<SandboxSpec, LaunchError> {
        let root = self.root();
        let resources = governed::resources(self.request.policy, &self.request.config.resources);
        let mut spec = SandboxSpec {
            name: self
                .scope
                .container_name(&self.workspace.root, self.provider.id()),
            labels: self.labels(&root),
            image: self.image.reference.clone(),
            argv: with_installers(&self.installers(), launch.argv),
            init: init(self.expiry()),
            env: self.environment(launch.env)?,
            working_dir: root.clone(),
            user: self.user,
            hostname: "scc".to_owned(),
            mounts: self.mounts(root),
            sealed: self.sealed(launch.sealed)?,
            network: governed::network(self.request.policy),
            limits: limits(&resources),
            read_only_root: self.user.uid == 0,
            terminal: None,
        };
        if self.egress.is_some() {
            self.request.egress.instruct(&mut spec);
        }
        Ok(spec)
    }

    /// The policy of the guard, and what governs the agent itself.
    fn sealed(
        &self,
        agent: Vec<scc_provider::SealedDirectory>,
    ) -> Result<Vec<SealedDirectory>, LaunchError> {
        let guard = safety::sealed(&self.request.policy.safety_net.value)?;
        let agent = sealed(agent, self.request.delivery);
        Ok(std::iter::once(guard).chain(agent).collect())
    }

    fn labels(&self, root: &str) -> BTreeMap<String, String> {
        let mut all = self.scope.labels(ROLE_SESSION);
        all.insert(labels::WORKSPACE.to_owned(), root.to_owned());
        all.insert(labels::PROVIDER.to_owned(), self.provider.id().to_owned());
        all.insert(
            labels::VERSION.to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        );
        all.insert(labels::SESSION.to_owned(), self.session.to_owned());
        if let Some(time) = self.expiry() {
            all.insert(labels::EXPIRES_AT.to_owned(), time.to_string());
        }
        if let Some(name) = &self.request.session_name {
            all.insert(labels::SESSION_NAME.to_owned(), name.clone());
        }
        all
    }

    /// The host's terminal and locale, git's identity, then what the agent needs: later wins.
    fn environment(
        &self,
        agent: BTreeMap<String, scc_provider::EnvValue>,
    ) -> Result<BTreeMap<String, EnvValue>, LaunchError> {
        let plain = |value: &str| EnvValue::Plain(value.to_owned());
        let mut env = BTreeMap::from([
            ("HOME".to_owned(), plain(AGENT_HOME)),
            (SESSION_VARIABLE.to_owned(), plain(self.session)),
        ]);
        for (key, value) in &self.request.host.environment {
            env.insert(key.clone(), plain(value));
        }
        for (index, (key, value)) in self.git_config()?.iter().enumerate() {
            env.insert(format!("GIT_CONFIG_KEY_{index}"), plain(key));
            env.insert(format!("GIT_CONFIG_VALUE_{index}"), plain(value));
            env.insert(
                "GIT_CONFIG_COUNT".to_owned(),
                plain(&(index + 1).to_string()),
            );
        }
        for (key, value) in agent {
            let value = match value {
                scc_provider::EnvValue::Plain(text) => EnvValue::Plain(text),
                scc_provider::EnvValue::Secret(secret) => EnvValue::Secret(secret),
            };
            env.insert(key, value);
        }
        for (key, secret) in &self.request.delivery.secrets {
            env.insert(key.clone(), EnvValue::Secret(secret.clone()));
        }
        Ok(env)
    }

    /// Identity from the host. The workspace is declared safe since its owner may differ from the
    /// agent's user, which git would otherwise refuse.
    fn git_config(&self) -> Result<Vec<(&'static str, String)>, LaunchError> {
        let repository = match self.workspace.kind {
            WorkspaceKind::Repository | WorkspaceKind::Worktree => {
                Some(self.workspace.root.as_path())
            }
            WorkspaceKind::Marked | WorkspaceKind::Directory => None,
        };
        let identity =
            scc_git::identity(&self.request.host.git_config, repository).map_err(|source| {
                LaunchError::Git {
                    workspace: self.workspace.root.clone(),
                    source,
                }
            })?;
        let mut config = vec![("safe.directory", self.root())];
        config.extend(identity.name.map(|name| ("user.name", name)));
        config.extend(identity.email.map(|email| ("user.email", email)));
        Ok(config)
    }

    fn mounts(&self, root: String) -> Vec<Mount> {
        let mut mounts = vec![Mount {
            source: MountSource::Host(self.workspace.root.clone()),
            target: root,
            read_only: false,
        }];
        if let Some(link) = &self.workspace.worktree_of {
            mounts.extend(worktree_mounts(&self.workspace.root, link));
        }
        mounts.push(Mount {
            source: MountSource::Volume {
                name: self.volume(),
                labels: self.scope.volume_labels(self.provider.id()),
            },
            target: self.provider.volume_path().to_owned(),
            read_only: false,
        });
        if safety::judges(&self.request.policy.safety_net.value) {
            mounts.push(record::mount());
        }
        mounts
    }

    pub(super) fn plan(
        &self,
        spec: SandboxSpec,
        blockers: Vec<Blocker>,
        extensions: ExtensionsPlan,
    ) -> Result<Plan, LaunchError> {
        let settings = &self.request.settings;
        let (credentials, shown) = match settings.api_key {
            Some(_) => (Credentials::Key, "api-key"),
            None => (Credentials::Volume(self.volume()), "volume"),
        };
        let provider = ProviderPlan {
            id: self.provider.id().to_owned(),
            name: self.provider.display_name().to_owned(),
            volume: self.volume(),
            credentials: shown,
            base_url: settings.base_url.clone(),
            hosts: self.provider.egress_hosts(settings)?,
        };
        Ok(Plan {
            session_id: self.session.to_owned(),
            session_name: self.request.session_name.clone(),
            continues: self.request.resumed.as_ref().map(|r| r.session.clone()),
            conversation: self.conversation.clone().filter(|id| id != NOT_LOOKED_UP),
            workspace: self.root(),
            workspace_kind: self.workspace.kind,
            branch: self.workspace.branch.clone(),
            provider,
            container: spec.name.clone(),
            image: self.image.clone(),
            command: spec.argv.clone(),
            user: UserPlan {
                uid: self.user.uid,
                gid: self.user.gid,
            },
            mounts: self.shown_mounts(&spec),
            environment: spec.env.keys().cloned().collect(),
            network: match (&self.egress, &spec.network) {
                (Some(_), _) => PlannedNetwork::Proxy,
                (None, Network::None) => PlannedNetwork::None,
                (None, _) => PlannedNetwork::Open,
            },
            egress: self.egress.clone(),
            limits: spec.limits,
            team: self.request.policy.team.clone(),
            expires_at: self.expiry(),
            policy: self.request.policy.clone(),
            read_only_root: spec.read_only_root,
            decisions: self.decisions(&extensions),
            plugins: extensions.plugins,
            mcp_servers: extensions.servers,
            artifacts: extensions.artifacts,
            ready_to_start: blockers.is_empty(),
            blockers,
            spec,
            credentials,
            worktree_of: self.workspace.worktree_of.clone(),
            machine: self.request.egress.machine.clone(),
        })
    }

    fn decisions(&self, extensions: &ExtensionsPlan) -> Vec<Decision> {
        let provider = Decision {
            subject: "provider",
            value: self.provider.id().to_owned(),
            reason: self.request.provider_reason.clone(),
        };
        let mut decisions = vec![provider];
        decisions.extend(self.installers().into_iter().map(|installer| Decision {
            subject: "dependencies",
            value: installer.command.to_owned(),
            reason: "installed in the sandbox before the agent starts".to_owned(),
        }));
        decisions.extend(governed::decisions(self.request.policy));
        decisions.extend(self.egress.iter().flat_map(EgressPlan::decisions));
        decisions.extend(extensions.decisions());
        decisions
    }

    fn shown_mounts(&self, spec: &SandboxSpec) -> Vec<MountPlan> {
        let mut mounts = shown_mounts(spec);
        let shared = self.egress.as_ref().filter(|egress| egress.shares_volume());
        mounts.extend(shared.map(|_| MountPlan {
            kind: "egress",
            source: None,
            target: egress::MEETING.to_owned(),
            read_only: true,
        }));
        mounts
    }
}

pub(crate) fn limits(resources: &ResourcesSection) -> Limits {
    Limits {
        memory_bytes: resources.memory.map_or(DEFAULT_MEMORY, |size| size.bytes()),
        cpus: resources.cpus.unwrap_or(DEFAULT_CPUS),
        pids: resources.pids.unwrap_or(DEFAULT_PIDS),
        log_files: 1,
    }
}

fn shown_mounts(spec: &SandboxSpec) -> Vec<MountPlan> {
    let mounts = spec.mounts.iter().map(|mount| {
        let (kind, source) = match &mount.source {
            MountSource::Host(path) if mount.target == spec.working_dir => {
                ("workspace", path.to_string_lossy().into_owned())
            }
            MountSource::Host(path) => ("git", path.to_string_lossy().into_owned()),
            MountSource::Volume { name, .. } => ("volume", name.clone()),
            MountSource::Own => {
                return MountPlan {
                    kind: "record",
                    source: None,
                    target: mount.target.clone(),
                    read_only: mount.read_only,
                };
            }
        };
        MountPlan {
            kind,
            source: Some(source),
            target: mount.target.clone(),
            read_only: mount.read_only,
        }
    });
    let sealed = spec.sealed.iter().map(|dir| MountPlan {
        kind: "policy",
        source: None,
        target: dir.path.clone(),
        read_only: true,
    });
    mounts.chain(sealed).collect()
}
