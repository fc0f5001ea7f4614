//! What is not committed in a work tree.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use gix::dir::entry::Status;
use gix::progress::Discard;
use gix::status::index_worktree as worktree;
use gix::status::plumbing::index_as_worktree::EntryStatus;
use gix::status::tree_index::TrackRenames;
use gix::status::{Item, UntrackedFiles};

use crate::open::open;
use crate::{GitError, discover};

/// How many files differ from the last commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Differ between the last commit and the index.
    pub staged: usize,
    /// Differ between the index and the work tree.
    pub modified: usize,
    /// Are unknown to git and not ignored.
    pub untracked: usize,
}

impl Changes {
    /// Whether there is nothing that is not committed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts what is not committed in the work tree with this root, for at most `limit`; `Ok(None)`
/// when that was not enough. No filter runs: a file that one would change counts as modified once
/// its time stamp has changed.
///
/// # Errors
/// When the repository cannot be read.
pub fn changes(root: &Path, limit: Duration) -> Result<Option<Changes>, GitError> {
    let facts = discover(root)?.filter(|facts| !facts.is_bare);
    let facts = facts.ok_or_else(|| GitError::NotAWorktree(root.to_owned()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let interrupted = Arc::clone(&stop);
    // A pipe that an agent has put into the place of a file would hold this thread for good.
    std::thread::spawn(move || {
        // Nobody listens any more when the time is over.
        let _ = sender.send(count(&facts.root, &facts.git_dir, &interrupted));
    });
    match receiver.recv_timeout(limit) {
        Ok(counted) => counted.map(Some),
        Err(_) => {
            stop.store(true, Ordering::Relaxed);
            Ok(None)
        }
    }
}

fn count(root: &Path, git_dir: &Path, stop: &Arc<AtomicBool>) -> Result<Changes, GitError> {
    let repo = open(git_dir)?;
    if repo
        .workdir()
        .and_then(|dir| dir.canonicalize().ok())
        .as_deref()
        != Some(root)
    {
        return Err(GitError::NotAWorktree(root.to_owned()));
    }
    let mut changes = Changes::default();
    let mut walk = || -> Result<(), gix::Error> {
        let items = repo
            .status(Discard)?
            .untracked_files(UntrackedFiles::Files)
            .index_worktree_rewrites(None)
            .index_worktree_submodules(None)
            .tree_index_track_renames(TrackRenames::Disabled)
            .should_interrupt_owned(Arc::clone(stop))
            .into_iter(None)?;
        for item in items {
            changes.add(&item?);
        }
        Ok(())
    };
    walk().map_err(GitError::change(root, "look for changes in"))?;
    Ok(changes)
}

impl Changes {
    fn add(&mut self, item: &Item) {
        match item {
            Item::TreeIndex(_) => self.staged += 1,
            Item::IndexWorktree(worktree::Item::Modification { status, .. }) => {
                // Only its time stamp is another one.
                if !matches!(status, EntryStatus::NeedsUpdate(_)) {
                    self.modified += 1;
                }
            }
            Item::IndexWorktree(worktree::Item::DirectoryContents { entry, .. }) => {
                if matches!(entry.status, Status::Untracked) {
                    self.untracked += 1;
                }
            }
            Item::IndexWorktree(worktree::Item::Rewrite { .. }) => self.modified += 1,
        }
    }
}
