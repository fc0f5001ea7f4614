//! Which directory is the workspace, and whether it looks like a mistake.

use std::path::{Path, PathBuf};

use scc_git::RepositoryFacts;

use crate::{Blocker, BlockerKind, LaunchError};

/// The file that marks the root of a workspace that is no git repository.
const MARKER: &str = ".scc.yaml";

/// A directory that an agent works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its root, absolute and without symbolic links.
    pub root: PathBuf,
    /// How the root was found.
    pub kind: WorkspaceKind,
    /// The checked-out branch.
    pub branch: Option<String>,
    /// The shared `.git` directory, when the root is a linked worktree.
    pub worktree_of: Option<WorktreeLink>,
    /// Why git would not work in a sandbox of this workspace.
    pub git_elsewhere: Option<Blocker>,
}

/// Where a linked worktree keeps its git data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorktreeLink {
    /// The main repository's `.git`.
    pub common_dir: PathBuf,
    /// This worktree's own directory below it.
    pub git_dir: PathBuf,
}

/// How the root of a workspace was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceKind {
    /// The root of a git repository.
    Repository,
    /// The root of a linked git worktree.
    Worktree,
    /// The nearest parent with a `.scc.yaml`.
    Marked,
    /// The directory itself.
    Directory,
}

/// A workspace that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is nothing at that path.
    #[error("the workspace `{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// There is something else at that path.
    #[error("the workspace `{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// It cannot be read.
    #[error("the workspace `{}` cannot be read", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The path is not valid UTF-8, so no engine can mount it.
    #[error("the path of the workspace `{}` is not valid UTF-8", .0.display())]
    NotUtf8(PathBuf),
}

/// Finds the workspace that `path` belongs to: the root of its git work tree, else the nearest
/// parent with a `.scc.yaml`, else the directory itself.
///
/// # Errors
/// When `path` is no readable directory, or its repository cannot be read.
pub fn detect_workspace(path: &Path) -> Result<Workspace, LaunchError> {
    let directory = readable_directory(path)?;
    let facts = scc_git::discover(&directory).map_err(|source| LaunchError::Git {
        workspace: directory.clone(),
        source,
    })?;
    let workspace = match facts {
        Some(facts) if !facts.is_bare => Workspace {
            git_elsewhere: git_elsewhere(&facts),
            kind: if facts.is_linked_worktree {
                WorkspaceKind::Worktree
            } else {
                WorkspaceKind::Repository
            },
            worktree_of: facts.is_linked_worktree.then_some(WorktreeLink {
                common_dir: facts.common_dir,
                git_dir: facts.git_dir,
            }),
            root: facts.root,
            branch: facts.branch,
        },
        _ => plain_workspace(directory),
    };
    if workspace.root.to_str().is_none() {
        return Err(WorkspaceError::NotUtf8(workspace.root).into());
    }
    Ok(workspace)
}

/// Why git would not work in a sandbox of this repository's work tree: its `.git` is neither in it
/// nor that of a linked worktree, as in a submodule. It is not mounted, since a file in the work
/// tree, which the agent can write, says where it is.
#[must_use]
pub fn git_elsewhere(facts: &RepositoryFacts) -> Option<Blocker> {
    let (root, git_dir) = (&facts.root, &facts.git_dir);
    if facts.is_bare || facts.is_linked_worktree || git_dir.starts_with(root) {
        return None;
    }
    let outer = root.parent().and_then(|dir| scc_git::discover(dir).ok());
    let outer = outer.flatten();
    let outer = outer.filter(|outer| git_dir.starts_with(&outer.common_dir));
    Some(Blocker {
        kind: BlockerKind::Refused,
        message: format!(
            "the repository of `{}` is outside of it, in `{}`, so git would not work in the sandbox",
            root.display(),
            git_dir.display()
        ),
        hint: match outer {
            Some(outer) => format!(
                "start in the repository that it is a part of: scc start {}",
                outer.root.display()
            ),
            None => format!(
                "move it in: rm {0}/.git && mv {1} {0}/.git",
                root.display(),
                git_dir.display()
            ),
        },
    })
}

fn readable_directory(path: &Path) -> Result<PathBuf, WorkspaceError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => WorkspaceError::Missing(path.to_owned()),
        std::io::ErrorKind::NotADirectory => WorkspaceError::NotADirectory(path.to_owned()),
        _ => WorkspaceError::Unreadable {
            path: path.to_owned(),
            source,
        },
    };
    let directory = path.canonicalize().map_err(unreadable)?;
    std::fs::read_dir(&directory).map_err(unreadable)?;
    Ok(directory)
}

fn plain_workspace(directory: PathBuf) -> Workspace {
    let marked = directory
        .ancestors()
        .find(|parent| parent.join(MARKER).is_file());
    let (root, kind) = match marked {
        Some(root) => (root.to_owned(), WorkspaceKind::Marked),
        None => (directory, WorkspaceKind::Directory),
    };
    Workspace {
        root,
        kind,
        branch: None,
        worktree_of: None,
        git_elsewhere: None,
    }
}

