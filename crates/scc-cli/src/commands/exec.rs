use scc_runtime::{ExecSpec, SandboxRuntime as _};

use crate::commands::start::exit_byte;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::{self, Ended, Target};

/// Run a command in a running sandbox, as the agent's user
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: the only one that runs)
    name: Option<String>,
    /// The command (default: a shell)
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find_running(args.name.as_deref()).await?;
    let shell = || vec!["/bin/bash".to_owned()];
    let terminal = terminal::size();
    let spec = ExecSpec {
        argv: if args.command.is_empty() {
            shell()
        } else {
            args.command
        },
        env: std::collections::BTreeMap::new(),
        working_dir: None,
        user: None,
        terminal,
    };
    let (exec, attachment) = runtime.exec(&view.id, &spec).await?;
    if let Some(size) = terminal {
        runtime.exec_resize(&exec, size).await?;
    }
    let target = Target::Exec { exec: &exec };
    match terminal::hand_over(&launcher, target, attachment, terminal.is_some()).await? {
        Ended::TerminalGone => Ok(129),
        Ended::Interrupted => Ok(130),
        Ended::ByItself => Ok(exit_byte(runtime.exec_status(&exec).await?)),
    }
}
