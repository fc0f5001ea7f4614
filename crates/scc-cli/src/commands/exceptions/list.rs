use scc_state::{Exception, ExceptionScope};
use schemars::JsonSchema;
use serde::Serialize;

use super::Stores;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::workspace_root;
use crate::output::table;

/// List exceptions: yours, and those that this workspace's repository shares
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Those that hold (this is the default)
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
    /// `active`, `expired`, `not-accepted` or `ignored`.
    state: &'static str,
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
            exception.expires_at.to_string(),
            targets.join(", "),
            exception.reason.clone(),
        ]
    });
    let header = ["ID", "WHERE", "STATE", "UNTIL", "FOR", "REASON"];
    printer.result(&table(&header, rows.collect()));
    Ok(0)
}

fn reports(
    context: &Context,
    now: jiff::Timestamp,
) -> Result<(Vec<ExceptionReport>, Vec<String>), CliError> {
    let state = context.state()?;
    let stores = Stores::open(context, &state, workspace_root(None).ok());
    let accepted = match &stores.repository {
        Some((root, _)) => state.accepted_exceptions(root)?,
        None => Vec::new(),
    };
    let mut reports = Vec::new();
    let mut warnings = state.take_warnings();
    for (store, file) in stores.named() {
        let loaded = file.read()?;
        warnings.extend(loaded.warnings);
        for exception in loaded.value {
            let foreign = store == "repository" && !accepted.contains(&exception.digest()?);
            let state = match () {
                () if !exception.is_active(now) => "expired",
                () if exception.scope == ExceptionScope::Policy => "ignored",
                () if foreign => "not-accepted",
                () => "active",
            };
            reports.push(ExceptionReport {
                store,
                state,
                exception,
            });
        }
    }
    Ok((reports, warnings))
}
