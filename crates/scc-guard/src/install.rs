//! Putting the guard in the places of the tools, while an image is built.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{GIT, Kind, TOOLS, Tool};

/// Where programs are in every image, besides what the image's own `PATH` says.
const USUAL: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// Where a tool that is not installed would be.
const DEFAULT: &str = "/usr/bin";

/// Runs, but cannot be listed by anybody else than its owner.
const REAL_MODE: u32 = 0o711;
const FILE_MODE: u32 = 0o755;

/// What the guard is installed with.
pub(crate) struct Installation<'a> {
    /// The guard's own file. The places of tools become links to it.
    pub(crate) guard: &'a Path,
    /// The directory that takes the real tools.
    pub(crate) real: &'a Path,
    /// Directories of programs, the first one counts.
    pub(crate) directories: Vec<PathBuf>,
    /// Where tools that are not installed would be.
    pub(crate) default: PathBuf,
}

impl<'a> Installation<'a> {
    /// In this image, whose `PATH` is `path`.
    pub(crate) fn here(guard: &'a Path, real: &'a Path, path: Option<&OsStr>) -> Self {
        let own = path.map(std::env::split_paths).into_iter().flatten();
        let usual = USUAL.iter().map(PathBuf::from);
        let mut seen = BTreeSet::new();
        let directories = own
            .chain(usual)
            // /bin and /usr/bin are often one.
            .filter_map(|directory| directory.canonicalize().ok())
            .filter(|directory| seen.insert(directory.clone()))
            .collect();
        Self {
            guard,
            real,
            directories,
            default: DEFAULT.into(),
        }
    }

    /// Takes every place. The image is not to be used when this fails.
    pub(crate) fn run(&self) -> io::Result<()> {
        fs::create_dir_all(self.real)?;
        fs::set_permissions(self.real, fs::Permissions::from_mode(REAL_MODE))?;
        self.git()?;
        for tool in TOOLS.iter().filter(|tool| tool.kind == Kind::Network) {
            self.replace(tool, &self.directories, true)?;
        }
        Ok(())
    }

    fn git(&self) -> io::Result<()> {
        let gits = self.places(GIT.name, &self.directories);
        let Some(first) = gits.first() else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no git"));
        };
        let mut own = Vec::new();
        for git in &gits {
            own.push(exec_path(git)?);
        }
        let mut all = self.directories.clone();
        all.extend(own.iter().cloned());
        for tool in TOOLS.iter().filter(|tool| tool.kind == Kind::GitProgram) {
            self.replace(tool, &all, false)?;
        }
        let original = fs::read(first)?;
        self.replace(GIT, &all, true)?;
        for directory in &all {
            self.replace_copies(directory, &original)?;
        }
        let moved = exec_path(&self.real.join(GIT.real))?;
        if own.first() != Some(&moved) {
            let message = format!(
                "git finds its programs by its own place, and cannot be moved: {}",
                moved.display()
            );
            return Err(io::Error::other(message));
        }
        Ok(())
    }

    /// The files of this name. The first is the real one; all of them become the guard.
    fn replace(&self, tool: &Tool, directories: &[PathBuf], always: bool) -> io::Result<()> {
        let mut places = self.places(tool.name, directories);
        if let Some(first) = places.first() {
            // What a link points to may serve other names too, and stays.
            fs::copy(first, self.real.join(tool.real))?;
            let mode = fs::Permissions::from_mode(FILE_MODE);
            fs::set_permissions(self.real.join(tool.real), mode)?;
        } else if always {
            places.push(self.default.join(tool.name));
        }
        places.iter().try_for_each(|place| self.take(place))
    }

    /// Where files of this name are; with those that these are links to, if they have the name.
    fn places(&self, name: &str, directories: &[PathBuf]) -> Vec<PathBuf> {
        let all = directories.iter().map(|directory| directory.join(name));
        let mut places: Vec<_> = all
            .filter(|path| path.is_file() && !self.is_guard(path))
            .collect();
        for place in places.clone() {
            let target = place.canonicalize().unwrap_or_default();
            if target.file_name() == Some(OsStr::new(name)) && !places.contains(&target) {
                places.push(target);
            }
        }
        places
    }

    /// git under its other names, where these are no links to it.
    fn replace_copies(&self, directory: &Path, original: &[u8]) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let found = fs::symlink_metadata(&path)?;
            let same_size = found.is_file() && found.len() == original.len() as u64;
            if same_size && fs::read(&path)? == original {
                self.take(&path)?;
            }
        }
        Ok(())
    }

    /// A link, so that the guard is in the image once. The kernel tells the guard by which of its
    /// names it was started, which it could not with symbolic links.
    fn take(&self, place: &Path) -> io::Result<()> {
        if place.symlink_metadata().is_ok() {
            fs::remove_file(place)?;
        }
        fs::hard_link(self.guard, place)
    }

    /// Whether this is the guard by another name.
    pub(crate) fn is_guard(&self, path: &Path) -> bool {
        let identity = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
        identity(path) == identity(self.guard)
    }
}

