use std::path::Path;

use scc_policy::{Decision, ItemKind, Outcome, Reason};
use scc_state::Exception;
use schemars::JsonSchema;
use serde::Serialize;

use super::Stores;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules, workspace_root};
use crate::output::{moment, table};

/// List exceptions: yours, and those that this workspace's repository shares
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Those whose time is not over (this is the default)
    #[arg(long, conflicts_with_all = ["expired", "all"])]
    active: bool,
    /// Those whose time is over
    #[arg(long, conflicts_with = "all")]
    expired: bool,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ExceptionReport {
    store: &'static str,
    /// `active`, `expired`, `not-accepted` or `ignored`; `unknown` where the rules cannot be read.
    state: &'static str,
    /// Why it has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    exception: Exception,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let now = jiff::Timestamp::now();
    let (reports, warnings) = reports(context, now)?;
    let wanted = |report: &ExceptionReport| match report.state {
        "expired" => args.expired || args.all,
        _ => !args.expired || args.all,
    };
    let reports: Vec<_> = reports.into_iter().filter(wanted).collect();
    let printer = context.printer;
    printer.data("ExceptionList", &reports, &warnings);
    for warning in &warnings {
        printer.warning(warning);
    }
    if reports.is_empty() {
        printer.note("no exceptions");
        return Ok(0);
    }
    let rows = reports.iter().map(|report| {
        let exception = &report.exception;
        let mut targets = exception.allow.plugins.clone();
        targets.extend(exception.allow.mcp_servers.clone());
        vec![
            exception.id.clone(),
            report.store.to_owned(),
            report.state.to_owned(),
            moment(exception.expires_at),
            targets.join(", "),
            exception.reason.clone(),
        ]
    });
    let header = ["ID", "WHERE", "STATE", "UNTIL", "FOR", "REASON"];
    printer.result(&table(&header, rows.collect()));
    for report in &reports {
        if let Some(reason) = &report.reason {
            printer.note(&format!("{}: {reason}", report.exception.id));
        }
    }
    Ok(0)
}

fn reports(
    context: &Context,
    now: jiff::Timestamp,
) -> Result<(Vec<ExceptionReport>, Vec<String>), CliError> {
    let state = context.state()?;
    let stores = Stores::open(context, &state, workspace_root(None).ok());
    let mut reports = Vec::new();
    let mut warnings = state.take_warnings();
    let ignored = match ignored(context) {
        Ok(ignored) => Some(ignored),
        Err(error) => {
            warnings.push(format!("whether they have an effect is not known: {error}"));
            None
        }
    };
    for (store, file) in stores.named() {
        let loaded = file.read()?;
        warnings.extend(loaded.warnings);
        for exception in loaded.value {
            let why = ignored
                .as_ref()
                .map(|all| why(all, &exception, file.path()));
            let state = match &why {
                _ if !exception.is_active(now) => "expired",
                None => "unknown",
                Some(None) => "active",
                Some(Some(why)) if why.reason == Reason::NotAccepted => "not-accepted",
                Some(Some(_)) => "ignored",
            };
            let reason = why.flatten().map(|why| why.message.clone());
            reports.push(ExceptionReport {
                store,
                state,
                reason,
                exception,
            });
        }
    }
    Ok((reports, warnings))
}

/// The exceptions that the rules do not let have an effect here.
fn ignored(context: &Context) -> Result<Vec<Decision>, CliError> {
    let asked = Asked {
        workspace: workspace_root(None).ok(),
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    let mut decisions = rules.policy(&rules.governance()?, context)?.decisions;
    let ignored = |d: &Decision| d.kind == ItemKind::Exception && d.outcome == Outcome::Ignored;
    decisions.retain(ignored);
    Ok(decisions)
}

fn why<'a>(ignored: &'a [Decision], exception: &Exception, file: &Path) -> Option<&'a Decision> {
    let file = file.display().to_string();
    let mut ignored = ignored.iter();
    ignored.find(|d| d.item == exception.id && d.file.as_deref() == Some(&file))
}
