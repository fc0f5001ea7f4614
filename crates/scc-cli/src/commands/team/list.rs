use scc_config::Profile;
use scc_launch::TeamChoice;
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::table;

/// List the organization's teams
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Use the copy of the organization's document only
    #[arg(long)]
    offline: bool,
    /// Fetch the organization's document first
    #[arg(short, long, conflicts_with = "offline")]
    sync: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ListReport<'a> {
    /// The organization's id.
    organization: &'a str,
    teams: Vec<TeamReport<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct TeamReport<'a> {
    name: &'a str,
    description: Option<&'a str>,
    /// It keeps its own document.
    federated: bool,
    current: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let asked = Asked {
        workspace: workspace_root(None).ok(),
        offline: args.offline,
        force: args.sync,
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let document = rules.organization()?;
    let current = TeamChoice::find(&rules.input())?.map(|team| team.name);
    let config = document.config();
    let is_current = |name: &String| current.as_ref() == Some(name);
    let teams = config.profiles.iter().map(|(name, profile)| TeamReport {
        name,
        description: profile.description.as_deref(),
        federated: profile.config_source.is_some(),
        current: is_current(name),
    });
    let data = ListReport {
        organization: &config.organization.id,
        teams: teams.collect(),
    };
    context.printer.data("TeamList", &data, document.warnings());
    if config.profiles.is_empty() {
        context
            .printer
            .note("the organization has no teams; its baseline applies to everybody");
        return Ok(0);
    }
    let rows = config.profiles.iter();
    let rows = rows.map(|(name, profile)| row(name, profile, is_current(name)));
    let header = ["TEAM", "", "", "DESCRIPTION"];
    context.printer.result(&table(&header, rows.collect()));
    Ok(0)
}

fn row(name: &str, profile: &Profile, is_current: bool) -> Vec<String> {
    let mark = if is_current { "current" } else { "" };
    let own = match profile.config_source {
        Some(_) => "own document",
        None => "",
    };
    let description = profile.description.as_deref().unwrap_or_default();
    [name, mark, own, description].map(str::to_owned).to_vec()
}
