use scc_config::DocumentKind;

use crate::commands::config::Kind;
use crate::context::Context;
use crate::error::CliError;

/// Print the JSON Schema of a document, for editors
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which document
    #[arg(value_enum, default_value = "org")]
    kind: Kind,
    /// Print it in scc's envelope
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let schema = DocumentKind::from(args.kind).schema();
    context.printer.data("OrgSchema", &schema, &[]);
    context.printer.result(&format!("{schema:#}"));
    Ok(0)
}
