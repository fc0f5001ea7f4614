use std::path::{Path, PathBuf};
use std::time::Duration;

use scc_git::{Changes, Worktree};
use schemars::JsonSchema;
use serde::Serialize;

use super::Repository;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{shown_path, table};

/// List the worktrees of a repository
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// A directory of the repository (default: the current one)
    workspace: Option<PathBuf>,
    #[command(flatten)]
    pub(super) shown: Shown,
}

#[derive(Debug, clap::Args)]
pub(super) struct Shown {
    /// Count the files that are staged, modified and untracked; twice also says what is done
    // The same as for all of scc, which would otherwise be shadowed by one of another type.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How long counting may take for each worktree; they are counted at the same time.
pub(super) const COUNT_LIMIT: Duration = Duration::from_secs(5);

#[derive(Serialize, JsonSchema)]
pub(crate) struct WorktreeReport {
    name: String,
    #[serde(serialize_with = "shown_path")]
    #[schemars(with = "String")]
    path: PathBuf,
    branch: Option<String>,
    main: bool,
    current: bool,
    locked: Option<String>,
    missing: bool,
    /// Why it cannot be read, where that is so.
    broken: Option<String>,
    /// Only where it was asked for, and `null` when counting took too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Option<ChangesReport>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ChangesReport {
    staged: usize,
    modified: usize,
    untracked: usize,
}

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<u8, CliError> {
    show(args.workspace.as_deref(), &args.shown, context)
}

/// Lists the worktrees of the repository around a directory, or the current one.
pub(super) fn show(
    workspace: Option<&Path>,
    args: &Shown,
    context: &Context,
) -> Result<u8, CliError> {
    let repository = Repository::open(workspace)?;
    let here = Path::new(".").canonicalize().unwrap_or_default();
    let counted = match args.verbose > 0 {
        true => count_all(&repository.worktrees),
        false => vec![None; repository.worktrees.len()],
    };
    let all = repository.worktrees.iter().zip(counted);
    let reports: Vec<_> = all
        .map(|(worktree, changes)| report(worktree, changes, &here))
        .collect();
    context.printer.data("WorktreeList", &reports, &[]);
    let mut header = vec!["NAME", "BRANCH"];
    if args.verbose > 0 {
        header.extend(["STAGED", "MODIFIED", "UNTRACKED"]);
    }
    header.extend(["STATE", "PATH"]);
    let rows = reports.iter().map(row).collect();
    context.printer.result(&table(&header, rows));
    for (report, why) in reports
        .iter()
        .filter_map(|report| report.broken.as_ref().map(|why| (report, why)))
    {
        context.printer.warning(&format!(
            "the worktree `{}` is broken: {why}; remove it: scc worktree remove --force {}",
            report.name,
            report.path.display()
        ));
    }
    if args.verbose > 0 && reports.iter().any(|report| report.changes == Some(None)) {
        let limit = COUNT_LIMIT.as_secs();
        context.printer.note(&format!(
            "`?`: counting took longer than {limit} s, or the files cannot be read"
        ));
    }
    Ok(0)
}

/// Counts in all worktrees at the same time.
fn count_all(worktrees: &[Worktree]) -> Vec<Option<Option<ChangesReport>>> {
    let count = |worktree: &Worktree| {
        let counted = scc_git::changes(&worktree.path, COUNT_LIMIT);
        counted.ok().flatten().map(ChangesReport::from)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = worktrees
            .iter()
            .map(|worktree| scope.spawn(move || count(worktree)))
            .collect();
        let counted = running.into_iter().map(|thread| thread.join());
        counted
            .map(|counted| Some(counted.unwrap_or_default()))
            .collect()
    })
}

impl From<Changes> for ChangesReport {
    fn from(changes: Changes) -> Self {
        Self {
            staged: changes.staged,
            modified: changes.modified,
            untracked: changes.untracked,
        }
    }
}

fn report(
    worktree: &Worktree,
    changes: Option<Option<ChangesReport>>,
    here: &Path,
) -> WorktreeReport {
    WorktreeReport {
        name: worktree.name(),
        path: worktree.path.clone(),
        branch: worktree.branch.clone(),
        main: worktree.is_main,
        current: here.starts_with(&worktree.path),
        locked: worktree.locked.clone(),
        missing: worktree.is_missing,
        broken: worktree.broken.clone(),
        changes,
    }
}

fn row(report: &WorktreeReport) -> Vec<String> {
    let no_branch = match report.broken {
        Some(_) => "?",
        None => "(detached)",
    };
    let branch = report.branch.as_deref().unwrap_or(no_branch);
    let mut row = vec![report.name.clone(), branch.to_owned()];
    match report.changes {
        None => {}
        Some(None) => row.extend(["?", "?", "?"].map(str::to_owned)),
        Some(Some(changes)) => {
            row.extend(
                [changes.staged, changes.modified, changes.untracked].map(|n| n.to_string()),
            );
        }
    }
    let states = [
        (report.main, "main"),
        (report.current, "here"),
        (report.missing && report.broken.is_none(), "missing"),
        (report.broken.is_some(), "broken"),
        (report.locked.is_some(), "locked"),
    ];
    let states = states.iter().filter(|(is, _)| *is).map(|(_, word)| *word);
    row.push(states.collect::<Vec<_>>().join(", "));
    row.push(report.path.display().to_string());
    row
}
