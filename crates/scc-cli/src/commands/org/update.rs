use scc_launch::{Freshness, OrgDocument, Provenance, TeamChoice};
use serde_json::json;

use super::fresh;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::age;

/// Fetch the organization's document, and that of your team, where their copies are past their time
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask even where the copies are within their time
    #[arg(short, long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let asked = Asked {
        workspace: workspace_root(None).ok(),
        force: args.force,
        wait: true,
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let document = rules.organization()?;
    fresh(&document)?;
    let provenance = document.provenance();
    let team = team_document(&rules, &document)?;
    let data = json!({ "source": provenance, "team_source": team });
    let printer = context.printer;
    printer.data("OrgUpdate", &data, document.warnings());
    let fetched = age(provenance.fetched_at, rules.now());
    printer.result(&match provenance.freshness {
        Freshness::Cached => format!(
            "{} is up to date: its copy is within its time; ask anyway: scc org update -f",
            provenance.source
        ),
        _ => format!("{} is up to date, fetched {fetched} ago", provenance.source),
    });
    Ok(0)
}

/// Where the document of the chosen team came from; a team that is not known is no reason to fail.
fn team_document(rules: &Rules, document: &OrgDocument) -> Result<Option<Provenance>, CliError> {
    let team = TeamChoice::find(&rules.input())?;
    let profile = team.and_then(|team| document.config().profiles.get(&team.name));
    if profile.is_none_or(|profile| profile.config_source.is_none()) {
        return Ok(None);
    }
    let governance = rules.governance()?;
    let fetched = governance.team_document();
    Ok(fetched.map(|fetched| fetched.provenance.clone()))
}
