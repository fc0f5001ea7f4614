use scc_policy::Origin;
use scc_safety::rules;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Net, RuleReport, Where};
use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// List every rule, and what happens here to what it finds
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    here: Where,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Every rule.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RulesReport<'a> {
    rules: Vec<RuleReport>,
    /// Who said which apply.
    origin: &'a Origin,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let net = Net::load(&args.here, context)?;
    let rules_here = rules().iter().map(|rule| RuleReport::of(rule, &net));
    let data = RulesReport {
        rules: rules_here.collect(),
        origin: &net.origin,
    };
    context.printer.data("SafetyRules", &data, &[]);
    let rows = rules()
        .iter()
        .map(|rule| {
            let action = net.action(rule.group).to_owned();
            vec![rule.id.to_string(), action, rule.stops.to_owned()]
        })
        .collect();
    context
        .printer
        .result(&table(&["RULE", "HERE", "STOPS"], rows));
    Ok(0)
}
