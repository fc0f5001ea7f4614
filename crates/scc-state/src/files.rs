//! Private directories, atomic writes, locked files.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::StateError;

/// Makes the directory and its parents (0700) and closes it to others.
pub(crate) fn private_dir(path: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StateError::io("create directory", path))?;
    let mode = fs::metadata(path)
        .map_err(StateError::io("inspect", path))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(StateError::io("set the mode of", path))?;
    }
    Ok(())
}

/// Opens (or makes, 0600) a file that only carries a lock. It is never renamed or removed, so
/// that everybody locks the same one.
pub(crate) fn lock_file(path: &Path) -> Result<File, StateError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StateError::io("open", path))
}

/// Waits for the exclusive lock on `path`; dropping the file releases it.
pub(crate) fn lock(path: &Path) -> Result<File, StateError> {
    let file = lock_file(path)?;
    loop {
        match file.lock() {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StateError::io("lock", path)(error)),
        }
    }
}

/// The whole file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

/// Replaces the file in one step: temporary file beside it (0600), sync, rename, sync of the
/// directory. The caller holds the file's lock, therefore any other temporary file of this name
/// was left by a process that died, and is removed.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> Result<(), StateError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let prefix = format!(".{}.tmp-", name(path));
    remove_leftovers(dir, &prefix);
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(dir)?;
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_dir(dir)
    };
    write().map_err(StateError::io("write", path))
}

/// Makes renames and new files in the directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Renames a file to `<name>.<word>-<time>`, with a number behind it when that is taken.
pub(crate) fn set_aside(path: &Path, word: &str, time: &str) -> Result<PathBuf, StateError> {
    let aside = free_name(path, word, time);
    fs::rename(path, &aside).map_err(StateError::io("set aside", path))?;
    sync_dir(path.parent().unwrap_or(Path::new("."))).map_err(StateError::io("sync", path))?;
    Ok(aside)
}

/// The first of `<name>.<word>-<time>`, `…-2`, `…-3` that does not exist.
pub(crate) fn free_name(path: &Path, word: &str, time: &str) -> PathBuf {
    let base = format!("{}.{word}-{time}", name(path));
    let mut aside = path.with_file_name(&base);
    let mut number = 2;
    while aside.symlink_metadata().is_ok() {
        aside = path.with_file_name(format!("{base}-{number}"));
        number += 1;
    }
    aside
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn remove_leftovers(dir: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            // Tidying up is a courtesy; the write that follows does not depend on it.
            let _ = fs::remove_file(entry.path());
        }
    }
}
