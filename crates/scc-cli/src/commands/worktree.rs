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

    /// The linked worktree that a person calls so: by its path, else by the name of its directory,
    /// else by its branch, else by a name that scc makes a worktree under. The first of these that
    /// fits decides.
    fn named(&self, text: &str) -> Result<Option<&Worktree>, CliError> {
        let given = Path::new(text);
        let real = given.canonicalize().ok().filter(|_| text.contains('/'));
        let plain = scc_launch::worktree_name(text);
        let own = plain
            .as_ref()
            .map(|name| format!("{}{name}", scc_launch::BRANCH_PREFIX));
        let rules: [&dyn Fn(&Worktree) -> bool; 5] = [
            &|tree| tree.path == given || real.as_ref() == Some(&tree.path),
            &|tree| tree.name() == text,
            &|tree| tree.branch.as_deref() == Some(text),
            &|tree| plain.as_ref() == Some(&tree.name()),
            &|tree| own.is_some() && own == tree.branch,
        ];
        for rule in rules {
            let all = self.worktrees.iter();
            let fit: Vec<_> = all.filter(|tree| !tree.is_main && rule(tree)).collect();
            match fit.as_slice() {
                [] => {}
                [one] => return Ok(Some(one)),
                several => return Err(ambiguous(text, several)),
            }
        }
        Ok(None)
    }
}

fn ambiguous(text: &str, several: &[&Worktree]) -> CliError {
    let paths: Vec<_> = several
        .iter()
        .map(|tree| format!("`{}`", tree.path.display()))
        .collect();
    CliError::Usage {
        message: format!("`{text}` means several worktrees: {}", paths.join(", ")),
        hint: "name it by its path".to_owned(),
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
