use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CliError;

/// Print a shell's completion script, with a function `wt` that goes to a worktree
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scc", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    script.push_str(function(args.shell));
    context.printer.result(&script);
    Ok(0)
}

/// A function that goes to the worktree that `scc worktree switch` names: only a shell itself can
/// change its directory.
fn function(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash | Shell::Zsh => {
            "\n# Goes to a worktree: wt NAME, wt -, wt ^\nwt() {\n    \
             local dir\n    dir=$(command scc worktree switch \"$@\") && cd -- \"$dir\"\n}\n"
        }
        Shell::Fish => {
            "\n# Goes to a worktree: wt NAME, wt -, wt ^\nfunction wt\n    \
             set -l dir (command scc worktree switch $argv | string collect); and cd -- $dir\nend\n"
        }
        _ => "",
    }
}
