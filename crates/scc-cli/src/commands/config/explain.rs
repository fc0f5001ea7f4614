use std::path::PathBuf;

use clap::ValueEnum;
use scc_launch::{Freshness, Governance};
use scc_policy::{Decision, EffectivePolicy, Outcome};
use serde_json::{Map, Value, json};

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
            Self::Blocked => explanation::decided(policy, Outcome::Blocked),
            Self::Denied => explanation::decided(policy, Outcome::Denied),
            Self::Ignored => explanation::decided(policy, Outcome::Ignored),
        }
    }

    /// The values for programs, under the names that they have in a plan of `scc start`.
    fn values(self, policy: &EffectivePolicy) -> Vec<(&'static str, Value)> {
        let decided = |outcome| {
            let decisions = policy.decisions.iter();
            let found: Vec<&Decision> = decisions.filter(|d| d.outcome == outcome).collect();
            json!(found)
        };
        let value = match self {
            Self::Plugins => {
                return vec![
                    ("plugins", json!(policy.plugins)),
                    ("bundles", json!(policy.bundles)),
                ];
            }
            Self::Safety => {
                return vec![
                    ("safety_net", json!(policy.safety_net)),
                    ("workspace_shields", json!(policy.workspace_shields)),
                ];
            }
            Self::Mcp => ("mcp_servers", json!(policy.mcp_servers)),
            Self::Marketplaces => ("marketplaces", json!(policy.marketplaces)),
            Self::Network => ("network_policy", json!(policy.network_policy)),
            Self::Hosts => ("network", json!(policy.network)),
            Self::Session => ("session", json!(policy.session)),
            Self::Resources => ("resources", json!(policy.resources)),
            Self::Providers => ("allowed_providers", json!(policy.allowed_providers)),
            Self::DevEnvironment => ("dev_environment", json!(policy.dev_environment)),
            Self::Blocked => ("blocked", decided(Outcome::Blocked)),
            Self::Denied => ("denied", decided(Outcome::Denied)),
            Self::Ignored => ("ignored", decided(Outcome::Ignored)),
        };
        vec![value]
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
    let data = report(&governance, &policy, &fields);
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

fn report(governance: &Governance, policy: &EffectivePolicy, fields: &[Field]) -> Value {
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| data.insert(key.to_owned(), value);
    put("organization", json!(policy.organization));
    put("team", json!(governance.team()));
    put("standalone", json!(policy.standalone));
    let source = governance.organization().map(|org| org.provenance());
    put("source", json!(source));
    let team = governance
        .team_document()
        .map(|document| &document.provenance);
    put("team_source", json!(team));
    for (name, value) in fields.iter().flat_map(|field| field.values(policy)) {
        put(name, value);
    }
    Value::Object(data)
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
