use crate::context::Context;
use crate::error::CliError;

/// Remove stopped sandboxes
///
/// Credentials and conversations are kept: they live in a volume of each provider, which is not
/// removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let pruned = context
        .launcher(&runtime, &state)
        .prune(args.dry_run)
        .await?;
    context.printer.data("Prune", &pruned, &[]);
    let verb = if args.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let all = pruned.containers.iter().chain(&pruned.volumes);
    let lines: Vec<_> = all.map(|name| format!("{verb} {name}")).collect();
    if lines.is_empty() {
        context.printer.note("nothing to remove");
    } else {
        context.printer.result(&lines.join("\n"));
    }
    Ok(0)
}
