pub(crate) mod create;
pub(crate) mod list;
mod owner;
mod remove;
mod visit;

use std::path::{Path, PathBuf};

use scc_git::{RepositoryFacts, Worktree};

use crate::context::Context;
use crate::error::CliError;

pub(crate) use create::for_start;
pub(crate) use owner::{Change, HelperArgs, apply, run_helper};

/// Work on several branches at once, each in a directory of its own
///
/// Worktrees are in `REPOSITORY-worktrees/NAME`, on branches `scc/NAME`. Each has its own sandbox.
/// No hook or filter of the repository runs while they are made or removed.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    shown: list::Shown,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Create(create::Args),
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    Enter(visit::EnterArgs),
    Switch(visit::SwitchArgs),
    Select(visit::SelectArgs),
    #[command(visible_alias = "rm")]
    Remove(remove::Args),
    Prune(remove::PruneArgs),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.action {
            None => self.shown.json,
            Some(Action::Create(args)) => args.json,
            Some(Action::List(args)) => args.shown.json,
            Some(Action::Remove(args)) => args.json,
            Some(Action::Prune(args)) => args.json,
            Some(Action::Enter(_) | Action::Switch(_) | Action::Select(_)) => false,
        }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    match args.action {
        None => list::show(None, &args.shown, context),
        Some(Action::Create(args)) => create::run(args, context).await,
        Some(Action::List(args)) => list::run(&args, context),
        Some(Action::Enter(args)) => visit::enter(&args, context),
        Some(Action::Switch(args)) => visit::switch(&args, context),
        Some(Action::Select(args)) => visit::select(&args, context),
        Some(Action::Remove(args)) => remove::run(&args, context).await,
        Some(Action::Prune(args)) => remove::prune(&args, context),
    }
}

/// A repository and its worktrees.
struct Repository {
    facts: RepositoryFacts,
    worktrees: Vec<Worktree>,
}

impl Repository {
    /// The one that `dir` is in, or the current directory.
    fn open(dir: Option<&Path>) -> Result<Self, CliError> {
        let dir = dir.unwrap_or(Path::new("."));
        let facts = scc_git::discover(dir)?.ok_or_else(|| CliError::Failed {
            message: format!("`{}` is in no git repository", dir.display()),
            hint: "make one: git init; worktrees need a commit, too".to_owned(),
        })?;
        let worktrees = scc_git::worktrees(&facts)?;
        Ok(Self { facts, worktrees })
    }

    /// The linked worktree that a person calls so: by its directory, its branch, or a name that
    /// scc makes a worktree under.
    fn named(&self, text: &str) -> Option<&Worktree> {
        let plain = scc_launch::worktree_name(text);
        let branch = plain
            .as_ref()
            .map(|name| format!("{}{name}", scc_launch::BRANCH_PREFIX));
        let is_named = |worktree: &&Worktree| {
            let name = worktree.name();
            let is = |wanted: &Option<String>, found| wanted.is_some() && *wanted == found;
            name == text || is(&plain, Some(name)) || is(&branch, worktree.branch.clone())
        };
        let mut linked = self.worktrees.iter().filter(|worktree| !worktree.is_main);
        linked.find(is_named)
    }
}

/// A workspace that may stand before a name.
fn workspace_and_name(words: &[String]) -> (Option<PathBuf>, &str) {
    match words {
        [workspace, name] => (Some(PathBuf::from(workspace)), name),
        [name] => (None, name),
        _ => (None, ""),
    }
}

/// The name that a person gave, as directories and branches can have it.
pub(crate) fn plain_name(text: &str) -> Result<String, CliError> {
    scc_launch::worktree_name(text).ok_or_else(|| CliError::Usage {
        message: format!("`{text}` cannot be the name of a worktree"),
        hint: "use letters and digits, with `-` between words".to_owned(),
    })
}
