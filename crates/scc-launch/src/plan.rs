//! The plan of a launch: everything that will be done, decided before anything is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::ResourcesSection;
use scc_policy::EffectivePolicy;
use scc_provider::{
    AGENT_HOME, AgentProvider, Conversation, LaunchContext, LaunchSpec, Registry, SESSION_VARIABLE,
};
use scc_runtime::{
    EnvValue, Limits, Mount, MountSource, Network, SandboxSpec, SealedDirectory, UserIds, egress,
    labels,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::egress::{EgressDraft, EgressPlan};
use crate::extension_plan::{ExtensionsPlan, PluginPlan, ServerPlan, sealed};
use crate::governed;
use crate::images::{ImagePlan, plan_images};
use crate::init::init;
use crate::names::{ROLE_SESSION, Scope};
use crate::record;
use crate::resume::NOT_LOOKED_UP;
use crate::safety;
use crate::user::agent_user;
use crate::workspace::WorktreeLink;
use crate::worktree::{unshielded, worktree_mounts};
use crate::worktrees::{Installer, installers, with_installers};
use crate::{
    ArtifactPlan, Blocker, BlockerKind, DEFAULT_BASE, LaunchError, LaunchRequest, Workspace,
    WorkspaceKind, detect_workspace, suspicion,
};

/// Limits where the user sets none: room for a large build, and an end to a fork bomb.
const DEFAULT_MEMORY: u64 = 8 << 30;
const DEFAULT_CPUS: f64 = 4.0;
const DEFAULT_PIDS: u32 = 4096;

/// Everything that a launch will do. Serialised it shows names of environment variables and never
/// values.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    /// The session's identifier.
    pub session_id: String,
    /// The session's name.
    pub session_name: Option<String>,
    /// The session whose conversation goes on.
    pub continues: Option<String>,
    /// The agent's identifier of the conversation, where it is known.
    pub conversation: Option<String>,
    /// The workspace's root; it has the same path inside.
    pub workspace: String,
    /// How the root was found.
    pub workspace_kind: WorkspaceKind,
    /// The checked-out branch.
    pub branch: Option<String>,
    /// The agent.
    pub provider: ProviderPlan,
    /// The sandbox's container.
    pub container: String,
    /// The images.
    pub image: ImagePlan,
    /// The command line inside.
    pub command: Vec<String>,
    /// Who the agent is.
    pub user: UserPlan,
    /// What is mounted.
    pub mounts: Vec<MountPlan>,
    /// Names of the environment variables.
    pub environment: Vec<String>,
    /// What the network reaches.
    pub network: PlannedNetwork,
    /// What enforces where the agent may go, where the rules want that.
    pub egress: Option<EgressPlan>,
    /// Resource limits.
    pub limits: Limits,
    /// The team.
    pub team: Option<String>,
    /// When the sandbox is stopped.
    pub expires_at: Option<Timestamp>,
    /// The plugins, with the commit that each is of.
    pub plugins: Vec<PluginPlan>,
    /// The MCP servers.
    pub mcp_servers: Vec<ServerPlan>,
    /// The artifacts of bundles.
    pub artifacts: Vec<ArtifactPlan>,
    /// The rules that apply, with what was decided about everything that a layer asked for.
    pub policy: EffectivePolicy,
    /// Whether the root file system is read-only.
    pub read_only_root: bool,
    /// What was decided, and why.
    pub decisions: Vec<Decision>,
    /// Why it cannot start.
    pub blockers: Vec<Blocker>,
    /// Whether nothing known now stands against the launch. The engine and the images are not
    /// asked.
    pub ready_to_start: bool,
    #[serde(skip)]
    pub(crate) spec: SandboxSpec,
    #[serde(skip)]
    pub(crate) credentials: Credentials,
    #[serde(skip)]
    pub(crate) worktree_of: Option<WorktreeLink>,
    /// Addresses of this machine.
    #[serde(skip)]
    pub(crate) machine: Vec<IpAddr>,
}

/// What the network of a sandbox reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedNetwork {
    /// Everything that the engine's default network does.
    Open,
    /// Nothing.
    None,
    /// What a proxy lets through.
    Proxy,
}

/// How a launch knows that the agent can act for somebody.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    /// A key is handed in.
    Key,
    /// The provider's volume has to hold a sign-in.
    Volume(String),
}

