use jiff::Timestamp;
use scc_launch::{Freshness, OrgDocument};
use scc_sources::{Attempt, AttemptOutcome};
use serde_json::{Value, json};

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
        let data = json!({ "standalone": true, "source": null });
        printer.data("OrgStatus", &data, &[]);
        printer.result("standalone: no organization's rules apply");
        return Ok(0);
    }
    let document = rules.organization_copy()?;
    let attempt = rules.last_attempt(&document)?;
    let data = report(&document, attempt.as_ref());
    printer.data("OrgStatus", &data, &[]);
    let rows = rows(&document, attempt.as_ref(), rules.now());
    printer.result(&table(&["", ""], rows));
    Ok(0)
}

fn report(document: &OrgDocument, attempt: Option<&Attempt>) -> Value {
    let config = document.config();
    json!({
        "standalone": false,
        "organization": config.organization,
        "source": document.provenance(),
        "last_attempt": attempt,
        "cache_ttl_hours": document.ttl().as_secs() / 3600,
        "teams": config.profiles.len(),
        "min_cli_version": config.min_cli_version,
    })
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
        (
            "last asked",
            attempt.map_or_else(never, |last| asked(last, now)),
        ),
        (
            "time to live",
            format!("{} h", document.ttl().as_secs() / 3600),
        ),
        ("sha256", from.sha256.clone()),
        ("teams", config.profiles.len().to_string()),
    ];
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
