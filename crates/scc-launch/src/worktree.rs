//! What a sandbox sees of the repository that a linked worktree belongs to.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{self, Mode, OFlags};
use scc_runtime::{Mount, MountSource};

use crate::workspace::WorktreeLink;
use crate::{Blocker, BlockerKind, LaunchError};

/// What git writes in the shared `.git` while it works in a linked worktree. Everything else of it
/// is read-only: configuration, hooks and the directories of other worktrees run code on the host,
/// and a directory that is writable itself could be renamed, with what is mounted below it.
const WRITABLE: [&str; 3] = ["objects", "refs", "logs"];

/// In the worktree's own directory: where the shared `.git` is, where the worktree is, and
/// configuration of its own.
const FIXED: [&str; 3] = ["commondir", "gitdir", CONFIG];
const CONFIG: &str = "config.worktree";

/// The shared `.git`, read-only but for what git needs to write. What [`make_config`] makes is
/// expected to be there.
pub(crate) fn worktree_mounts(root: &Path, link: &WorktreeLink) -> Vec<Mount> {
    let mount = |path: PathBuf, read_only| Mount {
        target: path.to_string_lossy().into_owned(),
        source: MountSource::Host(path),
        read_only,
    };
    let mut mounts = vec![mount(link.common_dir.clone(), true)];
    let writable = writable(link).filter(|path| path.is_dir());
    mounts.extend(writable.map(|path| mount(path, false)));
    mounts.extend(fixed(root, link).map(|path| mount(path, true)));
    mounts
}

fn writable(link: &WorktreeLink) -> impl Iterator<Item = PathBuf> {
    let shared = WRITABLE.map(|name| link.common_dir.join(name));
    shared.into_iter().chain([link.git_dir.clone()])
}

fn fixed(root: &Path, link: &WorktreeLink) -> impl Iterator<Item = PathBuf> {
    let own = FIXED.map(|name| link.git_dir.join(name));
    own.into_iter().chain([root.join(".git")])
}

/// Why a worktree must not be mounted: what an agent has put into the shared `.git` would lead the
/// engine elsewhere, or git to run code on this machine later.
pub(crate) fn unshielded(root: &Path, link: &WorktreeLink) -> Option<Blocker> {
    let mut all = writable(link).chain(fixed(root, link));
    let blocker = all.find(|path| leads_elsewhere(path)).map(|path| Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "`{}` is a symbolic link, or below one: the agent would get what it leads to",
            path.display()
        ),
        hint: "look at it, and put back what was there: an agent may have made it".to_owned(),
    });
    blocker.or_else(|| foreign_config(link))
}

/// What is not there leads nowhere.
fn leads_elsewhere(path: &Path) -> bool {
    path.symlink_metadata().is_ok() && !is_itself(path)
}

/// Whether there are no links in a path.
fn is_itself(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real == path)
}

/// Git runs commands from a worktree's own configuration. One that git does not read yet was not
/// made by git, and takes effect when somebody turns the extension on.
fn foreign_config(link: &WorktreeLink) -> Option<Blocker> {
    let file = link.git_dir.join(CONFIG);
    let meta = file.symlink_metadata().ok()?;
    let is_read = scc_git::has_worktree_config(&link.common_dir);
    if meta.is_file() && (meta.len() == 0 || is_read) {
        return None;
    }
    Some(Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "`{}` holds what git did not put there: git would run commands from it on this machine \
             once `extensions.worktreeConfig` is on",
            file.display()
        ),
        hint: format!(
            "an agent may have made it; look at it, and remove it: rm {}",
            file.display()
        ),
    })
}

/// Makes the worktree's own configuration, empty, where there is none: what is not there cannot be
/// mounted read-only, and the agent could make it. It belongs to the owner of its directory. No
/// link is followed.
pub(crate) fn make_config(link: &WorktreeLink) -> Result<(), LaunchError> {
    let make = || -> io::Result<()> {
        let below = link.git_dir.strip_prefix(&link.common_dir);
        let below = below.map_err(io::Error::other)?;
        let way = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut dir = fs::open(&link.common_dir, way, Mode::empty())?;
        for part in below {
            dir = fs::openat(&dir, part, way, Mode::empty())?;
        }
        let new = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = match fs::openat(&dir, CONFIG, new, Mode::from_raw_mode(0o644)) {
            Err(rustix::io::Errno::EXIST) => return Ok(()),
            made => made?,
        };
        if rustix::process::geteuid().is_root() {
            let owner = fs::fstat(&dir)?;
            let (uid, gid) = (owner.st_uid, owner.st_gid);
            let (uid, gid) = (fs::Uid::from_raw(uid), fs::Gid::from_raw(gid));
            fs::fchown(&file, Some(uid), Some(gid))?;
        }
        Ok(())
    };
    make().map_err(|source| LaunchError::Unshielded {
        path: link.git_dir.join(CONFIG),
        source,
    })
}

