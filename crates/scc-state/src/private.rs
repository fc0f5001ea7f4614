//! Private files of the user that are not below a state directory, such as his settings.

use std::path::{Path, PathBuf};

use crate::{StateError, files};

/// Replaces a private file of the user (0600) in one step and makes its directory (0700) when it
/// is missing. What was in it is lost: to change a part of it, use [`update_private_file`].
///
/// # Errors
/// [`StateError`] when the file or its directory cannot be written.
pub fn write_private_file(path: &Path, contents: &[u8]) -> Result<(), StateError> {
    update_private_file(path, |_| Ok(Some(contents.to_vec())))
}

/// Reads, changes and replaces a private file of the user under its lock (`<stem>.lock` beside
/// it), so that updates at the same time all count. `change` is given what is in the file (`None`
/// when there is none) and returns what is to be in it, or `None` to leave it as it is. A symbolic
/// link stays one: its target is replaced. Keep `change` short: every other scc waits for it.
///
/// # Errors
/// What `change` returns, and [`StateError`] when the file or its directory cannot be read or
/// written. The file is then as it was.
pub fn update_private_file<E: From<StateError>>(
    path: &Path,
    change: impl FnOnce(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, E>,
) -> Result<(), E> {
    let path = target(path);
    if let Some(dir) = path.parent().filter(|dir| !dir.exists()) {
        files::private_dir(dir)?;
    }
    let _lock = files::lock(&path.with_extension("lock"))?;
    if let Some(contents) = change(files::read(&path)?)? {
        files::replace(&path, &contents)?;
    }
    Ok(())
}

/// Settings are often links into a folder that is shared between machines.
fn target(path: &Path) -> PathBuf {
    match path.is_symlink() {
        true => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        false => path.to_owned(),
    }
}
