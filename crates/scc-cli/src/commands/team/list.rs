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
    let rows = config.profiles.iter().map(|(name, profile)| {
        let mark = if is_current(name) { "current" } else { "" };
        let own = if profile.config_source.is_some() {
            "own document"
        } else {
            ""
        };
        let description = profile.description.clone().unwrap_or_default();
        vec![name.clone(), mark.to_owned(), own.to_owned(), description]
    });
    let rows = rows.collect();
    context
        .printer
        .result(&table(&["TEAM", "", "", "DESCRIPTION"], rows));
    Ok(0)
}
