//! Private directories, atomic writes, locked files: the rules of this crate for crates that keep
//! files of their own.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::StateError;

/// Makes the directory and its parents (0700) and closes it to others.
///
/// # Errors
/// When the directory cannot be made or its mode cannot be set.
pub fn private_dir(path: &Path) -> Result<(), StateError> {
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

/// Waits for the exclusive lock on `path`, a file that carries only the lock; dropping the file
/// releases it, and so does the kernel when the process dies.
///
/// # Errors
/// When the lock file cannot be made or locked.
pub fn lock(path: &Path) -> Result<File, StateError> {
    let file = lock_file(path)?;
    loop {
        match file.lock() {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StateError::io("lock", path)(error)),
        }
    }
}

/// Takes the lock of [`lock`] without waiting; `None` while another holds it.
///
/// # Errors
/// When the lock file cannot be made or locked.
pub fn try_lock(path: &Path) -> Result<Option<File>, StateError> {
    let file = lock_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(StateError::io("lock", path)(error)),
    }
}

/// The whole file; `None` when there is none.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

/// Replaces the file in one step: temporary file beside it (0600), sync, rename, sync of the
/// directory. The caller holds the file's lock, therefore any other temporary file of this name
/// was left by a process that died, and is removed.
///
/// # Errors
/// When the file cannot be written; the old one is then as it was.
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), StateError> {
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

/// When the file was last written, as a part of a file name: no clock is read for it.
pub(crate) fn modified_at(path: &Path) -> String {
    let modified = fs::metadata(path).and_then(|meta| meta.modified());
    let time = modified
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    file_time(time.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// A timestamp as a part of a file name, such as `20261124T020000Z`.
pub(crate) fn file_time(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Makes renames and new files in the directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Renames a file to `<name>.<word>-<time>`, with a number behind it when that is taken, and
/// returns the new name.
///
/// # Errors
/// When the file cannot be renamed.
pub fn set_aside(path: &Path, word: &str, time: &str) -> Result<PathBuf, StateError> {
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
