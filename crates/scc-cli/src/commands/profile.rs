mod agent;
pub(crate) mod apply;
mod changes;
mod literals;
mod masking;
mod repository;
pub(crate) mod save;
mod servers;
pub(crate) mod show;
mod sync;
pub(crate) mod transfer;

use std::path::PathBuf;

use clap::Subcommand;
use scc_state::StateDir;

use crate::context::Context;
use crate::error::CliError;

use repository::Repository;
pub(super) use servers::details as server_details;

/// Your own plugins and MCP servers for a repository, kept outside it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The repository: a directory in it is enough (default: the current directory)
    #[arg(long, global = true, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the profiles of all repositories; the default
    List,
    Save(save::Args),
    Apply(apply::ApplyArgs),
    Diff(apply::DiffArgs),
    /// Show the profile of this repository, whether it is the one that was applied, whether the agent
    /// has more enabled, and whether the repository's copy is the same
    Status,
    Export(transfer::ExportArgs),
    Import(transfer::ImportArgs),
    Sync(sync::Args),
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let state = context.state()?;
    let find = || Repository::find(args.workspace.as_deref());
    let known = || find()?.known(&state);
    let desk = |repository| Desk {
        state: &state,
        context,
        repository,
        json: args.json,
    };
    match &args.command {
        None | Some(Command::List) => show::list(&state, args.workspace.as_deref(), context)?,
        Some(Command::Save(args)) => save::run(args, &desk(known()?)).await?,
        Some(Command::Apply(args)) if args.preview => apply::apply(args, &desk(known()?))?,
        Some(Command::Apply(args)) => apply::apply(args, &desk(find()?))?,
        Some(Command::Diff(args)) => apply::diff(args, &desk(known()?)).await?,
        Some(Command::Status) => show::status(&desk(find()?)).await?,
        Some(Command::Export(args)) => transfer::export(args, &desk(known()?))?,
        Some(Command::Import(args)) => transfer::import(args, &desk(known()?))?,
        Some(Command::Sync(args)) => sync::run(args, &desk(known()?))?,
    }
    for warning in state.take_warnings() {
        context.printer.warning(&warning);
    }
    Ok(0)
}

/// What the commands work on: the profile of one repository.
struct Desk<'a> {
    state: &'a StateDir,
    context: &'a Context,
    repository: Repository,
    json: bool,
}

impl Desk<'_> {
    /// The profile; an error where there is none.
    fn has_profile(&self) -> Result<bool, CliError> {
        Ok(self.state.profile(&self.repository.id)?.is_some())
    }

    fn profile(&self) -> Result<scc_state::PersonalProfile, CliError> {
        let id = &self.repository.id;
        self.state.profile(id)?.ok_or_else(|| CliError::Failed {
            message: format!("there is no personal profile for `{id}`"),
            hint: "make one of what is enabled in the agent: scc profile save; or name it: scc profile \
                   save --plugin NAME@MARKETPLACE"
                .to_owned(),
        })
    }
}
