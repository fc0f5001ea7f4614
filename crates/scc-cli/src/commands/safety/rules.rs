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

/// How many characters of what a rule stops are shown.
const STOPS: usize = 40;

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
            vec![rule.id.to_string(), action, cut(rule.stops)]
        })
        .collect();
    context
        .printer
        .result(&table(&["RULE", "HERE", "STOPS"], rows));
    context
        .printer
        .note("all of a rule: scc safety explain RULE");
    Ok(0)
}

/// What fits on a line of 80 characters.
fn cut(stops: &str) -> String {
    match stops.char_indices().nth(STOPS) {
        Some((end, _)) => format!("{}…", &stops[..end]),
        None => stops.to_owned(),
    }
}