/// Directories whose content belongs to the system, with everything below them.
const SYSTEM: [&str; 14] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys",
    "/usr", "/var", "/System",
];
/// Exceptions to [`SYSTEM`]: places where people do keep work.
const NOT_SYSTEM: [&str; 4] = ["/usr/src", "/usr/local/src", "/var/tmp", "/var/folders"];
/// Directories that are a mistake themselves, while directories below them are not.
const TOO_WIDE: [&str; 9] = [
    "/", "/home", "/Users", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var/tmp",
];
/// Directories that hold credentials wherever they are.
const CREDENTIALS: [&str; 7] = [
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".docker",
    ".password-store",
];

fn credential_folder(part: std::path::Component<'_>) -> Option<&'static str> {
    CREDENTIALS
        .into_iter()
        .find(|name| part.as_os_str() == *name)
}

/// A hidden directory directly below a home: of another user, or of the one who called sudo.
fn hidden_in_a_home(root: &Path) -> bool {
    let in_home = ["/home", "/Users"].iter().find_map(|homes| {
        let mut below = root.strip_prefix(homes).ok()?.components();
        below.next()?;
        below.next()
    });
    in_home.is_some_and(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

/// Why handing `root` to an agent looks like a mistake; `None` when it does not. `root` and `home`
/// are absolute and without symbolic links.
#[must_use]
pub fn suspicion(root: &Path, home: Option<&Path>) -> Option<String> {
    let is = |names: &[&str]| names.iter().any(|name| root == Path::new(name));
    let below = |names: &[&str]| names.iter().any(|name| root.starts_with(name));
    if let Some(name) = root.components().find_map(credential_folder) {
        return Some(format!("`{name}` holds credentials"));
    }
    // A home of `/` says nothing about what is below it.
    if let Some(home) = home.filter(|home| *home != Path::new("/")) {
        if root == home {
            return Some("it is your home directory".to_owned());
        }
        if home.starts_with(root) {
            return Some("it contains your home directory".to_owned());
        }
        if let Ok(below) = root.strip_prefix(home) {
            // Settings and credentials live in hidden directories: `.ssh`, `.aws`, `.config`.
            let hidden = below
                .components()
                .next()
                .is_some_and(|first| first.as_os_str().as_encoded_bytes().starts_with(b"."));
            return hidden.then(|| "it is in a hidden directory of your home".to_owned());
        }
    }
    if hidden_in_a_home(root) {
        return Some("it is in a hidden directory of somebody's home".to_owned());
    }
    if is(&TOO_WIDE) || root.parent() == Some(Path::new("/home")) {
        return Some("it holds the directories of everybody".to_owned());
    }
    if below(&SYSTEM) && !below(&NOT_SYSTEM) {
        return Some("it belongs to the system".to_owned());
    }
    root.starts_with("/root")
        .then(|| "it belongs to the system's administrator".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspicious_places() {
        let home = Path::new("/home/ada");
        for place in [
            "/",
            "/home",
            "/home/ada",
            "/home/ada/.ssh",
            "/home/ada/.ssh/keys",
            "/etc",
            "/etc/ssh",
            "/usr/lib/x",
            "/var/lib",
            "/home/bob",
            "/root",
            "/root/x",
            "/tmp",
            "/proc/1",
            "/home/ada/.config/scc",
            "/home/ada/.aws",
            "/home/bob/.config/x",
            "/work/.ssh",
            "/srv/backup/.gnupg/x",
        ] {
            assert!(suspicion(Path::new(place), Some(home)).is_some(), "{place}");
        }
        for place in [
            "/",
            "/etc/ssh",
            "/proc/1",
            "/home/ada/.ssh",
            "/home/ada/.cache/x",
        ] {
            for home in [Some("/"), Some("/root"), None] {
                let home = home.map(Path::new);
                assert!(
                    suspicion(Path::new(place), home).is_some(),
                    "{place} {home:?}"
                );
            }
        }
    }

    #[test]
    fn usual_places() {
        let home = Path::new("/home/ada");
        for place in [
            "/home/ada/src/x",
            "/tmp/x",
            "/work/main",
            "/srv/x",
            "/opt/x",
            "/home/bob/shared",
            "/var/tmp/x",
            "/usr/local/src/x",
            "/etcetera",
        ] {
            assert_eq!(suspicion(Path::new(place), Some(home)), None, "{place}");
        }
        assert_eq!(
            suspicion(Path::new("/root/x"), Some(Path::new("/root"))),
            None
        );
    }

    #[test]
    fn the_marker_of_a_parent_makes_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/.scc.yaml"), "").unwrap();
        let found = detect_workspace(&root.join("a/b")).unwrap();
        assert_eq!(
            (found.root, found.kind),
            (root.join("a"), WorkspaceKind::Marked)
        );
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), "").unwrap();
        let error = |name: &str| {
            detect_workspace(&dir.path().join(name))
                .unwrap_err()
                .to_string()
        };
        assert!(error("missing").contains("does not exist"));
        assert!(error("f").contains("is not a directory"));
        assert!(error("f/x").contains("is not a directory"));
    }
}