/// Looks again at what is mounted of the host, once the sandbox is made and before it starts: an
/// agent in the repository's own work tree could have put links there since the plan.
pub(crate) fn check_sources(mounts: &[Mount]) -> Result<(), LaunchError> {
    let sources = mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Host(path) => Some(path),
        MountSource::Volume { .. } | MountSource::Own => None,
    });
    match sources.into_iter().find(|path| !is_itself(path)) {
        None => Ok(()),
        Some(path) => Err(LaunchError::Replaced { path: path.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Repository {
        dir: tempfile::TempDir,
    }

    impl Repository {
        fn new() -> Self {
            let made = Self {
                dir: tempfile::tempdir().unwrap(),
            };
            let link = made.link();
            fs::create_dir_all(&link.git_dir).unwrap();
            for name in WRITABLE {
                fs::create_dir(link.common_dir.join(name)).unwrap();
            }
            for name in ["commondir", "gitdir"] {
                fs::write(link.git_dir.join(name), "x").unwrap();
            }
            fs::create_dir_all(made.at("tree")).unwrap();
            fs::write(made.at("tree/.git"), "x").unwrap();
            fs::create_dir(made.at("home")).unwrap();
            made
        }

        fn at(&self, name: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(name)
        }

        fn link(&self) -> WorktreeLink {
            WorktreeLink {
                common_dir: self.at("repo/.git"),
                git_dir: self.at("repo/.git/worktrees/tree"),
            }
        }

        fn refusal(&self) -> Option<String> {
            let blocker = unshielded(&self.at("tree"), &self.link())?;
            assert_eq!(blocker.kind, BlockerKind::Refused);
            Some(blocker.message)
        }

        fn mounts(&self) -> Vec<Mount> {
            worktree_mounts(&self.at("tree"), &self.link())
        }
    }

    #[test]
    fn a_link_in_the_place_of_what_is_mounted_is_refused() {
        for place in [
            "repo/.git/objects",
            "repo/.git/refs",
            "repo/.git/logs",
            "repo/.git/worktrees",
            "repo/.git/worktrees/tree",
            "repo/.git/worktrees/tree/config.worktree",
            "repo/.git/worktrees/tree/gitdir",
            "repo/.git/worktrees/tree/commondir",
            "tree/.git",
            "repo/.git",
        ] {
            let repo = Repository::new();
            assert_eq!(repo.refusal(), None);
            make_config(&repo.link()).unwrap();
            let mounts = repo.mounts();
            check_sources(&mounts).unwrap();
            let path = repo.at(place);
            let moved = repo.at("moved");
            fs::rename(&path, &moved).unwrap();
            symlink(&moved, &path).unwrap();
            let refused = repo.refusal().unwrap();
            assert!(refused.contains("symbolic link"), "{place}: {refused}");
            let replaced = check_sources(&mounts).unwrap_err();
            assert!(matches!(replaced, LaunchError::Replaced { .. }), "{place}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_yet_is_refused() {
        for name in ["logs", "worktrees/tree/config.worktree"] {
            let repo = Repository::new();
            let path = repo.at("repo/.git").join(name);
            let _ = fs::remove_dir(&path);
            symlink(repo.at("nowhere"), &path).unwrap();
            assert!(repo.refusal().unwrap().contains("symbolic link"), "{name}");
        }
    }

    #[test]
    fn configuration_is_empty_and_cannot_be_made_inside() {
        let repo = Repository::new();
        let file = repo.link().git_dir.join(CONFIG);
        make_config(&repo.link()).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"");
        assert_eq!(repo.refusal(), None);
        let mounts = repo.mounts();
        let found = mounts.iter().find(|mount| mount.target.ends_with(CONFIG));
        assert!(found.unwrap().read_only);
        fs::write(&file, "[core]\n\tfsmonitor = /evil\n").unwrap();
        assert!(repo.refusal().unwrap().contains("worktreeConfig"));
        // What is there stays, and is git's where git reads it.
        make_config(&repo.link()).unwrap();
        assert_ne!(fs::read(&file).unwrap(), b"");
        let config = "[extensions]\n\tworktreeConfig = true\n";
        fs::write(repo.at("repo/.git/config"), config).unwrap();
        assert_eq!(repo.refusal(), None);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(repo.refusal().unwrap().contains(CONFIG));
    }

    #[test]
    fn configuration_is_not_made_through_a_link() {
        let repo = Repository::new();
        let way = repo.at("repo/.git/worktrees");
        fs::rename(&way, repo.at("home/worktrees")).unwrap();
        symlink(repo.at("home/worktrees"), &way).unwrap();
        let failed = make_config(&repo.link()).unwrap_err();
        assert!(matches!(failed, LaunchError::Unshielded { .. }), "{failed}");
        assert!(!repo.at("home/worktrees/tree/config.worktree").exists());
    }
}
