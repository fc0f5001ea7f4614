use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use scc_config::{NetworkPolicy, ResourcesSection, SafetyNet};
use scc_launch::{Freshness, Governance, Provenance, TeamChoice};
use scc_policy::{
    Decision, EffectiveArtifact, EffectiveBundle, EffectiveDevEnvironment, EffectiveMarketplace,
    EffectiveNetwork, EffectivePlugin, EffectivePolicy, EffectiveServer, EffectiveSession, Outcome,
    Sourced,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::explanation::{self, Section};
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::age;

/// Show what applies here: every value with who said it, and what was refused and why
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this
    #[arg(long, value_enum, value_name = "FIELD")]
    field: Option<Field>,
    /// The workspace instead of the current directory
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// As if you worked in this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Use copies of documents only
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Field {
    Plugins,
    Mcp,
    Marketplaces,
    Network,
    Hosts,
    Session,
    Resources,
    Safety,
    Providers,
    DevEnvironment,
    Excepted,
    Blocked,
    Denied,
    Ignored,
}

impl Field {
    fn section(self, policy: &EffectivePolicy) -> Section {
        match self {
            Self::Plugins => explanation::plugins(policy),
            Self::Mcp => explanation::servers(policy),
            Self::Marketplaces => explanation::marketplaces(policy),
            Self::Network => explanation::network(policy),
            Self::Hosts => explanation::hosts(policy),
            Self::Session => explanation::session(policy),
            Self::Resources => explanation::resources(policy),
            Self::Safety => explanation::safety(policy),
            Self::Providers => explanation::providers(policy),
            Self::DevEnvironment => explanation::dev(policy),
            Self::Excepted => explanation::excepted(policy),
            Self::Blocked => explanation::decided(policy, Outcome::Blocked),
            Self::Denied => explanation::decided(policy, Outcome::Denied),
            Self::Ignored => explanation::decided(policy, Outcome::Ignored),
        }
    }
}

/// What applies, as far as it was asked for, under the names that it has in a plan of `scc start`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExplainReport<'a> {
    /// The organization's id.
    organization: Option<&'a str>,
    team: Option<&'a TeamChoice>,
    /// Nobody's rules apply.
    standalone: bool,
    /// Where the organization's document came from.
    source: Option<&'a Provenance>,
    /// Where the team's own document came from.
    team_source: Option<&'a Provenance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugins: Option<&'a [EffectivePlugin]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundles: Option<&'a [EffectiveBundle]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts: Option<&'a BTreeMap<String, EffectiveArtifact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcp_servers: Option<&'a [EffectiveServer]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marketplaces: Option<&'a BTreeMap<String, EffectiveMarketplace>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_policy: Option<&'a Sourced<NetworkPolicy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a EffectiveNetwork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a EffectiveSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<&'a Sourced<ResourcesSection>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_net: Option<&'a Sourced<SafetyNet>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_shields: Option<&'a [Sourced<String>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_providers: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateways: Option<&'a BTreeMap<String, Sourced<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev_environment: Option<&'a EffectiveDevEnvironment>,
    /// What only an exception lets through, and which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    excepted: Option<Vec<&'a Decision>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<Vec<&'a Decision>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied: Option<Vec<&'a Decision>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<Vec<&'a Decision>>,
}

impl<'a> ExplainReport<'a> {
    fn new(governance: &'a Governance, policy: &'a EffectivePolicy, fields: &[Field]) -> Self {
        let has = |field| fields.contains(&field);
        let decided = |field, outcome| {
            let decisions = policy.decisions.iter();
            has(field).then(|| decisions.filter(|d| d.outcome == outcome).collect())
        };
        let own = governance.team_document();
        Self {
            organization: policy.organization.as_deref(),
            team: governance.team(),
            standalone: policy.standalone,
            source: governance.organization().map(|org| org.provenance()),
            team_source: own.map(|document| &document.provenance),
            plugins: has(Field::Plugins).then_some(&policy.plugins),
            bundles: has(Field::Plugins).then_some(&policy.bundles),
            artifacts: has(Field::Plugins).then_some(&policy.artifacts),
            mcp_servers: has(Field::Mcp).then_some(&policy.mcp_servers),
            marketplaces: has(Field::Marketplaces).then_some(&policy.marketplaces),
            network_policy: has(Field::Network).then_some(&policy.network_policy),
            network: has(Field::Hosts).then_some(&policy.network),
            session: has(Field::Session).then_some(&policy.session),
            resources: has(Field::Resources).then_some(&policy.resources),
            safety_net: has(Field::Safety).then_some(&policy.safety_net),
            workspace_shields: has(Field::Safety).then_some(&policy.workspace_shields),
            allowed_providers: has(Field::Providers).then_some(&policy.allowed_providers),
            gateways: has(Field::Providers).then_some(&policy.gateways),
            dev_environment: has(Field::DevEnvironment).then_some(&policy.dev_environment),
            excepted: has(Field::Excepted).then(|| explanation::by_exception(policy).collect()),
            blocked: decided(Field::Blocked, Outcome::Blocked),
            denied: decided(Field::Denied, Outcome::Denied),
            ignored: decided(Field::Ignored, Outcome::Ignored),
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let workspace = workspace_root(args.workspace.as_deref())?;
    let rules = Rules::open(
        context,
        Asked {
            workspace: Some(workspace),
            team: args.team.clone(),
            offline: args.offline,
            ..Asked::default()
        },
    )?;
    let governance = rules.governance()?;
    let policy = rules.policy(&governance, context)?;
    let fields: Vec<Field> = match args.field {
        Some(field) => vec![field],
        None => Field::value_variants().to_vec(),
    };
    let data = ExplainReport::new(&governance, &policy, &fields);
    context
        .printer
        .data("ConfigExplain", &data, governance.warnings());
    let mut text = Vec::new();
    if args.field.is_none() {
        text.push(heading(&governance, &policy, rules.now()));
    }
    text.extend(fields.iter().map(|field| field.section(&policy).text()));
    context.printer.result(&text.join("\n\n"));
    Ok(0)
}

fn heading(governance: &Governance, policy: &EffectivePolicy, now: jiff::Timestamp) -> String {
    let Some(organization) = governance.organization() else {
        return "Standalone: no organization's rules apply".to_owned();
    };
    let from = organization.provenance();
    let name = &organization.config().organization.name;
    let id = policy.organization.as_deref().unwrap_or_default();
    let fetched = match from.freshness {
        Freshness::Fresh => "read now".to_owned(),
        Freshness::Due => format!(
            "fetched {} ago; a newer one is being fetched",
            age(from.fetched_at, now)
        ),
        _ => format!("fetched {} ago", age(from.fetched_at, now)),
    };
    let mut lines = vec![format!(
        "Organization: {name} ({id}), from {}, {fetched}",
        from.source
    )];
    lines.push(match governance.team() {
        Some(team) => format!("Team: {}, chosen by {}", team.name, team.origin.as_str()),
        None => "Team: none, the organization's baseline applies".to_owned(),
    });
    if let Some(document) = governance.team_document() {
        lines.push(format!(
            "The team's document: {}",
            document.provenance.source
        ));
    }
    lines.join("\n")
}
