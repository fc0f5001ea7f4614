//! Making a plan, and what stands against a launch.

use std::path::{Path, PathBuf};

use scc_provider::{AgentProvider, Conversation, LaunchContext, LaunchSpec, Registry};
use scc_runtime::UserIds;
use uuid::Uuid;

use super::Plan;
use super::draft::Draft;
use crate::egress::{EgressDraft, EgressPlan};
use crate::extension_plan::ExtensionsPlan;
use crate::governed;
use crate::images::{ImagePlan, plan_images};
use crate::names::Scope;
use crate::safety;
use crate::user::agent_user;
use crate::worktree::unshielded;
use crate::{
    Blocker, BlockerKind, DEFAULT_BASE, LaunchError, LaunchRequest, Workspace, detect_workspace,
    suspicion,
};

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
    let mut blockers = of_workspace(request, &workspace);
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
    blockers.extend(of_agent(request, provider));
    let session = Uuid::now_v7().to_string();
    let launch = command(request, provider, &workspace, &session, user)?;
    let image = image(request, provider, user)?;
    let egress = egress(request, provider, &mut blockers)?;
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

fn command(
    request: &LaunchRequest<'_>,
    provider: &dyn AgentProvider,
    workspace: &Workspace,
    session: &str,
    user: UserIds,
) -> Result<LaunchSpec, LaunchError> {
    Ok(provider.launch(&LaunchContext {
        workspace: &workspace.root.to_string_lossy(),
        conversation: match &request.resumed {
            Some(resumed) => Conversation::Resume(resumed.conversation()),
            None => Conversation::New(session),
        },
        settings: &request.settings,
        args: &request.args,
        agent_is_root: user.uid == 0,
        command_hook: safety::hook(&request.policy.safety_net.value),
        extensions: &request.delivery.extensions,
    })?)
}

fn base<'a>(request: &LaunchRequest<'a>) -> &'a str {
    let configured = request.config.images.base.as_deref();
    configured.unwrap_or(DEFAULT_BASE)
}

fn image(
    request: &LaunchRequest<'_>,
    provider: &dyn AgentProvider,
    user: UserIds,
) -> Result<ImagePlan, LaunchError> {
    let folder = provider.image(&request.settings)?;
    let registry = request.npm_registry.as_deref();
    let owner = (user, provider.volume_path());
    let certificates = &request.certificates;
    Ok(plan_images(
        base(request),
        &folder,
        owner,
        certificates,
        registry,
    ))
}

fn egress(
    request: &LaunchRequest<'_>,
    provider: &dyn AgentProvider,
    blockers: &mut Vec<Blocker>,
) -> Result<Option<EgressPlan>, LaunchError> {
    let draft = EgressDraft {
        policy: request.policy,
        request: &request.egress,
        provider,
        settings: &request.settings,
        base: base(request),
        certificates: &request.certificates,
    };
    draft.plan(blockers)
}

fn of_workspace(request: &LaunchRequest<'_>, workspace: &Workspace) -> Vec<Blocker> {
    let link = workspace.worktree_of.as_ref();
    let all = [
        suspicious(request, workspace),
        reaches_private(request, workspace),
        workspace.git_elsewhere.clone(),
        link.and_then(|link| unshielded(&workspace.root, link)),
    ];
    all.into_iter().flatten().collect()
}

fn of_agent(request: &LaunchRequest<'_>, provider: &dyn AgentProvider) -> Vec<Blocker> {
    let (id, name) = (provider.id(), provider.display_name());
    let mut blockers = governed::refusals(request.policy, id, name);
    if request.settings.api_key.is_none() && !request.signed_in {
        blockers.push(signed_out(provider));
    }
    blockers.extend(request.delivery.blockers.iter().cloned());
    blockers
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
