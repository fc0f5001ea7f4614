use jiff::Timestamp;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{age, table};

/// List sandboxes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let _ = args;
    let runtime = context.engine().await?;
    let state = context.state()?;
    let (views, tidied) = context.launcher(&runtime, &state).sandboxes().await?;
    super::report_tidied(&tidied, context);
    context
        .printer
        .data("ContainerList", &views, &tidied.warnings);
    if views.is_empty() {
        context.printer.note("no sandboxes; start one: scc start");
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows = views
        .into_iter()
        .map(|view| {
            let created = view
                .created_at
                .parse()
                .map_or_else(|_| "-".to_owned(), |t| age(t, now));
            vec![
                view.name.unwrap_or(view.container),
                view.provider.unwrap_or_default(),
                view.state.to_owned(),
                created,
                view.workspace.unwrap_or_default(),
            ]
        })
        .collect();
    let header = ["NAME", "PROVIDER", "STATE", "AGE", "WORKSPACE"];
    context.printer.result(&table(&header, rows));
    Ok(0)
}
