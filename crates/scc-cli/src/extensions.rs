//! Plugins, MCP servers and artifacts as commands show them: what an agent gets here, and what was refused.

use std::path::{Path, PathBuf};

use scc_config::ArtifactKind;
use scc_launch::{
    ArtifactPlan, ChoiceInput, ExtensionsPlan, LaunchError, ProviderChoice, choose_provider,
};
use scc_policy::{Decision, EffectivePolicy, ItemKind, Outcome};
use scc_provider::AgentProvider;

use crate::context::Context;
use crate::error::CliError;
use crate::explanation;
use crate::governance::{Asked, Effective, workspace_root};
use crate::output::table;

/// Which agent is meant, and where.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Where {
    /// For this agent instead of the one that would start
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// The workspace instead of the current directory
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// As if you worked in this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Use copies of documents and marketplaces only
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Where {
    /// The current directory, for an agent and a team.
    pub(crate) fn for_agent(provider: Option<String>, team: Option<String>) -> Self {
        Self {
            provider,
            team,
            ..Self::default()
        }
    }

    /// A workspace, the agent that works there, and for which team.
    pub(crate) fn of(
        workspace: Option<PathBuf>,
        provider: Option<String>,
        team: Option<String>,
    ) -> Self {
        Self {
            provider,
            workspace,
            team,
            ..Self::default()
        }
    }
}

/// What the rules decided here, and what an agent gets by it.
pub(crate) struct Found {
    /// The agent's id.
    pub(crate) provider: String,
    pub(crate) policy: EffectivePolicy,
    pub(crate) plan: ExtensionsPlan,
}

impl Found {
    /// Marketplaces are fetched where they are not here.
    pub(crate) fn find(place: &Where, context: &Context) -> Result<Self, CliError> {
        let workspace = workspace_root(place.workspace.as_deref())?;
        let asked = Asked {
            workspace: Some(workspace.clone()),
            team: place.team.clone(),
            offline: place.offline,
            ..Asked::default()
        };
        let effective = Effective::load(context, asked)?;
        let id = would_start(place.provider.as_deref(), &effective, &workspace, context)?;
        let provider = context.known_provider(&id)?;
        let delivery = effective.delivery(context, &id)?;
        let settings = context.planned_settings(&id, &effective.config);
        let plan = ExtensionsPlan::of(&delivery, provider, &settings)?;
        Ok(Self {
            provider: id,
            policy: effective.policy,
            plan,
        })
    }

    /// What was decided about things of this kind and did not let this agent have them.
    pub(crate) fn refused(&self, kind: ItemKind) -> Vec<&Decision> {
        self.decisions()
            .filter(|one| one.kind == kind && one.outcome != Outcome::Allowed)
            .collect()
    }

    /// Everything that was decided, but for what is about other agents only.
    fn decisions(&self) -> impl Iterator<Item = &Decision> {
        let all = self.policy.decisions.iter();
        all.filter(|one| one.concerns(&self.provider))
    }

    /// That the agent does not get something, for the output of programs.
    pub(crate) fn lack(&self, gets: bool, name: &str) -> Vec<String> {
        match gets {
            true => Vec::new(),
            false => vec![format!("{} does not get `{name}`", self.provider)],
        }
    }

    /// What was decided about artifacts and bundles and did not let them in.
    pub(crate) fn refused_artifacts(&self) -> Vec<&Decision> {
        let bundles = self.refused(ItemKind::Bundle).into_iter();
        bundles.chain(self.refused(ItemKind::Artifact)).collect()
    }

    /// The artifact of this name, where a bundle has it and nothing stands against it.
    pub(crate) fn artifact(&self, name: &str) -> Option<&ArtifactPlan> {
        let mut artifacts = self.plan.artifacts.iter();
        artifacts.find(|one| one.facts.artifact.eq_ignore_ascii_case(name))
    }

    /// Whether a decision is about an artifact, and not about one that is known to be no server where
    /// servers are meant.
    fn is_artifact_of(&self, decision: &Decision, kind: ItemKind) -> bool {
        let known = self.artifact(&decision.item);
        let other = known.is_some_and(|known| known.facts.kind != ArtifactKind::McpServer);
        decision.kind == ItemKind::Artifact && !(kind == ItemKind::McpServer && other)
    }

