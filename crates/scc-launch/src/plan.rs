//! The plan of a launch: everything that will be done, decided before anything is.

mod draft;
mod make;

pub(crate) use draft::limits;
pub use make::plan;

use std::net::IpAddr;

use jiff::Timestamp;
use scc_policy::EffectivePolicy;
use scc_runtime::{Limits, SandboxSpec};
use schemars::JsonSchema;
use serde::Serialize;

use crate::egress::EgressPlan;
use crate::extension_plan::{PluginPlan, ServerPlan};
use crate::images::ImagePlan;
use crate::workspace::WorktreeLink;
use crate::{ArtifactPlan, Blocker, WorkspaceKind};

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

    fn describe_session(&self) -> String {
        let name = self.session_name.as_deref().unwrap_or("unnamed");
        match &self.continues {
            Some(earlier) => format!("{name}, goes on from {earlier}"),
            None => format!("{name}, new"),
        }
    }
}
