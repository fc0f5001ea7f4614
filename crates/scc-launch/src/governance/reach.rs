//! Whether what an agent can change decides what a path leads to.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

/// Whether a path, or a link on its way, lies in a directory. What cannot be looked at is taken for
/// what it says.
pub(crate) fn leads_through(path: &Path, directory: &Path) -> bool {
    let directory = directory
        .canonicalize()
        .unwrap_or_else(|_| directory.to_owned());
    let mut left: VecDeque<OsString> = parts(path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(part);
        // The directory itself the agent cannot put elsewhere.
        if at.starts_with(&directory) && at != directory {
            return true;
        }
        let Ok(target) = std::fs::read_link(&at) else {
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return false;
        }
        at.pop();
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            left.push_front(part);
        }
    }
    false
}

/// Whether what a path leads to is a directory, or lies in it.
pub(crate) fn contains(directory: &Path, path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(path).starts_with(real(directory))
}

/// Whether two directories belong to one repository, or are the same.
pub(super) fn is_same_repository(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let facts = scc_git::discover(path).ok().flatten();
        let common = facts.map_or_else(|| path.to_owned(), |facts| facts.common_dir);
        common.canonicalize().unwrap_or(common)
    };
    place(one) == place(other)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_on_the_way_counts_and_a_detour_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name);
        for directory in ["ws/inside", "corp", "home"] {
            std::fs::create_dir_all(at(directory)).unwrap();
        }
        for file in ["corp/org.yaml", "ws/org.yaml"] {
            std::fs::write(at(file), "").unwrap();
        }
        symlink(at("ws/org.yaml"), at("home/into")).unwrap();
        symlink("../corp/org.yaml", at("ws/out")).unwrap();
        symlink(at("ws/out"), at("home/through")).unwrap();
        symlink(at("ws"), at("home/folder")).unwrap();
        symlink(at("home/loop"), at("home/loop")).unwrap();
        for (path, expected) in [
            ("ws/org.yaml", true),
            ("ws/missing.yaml", true),
            ("corp/../ws/org.yaml", true),
            ("home/into", true),
            ("home/folder/org.yaml", true),
            // The agent can put another link in its place.
            ("ws/out", true),
            ("home/through", true),
            ("corp/org.yaml", false),
            ("ws/../corp/org.yaml", false),
            ("home/loop", false),
            ("ws-other/org.yaml", false),
        ] {
            assert_eq!(leads_through(&at(path), &at("ws")), expected, "{path}");
        }
        // The way itself leads through the workspace, and an agent can put a link there.
        assert!(leads_through(
            &at("ws/inside/../../corp/org.yaml"),
            &at("ws")
        ));
        // The workspace may be named by a link, too.
        assert!(leads_through(&at("ws/org.yaml"), &at("home/folder")));
    }
}
