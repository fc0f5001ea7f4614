use scc_config::Organization;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Candidate, findings_of};
use crate::context::Context;
use crate::error::CliError;
use crate::findings::{self, FindingReport, count};

/// Fetch an organization's document and say what is wrong with it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    candidate: Candidate,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ValidationReport<'a> {
    source: &'a str,
    valid: bool,
    findings: Vec<FindingReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a Organization>,
    /// Of the document, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let printer = context.printer;
    match args.candidate.fetch(context) {
        Ok((_, document)) => {
            let source = &document.provenance().source;
            let organization = &document.config().organization;
            let data = ValidationReport {
                source,
                valid: true,
                findings: Vec::new(),
                organization: Some(organization),
                sha256: Some(&document.provenance().sha256),
            };
            let warnings = context.advice(document.document());
            printer.data("OrgValidation", &data, &warnings);
            printer.warnings(&warnings);
            let teams = count(document.config().profiles.len(), "team");
            printer.result(&format!("{source}: valid, {} ({teams})", organization.name));
            Ok(0)
        }
        Err(error) => {
            let Some(found) = findings_of(&error) else {
                return Err(error);
            };
            let source = &args.candidate.source;
            let data = ValidationReport {
                source,
                valid: false,
                findings: findings::reports(found),
                organization: None,
                sha256: None,
            };
            let summary = format!("{source}: {}", count(found.len(), "error"));
            printer.data_with_errors("OrgValidation", &data, std::slice::from_ref(&summary));
            printer.result(&format!("{}\n{summary}", findings::text(found)));
            Ok(3)
        }
    }
}
