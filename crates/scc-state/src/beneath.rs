//! Files in a directory where others write, such as a workspace: no link is followed below its root,
//! whenever it is put there.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::StateError;

/// A folder below a root, held open: whoever renames it, or puts a link in its place, does not change
/// what is read and written.
#[derive(Debug)]
pub struct Beneath {
    folder: OwnedFd,
    /// Where it was, for what is said.
    path: PathBuf,
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const NEW_FILE: OFlags = OFlags::CREATE
    .union(OFlags::EXCL)
    .union(OFlags::WRONLY)
    .union(OFlags::CLOEXEC);
/// A pipe in the place of a file holds nobody up.
const OLD_FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

impl Beneath {
    /// The folder `way` below `root`; `None` where there is none.
    ///
    /// # Errors
    /// [`StateError::Unexpected`] for a link on the way, and [`StateError::Io`] when it cannot be opened.
    pub fn open(root: &Path, way: &Path) -> Result<Option<Self>, StateError> {
        match Self::walk(root, way, false) {
            Err(StateError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// The same, with the folders made that are missing.
    ///
    /// # Errors
    /// As for [`Beneath::open`], and when a folder cannot be made.
    pub fn make(root: &Path, way: &Path) -> Result<Self, StateError> {
        Self::walk(root, way, true)
    }

    fn walk(root: &Path, way: &Path, make: bool) -> Result<Self, StateError> {
        // The root may be reached by links: it is the user's choice.
        let plain = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = fs::open(root, plain, Mode::empty()).map_err(io::Error::from);
        let mut here = Self {
            folder: opened.map_err(StateError::io("open", root))?,
            path: root.to_owned(),
        };
        for part in way {
            let path = here.path.join(part);
            if make {
                match fs::mkdirat(&here.folder, part, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => {
                        return Err(StateError::io("create directory", &path)(error.into()));
                    }
                }
            }
            here.refuse_link(Path::new(part))?;
            let folder = fs::openat(&here.folder, part, FOLDER, Mode::empty());
            let folder = folder.map_err(io::Error::from);
            let folder = folder.map_err(StateError::io("open", &path))?;
            here = Self { folder, path };
        }
        Ok(here)
    }

    /// The file of this name, of which no more than `most` bytes are read; `None` where there is none.
    ///
    /// # Errors
    /// [`StateError::Unexpected`] for what is no file or is larger, and [`StateError::Io`] when it
    /// cannot be read.
    pub fn read(&self, name: &Path, most: u64) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path.join(name);
        self.refuse_link(name)?;
        let file = match fs::openat(&self.folder, name, OLD_FILE, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(io::Error::from),
        };
        let file = File::from(file.map_err(StateError::io("open", &path))?);
        let meta = file.metadata().map_err(StateError::io("inspect", &path))?;
        let unexpected = |found| StateError::Unexpected {
            path: path.clone(),
            found,
        };
        if !meta.is_file() {
            return Err(unexpected("no file"));
        }
        let mut content = Vec::new();
        let read = file.take(most.saturating_add(1)).read_to_end(&mut content);
        match read.map_err(StateError::io("read", &path))? as u64 > most {
            true => Err(unexpected("too large")),
            false => Ok(Some(content)),
        }
    }

    /// Replaces the file of this name in one step (0600): temporary file beside it, sync, rename.
    ///
    /// # Errors
    /// [`StateError::Unexpected`] for a link in its place, and [`StateError::Io`] when it cannot be
    /// written; the old one is then as it was.
    pub fn replace(&self, name: &Path, contents: &[u8]) -> Result<(), StateError> {
        self.refuse_link(name)?;
        let path = self.path.join(name);
        let fresh = format!(".{}.tmp-{}", name.display(), std::process::id());
        let write = || -> io::Result<()> {
            // One that a killed process of this number left.
            let _ = fs::unlinkat(&self.folder, &*fresh, AtFlags::empty());
            let mode = Mode::from_raw_mode(0o600);
            let mut file = File::from(fs::openat(&self.folder, &*fresh, NEW_FILE, mode)?);
            file.write_all(contents)?;
            file.sync_all()?;
            // A link that came since is replaced and not followed.
            fs::renameat(&self.folder, &*fresh, &self.folder, name)?;
            Ok(fs::fsync(&self.folder)?)
        };
        write().map_err(|error| {
            let _ = fs::unlinkat(&self.folder, &*fresh, AtFlags::empty());
            StateError::io("write", &path)(error)
        })
    }

    /// Says of a link what it is; without this, opening it would fail with less of a reason.
    fn refuse_link(&self, name: &Path) -> Result<(), StateError> {
        let found = fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW);
        let kind = found.map(|found| FileType::from_raw_mode(found.st_mode));
        match kind == Ok(FileType::Symlink) {
            true => Err(StateError::Unexpected {
                path: self.path.join(name),
                found: "a symbolic link",
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, read, read_dir, rename, write};
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        dir: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            for name in ["root", "elsewhere"] {
                create_dir(dir.path().join(name)).unwrap();
            }
            Self { dir }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.dir.path().join(path)
        }

        fn make(&self) -> Result<Beneath, StateError> {
            Beneath::make(&self.at("root"), Path::new("a/b"))
        }

        fn is_untouched(&self) -> bool {
            read_dir(self.at("elsewhere")).unwrap().count() == 0
        }
    }

    const NAME: &str = "file";

    fn refused<T: std::fmt::Debug>(result: Result<T, StateError>) {
        let error = result.unwrap_err();
        let link = matches!(error, StateError::Unexpected { found, .. } if found.contains("link"));
        assert!(link, "{error}");
    }

    #[test]
    fn a_file_is_made_and_replaced() {
        let place = Place::new();
        let root = place.at("root");
        assert!(Beneath::open(&root, Path::new("a/b")).unwrap().is_none());
        let folder = place.make().unwrap();
        assert_eq!(folder.read(NAME.as_ref(), 3).unwrap(), None);
        for text in ["one", "two"] {
            folder.replace(NAME.as_ref(), text.as_bytes()).unwrap();
            let found = folder.read(NAME.as_ref(), 3).unwrap().unwrap();
            assert_eq!(found, text.as_bytes());
        }
        let large = folder.read(NAME.as_ref(), 2).unwrap_err();
        assert!(large.to_string().ends_with("is too large"), "{large}");
        assert_eq!(read_dir(root.join("a/b")).unwrap().count(), 1);
        create_dir(root.join("a/b/folder")).unwrap();
        folder.read("folder".as_ref(), 3).unwrap_err();
        folder.replace("folder".as_ref(), b"x").unwrap_err();
        assert_eq!(read_dir(root.join("a/b")).unwrap().count(), 2);
    }

    #[test]
    fn a_link_in_any_place_is_refused() {
        for link in ["a", "a/b", "a/b/file"] {
            let place = Place::new();
            drop(place.make().unwrap());
            let path = place.at("root").join(link);
            let _ = std::fs::remove_dir(&path).or_else(|_| std::fs::remove_dir_all(&path));
            symlink(place.at("elsewhere"), &path).unwrap();
            match link {
                "a/b/file" => {
                    let folder = place.make().unwrap();
                    refused(folder.replace(NAME.as_ref(), b"x"));
                    refused(folder.read(NAME.as_ref(), 9));
                }
                _ => {
                    refused(place.make());
                    refused(Beneath::open(&place.at("root"), Path::new("a/b")));
                }
            }
            assert!(place.is_untouched(), "{link}");
        }
    }

    /// What is put in the place of the folder when it is open already does not count.
    #[test]
    fn a_link_that_comes_later_leads_nowhere() {
        for swapped in ["root/a", "root/a/b"] {
            let place = Place::new();
            create_dir(place.at("elsewhere/b")).unwrap();
            let folder = place.make().unwrap();
            rename(place.at(swapped), place.at("moved")).unwrap();
            symlink(place.at("elsewhere"), place.at(swapped)).unwrap();
            folder.replace(NAME.as_ref(), b"x").unwrap();
            let moved = ["moved/file", "moved/b/file"].map(|path| read(place.at(path)).is_ok());
            assert!(moved.contains(&true), "{swapped}");
            for path in ["elsewhere/file", "elsewhere/b/file"] {
                assert!(!place.at(path).exists(), "{swapped}: {path}");
            }
            // By its path it would have led out.
            write(place.at("root/a/b").join(NAME), b"x").unwrap_or_default();
            let out = ["elsewhere/file", "elsewhere/b/file"].map(|path| place.at(path).exists());
            assert!(out.contains(&true), "{swapped}");
        }
    }
}
