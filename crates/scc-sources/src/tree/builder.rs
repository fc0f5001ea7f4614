//! From what a repository, an archive or a directory holds to a tree: every path is judged, and
//! links are resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::links::{Entry, Real, Stop};
use super::{Tree, TreeFile, TreeLimits};

/// The longest path, in bytes.
const MAX_PATH: usize = 512;
/// Folders in folders.
const MAX_DEPTH: usize = 32;

/// Collects the entries of a tree. An error is a reason to refuse all of it.
pub(super) struct Builder {
    limits: TreeLimits,
    files: BTreeMap<String, TreeFile>,
    links: BTreeMap<String, String>,
    left_out: BTreeMap<String, String>,
    bytes: u64,
}

impl Builder {
    pub(super) fn new(limits: TreeLimits) -> Self {
        Self {
            limits,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            left_out: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Whether a file of this size is taken; one that is not is left out.
    pub(super) fn admits(&mut self, path: &str, bytes: u64) -> Result<bool, String> {
        if bytes <= self.limits.file_bytes {
            return Ok(true);
        }
        let limit = self.limits.file_bytes;
        self.leave_out(path, &format!("it is larger than {limit} bytes"))?;
        Ok(false)
    }

    pub(super) fn file(
        &mut self,
        path: &str,
        content: Arc<[u8]>,
        executable: bool,
    ) -> Result<(), String> {
        self.claim(path)?;
        self.count(content.len() as u64)?;
        let file = TreeFile {
            content,
            executable,
        };
        self.files.insert(path.to_owned(), file);
        self.enough_files()
    }

    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<(), String> {
        self.claim(path)?;
        self.links.insert(path.to_owned(), target.to_owned());
        self.enough_files()
    }

    pub(super) fn leave_out(&mut self, path: &str, reason: &str) -> Result<(), String> {
        self.claim(path)?;
        self.left_out.insert(path.to_owned(), reason.to_owned());
        self.enough_files()
    }

    /// The tree, with every link replaced by what it leads to.
    pub(super) fn finish(mut self) -> Result<Tree, String> {
        self.check_folders()?;
        let real = Real {
            files: self.files.clone(),
            links: std::mem::take(&mut self.links),
            left_out: self.left_out.clone(),
        };
        for path in real.links.keys() {
            let there = self.files.len() + self.left_out.len();
            match real.resolve(path, self.limits.files.saturating_sub(there)) {
                Ok(found) => {
                    for (path, entry) in found {
                        self.take(path, entry)?;
                    }
                }
                Err(Stop::Link(reason)) => self.take(path.clone(), Entry::LeftOut(reason))?,
                Err(Stop::TooMany) => return Err(self.too_many()),
            }
        }
        Ok(Tree::new(self.files, self.left_out))
    }

    /// What has something below it is a folder, and nothing else besides. Only an archive can have it
    /// otherwise.
    fn check_folders(&self) -> Result<(), String> {
        let all = self.files.keys().chain(self.links.keys());
        for path in all.chain(self.left_out.keys()) {
            let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
            if let Some(folder) = folders.find(|folder| self.has(folder)) {
                let (path, folder) = (shown(path), shown(folder));
                return Err(format!("`{path}` is below `{folder}`, which is no folder"));
            }
        }
        Ok(())
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
            || self.links.contains_key(path)
            || self.left_out.contains_key(path)
    }

    /// What a link brings in.
    fn take(&mut self, path: String, entry: Entry) -> Result<(), String> {
        if self.files.contains_key(&path) || self.left_out.contains_key(&path) {
            return Err(format!("`{}` is there twice", shown(&path)));
        }
        match entry {
            Entry::File(file) => {
                self.count(file.content.len() as u64)?;
                self.files.insert(path, file);
            }
            Entry::LeftOut(reason) => {
                self.left_out.insert(path, reason);
            }
        }
        self.enough_files()
    }

    /// A path that leads out or is there twice would let one file stand in for another.
    fn claim(&self, path: &str) -> Result<(), String> {
        check_path(path)?;
        match self.has(path) {
            true => Err(format!("`{}` is there twice", shown(path))),
            false => Ok(()),
        }
    }

    fn count(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes += bytes;
        let limit = self.limits.total_bytes;
        match self.bytes > limit {
            true => Err(format!("its files are larger than {limit} bytes in all")),
            false => Ok(()),
        }
    }

    fn enough_files(&self) -> Result<(), String> {
        let all = self.files.len() + self.links.len() + self.left_out.len();
        match all > self.limits.files {
            true => Err(self.too_many()),
            false => Ok(()),
        }
    }

    fn too_many(&self) -> String {
        format!("it has more than {} files", self.limits.files)
    }
}

/// Refuses a path that is not plainly below the folder.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("the path `{}` {why}", shown(path)));
    if path.len() > MAX_PATH || path.split('/').count() > MAX_DEPTH {
        return refuse("is too long");
    }
    if path.contains(char::is_control) || path.contains('\\') {
        return refuse("holds characters that no path needs");
    }
    for part in path.split('/') {
        match part {
            "" | "." | ".." => return refuse("leads out of the folder"),
            part if part.eq_ignore_ascii_case(".git") => return refuse("is git's own"),
            _ => {}
        }
    }
    Ok(())
}

/// Without control characters, and not longer than a line.
fn shown(path: &str) -> String {
    path.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TreeLimits = TreeLimits {
        files: 8,
        file_bytes: 10,
        total_bytes: 40,
        download_bytes: 0,
        timeout: std::time::Duration::ZERO,
    };

    fn build(files: &[&str], links: &[(&str, &str)]) -> Result<Tree, String> {
        let mut builder = Builder::new(LIMITS);
        for path in files {
            builder.file(path, path.as_bytes().into(), false)?;
        }
        for (path, target) in links {
            builder.link(path, target)?;
        }
        builder.finish()
    }

    #[test]
    fn paths_that_lead_out_refuse_all() {
        for path in [
            "../x",
            "a/../x",
            "/x",
            "a//x",
            "./x",
            "",
            ".",
            "..",
            "a/",
            ".git/config",
            "a/.GIT/x",
            "a\\x",
            "a\nx",
        ] {
            assert!(build(&[path], &[]).is_err(), "{path:?}");
            assert!(build(&[], &[(path, "x")]).is_err(), "{path:?}");
        }
        assert!(build(&["..a/.x/x..", ".github/x"], &[]).is_ok());
        assert!(build(&["a", "a"], &[]).is_err());
        assert!(build(&["a"], &[("a", "b")]).is_err());
        let deep = "a/".repeat(40) + "a";
        assert!(build(&[&deep], &[]).is_err());
    }

    #[test]
    fn links_inside_are_resolved() {
        let links = [("l", "d/a"), ("d/up", "../x"), ("m", "l"), ("e", "./d")];
        let tree = build(&["d/a", "x"], &links).unwrap();
        let content =
            |path: &str| String::from_utf8_lossy(&tree.file(path).unwrap().content).into_owned();
        assert_eq!(content("l"), "d/a");
        assert_eq!(content("d/up"), "x");
        assert_eq!(content("m"), "d/a");
        assert_eq!(content("e/a"), "d/a");
        assert_eq!(content("e/up"), "x");
        assert!(tree.left_out().is_empty(), "{tree:?}");
    }

    #[test]
    fn what_a_linked_folder_links_to_comes_along() {
        let links = [("p/hooks", "../shared"), ("shared/net", "../net")];
        let tree = build(&["shared/a", "net/b"], &links).unwrap();
        let content =
            |path: &str| String::from_utf8_lossy(&tree.file(path).unwrap().content).into_owned();
        assert_eq!(content("p/hooks/a"), "shared/a");
        assert_eq!(content("p/hooks/net/b"), "net/b");
        assert!(tree.left_out().is_empty(), "{tree:?}");
    }

    #[test]
    fn what_a_linked_folder_lacks_is_left_out_below_the_link_too() {
        let mut builder = Builder::new(LIMITS);
        builder.file("shared/a", (*b"a").into(), false).unwrap();
        builder
            .leave_out("shared/module", "it is a submodule")
            .unwrap();
        builder.link("shared/out", "/etc/passwd").unwrap();
        builder.link("p/hooks", "../shared").unwrap();
        builder.link("p/module", "../shared/module").unwrap();
        let tree = builder.finish().unwrap();
        let left_out = tree.left_out();
        for path in ["p/hooks/module", "p/module"] {
            let reason = left_out.get(path).map(String::as_str);
            assert_eq!(reason, Some("it is a submodule"), "{tree:?}");
        }
        let out = left_out.get("p/hooks/out");
        assert!(out.is_some_and(|why| why.contains("leads out")), "{tree:?}");
        assert!(tree.file("p/hooks/a").is_some());
    }

    #[test]
    fn links_that_lead_round_end() {
        let links = [("a/l", "../b"), ("b/m", "../a")];
        let tree = build(&["a/1", "b/2"], &links).unwrap();
        assert!(tree.file("a/l/2").is_some() && tree.file("b/m/1").is_some());
        let round: Vec<_> = tree.left_out().keys().map(String::as_str).collect();
        assert_eq!(round, ["a/l/m", "b/m/l"]);
        // Each folder has the next one twice.
        let names: Vec<_> = (0..7)
            .map(|n| [format!("d{n}/x"), format!("d{n}/y")])
            .collect();
        let targets: Vec<_> = (1..8).map(|n| format!("../d{n}")).collect();
        let mut builder = Builder::new(TreeLimits {
            files: 100,
            ..LIMITS
        });
        for (names, target) in names.iter().zip(&targets) {
            for name in names {
                builder.link(name, target).unwrap();
            }
        }
        builder.file("d7/z", (*b"").into(), false).unwrap();
        let error = builder.finish().unwrap_err();
        assert!(error.contains("more than 100"), "{error}");
    }

    #[test]
    fn nothing_is_below_what_is_no_folder() {
        type Make = fn(&mut Builder) -> Result<(), String>;
        let makes: [Make; 3] = [
            |builder| builder.file("a/b", (*b"1").into(), false),
            |builder| builder.link("a/b", "c"),
            |builder| builder.leave_out("a/b", "it is a submodule"),
        ];
        for make in makes {
            let mut builder = Builder::new(LIMITS);
            make(&mut builder).unwrap();
            builder.file("a/b/c/d", (*b"2").into(), false).unwrap();
            builder.file("a/b.c", (*b"3").into(), false).unwrap();
            let error = builder.finish().unwrap_err();
            assert_eq!(error, "`a/b/c/d` is below `a/b`, which is no folder");
        }
    }

    #[test]
    fn links_that_lead_out_are_left_out() {
        for target in [
            "/etc/passwd",
            "../x",
            "d/../../x",
            "nothing",
            "l",
            "..",
            ".",
            "d/..",
        ] {
            let tree = build(&["d/a"], &[("d2/l", target)]).unwrap();
            let known = tree.left_out().contains_key("d2/l");
            assert!(known && tree.files().len() == 1, "{target}: {tree:?}");
        }
        let tree = build(&["d/a"], &[("d/l", "../m"), ("m", "d/l")]).unwrap();
        assert_eq!(tree.left_out().len(), 2);
    }

    #[test]
    fn nothing_grows_past_the_limits() {
        assert!(build(&["1", "2", "3", "4", "5", "6", "7", "8"], &[]).is_ok());
        assert!(build(&["1", "2", "3", "4", "5", "6", "7", "8"], &[("9", "1")]).is_err());
        let links = [("l1", "d"), ("l2", "d"), ("l3", "d"), ("l4", "d")];
        let error = build(&["d/1", "d/2"], &links).unwrap_err();
        assert!(error.contains("more than 8"), "{error}");
        let links = [
            ("l1", "3456789"),
            ("l2", "3456789"),
            ("l3", "3456789"),
            ("l4", "3456789"),
            ("l5", "3456789"),
        ];
        let error = build(&["3456789"], &links).unwrap_err();
        assert!(error.contains("40 bytes"), "{error}");
        let mut builder = Builder::new(LIMITS);
        assert_eq!(builder.admits("a", 10), Ok(true));
        assert_eq!(builder.admits("b", 11), Ok(false));
        assert!(builder.finish().unwrap().left_out().contains_key("b"));
    }

    #[test]
    fn the_digest_is_of_everything() {
        let digest = |files: &[&str], links: &[(&str, &str)]| {
            build(files, links).unwrap().digest().to_owned()
        };
        let base = digest(&["a", "b"], &[]);
        assert_eq!(base, digest(&["b", "a"], &[]));
        assert_ne!(base, digest(&["a", "c"], &[]));
        assert_ne!(base, digest(&["a", "b"], &[("l", "/x")]));
        let mut program = Builder::new(LIMITS);
        program.file("a", (*b"a").into(), true).unwrap();
        program.file("b", (*b"b").into(), false).unwrap();
        assert_ne!(base, program.finish().unwrap().digest());
    }
}
