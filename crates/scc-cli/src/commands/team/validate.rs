use std::path::{Path, PathBuf};

use scc_config::{ConfigError, DocumentKind};
use scc_launch::{TeamChoice, team_advice};
use scc_policy::{Decision, EffectivePolicy, Layer, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::config::check_document;
use crate::context::Context;
use crate::error::CliError;
use crate::explanation;
use crate::findings::{self, FindingReport, count};
use crate::governance::{Asked, Rules};

/// Check what a team asks for against the organization's rules
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The team; yours where it is left out
    name: Option<String>,
    /// Check this file as the team's own document; without a team only its structure
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is wrong with a team, or with the document of one.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct ValidateReport<'a> {
    /// The team, as it is in the organization's document.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// What was checked as the team's own document.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    valid: bool,
    /// What the team asks for and does not get.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Vec<&'a Decision>>,
    /// What is wrong with the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingReport>>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let mut warnings = Vec::new();
    if let Some(file) = &args.file {
        let checked = check_document(file, Some(DocumentKind::Team), context)?;
        warnings = checked.advice;
        if !checked.found.is_empty() || args.name.is_none() {
            return Ok(structure(file, &checked.found, &warnings, context));
        }
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => current(context)?,
    };
    // Without a workspace: only what the team itself asks for counts.
    let asked = Asked {
        team: Some(name.clone()),
        team_file: absolute(args.file.as_deref())?,
        wait: true,
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let document = rules.organization()?;
    if args.file.is_some() && super::profile(&document, &name)?.config_source.is_none() {
        return Err(CliError::Failed {
            message: format!("team `{name}` keeps no document of its own"),
            hint: "its `config_source` in the organization's document would say where".to_owned(),
        });
    }
    let governance = rules.governance()?;
    let policy = rules.policy(&governance, context)?;
    let about = context.with_known(|known| team_advice(document.document(), known, &name));
    warnings.extend(about);
    context.printer.warnings(&warnings);
    let report = report(&name, args.file.as_deref(), &policy);
    Ok(evaluated(&report, &warnings, context))
}

fn absolute(file: Option<&Path>) -> Result<Option<PathBuf>, CliError> {
    let absolute = file.map(std::path::absolute).transpose();
    absolute.map_err(|error| CliError::Invalid {
        message: format!("the current directory cannot be found: {error}"),
        hint: String::new(),
    })
}

fn report<'a>(name: &str, file: Option<&Path>, policy: &'a EffectivePolicy) -> ValidateReport<'a> {
    let refused = refused(policy);
    ValidateReport {
        team: Some(name.to_owned()),
        file: file.map(|file| file.display().to_string()),
        valid: refused.is_empty(),
        refused: Some(refused),
        ..ValidateReport::default()
    }
}

/// Says what the team asks for and does not get.
fn evaluated(report: &ValidateReport<'_>, warnings: &[String], context: &Context) -> u8 {
    let refused = report.refused.as_deref().unwrap_or_default();
    let errors: Vec<_> = refused
        .iter()
        .map(|d| format!("{} {}: {}", explanation::kind(d.kind), d.item, d.message))
        .collect();
    let printer = context.printer;
    printer.data_with("TeamValidate", report, &errors, warnings);
    if errors.is_empty() {
        let name = report.team.as_deref().unwrap_or_default();
        printer.result(&format!(
            "team {name}: everything that it asks for is allowed"
        ));
        return 0;
    }
    let outcomes = [Outcome::Blocked, Outcome::Denied, Outcome::Ignored];
    let has = |outcome: &Outcome| refused.iter().any(|d| d.outcome == *outcome);
    let sections = outcomes.into_iter().filter(has);
    let sections = sections.map(|outcome| explanation::of(refused.iter().copied(), outcome).text());
    printer.result(&sections.collect::<Vec<_>>().join("\n\n"));
    6
}

fn current(context: &Context) -> Result<String, CliError> {
    let rules = super::rules(context)?;
    let team = TeamChoice::find(&rules.input())?;
    team.map(|team| team.name).ok_or(CliError::Usage {
        message: "no team was named, and you have none".to_owned(),
        hint: "name one: scc team validate NAME".to_owned(),
    })
}

/// What the team and its own document ask for in vain; what others ask for is not its business.
fn refused(policy: &EffectivePolicy) -> Vec<&Decision> {
    let of_team = |layer| matches!(layer, Layer::Team | Layer::TeamDocument);
    let decisions = policy.decisions.iter();
    decisions
        .filter(|decision| of_team(decision.layer) && decision.outcome != Outcome::Allowed)
        .collect()
}

/// Says what is wrong with a document by itself.
fn structure(file: &Path, found: &[ConfigError], warnings: &[String], context: &Context) -> u8 {
    let shown = file.display().to_string();
    let report = ValidateReport {
        file: Some(shown.clone()),
        valid: found.is_empty(),
        findings: Some(findings::reports(found)),
        ..ValidateReport::default()
    };
    let errors: Vec<_> = found.iter().map(ToString::to_string).collect();
    let printer = context.printer;
    printer.data_with("TeamValidate", &report, &errors, warnings);
    printer.warnings(warnings);
    if found.is_empty() {
        printer.result(&format!("{shown}: valid"));
        printer.note("name a team to see what the organization lets it have: scc team validate NAME --file FILE");
        return 0;
    }
    let summary = format!("{shown}: {}", count(found.len(), "error"));
    printer.result(&format!("{}\n{summary}", findings::text(found)));
    3
}
