use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use scc_config::{ExceptionTargets, Pattern, PolicyException};
use scc_policy::{Decision, EffectivePolicy, ItemKind, Layer};
use scc_state::Exception;
use serde_json::json;

use super::{Stores, Until, Wanted, record};
use crate::context::Context;
use crate::error::CliError;
use crate::explanation;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::moment;
use crate::prompt::Prompter;

/// Make an exception; it lifts missing delegation and allowlists, never a block
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A plugin, or a pattern of plugins; may be repeated
    #[arg(long, value_name = "PATTERN", required_unless_present = "mcp")]
    allow_plugin: Vec<String>,
    /// An MCP server, or a pattern of servers; may be repeated
    #[arg(long = "allow-mcp", value_name = "PATTERN", id = "mcp")]
    allow_mcp: Vec<String>,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    until: Until,
    /// Its id; made up where it is left out
    #[arg(long)]
    id: Option<String>,
    /// The ticket in which it was asked for
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Share it with everybody who works in this repository; they have to accept it
    #[arg(long)]
    shared: bool,
    /// Print it as an entry for the organization's document instead, where it lifts blocks too;
    /// nothing is recorded
    #[arg(long, conflicts_with = "shared")]
    policy: bool,
    /// Do not ask about a pattern that fits everything
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    if args.policy {
        return policy(args, context);
    }
    let workspace = workspace_root(None).ok();
    let asked = Asked {
        workspace: workspace.clone(),
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let governance = rules.governance()?;
    patterns(&args.allow_plugin)?;
    patterns(&args.allow_mcp)?;
    let expires_at = args.until.resolve(&governance, rules.now())?;
    let bound = bound(args, workspace.as_deref())?;
    confirm(args, expires_at)?;
    let wanted = Wanted {
        plugins: args.allow_plugin.clone(),
        mcp_servers: args.allow_mcp.clone(),
        reason: args.reason.clone(),
        expires_at,
        id: args.id.clone(),
        ticket: args.ticket.clone(),
        workspace: bound,
        shared: args.shared,
    };
    let stores = Stores::open(context, &rules.state, workspace);
    let exception = record(wanted, &stores, &rules.state, rules.now())?;
    let printer = context.printer;
    let policy = rules.policy(&rules.governance()?, context)?;
    let mut warnings: Vec<_> = unused(&exception, &policy).into_iter().collect();
    warnings.extend(unmoved(&policy, &args.allow_mcp));
    printer.data("ExceptionCreate", &exception, &warnings);
    printer.note(&format!(
        "exception {} holds until {}; see what it changes: scc config explain --field excepted",
        exception.id,
        moment(exception.expires_at)
    ));
    for warning in &warnings {
        printer.warning(warning);
    }
    Ok(0)
}

/// The workspace that an exception for MCP servers holds in: other projects may have others of the
/// same names. One that is shared is kept in the workspace itself.
fn bound(args: &Args, workspace: Option<&Path>) -> Result<Option<String>, CliError> {
    if args.allow_mcp.is_empty() || args.shared {
        return Ok(None);
    }
    let workspace = workspace.ok_or_else(|| CliError::Usage {
        message: "an exception for MCP servers holds in one workspace, and there is none here"
            .to_owned(),
        hint: "go to the project first".to_owned(),
    })?;
    Ok(Some(workspace.to_string_lossy().into_owned()))
}

/// That nothing is let through by an exception, where that is so.
fn unused(exception: &Exception, policy: &EffectivePolicy) -> Option<String> {
    let of_it = format!("exception {} ", exception.id);
    let is_used = |decision: &Decision| {
        let rule = decision.rule.as_ref();
        rule.is_some_and(|rule| rule.text.starts_with(&of_it))
    };
    let used = explanation::by_exception(policy).any(is_used);
    (!used).then(|| {
        "nothing here needs it: no denied plugin or MCP server fits its patterns".to_owned()
    })
}

