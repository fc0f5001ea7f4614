use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::governance::workspace_root;
use crate::prompt::Prompter;

/// Forget what scc offers to go on with
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Clear(ClearArgs),
}

/// Offer none of the earlier sessions any more, and forget which agent was used last
///
/// Sessions and their conversations stay: `scc sessions` shows them, and `scc start --resume` goes
/// on with them.
#[derive(Debug, clap::Args)]
struct ClearArgs {
    /// Only of this workspace
    #[arg(short, long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        let Action::Clear(args) = &self.action;
        args.json
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let Action::Clear(args) = &args.action;
    let workspace = match &args.workspace {
        Some(dir) => Some(workspace_root(Some(dir))?),
        None => None,
    };
    let what = match &workspace {
        Some(path) => format!("what is offered in {}", path.display()),
        None => "what is offered in any workspace".to_owned(),
    };
    let instead = CliError::Usage {
        message: "this needs a yes".to_owned(),
        hint: "pass --yes".to_owned(),
    };
    if !args.yes && !Prompter::new(!args.json).confirm(&format!("Forget {what}?"), instead)? {
        return Err(CliError::CANCELLED);
    }
    context
        .state()?
        .forget(workspace.as_deref(), Timestamp::now())?;
    let data = json!({ "workspace": workspace });
    context.printer.data("ContextClear", &data, &[]);
    context.printer.result(&format!("forgot {what}"));
    Ok(0)
}
