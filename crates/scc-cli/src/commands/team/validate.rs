use std::path::PathBuf;

use scc_config::DocumentKind;
use scc_launch::TeamChoice;
use scc_policy::{Decision, EffectivePolicy, Outcome};
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
    /// Check this file as a federated team's document instead
    #[arg(short, long, value_name = "FILE", conflicts_with = "name")]
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
    /// The document that was named instead.
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
    if let Some(file) = &args.file {
        return check_file(file, context);
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => current(context)?,
    };
    // Without a workspace: only what the team itself asks for counts.
    let asked = Asked {
        team: Some(name.clone()),
        wait: true,
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    rules.organization()?;
    let governance = rules.governance()?;
    let policy = rules.policy(&governance, context)?;
    let refused = refused(&policy);
    let errors: Vec<_> = refused
        .iter()
        .map(|d| format!("{} {}: {}", explanation::kind(d.kind), d.item, d.message))
        .collect();
    let report = ValidateReport {
        team: Some(name.clone()),
        valid: refused.is_empty(),
        refused: Some(refused),
        ..ValidateReport::default()
    };
    context
        .printer
        .data_with_errors("TeamValidate", &report, &errors);
    if errors.is_empty() {
        context.printer.result(&format!(
            "team {name}: everything that it asks for is allowed"
        ));
        return Ok(0);
    }
    let sections = [Outcome::Blocked, Outcome::Denied, Outcome::Ignored];
    let sections = sections.map(|outcome| explanation::decided(&policy, outcome).text());
    context.printer.result(&sections.join("\n\n"));
    Ok(6)
}

fn current(context: &Context) -> Result<String, CliError> {
    let rules = super::rules(context)?;
    let team = TeamChoice::find(&rules.input())?;
    team.map(|team| team.name).ok_or(CliError::Usage {
        message: "no team was named, and you have none".to_owned(),
        hint: "name one: scc team validate NAME".to_owned(),
    })
}

fn refused(policy: &EffectivePolicy) -> Vec<&Decision> {
    let decisions = policy.decisions.iter();
    decisions
        .filter(|decision| decision.outcome != Outcome::Allowed)
        .collect()
}

fn check_file(file: &std::path::Path, context: &Context) -> Result<u8, CliError> {
    let (_, found) = check_document(file, Some(DocumentKind::Team))?;
    let shown = file.display().to_string();
    let report = ValidateReport {
        file: Some(shown.clone()),
        valid: found.is_empty(),
        findings: Some(findings::reports(&found)),
        ..ValidateReport::default()
    };
    let errors: Vec<_> = found.iter().map(ToString::to_string).collect();
    context
        .printer
        .data_with_errors("TeamValidate", &report, &errors);
    if found.is_empty() {
        context.printer.result(&format!("{shown}: valid"));
        return Ok(0);
    }
    let summary = format!("{shown}: {}", count(found.len(), "error"));
    context
        .printer
        .result(&format!("{}\n{summary}", findings::text(&found)));
    Ok(3)
}
