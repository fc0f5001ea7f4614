//! One file a command: what it takes, and `run`.

pub(crate) mod attach;
pub(crate) mod audit;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod dashboard;
pub(crate) mod doctor;
pub(crate) mod exceptions;
pub(crate) mod exec;
pub(crate) mod init;
pub(crate) mod leave;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod network;
pub(crate) mod org;
pub(crate) mod plugin;
pub(crate) mod profile;
pub(crate) mod prove;
pub(crate) mod provider;
pub(crate) mod prune;
pub(crate) mod quick;
pub(crate) mod refresh;
pub(crate) mod resume;
pub(crate) mod safety;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod team;
pub(crate) mod unblock;
pub(crate) mod worktree;

use std::path::Path;

use scc_launch::{SessionView, Wanted};
use scc_state::StateDir;

use crate::cli::Command;
use crate::context::Context;
use crate::error::CliError;

/// Runs a command; the number is the exit code.
pub(crate) async fn run(command: Option<Command>, context: &Context) -> Result<u8, CliError> {
    let Some(command) = command else {
        return quick::run(context).await;
    };
    match command {
        Command::Dashboard(args) => dashboard::run(&args, context).await,
        Command::Resume(args) => Box::pin(resume::run(args, context)).await,
        Command::Start(args) => start::run(args, context).await,
        Command::Attach(args) => attach::run(args, context).await,
        Command::List(args) => list::run(&args, context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Sessions(args) => sessions::run(args, context).await,
        Command::Context(args) => context::run(&args, context),
        Command::Worktree(args) => worktree::run(args, context).await,
        Command::GitChange(args) => worktree::run_helper(&args),
        Command::Stop(args) => stop::run(&args, context).await,
        Command::Prune(args) => prune::run(&args, context).await,
        Command::Exec(args) => exec::run(args, context).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Prove(args) => prove::run(args, context).await,
        Command::Provider(args) => provider::run(args, context).await,
        Command::Plugin(args) => plugin::run(&args, context),
        Command::Mcp(args) => mcp::run(&args, context).await,
        Command::Network(args) => network::run(&args, context).await,
        Command::Safety(args) => safety::run(&args, context),
        Command::Setup(args) => setup::run(&args, context),
        Command::Init(args) => init::run(&args, context),
        Command::Profile(args) => profile::run(&args, context).await,
        Command::Config(args) => config::run(&args, context),
        Command::Org(args) => org::run(&args, context),
        Command::Team(args) => team::run(&args, context),
        Command::Exceptions(args) => exceptions::run(&args, context),
        Command::Unblock(args) => unblock::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Audit(args) => audit::run(&args, context).await,
        Command::Completion(args) => completion::run(&args, context),
        Command::Refresh(args) => refresh::run(&args, context),
    }
}

/// The team in which a sandbox was started, by the record of its session.
fn team_of(view: &SessionView, state: &StateDir) -> Result<Option<String>, CliError> {
    let records = state.session_records()?.into_iter();
    let id = view.session_id.as_deref();
    let mut own = records.filter(|record| Some(record.id.as_str()) == id);
    Ok(own.next().and_then(|record| record.team))
}

/// The sandbox that is meant: by its name, by the path of its workspace, or by where we are.
fn wanted(name: Option<&str>) -> Wanted {
    let workspace = |path: &Path| {
        let found = scc_launch::detect_workspace(path).ok()?;
        Some(found.root.to_string_lossy().into_owned())
    };
    match name {
        None => Wanted::Here(workspace(Path::new(".")).unwrap_or_default()),
        Some(path) if path.starts_with(['.', '/']) => {
            Wanted::Named(workspace(Path::new(path)).unwrap_or_else(|| path.to_owned()))
        }
        Some(name) => Wanted::Named(name.to_owned()),
    }
}

/// Says what an earlier, killed scc had left.
pub(crate) fn report_tidied(tidied: &scc_launch::Tidied, context: &Context) {
    for container in &tidied.removed {
        context
            .printer
            .note(&format!("removed {container}, which was never finished"));
    }
    for warning in &tidied.warnings {
        context.printer.warning(warning);
    }
}
