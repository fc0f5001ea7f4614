pub(crate) mod list;
pub(crate) mod switch;
pub(crate) mod validate;

use clap::Subcommand;
use scc_config::{ConfigSource, NetworkPolicy, OrgConfig, Pattern, Profile};
use scc_launch::{OrgDocument, TeamChoice};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::table;

/// Show the organization's teams, and choose yours
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the organization's teams; the default
    List(list::Args),
    Switch(switch::Args),
    /// Show the team that applies here, and who chose it
    Current {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what the organization's document says about a team
    Info {
        /// The team
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    Validate(validate::Args),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            None => self.list.json,
            Some(Command::List(args)) => args.json,
            Some(Command::Switch(args)) => args.json,
            Some(Command::Current { json } | Command::Info { json, .. }) => *json,
            Some(Command::Validate(args)) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        None => list::run(&args.list, context),
        Some(Command::List(args)) => list::run(args, context),
        Some(Command::Switch(args)) => switch::run(args, context),
        Some(Command::Current { .. }) => current(context),
        Some(Command::Info { name, .. }) => info(name, context),
        Some(Command::Validate(args)) => validate::run(args, context),
    }
}

/// The rules of the current directory; one that is no workspace has no team of its own.
fn rules(context: &Context) -> Result<Rules, CliError> {
    let asked = Asked {
        workspace: workspace_root(None).ok(),
        ..Asked::default()
    };
    Rules::open(context, asked)
}

fn current(context: &Context) -> Result<u8, CliError> {
    let rules = rules(context)?;
    let document = rules.organization()?;
    let team = TeamChoice::find(&rules.input())?;
    let known = |team: &TeamChoice| document.config().profiles.contains_key(&team.name);
    let exists = team.as_ref().is_some_and(known);
    let data = CurrentReport {
        team: team.as_ref(),
        exists,
    };
    context
        .printer
        .data("TeamCurrent", &data, document.warnings());
    match team {
        None => context.printer.note("no team; choose one: scc team switch"),
        Some(team) => {
            context.printer.result(&team.name);
            context
                .printer
                .note(&format!("chosen by {}", team.origin.as_str()));
            if !exists {
                return Err(unknown(&document, &team.name));
            }
        }
    }
    Ok(0)
}

fn info(name: &str, context: &Context) -> Result<u8, CliError> {
    let document = rules(context)?.organization()?;
    let profile = profile(&document, name)?;
    let data = InfoReport::new(name, profile, document.config());
    context.printer.data("TeamInfo", &data, document.warnings());
    let words = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => {
            let items = items.iter().map(|item| item.as_str().unwrap_or_default());
            items.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let data = json!(data);
    let members = data.as_object().into_iter().flatten();
    let rows = members.map(|(key, value)| vec![key.replace('_', " "), words(value)]);
    context.printer.result(&table(&["", ""], rows.collect()));
    Ok(0)
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct CurrentReport<'a> {
    team: Option<&'a TeamChoice>,
    /// The organization has it.
    exists: bool,
}

/// A team, without what may be a secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InfoReport<'a> {
    name: &'a str,
    description: Option<&'a str>,
    /// Where it keeps its own document.
    document: Option<String>,
    additional_plugins: &'a [String],
    /// The names of its servers.
    additional_mcp_servers: Vec<&'a str>,
    network_policy: Option<NetworkPolicy>,
    timeout_hours: Option<u32>,
    allowed_providers: Option<&'a [String]>,
    enabled_bundles: &'a [String],
    may_add_plugins: bool,
    may_add_mcp_servers: bool,
    allow_project_overrides: bool,
}

impl<'a> InfoReport<'a> {
    fn new(name: &'a str, profile: &'a Profile, org: &OrgConfig) -> Self {
        let servers = profile.additional_mcp_servers.iter();
        let may = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(name));
        let delegation = &org.delegation.teams;
        let from = profile.config_source.as_ref().map(|source| match source {
            ConfigSource::Github(at) => format!("github:{}/{}", at.owner, at.repo),
            ConfigSource::Git(at) => at.url.clone(),
            ConfigSource::Url(at) => at.url.split('?').next().unwrap_or_default().to_owned(),
        });
        Self {
            name,
            description: profile.description.as_deref(),
            document: from,
            additional_plugins: &profile.additional_plugins,
            additional_mcp_servers: servers.map(|server| server.name.as_str()).collect(),
            network_policy: profile.network_policy,
            timeout_hours: profile.session.timeout_hours,
            allowed_providers: profile.allowed_providers.as_deref(),
            enabled_bundles: &profile.enabled_bundles,
            may_add_plugins: may(&delegation.allow_additional_plugins),
            may_add_mcp_servers: may(&delegation.allow_additional_mcp_servers),
            allow_project_overrides: profile.delegation.allow_project_overrides,
        }
    }
}

pub(super) fn profile<'a>(document: &'a OrgDocument, name: &str) -> Result<&'a Profile, CliError> {
    let profiles = &document.config().profiles;
    profiles.get(name).ok_or_else(|| unknown(document, name))
}

pub(crate) fn unknown(document: &OrgDocument, name: &str) -> CliError {
    let config = document.config();
    let teams: Vec<_> = config
        .profiles
        .keys()
        .take(20)
        .map(String::as_str)
        .collect();
    CliError::Failed {
        message: format!(
            "organization `{}` has no team `{name}`",
            config.organization.id
        ),
        hint: match teams.is_empty() {
            true => "it has no teams; its baseline applies to everybody".to_owned(),
            false => format!("it has: {}", teams.join(", ")),
        },
    }
}
