use scc_policy::Origin;
use scc_safety::{RuleInfo, rule, rules};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Net, RuleReport, Where};
use crate::context::Context;
use crate::error::CliError;

/// Show what a rule stops, why, what to do instead, and whether it applies here
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A rule, as a refusal names it (git.push.force)
    #[arg(value_name = "RULE")]
    rule: String,
    #[command(flatten)]
    here: Where,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A rule, and all there is to know about it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExplainReport<'a> {
    #[serde(flatten)]
    rule: RuleReport,
    /// What these commands destroy.
    why: &'static str,
    /// What to do instead; commands in it stand in backticks.
    alternative: Option<&'static str>,
    /// Who said whether it applies.
    origin: &'a Origin,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let found = rule(&args.rule).ok_or_else(|| unknown(&args.rule))?;
    let net = Net::load(&args.here, context)?;
    let data = ExplainReport {
        rule: RuleReport::of(found, &net),
        why: found.why,
        alternative: found.alternative,
        origin: &net.origin,
    };
    context.printer.data("SafetyRule", &data, &[]);
    context.printer.result(&describe(found, &net));
    Ok(0)
}

/// Whether somebody who says this may mean the rule: a part of its name, its neighbour, its switch, or
/// a command that it stops.
fn is_alike(rule: &RuleInfo, name: &str) -> bool {
    let id = rule.id.as_str();
    let family = name
        .rsplit_once('.')
        .map(|(family, _)| format!("{family}."));
    let is_near = family.is_some_and(|family| id.starts_with(&family));
    id.contains(name)
        || is_near
        || rule.group.switch() == Some(name)
        || (name.contains(' ') && rule.stops.contains(name))
}

/// With those that may be meant.
fn unknown(name: &str) -> CliError {
    let all = rules()
        .iter()
        .filter(|rule| !name.is_empty() && is_alike(rule, name));
    let alike: Vec<_> = all.map(|rule| rule.id.as_str()).collect();
    let hint = match alike.as_slice() {
        [] => "see all: scc safety rules".to_owned(),
        some => format!(
            "one of these: {}; see all: scc safety rules",
            some.join(", ")
        ),
    };
    CliError::Failed {
        message: format!("there is no rule `{name}`"),
        hint,
    }
}

fn describe(found: &RuleInfo, net: &Net) -> String {
    let switch = found.group.switch().unwrap_or("none of its own");
    let mut lines = vec![
        format!("{}: {}", found.id, found.stops),
        format!("  why:     it {}", found.why),
    ];
    if let Some(alternative) = found.alternative {
        lines.push(format!("  instead: {alternative}"));
    }
    lines.push(format!("  switch:  {switch}"));
    let action = net.action(found.group);
    lines.push(format!("  here:    {action} ({})", net.origin));
    lines.join("\n")
}
