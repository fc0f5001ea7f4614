use scc_config::Profile;
use scc_launch::TeamChoice;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// List the organization's teams
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Use the copy of the organization's document only
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let rules = super::rules(context, args.offline)?;
    let document = rules.organization()?;
    let current = TeamChoice::find(&rules.input())?.map(|team| team.name);
    let config = document.config();
    let is_current = |name: &String| current.as_ref() == Some(name);
    let teams: Vec<_> = config
        .profiles
        .iter()
        .map(|(name, profile)| {
            json!({
                "name": name,
                "description": profile.description,
                "federated": profile.config_source.is_some(),
                "current": is_current(name),
            })
        })
        .collect();
    let data = json!({ "organization": config.organization.id, "teams": teams });
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
