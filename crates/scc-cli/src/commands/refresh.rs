use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::context::Context;
use crate::error::CliError;
use crate::governance::{Asked, Rules};

/// Fetch the documents of the rules whose copies are past their time
///
/// A command that used such copies starts this, and does not wait for it. One at a time is enough;
/// what came of it is in `scc org status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The team whose own document is meant too
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let asked = Asked {
        team: args.team.clone(),
        wait: true,
        ..Asked::default()
    };
    let rules = Rules::open(context, asked)?;
    if let Some(_lock) = rules.refresh_lock()? {
        rules.governance()?;
    }
    Ok(0)
}

/// Starts a refresh that outlives this scc and its terminal.
pub(crate) fn spawn(team: Option<&str>) -> Result<(), CliError> {
    let own = std::env::current_exe().map_err(CliError::Runtime)?;
    let mut command = Command::new(own);
    command.arg("refresh");
    command.args(team.into_iter().flat_map(|team| ["--team", team]));
    command
        // Not in the workspace, which may be removed meanwhile.
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(CliError::Runtime)?;
    Ok(())
}
