use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// Show the audit log, or verify that nothing in it was changed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check the chain of hashes
    #[arg(value_parser = ["verify"])]
    action: Option<String>,
    /// How many events, the latest last
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let log = context.state()?.audit();
    if args.action.is_some() {
        let report = log.verify()?;
        context.printer.data("AuditVerify", &report, &[]);
        if let Some(bad) = report.first_bad {
            return Err(CliError::Failed {
                message: format!(
                    "the audit log was changed at line {}: {}",
                    bad.line, bad.reason
                ),
                hint: String::new(),
            });
        }
        context
            .printer
            .result(&format!("{} events, the chain is whole", report.events));
        return Ok(0);
    }
    let loaded = log.read(args.limit)?;
    let events = loaded.value;
    context.printer.data("AuditLog", &events, &loaded.warnings);
    let rows = events
        .iter()
        .map(|event| {
            let session = event.session.clone().unwrap_or_default();
            let data = serde_json::Value::Object(event.data.clone()).to_string();
            vec![event.time.to_string(), event.event.clone(), session, data]
        })
        .collect();
    context
        .printer
        .result(&table(&["TIME", "EVENT", "SESSION", "DATA"], rows));
    Ok(0)
}
