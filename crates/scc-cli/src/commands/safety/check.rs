use scc_safety::{Decision, Unknown, Verdict, evaluate_argv, evaluate_shell};
use serde_json::json;

use super::{Net, Where};
use crate::context::Context;
use crate::error::CliError;

/// The exit code of a command that would be refused.
const REFUSED: u8 = 6;

/// Say what a sandbox here would do with a command, without running it
///
/// Ends with 6 where it would be refused. The command is judged by itself, as the hook of an agent
/// judges it; the guard in the sandbox also knows the aliases and the configuration of the
/// repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A text for a shell instead of a command
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "command",
        required_unless_present = "command"
    )]
    shell: Option<String>,
    #[command(flatten)]
    here: Where,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let net = Net::load(&args.here, context)?;
    let verdict = match &args.shell {
        Some(text) => evaluate_shell(text, &Unknown, &net.policy),
        None => evaluate_argv(&args.command, &Unknown, &net.policy),
    };
    let data = json!({
        "decision": verdict.decision,
        "findings": verdict.findings,
        "origin": net.origin,
    });
    let refused = verdict.findings.iter().filter(|_| verdict.is_refused());
    let errors: Vec<_> = refused
        .map(|finding| format!("{}: {}", finding.rule, finding.reason))
        .collect();
    context
        .printer
        .data_with_errors("SafetyCheck", &data, &errors);
    context.printer.result(&describe(&verdict, &net));
    Ok(if verdict.is_refused() { REFUSED } else { 0 })
}

fn describe(verdict: &Verdict, net: &Net) -> String {
    match verdict.decision {
        Decision::Allow => format!("allowed ({})", net.origin),
        Decision::Warn | Decision::Refuse => verdict.to_string().trim_end().to_owned(),
    }
}
