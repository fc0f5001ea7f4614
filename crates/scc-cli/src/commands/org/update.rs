use scc_launch::{Freshness, Governance, OrgDocument, Provenance, TeamChoice};
use schemars::JsonSchema;
use serde::Serialize;

use super::fresh;
use super::marketplaces::{self, MarketReport};
use crate::commands::team::profile;
use crate::context::Context;
use crate::error::CliError;
use crate::findings::count;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::age;

/// Fetch the organization's document, and that of your team, and move the marketplaces forward
///
/// Documents are fetched where their copies are past their time. Marketplaces, and the skills of
/// bundles, stay at the version that was used first until this command moves them to the newest; what
/// that changes is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask even where the copies are within their time
    #[arg(short, long)]
    force: bool,
    /// The document of this team instead of yours; may be repeated
    #[arg(short, long, value_name = "NAME", conflicts_with = "all")]
    team: Vec<String>,
    /// The documents of all teams that keep their own
    #[arg(short, long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct UpdateReport<'a> {
    source: &'a Provenance,
    teams: Vec<TeamUpdate>,
    marketplaces: Vec<MarketReport>,
}

/// What became of the document of one team.
#[derive(Serialize, JsonSchema)]
struct TeamUpdate {
    team: String,
    /// `None` where the team keeps no document, or it cannot be had.
    source: Option<Provenance>,
    error: Option<String>,
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
    let wanted = teams(args, &rules, &document)?.into_iter();
    let teams: Vec<_> = wanted.map(|team| update(team, &rules, &document)).collect();
    let failed = teams.iter().any(|team| team.error.is_some());
    let markets = match markets(&rules, &document, context) {
        // Said already, for the document of the team.
        Err(_) if failed => Vec::new(),
        markets => markets?,
    };
    let report = UpdateReport {
        source: document.provenance(),
        teams,
        marketplaces: markets,
    };
    let complete = show(&report, &rules, context);
    Ok(if complete { 0 } else { 3 })
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

fn markets(
    rules: &Rules,
    document: &OrgDocument,
    context: &Context,
) -> Result<Vec<MarketReport>, CliError> {
    match governance(rules, document)? {
        Some(governance) => marketplaces::update(rules, &governance, context),
        None => Ok(Vec::new()),
    }
}

/// The teams whose documents are meant. One of the settings that is not known is no reason to fail.
fn teams(args: &Args, rules: &Rules, document: &OrgDocument) -> Result<Vec<String>, CliError> {
    let profiles = &document.config().profiles;
    if args.all {
        let own = profiles
            .iter()
            .filter(|(_, team)| team.config_source.is_some());
        return Ok(own.map(|(name, _)| name.clone()).collect());
    }
    for name in &args.team {
        profile(document, name)?;
    }
    if !args.team.is_empty() {
        return Ok(args.team.clone());
    }
    let chosen = TeamChoice::find(&rules.input())?.map(|team| team.name);
    let own = |name: &String| {
        let profile = profiles.get(name);
        profile.is_some_and(|profile| profile.config_source.is_some())
    };
    Ok(chosen.filter(own).into_iter().collect())
}

fn update(team: String, rules: &Rules, document: &OrgDocument) -> TeamUpdate {
    let (source, error) = match rules.team_document(document, &team) {
        Ok(None) => (None, None),
        Ok(Some(fetched)) => {
            let stale = fetched.provenance.stale_reason.clone();
            (Some(fetched.provenance), stale)
        }
        Err(error) => (None, Some(error.to_string())),
    };
    TeamUpdate {
        team,
        source,
        error,
    }
}

/// Returns whether everything was had.
fn show(report: &UpdateReport<'_>, rules: &Rules, context: &Context) -> bool {
    let printer = context.printer;
    let failed = |team: &TeamUpdate| Some(format!("team {}: {}", team.team, team.error.as_ref()?));
    let failed: Vec<_> = report.teams.iter().filter_map(failed).collect();
    let markets = report.marketplaces.iter();
    let stuck: Vec<_> = markets.clone().filter_map(MarketReport::failure).collect();
    let errors = [failed.clone(), stuck.clone()].concat();
    printer.data_with_errors("OrgUpdate", report, &errors);
    let fetched = |from: &Provenance| match from.freshness {
        Freshness::Cached => format!(
            "{} is up to date: its copy is within its time, fetched {} ago; ask anyway: scc org \
             update -f",
            from.source,
            age(from.fetched_at, rules.now())
        ),
        _ => format!("{} is up to date", from.source),
    };
    let mut lines = vec![fetched(report.source)];
    for team in &report.teams {
        let name = &team.team;
        lines.push(match (&team.error, &team.source) {
            (Some(error), _) => format!("team {name}: {error}"),
            (None, Some(source)) => format!("team {name}: {}", fetched(source)),
            (None, None) => format!("team {name}: keeps no document of its own"),
        });
    }
    lines.extend(markets.map(MarketReport::text));
    printer.result(&lines.join("\n"));
    if !failed.is_empty() {
        let failed = count(failed.len(), "document");
        printer.warning(&format!(
            "{failed} could not be fetched; copies from before are kept"
        ));
    }
    for failure in &stuck {
        printer.warning(failure);
    }
    errors.is_empty()
}
