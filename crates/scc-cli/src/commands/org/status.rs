use jiff::Timestamp;
use scc_config::Organization;
use scc_launch::{Freshness, OrgDocument, Provenance, org_source};
use scc_sources::{Attempt, AttemptOutcome};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules};
use crate::output::{age, table};

/// Show where the organization's document comes from, and how old its copy is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(_args: &Args, context: &Context) -> Result<u8, CliError> {
    let printer = context.printer;
    let rules = Rules::open(context, Asked::default())?;
    if rules.config.standalone {
        let data = StatusReport {
            standalone: true,
            ..StatusReport::default()
        };
        printer.data("OrgStatus", &data, &[]);
        printer.result("standalone: no organization's rules apply");
        return Ok(0);
    }
    let document = match rules.organization_copy() {
        Ok(document) => document,
        Err(error) => return without_document(&rules, error, context),
    };
    let attempt = rules.last_attempt(document.source())?;
    let data = StatusReport::new(&document, attempt.as_ref());
    printer.data("OrgStatus", &data, &[]);
    let rows = rows(&document, attempt.as_ref(), rules.now());
    printer.result(&table(&["", ""], rows));
    Ok(0)
}

/// There is no copy that can be used: what is known all the same.
fn without_document(rules: &Rules, error: CliError, context: &Context) -> Result<u8, CliError> {
    let Some(settings) = &rules.config.organization else {
        return Err(error);
    };
    let source = org_source(settings, context.config_dir())?;
    let attempt = rules.last_attempt(&source)?;
    let message = error.full_message();
    let source = source.to_string();
    let data = StatusReport {
        recorded_source: Some(source.clone()),
        last_attempt: Some(attempt.as_ref()),
        ..StatusReport::default()
    };
    let printer = context.printer;
    printer.data_with_errors("OrgStatus", &data, std::slice::from_ref(&message));
    let asked = attempt.map_or_else(never, |last| asked(&last, rules.now()));
    let rows = [
        ("source", source),
        ("document", message),
        ("last asked", asked),
    ];
    let row = |(name, value): (&str, String)| vec![name.to_owned(), value];
    printer.result(&table(&["", ""], rows.into_iter().map(row).collect()));
    for line in error.details() {
        printer.note(&line);
    }
    printer.note("fetch it: scc org update");
    Ok(error.exit_code())
}

/// The organization's document; nothing but `standalone` where no rules apply.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct StatusReport<'a> {
    standalone: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a Organization>,
    /// Where the settings say that the document is, also where it cannot be had.
    recorded_source: Option<String>,
    source: Option<&'a Provenance>,
    /// What came of asking for the document the last time; `null` for a file, and where nobody was
    /// ever asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<Option<&'a Attempt>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_ttl_hours: Option<u64>,
    /// How many teams there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    teams: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_cli_version: Option<&'a str>,
}

impl<'a> StatusReport<'a> {
    fn new(document: &'a OrgDocument, attempt: Option<&'a Attempt>) -> Self {
        let config = document.config();
        Self {
            standalone: false,
            organization: Some(&config.organization),
            recorded_source: Some(document.source().to_string()),
            source: Some(document.provenance()),
            last_attempt: Some(attempt),
            cache_ttl_hours: Some(document.ttl().as_secs() / 3600),
            teams: Some(config.profiles.len()),
            min_cli_version: config.min_cli_version.as_deref(),
        }
    }
}

fn rows(document: &OrgDocument, attempt: Option<&Attempt>, now: Timestamp) -> Vec<Vec<String>> {
    let config = document.config();
    let from = document.provenance();
    let organization = &config.organization;
    let freshness = match from.freshness {
        Freshness::Fresh => "read now".to_owned(),
        Freshness::Cached => format!("copy, fetched {} ago", age(from.fetched_at, now)),
        Freshness::Due | Freshness::Stale => format!(
            "copy past its time, fetched {} ago; fetch it: scc org update",
            age(from.fetched_at, now)
        ),
    };
    let mut rows = vec![
        (
            "organization",
            format!("{} ({})", organization.name, organization.id),
        ),
        ("source", from.source.clone()),
        ("document", freshness),
    ];
    // A file is read each time.
    if !document.is_local() {
        rows.extend([
            (
                "last asked",
                attempt.map_or_else(never, |last| asked(last, now)),
            ),
            (
                "time to live",
                format!("{} h", document.ttl().as_secs() / 3600),
            ),
        ]);
    }
    rows.extend([
        ("sha256", from.sha256.clone()),
        ("teams", config.profiles.len().to_string()),
    ]);
    let revision = from.revision.clone();
    rows.extend(revision.map(|revision| ("revision", revision)));
    let contact = organization.contact.clone();
    rows.extend(contact.map(|contact| ("contact", contact)));
    let row = |(name, value): (&str, String)| vec![name.to_owned(), value];
    rows.into_iter().map(row).collect()
}

fn never() -> String {
    "never".to_owned()
}

fn asked(attempt: &Attempt, now: Timestamp) -> String {
    let outcome = match (attempt.outcome, &attempt.reason) {
        (AttemptOutcome::Updated, _) => "there was a new document",
        (AttemptOutcome::Unchanged, _) => "the document has not changed",
        (AttemptOutcome::Failed, None) => "failed",
        (AttemptOutcome::Failed, Some(reason)) => reason,
    };
    format!("{} ago: {outcome}", age(attempt.at, now))
}
