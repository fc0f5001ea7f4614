use scc_config::Pattern;
use scc_policy::{Decision, EffectivePolicy, ItemKind, Outcome};
use scc_state::Exception;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::exceptions::{Stores, Until, Wanted, record};
use crate::commands::profile::server_details;
use crate::context::Context;
use crate::error::CliError;
use crate::explanation;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::{moment, one_line};
use crate::prompt::Prompter;

/// Lift a denial for a limited time: of a plugin or MCP server that nobody delegated
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What `scc config explain` shows as denied
    target: String,
    #[command(flatten)]
    until: Until,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// The ticket in which it was asked for
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Share it with everybody who works in this repository; they have to accept it
    #[arg(long)]
    shared: bool,
    /// The MCP server of that name
    #[arg(long, conflicts_with = "plugin")]
    mcp: bool,
    /// The plugin of that name
    #[arg(long)]
    plugin: bool,
    /// As if you worked in this team
    #[arg(short, long, value_name = "NAME")]
    team: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct UnblockReport<'a> {
    /// What is allowed now.
    target: &'a str,
    kind: ItemKind,
    exception: &'a Exception,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let workspace = workspace_root(None)?;
    let asked = Asked {
        workspace: Some(workspace.clone()),
        team: args.team.clone(),
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let governance = rules.governance()?;
    let policy = rules.policy(&governance, context)?;
    let decision = denied(args, &policy)?;
    let identity = decision.identity.as_ref().unwrap_or(&decision.item);
    let item = literal(identity);
    if let Err(why) = Pattern::clear(&item) {
        return Err(CliError::Refused {
            message: format!("no exception can be made for it: {why}"),
            hint: "ask the organization to rename it".to_owned(),
        });
    }
    let expires_at = args.until.resolve(&governance, rules.now())?;
    let server = governance.local_server(identity).map(server_details);
    let reason = reason(args, decision, &server.unwrap_or_default(), expires_at)?;
    // A server is let in as it is, and here: its name alone would let in whatever takes it.
    let item = vec![item];
    let (plugins, mcp_servers, bound) = match decision.kind {
        ItemKind::Plugin => (item, Vec::new(), None),
        _ => (Vec::new(), item, Some(workspace.to_string_lossy().into())),
    };
    let wanted = Wanted {
        plugins,
        mcp_servers,
        reason,
        expires_at,
        id: None,
        ticket: args.ticket.clone(),
        workspace: bound.filter(|_| !args.shared),
        shared: args.shared,
    };
    let stores = Stores::open(context, &rules.state, Some(workspace));
    let exception = record(wanted, &stores, &rules.state, rules.now())?;
    let (item, kind) = (&decision.item, decision.kind);
    let data = UnblockReport {
        target: item,
        kind,
        exception: &exception,
    };
    context.printer.data("Unblock", &data, &[]);
    let kind = explanation::kind(kind);
    let (until, id) = (moment(exception.expires_at), &exception.id);
    let said = format!("{kind} {item} is allowed until {until} ({id})");
    context.printer.note(&said);
    Ok(0)
}

/// The denial that is to be lifted.
fn denied<'a>(args: &Args, policy: &'a EffectivePolicy) -> Result<&'a Decision, CliError> {
    let mut found: Vec<&Decision> = Vec::new();
    for decision in policy
        .decisions
        .iter()
        .filter(|decision| means(args, decision))
    {
        let same = |other: &&Decision| other.item == decision.item && other.kind == decision.kind;
        match found.iter().position(same) {
            // Several layers may ask for it; a block says more than a denial.
            Some(at) if weight(decision) > weight(found[at]) => found[at] = decision,
            Some(_) => {}
            None => found.push(decision),
        }
    }
    let decision = match found.as_slice() {
        [one] => *one,
        [] => return Err(nothing(args)),
        several => {
            let words = |d: &&Decision| format!("{} {}", explanation::kind(d.kind), d.item);
            let words: Vec<_> = several.iter().map(words).collect();
            return Err(CliError::Usage {
                message: format!("`{}` is several: {}", args.target, words.join(", ")),
                hint: "name it in full, with --plugin or --mcp".to_owned(),
            });
        }
    };
    match decision.outcome {
        _ if decision.liftable => Ok(decision),
        Outcome::Allowed => Err(CliError::Failed {
            message: format!("`{}` is allowed already", decision.item),
            hint: "see who said so: scc config explain".to_owned(),
        }),
        _ => Err(refused(decision)),
    }
}

