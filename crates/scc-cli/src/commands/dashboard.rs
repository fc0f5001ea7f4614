use scc_dashboard::{Operation, Theme};

use crate::context::Context;
use crate::error::CliError;
use crate::{environment, terminal};

/// Look at sandboxes, sessions and worktrees, and act on them
///
/// `?` shows the keys.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Refused: the dashboard is for people
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

/// What the dashboard offers: what this scc has a command for, as `dashboard/act.rs` says.
pub(crate) const OFFERED: &[Operation] = &[
    Operation::Start,
    Operation::Attach,
    Operation::Resume,
    Operation::Logs,
    Operation::Shell,
    Operation::Stop,
    Operation::Remove,
    Operation::Forget,
    Operation::CreateWorktree,
    Operation::RemoveWorktree,
    Operation::SwitchTeam,
    Operation::Init,
    Operation::Profile,
    Operation::Maintain,
    Operation::Show,
];

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    if args.json {
        return Err(CliError::Usage {
            message: "the dashboard is for people".to_owned(),
            hint: "programs use: scc status --json, scc list --json, scc sessions --json"
                .to_owned(),
        });
    }
    if terminal::size().is_none() || environment::is_dumb_terminal() {
        return Err(CliError::Usage {
            message: "the dashboard needs a terminal".to_owned(),
            hint: "without one: scc status, scc list, scc sessions".to_owned(),
        });
    }
    let theme = match environment::wants_colour() {
        true => Theme::COLOUR,
        false => Theme::PLAIN,
    };
    crate::dashboard::run(context, OFFERED, theme).await
}