/// Makes the directory of the collector, which others can pass and not list.
pub(crate) fn own_directory(path: &Path, uid: &str) -> io::Result<()> {
    let owner: u32 = uid
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the user is no number"))?;
    fs::create_dir_all(path)?;
    std::os::unix::fs::chown(path, Some(owner), Some(owner))?;
    fs::set_permissions(path, fs::Permissions::from_mode(REAL_MODE))
}

/// Where this git has its own programs.
pub(crate) fn exec_path(git: &Path) -> io::Result<PathBuf> {
    let output = Command::new(git).arg("--exec-path").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let path = PathBuf::from(text.trim_end());
    if output.status.success() && path.is_absolute() {
        return Ok(path.canonicalize().unwrap_or(path));
    }
    let message = format!("`{} --exec-path` gives no directory", git.display());
    Err(io::Error::other(message))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A root with a guard, and programs that are scripts.
    struct Root(TempDir);

    impl Root {
        fn new() -> Self {
            let root = Self(tempfile::tempdir().unwrap());
            for directory in ["first", "bin", "core", "lib"] {
                fs::create_dir(root.path(directory)).unwrap();
            }
            fs::write(root.path("lib/guard"), "guard").unwrap();
            root
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(name)
        }

        fn program(&self, name: &str, text: &str) {
            fs::write(self.path(name), text).unwrap();
            let mode = fs::Permissions::from_mode(FILE_MODE);
            fs::set_permissions(self.path(name), mode).unwrap();
        }

        /// A git that keeps its programs in `core`.
        fn git(&self) -> String {
            format!("#!/bin/sh\necho {}\n", self.path("core").display())
        }

        fn install(&self) -> io::Result<()> {
            let (guard, real) = (self.path("lib/guard"), self.path("lib/r"));
            let mut installation = Installation::here(&guard, &real, None);
            installation.directories = vec![self.path("first"), self.path("bin")];
            installation.default = self.path("bin");
            installation.run()
        }

        fn is_guard(&self, name: &str) -> bool {
            let inode = |name| fs::metadata(self.path(name)).unwrap().ino();
            inode(name) == inode("lib/guard")
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }
    }

    #[test]
    fn every_place_of_git_is_taken() {
        let root = Root::new();
        let git = root.git();
        root.program("bin/git", &git);
        root.program("core/git", &git);
        root.program("core/git-add", &git);
        symlink("git", root.path("core/git-push")).unwrap();
        symlink("git", root.path("bin/git-upload-pack")).unwrap();
        root.program("core/git-submodule", "a script");
        root.program("core/git-remote-http", "another");
        root.install().unwrap();
        for place in [
            "bin/git",
            "core/git",
            "core/git-add",
            "core/git-push",
            "bin/git-upload-pack",
            "core/git-submodule",
        ] {
            assert!(root.is_guard(place), "{place}");
        }
        assert_eq!(root.text("core/git-remote-http"), "another");
        assert_eq!(root.text("lib/r/0"), git);
        assert_eq!(root.text("lib/r/3"), "a script");
        let mode = |name| fs::metadata(root.path(name)).unwrap().mode() & 0o777;
        assert_eq!((mode("lib/r"), mode("lib/r/0")), (REAL_MODE, FILE_MODE));
    }

    #[test]
    fn the_first_of_several_is_the_real_one() {
        let root = Root::new();
        root.program("bin/git", &root.git());
        root.program("first/curl", "first");
        root.program("bin/curl", "second");
        root.program("core/ssh", "elsewhere");
        symlink(root.path("core/ssh"), root.path("bin/ssh")).unwrap();
        root.program("core/box", "many tools");
        symlink(root.path("core/box"), root.path("bin/wget")).unwrap();
        root.install().unwrap();
        for place in [
            "first/curl",
            "bin/curl",
            "bin/ssh",
            "core/ssh",
            "bin/wget",
            "bin/rsync",
        ] {
            assert!(root.is_guard(place), "{place}");
        }
        assert_eq!(root.text("lib/r/4"), "first");
        assert_eq!(root.text("lib/r/5"), "many tools");
        assert_eq!(root.text("core/box"), "many tools");
        assert!(!root.path("lib/r/9").exists());
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let root = Root::new();
        root.program("bin/git", &root.git());
        root.install().unwrap();
        root.install().unwrap_err();
        assert_eq!(root.text("lib/r/0"), root.git());
        assert!(root.is_guard("bin/git"));
    }

    #[test]
    fn a_git_that_cannot_be_moved_is_not_accepted() {
        let root = Root::new();
        root.program(
            "bin/git",
            "#!/bin/sh\ncd \"${0%/*}\"/../core 2>/dev/null || cd /\npwd\n",
        );
        let error = root.install().unwrap_err();
        assert!(error.to_string().contains("cannot be moved"), "{error}");
        let without = Root::new();
        assert!(without.install().is_err());
    }
}
