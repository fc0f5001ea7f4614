use scc_launch::{Freshness, OrgDocument, Provenance, TeamChoice};
use schemars::JsonSchema;
use serde::Serialize;

use super::fresh;
use crate::commands::team::profile;
use crate::context::Context;
use crate::error::CliError;
use crate::findings::count;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::age;

/// Fetch the organization's document, and that of your team, where their copies are past their time
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
    let report = UpdateReport {
        source: document.provenance(),
        teams: wanted.map(|team| update(team, &rules, &document)).collect(),
    };
    show(&report, &rules, context);
    let failed = report.teams.iter().any(|team| team.error.is_some());
    Ok(if failed { 3 } else { 0 })
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

fn show(report: &UpdateReport<'_>, rules: &Rules, context: &Context) {
    let printer = context.printer;
    let failed = |team: &TeamUpdate| Some(format!("team {}: {}", team.team, team.error.as_ref()?));
    let failed: Vec<_> = report.teams.iter().filter_map(failed).collect();
    printer.data_with_errors("OrgUpdate", report, &failed);
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
    printer.result(&lines.join("\n"));
    if !failed.is_empty() {
        let failed = count(failed.len(), "document");
        printer.warning(&format!(
            "{failed} could not be fetched; copies from before are kept"
        ));
    }
}
