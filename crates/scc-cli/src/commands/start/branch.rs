//! The offer to leave a branch that others build on before an agent works there.

use std::path::PathBuf;

use jiff::Timestamp;
use scc_launch::{BRANCH_PREFIX, Workspace, WorkspaceKind, is_protected_branch};

use super::Args;
use crate::commands::worktree::{self, Change};
use crate::context::Context;
use crate::error::CliError;
use crate::governance::Effective;
use crate::prompt::Prompter;

/// What the user is offered, in order.
const OPTIONS: [&str; 5] = [
    "A new worktree: your checkout stays as it is",
    "A new branch here: what is not committed comes along",
    "Go on here",
    "Always go on in this workspace",
    "Cancel",
];

/// The workspace that the user wants instead of this one, where he is asked. Without a terminal,
/// and with a command for the agent, the launch goes on: what is typed is meant.
pub(super) fn offer(
    args: &Args,
    workspace: &Workspace,
    context: &Context,
) -> Result<Option<PathBuf>, CliError> {
    let prompter = args.prompter();
    let Some(branch) = protected(workspace) else {
        return Ok(None);
    };
    let state = context.state()?;
    let is_asked = prompter.asks() && args.args.is_empty() && !args.fresh;
    if !is_asked || state.works_on_any_branch(&workspace.root)? || is_unborn(workspace)? {
        return Ok(None);
    }
    // What cannot start anyway says so before anything is made for it.
    if Effective::load(context, args.asked(workspace.root.clone())).is_err() {
        return Ok(None);
    }
    let question =
        format!("You are on {branch}, which others build on. Where is the agent to work?");
    let options = OPTIONS.map(str::to_owned);
    let instead = || CliError::Usage {
        message: "there is no terminal to ask on".to_owned(),
        hint: "scc start --worktree NAME".to_owned(),
    };
    match prompter.select(&question, &options, 0, instead())? {
        0 => {
            let name = ask_name("worktree", prompter)?;
            worktree::for_start(&workspace.root, &name, true, context).map(Some)
        }
        1 => {
            let name = ask_name("branch", prompter)?;
            start_branch(workspace, &name, context)?;
            Ok(None)
        }
        2 => Ok(None),
        3 => {
            state.work_on_any_branch(&workspace.root, Timestamp::now())?;
            Ok(None)
        }
        _ => Err(CliError::CANCELLED),
    }
}

/// The branch of a repository's own work tree, if it is protected.
fn protected(workspace: &Workspace) -> Option<&str> {
    let is_own = workspace.kind == WorkspaceKind::Repository;
    let branch = workspace.branch.as_deref().filter(|_| is_own)?;
    is_protected_branch(branch).then_some(branch)
}

/// Before its first commit there is nothing to branch off.
fn is_unborn(workspace: &Workspace) -> Result<bool, CliError> {
    let facts = scc_git::discover(&workspace.root)?;
    let branches = facts.map(|facts| scc_git::branches(&facts)).transpose()?;
    Ok(branches.is_none_or(|branches| branches.is_empty()))
}

fn ask_name(what: &str, prompter: Prompter) -> Result<String, CliError> {
    let instead = CliError::Usage {
        message: "there is no terminal to ask on".to_owned(),
        hint: "scc start --worktree NAME".to_owned(),
    };
    prompter.text(&format!("Name of the {what}:"), instead)
}

fn start_branch(workspace: &Workspace, name: &str, context: &Context) -> Result<(), CliError> {
    let name = worktree::plain_name(name)?;
    let branch = format!("{BRANCH_PREFIX}{name}");
    let facts = scc_git::discover(&workspace.root)?;
    if let Some(facts) = facts {
        let change = Change::Branch {
            name: branch.clone(),
        };
        worktree::apply(&facts, &change)?;
    }
    context.printer.note(&format!("now on the branch {branch}"));
    Ok(())
}