/// The agent of a plan.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProviderPlan {
    /// Its id.
    pub id: String,
    /// Its product name.
    pub name: String,
    /// Its volume for credentials and conversations.
    pub volume: String,
    /// How it is signed in: `api-key` or `volume`.
    pub credentials: &'static str,
    /// The gateway that stands in for the vendor's API.
    pub base_url: Option<String>,
    /// The hosts it needs.
    pub hosts: Vec<String>,
}

/// The agent's user.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserPlan {
    /// User id inside and on the files it makes.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// One mount of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MountPlan {
    /// `workspace`, `git`, `volume`, `policy` or `egress`.
    pub kind: &'static str,
    /// A path of the host, or a volume's name; absent for what scc makes.
    pub source: Option<String>,
    /// The path inside.
    pub target: String,
    /// Whether it is read-only.
    pub read_only: bool,
}

/// One thing that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PlanDecision")]
pub struct Decision {
    /// What about.
    pub subject: &'static str,
    /// The outcome.
    pub value: String,
    /// Why.
    pub reason: String,
}

/// Plans a launch. Reads the workspace and its repository, and touches neither engine nor network.
///
/// # Errors
/// When the workspace cannot be used or the request makes no sense. What merely stands against the
/// launch is in the plan's blockers.
pub fn plan(
    request: &LaunchRequest<'_>,
    registry: &Registry,
    scope: &Scope,
) -> Result<Plan, LaunchError> {
    let workspace = detect_workspace(&request.workspace)?;
    let provider = registry
        .get(&request.provider)
        .ok_or_else(|| LaunchError::UnknownProvider {
            id: request.provider.clone(),
            known: registry.ids(),
        })?;
    let mut blockers = Vec::new();
    blockers.extend(suspicious(request, &workspace));
    blockers.extend(reaches_private(request, &workspace));
    blockers.extend(workspace.git_elsewhere.clone());
    let link = workspace.worktree_of.as_ref();
    blockers.extend(link.and_then(|link| unshielded(&workspace.root, link)));
    let user = agent_user(
        &request.host,
        &workspace.root,
        request.config.allow_root_agent,
    )
    .unwrap_or_else(|blocker| {
        blockers.push(blocker);
        UserIds {
            uid: request.host.uid,
            gid: request.host.gid,
        }
    });
    blockers.extend(governed::refusals(
        request.policy,
        provider.id(),
        provider.display_name(),
    ));
    if request.settings.api_key.is_none() && !request.signed_in {
        blockers.push(signed_out(provider));
    }
    blockers.extend(request.delivery.blockers.iter().cloned());
    let root = workspace.root.to_string_lossy().into_owned();
    let session = Uuid::now_v7().to_string();
    let launch = provider.launch(&LaunchContext {
        workspace: &root,
        conversation: match &request.resumed {
            Some(resumed) => Conversation::Resume(resumed.conversation()),
            None => Conversation::New(&session),
        },
        settings: &request.settings,
        args: &request.args,
        agent_is_root: user.uid == 0,
        command_hook: safety::hook(&request.policy.safety_net.value),
        extensions: &request.delivery.extensions,
    })?;
    let base = request
        .config
        .images
        .base
        .as_deref()
        .unwrap_or(DEFAULT_BASE);
    let folder = provider.image(&request.settings)?;
    let registry_url = request.npm_registry.as_deref();
    let owner = (user, provider.volume_path());
    let image = plan_images(base, &folder, owner, &request.certificates, registry_url);
    let egress = EgressDraft {
        policy: request.policy,
        request: &request.egress,
        provider,
        settings: &request.settings,
        base,
        certificates: &request.certificates,
    };
    let egress = egress.plan(&mut blockers)?;
    let draft = Draft {
        request,
        scope,
        provider,
        workspace: &workspace,
        session: &session,
        conversation: launch.conversation.clone(),
        user,
        image: &image,
        egress,
    };
    let resumed = request.resumed.as_ref();
    blockers.extend(resumed.and_then(|resumed| resumed.elsewhere(&draft.volume())));
    let agent = provider.display_name();
    let extensions = ExtensionsPlan::new(request.delivery, &launch.undelivered, agent);
    blockers.extend(extensions.blockers.iter().cloned());
    let spec = draft.spec(launch)?;
    draft.plan(spec, blockers, extensions)
}

fn signed_out(provider: &dyn AgentProvider) -> Blocker {
    let id = provider.id();
    Blocker {
        kind: BlockerKind::MissingPrerequisite,
        message: format!("{} is not signed in", provider.display_name()),
        hint: format!(
            "sign in: scc provider login {id}; or set `providers.{id}.api_key` to `env:VARIABLE`"
        ),
    }
}

