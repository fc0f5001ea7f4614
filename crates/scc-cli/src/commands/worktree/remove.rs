use std::path::PathBuf;

use scc_git::Worktree;
use scc_state::SessionState;
use serde_json::json;

use super::owner::{self, Change};
use super::{Repository, list, workspace_and_name};
use crate::context::Context;
use crate::error::CliError;
use crate::prompt::Prompter;

/// Remove a worktree with everything in it; its branch stays
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name, after a directory of the repository where that is not the current one
    #[arg(required = true, num_args = 1..=2, value_names = ["WORKSPACE", "NAME"])]
    names: Vec<String>,
    /// Also with work in it that is not committed
    #[arg(short, long)]
    force: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Forget worktrees whose directory is gone
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// A directory of the repository (default: the current one)
    workspace: Option<PathBuf>,
    /// Say what would be forgotten, and forget nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let (workspace, name) = workspace_and_name(&args.names);
    let repository = Repository::open(workspace.as_deref())?;
    let worktree = repository.named(name)?.ok_or_else(|| CliError::Failed {
        message: format!("there is no worktree `{name}`"),
        hint: "see what there is: scc worktree list".to_owned(),
    })?;
    check(worktree, args.force)?;
    refuse_running(worktree, context).await?;
    if !args.dry_run {
        confirm(worktree, args)?;
        let change = Change::Remove {
            path: worktree.path.clone().into(),
            discard: args.force,
        };
        owner::apply(&repository.facts, &change)?;
    }
    let data = json!({
        "name": worktree.name(), "path": worktree.path.to_string_lossy(), "branch": worktree.branch, "dry_run": args.dry_run,
    });
    context.printer.data("WorktreeRemove", &data, &[]);
    let verb = if args.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let path = worktree.path.display();
    context.printer.result(&format!("{verb} {path}"));
    if let Some(branch) = &worktree.branch {
        context.printer.note(&format!(
            "its branch {branch} stays; delete it with: git branch -d {branch}"
        ));
    }
    Ok(0)
}

/// Refuses what would lose work.
fn check(worktree: &Worktree, force: bool) -> Result<(), CliError> {
    let path = worktree.path.display();
    if let Some(reason) = &worktree.locked {
        return Err(CliError::Failed {
            message: format!("the worktree `{path}` is locked: {reason}"),
            hint: format!("unlock it: git worktree unlock {path}"),
        });
    }
    if let Some(why) = worktree.broken.as_ref().filter(|_| !force) {
        return Err(CliError::Failed {
            message: format!(
                "the worktree `{path}` is broken, so nobody can say what is in it: {why}"
            ),
            hint: "remove it with everything in it: add --force".to_owned(),
        });
    }
    if force || worktree.is_missing {
        return Ok(());
    }
    let hint = format!("see it: git -C {path} status; lose it: add --force");
    match scc_git::changes(&worktree.path, list::COUNT_LIMIT)? {
        Some(changes) if changes.is_clean() => Ok(()),
        Some(changes) => Err(CliError::Failed {
            message: format!(
                "the worktree `{path}` has work that is not committed: {} staged, {} modified, {} \
                 untracked",
                changes.staged, changes.modified, changes.untracked
            ),
            hint,
        }),
        None => Err(CliError::Failed {
            message: format!("nobody can say in time whether `{path}` has uncommitted work"),
            hint,
        }),
    }
}

/// An agent that works there is stopped first, by the user.
async fn refuse_running(worktree: &Worktree, context: &Context) -> Result<(), CliError> {
    let state = context.state()?;
    if let Ok(runtime) = context.engine().await {
        context.launcher(&runtime, &state).tidy().await?;
    }
    let sessions = state.session_records()?;
    let running = sessions.iter().find(|session| {
        let runs = matches!(
            session.state,
            SessionState::Running | SessionState::Starting
        );
        runs && session.workspace == worktree.path
    });
    match running {
        None => Ok(()),
        Some(session) => Err(CliError::Failed {
            message: format!(
                "an agent is at work in `{}`: {}",
                worktree.path.display(),
                session.label()
            ),
            hint: format!("stop it: scc stop {}", session.container),
        }),
    }
}

fn confirm(worktree: &Worktree, args: &Args) -> Result<(), CliError> {
    let instead = CliError::Usage {
        message: "this needs a yes".to_owned(),
        hint: "pass --yes".to_owned(),
    };
    let question = format!("Remove {}?", worktree.path.display());
    if args.yes || Prompter::new(!args.json).confirm(&question, instead)? {
        return Ok(());
    }
    Err(CliError::CANCELLED)
}

pub(super) fn prune(args: &PruneArgs, context: &Context) -> Result<u8, CliError> {
    let repository = Repository::open(args.workspace.as_deref())?;
    let change = Change::Prune {
        dry_run: args.dry_run,
    };
    let forgotten = owner::apply(&repository.facts, &change)?.forgotten;
    let forgotten: Vec<_> = forgotten
        .iter()
        .map(|path| path.to_string_lossy())
        .collect();
    let data = json!({ "forgotten": forgotten, "dry_run": args.dry_run });
    context.printer.data("WorktreePrune", &data, &[]);
    let verb = if args.dry_run {
        "would forget"
    } else {
        "forgot"
    };
    let lines: Vec<_> = forgotten
        .iter()
        .map(|path| format!("{verb} {path}"))
        .collect();
    match lines.is_empty() {
        true => context.printer.note("nothing to forget"),
        false => context.printer.result(&lines.join("\n")),
    }
    Ok(0)
}
