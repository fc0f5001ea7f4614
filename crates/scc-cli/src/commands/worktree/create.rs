use std::path::{Path, PathBuf};

use scc_git::{RepositoryFacts, Worktree};
use scc_launch::Blocker;
use schemars::JsonSchema;
use serde::Serialize;

use super::owner::{self, Change};
use super::{Repository, plain_name, workspace_and_name};
use crate::commands::start;
use crate::context::Context;
use crate::error::CliError;
use crate::output::shown_path;

/// Make a worktree on a branch of its own, and start an agent in it
///
/// Nothing is fetched, and files that a filter such as git-lfs would fill stay as they are in the
/// repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name, after a directory of the repository where that is not the current one
    #[arg(required = true, num_args = 1..=2, value_names = ["WORKSPACE", "NAME"])]
    names: Vec<String>,
    /// The branch, tag or commit that a new branch begins at (default: the default branch)
    #[arg(short, long, value_name = "REV")]
    base: Option<String>,
    /// Start no agent; print the path
    #[arg(long)]
    no_start: bool,
    /// Install the dependencies in the sandbox before the agent starts
    #[arg(long, conflicts_with = "no_start")]
    install_deps: bool,
    /// The agent to start
    #[arg(long, value_name = "ID", conflicts_with = "no_start")]
    provider: Option<String>,
    /// Never ask; fail with the flag that answers
    #[arg(long, visible_alias = "no-interactive")]
    non_interactive: bool,
    /// Print JSON, and start no agent
    #[arg(long)]
    pub(crate) json: bool,
    /// Arguments for the agent
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct CreateReport {
    name: String,
    #[serde(serialize_with = "shown_path")]
    #[schemars(with = "String")]
    path: PathBuf,
    branch: String,
    /// What the branch begins at; absent when it was there before.
    base: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    let (workspace, name) = workspace_and_name(&args.names);
    let repository = Repository::open(workspace.as_deref())?;
    if let Some(existing) = repository.named(name)? {
        return Err(taken(name, existing));
    }
    let name = plain_name(name)?;
    let report = make(&repository.facts, &name, args.base.as_deref(), context)?;
    if args.no_start || args.json {
        context.printer.data("WorktreeCreate", &report, &[]);
        context.printer.path(&report.path);
        return Ok(0);
    }
    let mut start = start::Args::in_workspace(report.path);
    start.provider = args.provider;
    start.install_deps = args.install_deps;
    start.non_interactive = args.non_interactive;
    start.args = args.args;
    Box::pin(start::run(start, context)).await
}

fn taken(name: &str, existing: &Worktree) -> CliError {
    let path = existing.path.display();
    CliError::Failed {
        message: format!("there is a worktree `{name}` already: `{path}`"),
        hint: match existing.is_missing {
            true => "its directory is gone; forget it: scc worktree prune".to_owned(),
            false => format!("start an agent in it: scc start {path}"),
        },
    }
}

/// Makes the worktree of this name.
fn make(
    facts: &RepositoryFacts,
    name: &str,
    base: Option<&str>,
    context: &Context,
) -> Result<CreateReport, CliError> {
    if let Some(Blocker { message, hint, .. }) = scc_launch::git_elsewhere(facts) {
        return Err(CliError::Refused { message, hint });
    }
    let dir = scc_launch::worktrees_dir(facts);
    if dir.components().any(|part| part.as_os_str() == ".git") {
        return Err(CliError::Refused {
            message: format!(
                "the worktree would be inside of a `.git`: `{}`",
                dir.display()
            ),
            hint: "make one with git, and start in it: git worktree add DIR".to_owned(),
        });
    }
    owner::make_parent(facts, &dir)?;
    let path = dir.join(name);
    let branch = format!("{}{name}", scc_launch::BRANCH_PREFIX);
    let change = Change::Add {
        path: path.clone().into(),
        branch: branch.clone(),
        base: base.map(str::to_owned),
    };
    let base = owner::apply(facts, &change)?.base;
    let path = path.canonicalize().unwrap_or(path);
    let origin = match &base {
        Some(base) => format!("a new branch from {}", short(base)),
        None => "which was there before".to_owned(),
    };
    let place = path.display();
    context
        .printer
        .note(&format!("made the worktree {place} on {branch}, {origin}"));
    Ok(CreateReport {
        name: name.to_owned(),
        path,
        branch,
        base,
    })
}

/// A reference as people write it.
fn short(reference: &str) -> &str {
    let local = reference.strip_prefix("refs/heads/");
    local
        .or_else(|| reference.strip_prefix("refs/remotes/"))
        .unwrap_or(reference)
}

/// The worktree of this name of the repository around `workspace`, made where it is not there and
/// may be.
pub(crate) fn for_start(
    workspace: &Path,
    name: &str,
    may_make: bool,
    context: &Context,
) -> Result<PathBuf, CliError> {
    let repository = Repository::open(Some(workspace))?;
    let existing = repository.named(name)?;
    if let Some(existing) = existing.filter(|existing| !existing.is_missing) {
        return Ok(existing.path.clone());
    }
    let plain = plain_name(name)?;
    match existing {
        Some(missing) => Err(taken(&plain, missing)),
        None if may_make => Ok(make(&repository.facts, &plain, None, context)?.path),
        None => Err(CliError::Failed {
            message: format!("there is no worktree `{plain}` yet"),
            hint: format!("make it first: scc worktree create {plain} --no-start"),
        }),
    }
}