fn weight(decision: &Decision) -> u8 {
    match decision.outcome {
        Outcome::Allowed => 0,
        Outcome::Ignored => 1,
        Outcome::Denied => 2,
        Outcome::Blocked => 3,
    }
}

/// A name means that item; a plugin's may leave its marketplace out.
fn means(args: &Args, decision: &Decision) -> bool {
    let target = args.target.trim().to_lowercase();
    let item = decision.item.to_lowercase();
    match decision.kind {
        ItemKind::Plugin if args.mcp => false,
        ItemKind::McpServer if args.plugin => false,
        ItemKind::Plugin => {
            item == target || item.split_once('@').is_some_and(|(name, _)| name == target)
        }
        ItemKind::McpServer => item == target,
        // Nobody here can lift these, and is told so.
        ItemKind::Provider
        | ItemKind::Marketplace
        | ItemKind::DevAction
        | ItemKind::Bundle
        | ItemKind::Artifact
        | ItemKind::DestinationSet => !args.mcp && !args.plugin && item == target,
        _ => false,
    }
}

fn nothing(args: &Args) -> CliError {
    CliError::Failed {
        message: format!("nothing named `{}` is denied here", args.target),
        hint: "see what is: scc config explain --field denied".to_owned(),
    }
}

fn refused(decision: &Decision) -> CliError {
    let rule = decision.rule.as_ref().map(|rule| rule.text.as_str());
    let rule = rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
    let who = match decision.outcome {
        Outcome::Blocked => "only the organization can lift this",
        _ => "no exception of yours lifts this",
    };
    CliError::Refused {
        message: format!(
            "{who}: {} {}: {}{rule}",
            explanation::kind(decision.kind),
            decision.item,
            decision.message
        ),
        hint: decision
            .next_step
            .clone()
            .unwrap_or_else(|| "ask the organization's administrators".to_owned()),
    }
}

/// Why, which is asked for where it was left out; a reason is no yes.
fn reason(
    args: &Args,
    decision: &Decision,
    server: &[String],
    until: jiff::Timestamp,
) -> Result<String, CliError> {
    let prompter = Prompter::new(!args.json);
    let usage = |message: &str, hint: &str| CliError::Usage {
        message: message.to_owned(),
        hint: hint.to_owned(),
    };
    let reason = match &args.reason {
        Some(reason) if !reason.trim().is_empty() => reason.trim().to_owned(),
        _ => prompter.text(
            "Why?",
            usage("an exception needs a reason", "pass --reason"),
        )?,
    };
    let target = decision.target.as_ref().map(|at| format!(" ({at})"));
    let (target, end) = (target.unwrap_or_default(), moment(until));
    let details: String = server
        .iter()
        .map(|line| format!("  {}\n", one_line(line)))
        .collect();
    let question = format!("{details}Allow {}{target} until {end}?", decision.item);
    let undecided = format!("allowing {}{target} until {end} needs a yes", decision.item);
    if args.yes || prompter.confirm(&question, usage(&undecided, "pass --yes"))? {
        return Ok(reason);
    }
    Err(CliError::CANCELLED)
}

/// A pattern that fits this text alone.
fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        match c {
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            _ => pattern.push(c),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_fits_itself_alone() {
        for (text, other) in [("a*", "ab"), ("a?b", "acb"), ("[ab]", "a"), ("x@y", "x@yy")] {
            let pattern = Pattern::try_from(literal(text)).unwrap();
            assert!(pattern.matches(text), "{text}");
            assert!(!pattern.matches(other), "{text}");
        }
    }
}
