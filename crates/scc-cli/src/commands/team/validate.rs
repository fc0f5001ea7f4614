use std::path::PathBuf;

use scc_config::DocumentKind;
use scc_launch::TeamChoice;
use scc_policy::{Decision, EffectivePolicy, Outcome};
use serde_json::json;

use crate::commands::config::check_document;
use crate::context::Context;
use crate::error::CliError;
use crate::explanation;
use crate::findings::{self, count};
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
    let data = json!({ "team": name, "valid": refused.is_empty(), "refused": refused });
    context
        .printer
        .data_with_errors("TeamValidate", &data, &errors);
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
    let rules = super::rules(context, false)?;
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
    let data = json!({
        "file": shown, "valid": found.is_empty(), "findings": findings::reports(&found),
    });
    let errors: Vec<_> = found.iter().map(ToString::to_string).collect();
    context
        .printer
        .data_with_errors("TeamValidate", &data, &errors);
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
