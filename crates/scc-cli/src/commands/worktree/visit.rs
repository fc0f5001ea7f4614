use std::path::{Path, PathBuf};

use scc_git::Worktree;
use scc_launch::{Target, find_worktree};

use super::Repository;
use super::create::for_start;
use crate::commands::start::exit_byte;
use crate::context::Context;
use crate::environment;
use crate::error::CliError;
use crate::prompt::Prompter;

/// Print the path of a worktree, for a shell function that goes there
///
/// `scc completion SHELL` prints such a function, `wt`. `-` means the directory before, `^` the
/// repository's own work tree; a branch, a name, or a part of one means that worktree.
#[derive(Debug, clap::Args)]
pub(crate) struct SwitchArgs {
    /// `-`, `^`, a branch, or a name (default: choose from a list)
    #[arg(allow_hyphen_values = true)]
    target: Option<String>,
    /// A directory of the repository (default: the current one)
    #[arg(short, long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Choose a worktree from a list, and print its path
#[derive(Debug, clap::Args)]
pub(crate) struct SelectArgs {
    /// Offer branches without a worktree, too; choosing one makes it
    #[arg(short, long)]
    branches: bool,
    /// A directory of the repository (default: the current one)
    #[arg(short, long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Open a shell in a worktree
///
/// The shell runs on this machine and is yours, not the agent's. `SCC_WORKTREE` has the worktree's
/// name.
#[derive(Debug, clap::Args)]
pub(crate) struct EnterArgs {
    /// `^`, a branch, or a name (default: choose from a list)
    target: Option<String>,
    /// A directory of the repository (default: the current one)
    #[arg(short, long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

pub(super) fn switch(args: &SwitchArgs, context: &Context) -> Result<u8, CliError> {
    let path = if args.target.as_deref() == Some("-") {
        environment::previous_directory().ok_or_else(|| CliError::Failed {
            message: "there is no directory before this one".to_owned(),
            hint: "OLDPWD is not set, or its directory is gone".to_owned(),
        })?
    } else {
        find(args.target.as_deref(), args.workspace.as_deref(), context)?
    };
    context.printer.path(&path);
    Ok(0)
}

pub(super) fn select(args: &SelectArgs, context: &Context) -> Result<u8, CliError> {
    let repository = Repository::open(args.workspace.as_deref())?;
    let there = visitable(&repository.worktrees);
    let mut free = Vec::new();
    if args.branches {
        free = scc_git::branches(&repository.facts)?;
        free.retain(|branch| !has_branch(&there, branch));
        // Only those whose worktree scc would make by their name.
        free.retain(|branch| branch.starts_with(scc_launch::BRANCH_PREFIX));
    }
    let extra: Vec<_> = free
        .iter()
        .map(|branch| format!("{branch}  (no worktree yet)"))
        .collect();
    let index = choose(&there, &extra, "Which worktree?")?;
    let path = match there.get(index) {
        Some(worktree) => worktree.path.clone(),
        None => {
            let branch = &free[index - there.len()];
            for_start(&repository.facts.root, branch, true, context)?
        }
    };
    context.printer.path(&path);
    Ok(0)
}

pub(super) fn enter(args: &EnterArgs, context: &Context) -> Result<u8, CliError> {
    let path = find(args.target.as_deref(), args.workspace.as_deref(), context)?;
    let name = path.file_name().unwrap_or_default().to_owned();
    let shell = environment::shell();
    context.printer.note(&format!(
        "a shell in {}; leave it with: exit",
        path.display()
    ));
    let status = std::process::Command::new(&shell)
        .current_dir(&path)
        .env("SCC_WORKTREE", name)
        .status()
        .map_err(|error| CliError::Failed {
            message: format!("the shell `{}` cannot be started: {error}", shell.display()),
            hint: "set SHELL to a shell that is there".to_owned(),
        })?;
    Ok(exit_byte(i64::from(status.code().unwrap_or(1))))
}

/// Worktrees that a person can go to.
fn visitable(worktrees: &[Worktree]) -> Vec<&Worktree> {
    worktrees
        .iter()
        .filter(|worktree| !worktree.is_missing)
        .collect()
}

fn has_branch(worktrees: &[&Worktree], branch: &str) -> bool {
    let mut all = worktrees.iter();
    all.any(|worktree| worktree.branch.as_deref() == Some(branch))
}

fn find(
    target: Option<&str>,
    workspace: Option<&Path>,
    context: &Context,
) -> Result<PathBuf, CliError> {
    let repository = Repository::open(workspace)?;
    let there = visitable(&repository.worktrees);
    let Some(target) = target else {
        return Ok(there[choose(&there, &[], "Which worktree?")?].path.clone());
    };
    if target == "^" {
        let main = there.iter().find(|worktree| worktree.is_main);
        let main = main.ok_or_else(|| CliError::Failed {
            message: "the repository has no work tree of its own".to_owned(),
            hint: "see what there is: scc worktree list".to_owned(),
        })?;
        return Ok(main.path.clone());
    }
    let branches = scc_git::branches(&repository.facts)?;
    match find_worktree(target, &repository.worktrees, &branches) {
        Target::One(worktree) => Ok(worktree.path.clone()),
        Target::Several(several) => {
            let question = format!("`{target}` means several worktrees; which one?");
            Ok(several[choose(&several, &[], &question)?].path.clone())
        }
        Target::Branch(branch) => offer(&repository, &branch, context),
        Target::None => Err(CliError::Failed {
            message: format!("no worktree is called like `{target}`"),
            hint: "see what there is: scc worktree list; make one: scc worktree create NAME"
                .to_owned(),
        }),
    }
}

/// Offers to make the worktree of a branch that is there.
fn offer(repository: &Repository, branch: &str, context: &Context) -> Result<PathBuf, CliError> {
    let instead = CliError::Failed {
        message: format!("the branch `{branch}` has no worktree"),
        hint: match branch.strip_prefix(scc_launch::BRANCH_PREFIX) {
            Some(name) => format!("make it: scc worktree create {name} --no-start"),
            None => format!("make one from it: scc worktree create NAME --base {branch}"),
        },
    };
    if !branch.starts_with(scc_launch::BRANCH_PREFIX) {
        return Err(instead);
    }
    let question = format!("The branch {branch} has no worktree. Make it?");
    match Prompter::new(true).confirm(&question, instead)? {
        true => for_start(&repository.facts.root, branch, true, context),
        false => Err(CliError::CANCELLED),
    }
}

/// Lets the user choose; the index counts worktrees first, then what is offered beside them.
fn choose(worktrees: &[&Worktree], extra: &[String], question: &str) -> Result<usize, CliError> {
    let lines = worktrees.iter().map(|worktree| {
        let branch = worktree.branch.as_deref().unwrap_or("(detached)");
        format!("{branch}  {}", worktree.path.display())
    });
    let options: Vec<_> = lines.chain(extra.iter().cloned()).collect();
    let names: Vec<_> = worktrees.iter().map(|worktree| worktree.name()).collect();
    let instead = CliError::Usage {
        message: "there is no terminal on which to choose a worktree".to_owned(),
        hint: format!("name one: {}", names.join(", ")),
    };
    Prompter::new(true).select(question, &options, 0, instead)
}