/// What the patterns seem to be for and do not let in: servers that the workspace's document adds are
/// not let in by a name, nor get values of this machine by a pattern.
fn unmoved(policy: &EffectivePolicy, patterns: &[String]) -> Vec<String> {
    let names = patterns.iter().cloned().map(Pattern::try_from);
    let names: Vec<Pattern> = names.filter_map(Result::ok).collect();
    let is_meant = |decision: &&Decision| {
        decision.kind == ItemKind::McpServer
            && decision.layer == Layer::Workspace
            && decision.liftable
            && names.iter().any(|name| name.matches(&decision.item))
    };
    let meant = policy.decisions.iter().filter(is_meant);
    meant
        .map(|decision| {
            let next = decision.next_step.as_deref().unwrap_or_default();
            format!(
                "MCP server `{}` stays out: the workspace's document adds it, and an agent can write there; {next}",
                decision.item
            )
        })
        .collect()
}

/// Asks about patterns that fit everything: they are seldom meant.
fn confirm(args: &Args, until: Timestamp) -> Result<(), CliError> {
    let mut all = args.allow_plugin.iter().chain(&args.allow_mcp);
    let Some(wide) = all.find(|pattern| fits_everything(pattern)) else {
        return Ok(());
    };
    let instead = CliError::Usage {
        message: format!("the pattern `{wide}` fits everything that is denied"),
        hint: "name what is needed, or pass --yes".to_owned(),
    };
    let until = moment(until);
    let question = format!("`{wide}` allows everything that is denied, until {until}. Go on?");
    if args.yes || Prompter::new(!args.json).confirm(&question, instead)? {
        return Ok(());
    }
    Err(CliError::CANCELLED)
}

/// Whether nothing but wildcards stands for the name, the host or the program.
fn fits_everything(pattern: &str) -> bool {
    let rest = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let name = rest.split('@').next().unwrap_or_default();
    name.contains('*') && name.chars().all(|c| "*?./:".contains(c))
}

fn patterns(texts: &[String]) -> Result<Vec<Pattern>, CliError> {
    let read = |text: &String| Pattern::clear(text).map_err(usage);
    texts.iter().map(read).collect()
}

fn usage(message: String) -> CliError {
    CliError::Usage {
        message,
        hint: String::new(),
    }
}

/// The longest time for an exception of the organization's own, in hours: it decides itself.
const POLICY_HOURS: i64 = 366 * 24;

/// Prints the exception as the organization's document wants it.
fn policy(args: &Args, context: &Context) -> Result<u8, CliError> {
    let now = Timestamp::now();
    let longest = SignedDuration::from_hours(POLICY_HOURS);
    let day = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d");
    let made_up = || format!("policy-{day}-{:04x}", now.as_millisecond() & 0xffff);
    let exception = PolicyException {
        id: args.id.clone().unwrap_or_else(made_up),
        reason: match &args.ticket {
            Some(ticket) => format!("{} ({ticket})", args.reason),
            None => args.reason.clone(),
        },
        expires_at: args.until.within(longest, now)?,
        allow: ExceptionTargets {
            plugins: patterns(&args.allow_plugin)?,
            mcp_servers: patterns(&args.allow_mcp)?,
        },
    };
    // What is refused in the document is refused here.
    serde_json::from_value::<PolicyException>(json!(exception))
        .map_err(|error| usage(error.to_string()))?;
    let printer = context.printer;
    printer.data("ExceptionPolicy", &exception, &[]);
    printer.result(&format!("{:#}", json!(exception)));
    printer.note(
        "add this to `exceptions` of the organization's document, and check it: scc org validate FILE",
    );
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::fits_everything;

    #[test]
    fn a_pattern_for_everything_is_told_from_others() {
        for wide in ["*", "**", "*@*", "*@internal", "https://*", "*.*", "/*"] {
            assert!(fits_everything(wide), "{wide}");
        }
        for narrow in [
            "a*",
            "*.corp.example",
            "tool@*",
            "https://x.example/*",
            "?",
            "",
        ] {
            assert!(!fits_everything(narrow), "{narrow}");
        }
    }
}
