use scc_policy::Origin;
use scc_safety::{Decision, Finding, Unknown, Verdict, evaluate_argv, evaluate_shell};
use schemars::JsonSchema;
use serde::Serialize;

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

/// What a sandbox would do with a command.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CheckReport<'a> {
    /// `allow`, `warn` or `refuse`.
    decision: &'static str,
    findings: Vec<FindingReport<'a>>,
    /// Who said which rules apply.
    origin: &'a Origin,
}

/// What a rule found.
#[derive(Serialize, JsonSchema)]
struct FindingReport<'a> {
    rule: &'a str,
    reason: &'a str,
    alternative: Option<&'a str>,
    /// The offending words: bytes of the text, or numbers of words.
    span: Span,
    /// The command that would run, as its words.
    command: &'a [String],
}

#[derive(Serialize, JsonSchema)]
struct Span {
    start: usize,
    end: usize,
}

impl<'a> FindingReport<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            rule: finding.rule.as_str(),
            reason: &finding.reason,
            alternative: finding.alternative.as_deref(),
            span: Span {
                start: finding.span.start,
                end: finding.span.end,
            },
            command: &finding.command,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let net = Net::load(&args.here, context)?;
    let verdict = match &args.shell {
        Some(text) => evaluate_shell(text, &Unknown, &net.policy),
        None => evaluate_argv(&args.command, &Unknown, &net.policy),
    };
    let data = CheckReport {
        decision: match verdict.decision {
            Decision::Allow => "allow",
            Decision::Warn => "warn",
            Decision::Refuse => "refuse",
        },
        findings: verdict.findings.iter().map(FindingReport::of).collect(),
        origin: &net.origin,
    };
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