    /// What was decided about one item, or about the artifact of this name; `name` may leave out the
    /// marketplace of a plugin.
    ///
    /// # Errors
    /// When nobody asked for it.
    pub(crate) fn about(&self, kind: ItemKind, name: &str) -> Result<Vec<&Decision>, CliError> {
        let is_meant = |item: &str| {
            let short = item.split_once('@').map(|(short, _)| short);
            let plugin = kind == ItemKind::Plugin;
            item.eq_ignore_ascii_case(name)
                || plugin && short.is_some_and(|short| short.eq_ignore_ascii_case(name))
        };
        let all = self.decisions();
        let all: Vec<_> = all
            .filter(|one| one.kind == kind || self.is_artifact_of(one, kind))
            .collect();
        // Each name with and without its marketplace.
        let known = all.iter().map(|one| one.item.as_str());
        let known = known.flat_map(|item| [item, item.split('@').next().unwrap_or(item)]);
        let near = scc_config::nearest_name(name, known);
        let found: Vec<_> = all.into_iter().filter(|one| is_meant(&one.item)).collect();
        match found.is_empty() {
            false => Ok(found),
            true => Err(CliError::Failed {
                message: format!(
                    "nobody asks for the {} `{name}` here",
                    explanation::kind(kind)
                ),
                hint: near
                    .unwrap_or_else(|| "see what is asked for: scc config explain".to_owned()),
            }),
        }
    }
}

/// The artifacts of bundles as a table; empty where there are none.
pub(crate) fn artifacts<'a>(
    artifacts: impl Iterator<Item = &'a ArtifactPlan>,
    provider: &str,
) -> String {
    let rows: Vec<_> = artifacts.map(artifact_row).collect();
    let agent = provider.to_uppercase();
    match rows.is_empty() {
        true => String::new(),
        false => table(
            &[
                "ARTIFACT",
                "KIND",
                "BUNDLE",
                "VERSION",
                "ASKED FOR BY",
                &agent,
            ],
            rows,
        ),
    }
}

fn artifact_row(artifact: &ArtifactPlan) -> Vec<String> {
    let facts = &artifact.facts;
    let source = facts.source.as_ref();
    let version = source.map(|source| source.short().to_owned());
    vec![
        facts.artifact.clone(),
        explanation::artifact_kind(facts.kind).to_owned(),
        facts.bundles.join(", "),
        version
            .or_else(|| facts.version.clone())
            .unwrap_or_default(),
        facts.origin.to_string(),
        artifact_state(artifact),
    ]
}

/// Whether the agent gets it, and what of it not.
pub(crate) fn artifact_state(artifact: &ArtifactPlan) -> String {
    let reasons = artifact.left_out.join("; ");
    match &artifact.delivered_as {
        Some(name) if reasons.is_empty() => format!("gets it as {name}"),
        Some(name) => format!("gets a part as {name}: {reasons}"),
        None => format!("does not get it: {reasons}"),
    }
}

/// What stands against things, as text; empty where nothing does.
pub(crate) fn refusals(refused: &[&Decision]) -> String {
    let outcomes = [Outcome::Blocked, Outcome::Denied, Outcome::Ignored];
    let sections = outcomes.into_iter().filter_map(|outcome| {
        let some = refused.iter().any(|one| one.outcome == outcome);
        some.then(|| explanation::of(refused.iter().copied(), outcome).text())
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// The agent that would start; where that is a question, the first that may.
pub(crate) fn would_start(
    flag: Option<&str>,
    effective: &Effective,
    workspace: &Path,
    context: &Context,
) -> Result<String, CliError> {
    let allowed = &effective.policy.allowed_providers;
    let mut viable = context.registry.ids();
    viable.retain(|id| allowed.iter().any(|allowed| allowed == id));
    let last_used = context.state()?.workspace_provider(workspace)?;
    let choice = choose_provider(&ChoiceInput {
        flag,
        resumed: None,
        preference: effective.config.provider.as_ref(),
        last_used: last_used.as_deref(),
        viable: &viable,
    });
    match choice {
        ProviderChoice::Use { id, .. } => Ok(id),
        ProviderChoice::Ask { preselected } => {
            let first = viable.first().map(|id| (*id).to_owned());
            preselected.or(first).ok_or_else(|| CliError::Refused {
                message: "the rules allow no agent that this scc has".to_owned(),
                hint: "see why: scc config explain --field denied".to_owned(),
            })
        }
    }
}

impl Context {
    /// The agent of this id.
    pub(crate) fn known_provider(&self, id: &str) -> Result<&dyn AgentProvider, CliError> {
        let unknown = || LaunchError::UnknownProvider {
            id: id.to_owned(),
            known: self.registry.ids(),
        };
        Ok(self.registry.get(id).ok_or_else(unknown)?)
    }
}
