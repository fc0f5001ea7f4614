use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use scc_runtime::{ExecSpec, SandboxRuntime};

use crate::commands::start::exit_byte;
use crate::commands::wanted;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::{self, Ended, Target};

/// Run a command in a running sandbox, as the agent's user
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Session name, container, session id or workspace (default: this workspace's, else the only
    /// one that runs)
    name: Option<String>,
    /// The command (default: a shell)
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let view = launcher.find_running(&wanted(args.name.as_deref())).await?;
    let shell = || vec!["/bin/bash".to_owned()];
    let terminal = terminal::size();
    let mark = uuid::Uuid::new_v4().simple().to_string();
    let spec = ExecSpec {
        argv: if args.command.is_empty() {
            shell()
        } else {
            args.command
        },
        env: BTreeMap::from([(MARK.to_owned(), mark.clone())]),
        working_dir: None,
        user: None,
        terminal,
    };
    let (exec, attachment) = runtime.exec(&view.id, &spec).await?;
    let target = Target::Exec { exec: &exec };
    match terminal::hand_over(&launcher, target, attachment, terminal.is_some()).await? {
        Ended::ByItself => Ok(exit_byte(runtime.exec_status(&exec).await?)),
        ended => {
            end(&runtime, &view.id, &mark).await?;
            Ok(match ended {
                Ended::By(stop) => stop.status(),
                _ => UNREAD,
            })
        }
    }
}

/// What a process ends with that writes to a pipe without a reader.
const UNREAD: u8 = 141;

/// The variable that marks a command and what it starts.
const MARK: &str = "SCC_EXEC";

/// Ends the processes with this mark: engines let a command go on when its connection ends.
async fn end(runtime: &impl SandboxRuntime, id: &str, mark: &str) -> Result<(), CliError> {
    let script = format!(
        "for p in /proc/[0-9]*; do \
         if [ \"$p\" != \"/proc/$$\" ] && grep -qzx '{MARK}={mark}' \"$p/environ\" 2>/dev/null; then \
         kill -HUP \"${{p#/proc/}}\" && kill -TERM \"${{p#/proc/}}\"; fi; done"
    );
    let spec = ExecSpec {
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script],
        env: BTreeMap::new(),
        working_dir: None,
        user: None,
        terminal: None,
    };
    let (_, mut attachment) = runtime.exec(id, &spec).await?;
    while attachment.output.next().await.is_some() {}
    Ok(())
}
