//! From a request to a running agent.
//!
//! A launch is one straight road: a [`LaunchRequest`] becomes a [`Plan`] ([`plan`]: pure but for
//! reading the workspace; `--dry-run` prints it), and the plan becomes a [`LiveSession`]
//! ([`Launcher::request`], [`Launcher::execute`]). Nothing turns back up it: `execute` reads the
//! plan, not the configuration. Questions for a person are data ([`Blocker`],
//! [`Executed::Conflict`]); the caller asks them and calls again with the answer.
//!
//! [`Launcher`] also lists, stops and tidies up what launches leave, so that a killed scc leaves
//! nothing that the next command does not set right.

mod artifact_plan;
mod branches;
mod control;
mod egress;
mod error;
mod execute;
mod extension_plan;
mod extensions;
mod governance;
mod governed;
mod images;
mod init;
mod ledger;
mod login;
mod names;
mod own;
mod packages;
mod plan;
pub mod probes;
mod proof;
mod provider_choice;
mod readiness;
mod record;
mod refusal;
mod request;
mod resume;
mod safety;
mod server_trial;
mod tidy;
mod trial;
mod unsupported;
mod user;
mod workspace;
mod worktree;
mod worktrees;

pub use artifact_plan::ArtifactPlan;
pub use branches::is_protected_branch;
pub use control::{Pruned, SessionView, Wanted};
pub use egress::{
    EGRESS_EVENT, EgressEntry, EgressLog, EgressPlan, EgressReader, EgressRequest, EgressSum,
    destinations, egress_facts, provider_endpoints, proxy_ended,
};
pub use error::{Blocker, BlockerKind, LaunchError};
pub use execute::{AgentEnd, Executed, KILLED, LiveSession, OnConflict};
pub use extension_plan::{ExtensionsPlan, PluginPlan, ServerPlan};
pub use extensions::{
    ArtifactFacts, Delivery, DeliveryInput, ExtensionError, MarketUpdate, MarketVersion, PlaceKind,
    PluginChange, PluginFacts,
};
pub use governance::{
    CredentialFallback, Fetched, Freshness, Governance, GovernanceError, GovernanceInput,
    OrgDocument, Provenance, Repository, TeamChoice, TeamOrigin, load_organization,
    load_team_document, org_provider_settings, org_source,
};
pub use governed::KEPT_OUT;
pub use images::{DEFAULT_BASE, ImagePlan, ImageStep};
pub use login::{LiveLogin, LoginRequest, login_user};
pub use names::Scope;
pub use packages::{
    CargoFacts, ManagerSettings, PackageHosts, PipFacts, apt_hosts, cargo_hosts, npm_hosts,
    pip_hosts,
};
pub use plan::{Decision, MountPlan, Plan, PlannedNetwork, ProviderPlan, UserPlan, plan};
pub use proof::{Attempt, AttemptOutcome, Check, Claim, ClaimId, ClaimState, Proof, Proved};
pub use provider_choice::{ChoiceInput, ProviderChoice, choose_provider};
pub use readiness::Readiness;
pub use refusal::{Refusal, Requested, record_refusal};
pub use request::{HostFacts, LaunchRequest};
pub use resume::Resumed;
pub use safety::{describe as describe_safety, safety_policy};
pub use server_trial::ServerTrial;
pub use tidy::Tidied;
pub use trial::GuardTrial;
pub use unsupported::{advice, team_advice};
pub use workspace::{
    Workspace, WorkspaceError, WorkspaceKind, detect_workspace, git_elsewhere, suspicion,
};
pub use worktrees::{
    BRANCH_PREFIX, Installer, Target, find_worktree, installers, worktree_name, worktrees_dir,
};

use jiff::Timestamp;
use scc_runtime::{BuildProgress, SandboxRuntime};
use scc_state::StateDir;

/// What a launch reports while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An image has to be made; this is the slow part of a first launch.
    ImageBuildStarted {
        /// Its reference.
        reference: String,
    },
    /// Progress of that build.
    ImageBuildProgress(BuildProgress),
    /// The image is there.
    ImageBuilt {
        /// Its reference.
        reference: String,
    },
    /// Another scc makes the same image; this one waits for it.
    WaitingForImage {
        /// Its reference.
        reference: String,
    },
    /// A step of a proof begins.
    Proving {
        /// What is done.
        what: &'static str,
    },
    /// A sandbox of the same workspace and provider was replaced.
    Replaced {
        /// The container's name.
        container: String,
    },
}

/// Receives the events of a launch.
pub type Reporter<'a> = &'a mut dyn FnMut(Event);

/// Does things with sandboxes, and remembers them.
#[derive(Debug)]
pub struct Launcher<'a, R> {
    /// What runs the sandboxes.
    pub runtime: &'a R,
    /// What scc remembers.
    pub state: &'a StateDir,
    /// Which sandboxes are ours.
    pub scope: &'a Scope,
    /// The current time.
    pub clock: fn() -> Timestamp,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.runtime.engine().endpoint
    }
}
