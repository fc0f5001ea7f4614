use scc_dashboard::{Action, Level, Operation, Row, TabRows};
use scc_git::Worktree;

use super::{Desk, detail};

impl Desk<'_> {
    pub(super) fn worktrees(&self) -> TabRows {
        let worktrees = self.facts.worktrees.iter();
        let empty = match self.facts.is_in_workspace() {
            true => "this workspace is no git repository",
            false => "not in a git repository: its worktrees are shown where scc is run in one",
        };
        TabRows {
            rows: worktrees.map(|worktree| self.worktree(worktree)).collect(),
            note: None,
            empty: empty.to_owned(),
        }
    }

    fn worktree(&self, worktree: &Worktree) -> Row {
        let path = worktree.path.to_string_lossy().into_owned();
        let running = self.running_in(&worktree.path);
        let branch = worktree.branch.as_deref().unwrap_or("detached");
        let cells = [
            worktree.name(),
            branch.to_owned(),
            running.map_or("-", |_| "running").to_owned(),
            self.context.readable(&worktree.path),
        ];
        let mut row = Row::new(&path, cells);
        row.level = running.map_or(Level::Plain, |_| Level::Good);
        detail(&mut row, "Path", Some(&path));
        detail(&mut row, "Branch", Some(branch));
        detail(&mut row, "Container", running);
        let start = Action::labelled(Operation::Start, &path, "Start an agent in it");
        row.actions = match running {
            Some(container) => vec![
                Action::new(Operation::Attach, container),
                Action::new(Operation::Stop, container),
            ],
            None => vec![start],
        };
        if !worktree.is_main && running.is_none() {
            row.actions
                .push(Action::new(Operation::RemoveWorktree, &path));
        }
        row
    }
}
