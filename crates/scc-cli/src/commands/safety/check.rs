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
    /// A text for a shell instead of a command; `-` reads it from standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "command")]
    shell: Option<String>,
    #[command(flatten)]
    here: Where,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The command and its arguments, best behind `--`
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
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
    /// The rule's group.
    #[schemars(with = "String")]
    group: scc_safety::Group,
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
            group: finding.group,
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
    let text = text(args)?;
    let net = Net::load(&args.here, context)?;
    let verdict = match &text {
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
    let said = verdict.findings.iter();
    let said = said.map(|finding| format!("{}: {}", finding.rule, finding.reason));
    let (errors, warnings): (Vec<_>, Vec<_>) = match verdict.is_refused() {
        true => (said.collect(), vec![]),
        false => (vec![], said.collect()),
    };
    context
        .printer
        .data_with("SafetyCheck", &data, &errors, &warnings);
    context.printer.result(&describe(&verdict, &net));
    Ok(if verdict.is_refused() { REFUSED } else { 0 })
}

/// The text for a shell, if one is to be judged. Words that only a shell would understand are no
/// command: judged as one they would seem harmless.
fn text(args: &Args) -> Result<Option<String>, CliError> {
    match args.shell.as_deref() {
        Some("-") => {
            let read = std::io::read_to_string(std::io::stdin());
            return read.map(Some).map_err(|error| CliError::Failed {
                message: format!("standard input cannot be read: {error}"),
                hint: String::new(),
            });
        }
        Some(text) => return Ok(Some(text.to_owned())),
        None => {}
    }
    let usage = |message: String, hint: &str| {
        let hint = hint.to_owned();
        Err(CliError::Usage { message, hint })
    };
    let Some(first) = args.command.first() else {
        let message = "there is nothing to judge".to_owned();
        return usage(
            message,
            "scc safety check -- COMMAND, or scc safety check --shell TEXT",
        );
    };
    let is_text = args.command.len() == 1 && first.contains(char::is_whitespace);
    let operator = args
        .command
        .iter()
        .find(|word| OPERATORS.contains(&word.as_str()));
    let for_shell = match operator {
        _ if is_text || is_assignment(first) => Some(first),
        operator => operator,
    };
    match for_shell {
        Some(word) => usage(
            format!("`{word}` is for a shell, not a command of its own"),
            "did you mean scc safety check --shell TEXT?",
        ),
        None => Ok(None),
    }
}

/// What joins commands in a shell.
const OPERATORS: [&str; 5] = ["&&", "||", ";", "|", "&"];

/// `NAME=value`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty() && name.chars().all(is_letter)
    })
}

fn describe(verdict: &Verdict, net: &Net) -> String {
    match verdict.decision {
        Decision::Allow => format!("allowed ({})", net.origin),
        Decision::Warn | Decision::Refuse => verdict.to_string().trim_end().to_owned(),
    }
}
