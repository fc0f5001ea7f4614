use scc_safety::rules;
use serde_json::{Value, json};

use super::{Net, Where};
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

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let net = Net::load(&args.here, context)?;
    let all: Vec<Value> = rules()
        .iter()
        .map(|rule| {
            json!({
                "rule": rule.id,
                "group": rule.group,
                "switch": rule.group.switch(),
                "action": net.action(rule.group),
                "stops": rule.stops,
            })
        })
        .collect();
    let data = json!({ "rules": all, "origin": net.origin });
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
