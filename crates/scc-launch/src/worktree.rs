//! What a sandbox sees of the repository that a linked worktree belongs to.

use std::path::Path;

use scc_runtime::{Mount, MountSource};

use crate::workspace::WorktreeLink;
use crate::{Blocker, BlockerKind};

/// What git writes in the shared `.git` while it works in a linked worktree. Everything else of it
/// is read-only: configuration, hooks and the directories of other worktrees run code on the host,
/// and a directory that is writable itself could be renamed, with what is mounted below it.
const WRITABLE: [&str; 3] = ["objects", "refs", "logs"];

/// In the worktree's own directory: where the shared `.git` is, where the worktree is, and
/// configuration of its own.
const FIXED: [&str; 3] = ["commondir", "gitdir", CONFIG];
const CONFIG: &str = "config.worktree";

/// The shared `.git`, read-only but for what git needs to write.
pub(crate) fn worktree_mounts(root: &Path, link: &WorktreeLink) -> Vec<Mount> {
    let mount = |path: &Path, read_only| Mount {
        source: MountSource::Host(path.to_owned()),
        target: path.to_string_lossy().into_owned(),
        read_only,
    };
    let writable = WRITABLE.map(|name| link.common_dir.join(name));
    let writable = writable.iter().chain([&link.git_dir]);
    let mut mounts = vec![mount(&link.common_dir, true)];
    mounts.extend(
        writable
            .filter(|path| path.is_dir())
            .map(|path| mount(path, false)),
    );
    let fixed = FIXED.map(|name| link.git_dir.join(name));
    let fixed = fixed.into_iter().chain([root.join(".git")]);
    mounts.extend(
        fixed
            .filter(|path| path.exists())
            .map(|path| mount(&path, true)),
    );
    mounts
}

/// Why a worktree cannot be shielded: git would read configuration from a file that does not exist,
/// so that nothing can be mounted over it, and that the agent could make.
pub(crate) fn unshielded(link: &WorktreeLink) -> Option<Blocker> {
    let file = link.git_dir.join(CONFIG);
    if file.exists() || !scc_git::has_worktree_config(&link.common_dir) {
        return None;
    }
    Some(Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "the agent could make `{}`, from which git reads commands that run on this machine",
            file.display()
        ),
        hint: format!("make it yourself, empty: touch {}", file.display()),
    })
}
