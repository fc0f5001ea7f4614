use scc_launch::{Freshness, Governance, OrgDocument, TeamChoice};
use serde_json::json;

use super::fresh;
use super::marketplaces::{self, MarketReport};
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::age;

/// Fetch the organization's document, and that of your team, and move the marketplaces forward
///
/// Documents are fetched where their copies are past their time. Marketplaces stay at the version that
/// was used first until this command moves them to the newest; what that changes is shown.
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
    let governance = governance(&rules, &document)?;
    let team = governance.as_ref().and_then(Governance::team_document);
    let team = team.map(|fetched| fetched.provenance.clone());
    let markets = match &governance {
        Some(governance) => marketplaces::update(&rules, governance, context)?,
        None => Vec::new(),
    };
    let data = json!({ "source": provenance, "team_source": team, "marketplaces": markets });
    let printer = context.printer;
    let failures: Vec<_> = markets.iter().filter_map(MarketReport::failure).collect();
    match failures.is_empty() {
        true => printer.data("OrgUpdate", &data, document.warnings()),
        false => printer.data_with_errors("OrgUpdate", &data, &failures),
    }
    let fetched = age(provenance.fetched_at, rules.now());
    printer.result(&match provenance.freshness {
        Freshness::Cached => format!(
            "{} is up to date: its copy is within its time; ask anyway: scc org update -f",
            provenance.source
        ),
        _ => format!("{} is up to date, fetched {fetched} ago", provenance.source),
    });
    for market in &markets {
        printer.result(&market.text());
    }
    for failure in &failures {
        printer.warning(failure);
    }
    Ok(if failures.is_empty() { 0 } else { 3 })
}

/// All rules; `None` where the team that was chosen is not known any more, which is no reason to
/// fail here.
fn governance(rules: &Rules, document: &OrgDocument) -> Result<Option<Governance>, CliError> {
    let team = TeamChoice::find(&rules.input())?;
    let known = |team: &TeamChoice| document.config().profiles.contains_key(&team.name);
    match team.as_ref().is_none_or(known) {
        true => rules.governance().map(Some),
        false => Ok(None),
    }
}