fn suspicious(request: &LaunchRequest<'_>, workspace: &Workspace) -> Option<Blocker> {
    if request.allow_suspicious {
        return None;
    }
    let why = suspicion(&workspace.root, request.host.home.as_deref())?;
    Some(Blocker {
        kind: BlockerKind::SuspiciousWorkspace,
        message: format!(
            "`{}` does not look like a workspace: {why}",
            workspace.root.display()
        ),
        hint: "start in a project's directory, or pass --allow-suspicious-workspace if the agent \
               really may change all of it"
            .to_owned(),
    })
}

/// What governs the agent must not be where it can write.
fn reaches_private(request: &LaunchRequest<'_>, workspace: &Workspace) -> Option<Blocker> {
    let link = workspace.worktree_of.as_ref();
    let mounted = std::iter::once(&workspace.root).chain(link.map(|link| &link.common_dir));
    let mounted: Vec<_> = mounted.collect();
    let private = request.host.private.iter();
    let real = private.map(|path| (path, real_path(path)));
    let (path, _) = real
        .into_iter()
        .find(|(_, real)| mounted.iter().any(|mount| real.starts_with(mount)))?;
    Some(Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "the workspace `{}` holds what governs the agent: `{}`",
            workspace.root.display(),
            path.display()
        ),
        hint:
            "start in a directory that does not hold scc's settings, its records or the engine's \
               socket"
                .to_owned(),
    })
}

/// Without links, also where the end of the path does not exist yet.
fn real_path(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(parent), Some(name)) => real_path(parent).join(name),
        (Err(_), _, _) => path.to_owned(),
    }
}

impl Plan {
    /// Takes the agent's payload from this npm registry when its image has to be made.
    pub fn set_npm_registry(&mut self, registry: Option<&str>) {
        self.image.set_npm_registry(registry);
    }

    /// Adds a reason for which the launch would be refused.
    pub fn add_blocker(&mut self, blocker: Blocker) {
        self.blockers.push(blocker);
        self.ready_to_start = false;
    }

    /// The plan for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut lines = vec![
            format!(
                "Agent      {} ({})",
                self.provider.name, self.provider.credentials
            ),
            format!("Workspace  {}", self.workspace),
            format!("Container  {}", self.container),
            format!("Image      {}", self.image.reference),
            format!("Command    {}", self.command.join(" ")),
            format!("Session    {}", self.describe_session()),
            format!("User       {}:{}", self.user.uid, self.user.gid),
        ];
        for mount in &self.mounts {
            let mode = if mount.read_only {
                "read-only"
            } else {
                "writable"
            };
            let source = mount.source.as_deref().unwrap_or("made by scc");
            lines.push(format!(
                "Mount      {} ({}, {mode}, {source})",
                mount.target, mount.kind
            ));
        }
        lines.push(format!("Variables  {}", self.environment.join(" ")));
        let memory = self.limits.memory_bytes >> 20;
        let (cpus, pids) = (self.limits.cpus, self.limits.pids);
        lines.push(format!(
            "Limits     {memory} MiB memory, {cpus} cpus, {pids} processes"
        ));
        for Decision {
            subject,
            value,
            reason,
        } in &self.decisions
        {
            lines.push(format!("Decided    {subject}: {value} ({reason})"));
        }
        for Blocker { message, hint, .. } in &self.blockers {
            lines.push(format!("Blocked    {message} ({hint})"));
        }
        lines.join("\n")
    }
}

impl Plan {
    fn describe_session(&self) -> String {
        let name = self.session_name.as_deref().unwrap_or("unnamed");
        match &self.continues {
            Some(earlier) => format!("{name}, goes on from {earlier}"),
            None => format!("{name}, new"),
        }
    }
}

/// What the parts of a plan are made from.
struct Draft<'a> {
    request: &'a LaunchRequest<'a>,
    scope: &'a Scope,
    provider: &'a dyn AgentProvider,
    workspace: &'a Workspace,
    session: &'a str,
    conversation: Option<String>,
    user: UserIds,
    image: &'a ImagePlan,
    egress: Option<EgressPlan>,
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

    fn volume(&self) -> String {
        self.scope.volume_name(self.provider.id(), self.user.uid)
    }

    fn spec(&self, launch: LaunchSpec) -> Result<SandboxSpec, LaunchError> {
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

    fn plan(
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
