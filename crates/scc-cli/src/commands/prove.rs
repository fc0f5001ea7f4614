use std::path::{Path, PathBuf};

use scc_launch::{Check, Proof, Proved};
use scc_runtime::SandboxRuntime as _;

use crate::commands::start;
use crate::context::Context;
use crate::error::{CliError, chain};
use crate::host;
use crate::output::visible;
use crate::progress::Progress;
use crate::terminal::Signals;

/// Try to break the sandbox of this workspace, and report claim by claim
///
/// A sandbox is started as `scc start` would start it here, with attempts to get out of it instead
/// of the agent. Ends with 6 when a claim of the security model does not hold.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workspace: a directory in it is enough (default: the current directory)
    pub(crate) workspace: Option<PathBuf>,
    /// The agent whose sandbox is tried
    #[arg(long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// The team to work in
    #[arg(long, value_name = "NAME")]
    pub(crate) team: Option<String>,
    /// Without an organization's rules although setup did not say so
    #[arg(long)]
    pub(crate) standalone: bool,
    /// Use the copies of the rules that are there; ask nobody
    #[arg(long)]
    pub(crate) offline: bool,
    /// Never ask; fail with the flag that answers
    #[arg(long, visible_alias = "no-interactive")]
    pub(crate) non_interactive: bool,
    /// Try this too, such as `unreachable:10.0.0.5:5432`, `denied:HOST:443` or `allowed:HOST:443`
    #[arg(long, value_name = "CHECK")]
    check: Vec<Check>,
    /// Write the report to this file, with every attempt: JSON, or Markdown for a name in .md
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    args.report.as_deref().map_or(Ok(()), check_place)?;
    let mut plan = start::plan_for_proof(&args, context).await?;
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    if !runtime.image_exists(&plan.image.reference).await? {
        plan.set_npm_registry(host::npm_registry().as_deref());
    }
    let mut progress = Progress::new(context.printer);
    let mut report = |event| progress.show(event);
    let mut signals = Signals::listen()?;
    let proved = launcher.prove(&plan, &args.check, &mut report, signals.stop());
    let proof = match proved.await? {
        Proved::Proof(proof) => proof,
        Proved::Stopped(signal) => {
            return Err(CliError::Cancelled {
                status: signal.status(),
            });
        }
    };
    let errors: Vec<_> = proof
        .failed()
        .map(|claim| format!("{}: {}", claim.id.as_str(), claim.statement))
        .collect();
    let printer = context.printer;
    printer.data_with_errors("Proof", &proof, &errors);
    printer.result(&visible(&proof.describe()));
    // After the result, which is not lost where the file cannot be written.
    if let Some(file) = &args.report
        && let Err(error) = write(file, &proof, context)
    {
        printer.warning(&chain(&error));
        return Ok(1);
    }
    Ok(if errors.is_empty() { 0 } else { 6 })
}

/// A proof takes its time, so that a mistyped name is said before.
fn check_place(file: &Path) -> Result<(), CliError> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let is_place = absolute.parent().is_some_and(Path::is_dir) && !absolute.is_dir();
    match is_place {
        true => Ok(()),
        false => Err(CliError::Usage {
            message: format!("`{}` is no place for a file", absolute.display()),
            hint: "name a file in a directory that is there: --report proof.md".to_owned(),
        }),
    }
}

fn write(file: &Path, proof: &Proof, context: &Context) -> Result<(), CliError> {
    let failed = |source| CliError::Write {
        path: file.to_owned(),
        source,
    };
    let text = match file.extension().is_some_and(|extension| extension == "md") {
        true => proof.markdown(),
        false => serde_json::to_string_pretty(proof).map_err(|error| failed(error.into()))? + "\n",
    };
    let absolute = std::path::absolute(file).map_err(failed)?;
    // A new file in place of the old one: a link that an agent has left there is not followed.
    scc_state::files::replace(&absolute, text.as_bytes())?;
    let shown = absolute.display();
    context.printer.note(&format!("the report is in {shown}"));
    Ok(())
}
