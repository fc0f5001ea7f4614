//! Launch locks: one scc at a time launches a sandbox.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::chain::hex;
use crate::{StateDir, StateError, files};

/// A held launch lock. Dropping it releases it, and so does the kernel when the process dies.
#[derive(Debug)]
pub struct LaunchLock {
    file: File,
    path: PathBuf,
}

impl LaunchLock {
    /// The lock file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

impl Drop for LaunchLock {
    fn drop(&mut self) {
        // The pid is for messages only; the lock itself goes with the file handle.
        let _ = self.file.set_len(0);
        // Closing is not enough: a child between fork and exec has the handle too.
        let _ = self.file.unlock();
    }
}

impl StateDir {
    /// Takes the launch lock of `key` (any text, such as workspace and provider) without waiting;
    /// `None` when another holds it. The lock file `locks/<key>.lock` holds this process's id.
    ///
    /// # Errors
    /// When the lock file cannot be made, locked or written.
    pub fn try_launch_lock(&self, key: &str) -> Result<Option<LaunchLock>, StateError> {
        let _guard = self.lock_guard()?;
        let path = self.lock_path(key);
        let Some(mut file) = files::try_lock(&path)? else {
            return Ok(None);
        };
        let pid = std::process::id();
        file.set_len(0)
            .and_then(|()| writeln!(file, "{pid}"))
            .map_err(StateError::io("write", &path))?;
        Ok(Some(LaunchLock { file, path }))
    }

    /// Whether nobody holds the launch lock of `key` at this moment.
    ///
    /// # Errors
    /// When the lock file cannot be made or locked.
    pub fn launch_lock_free(&self, key: &str) -> Result<bool, StateError> {
        // Asking means taking it for a moment; the guard keeps a launch from meeting that moment.
        let _guard = self.lock_guard()?;
        let path = self.lock_path(key);
        if !path.exists() {
            return Ok(true);
        }
        let Some(file) = files::try_lock(&path)? else {
            return Ok(false);
        };
        file.unlock().map_err(StateError::io("unlock", &path))?;
        Ok(true)
    }

    /// The process that wrote itself into the launch lock of `key`, for messages: only meaningful
    /// while the lock is held.
    ///
    /// # Errors
    /// When the lock file cannot be read.
    pub fn launch_lock_holder(&self, key: &str) -> Result<Option<u32>, StateError> {
        let bytes = files::read(&self.lock_path(key))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).trim().parse().ok())
    }

    fn lock_guard(&self) -> Result<File, StateError> {
        let dir = self.root().join("locks");
        files::private_dir(&dir)?;
        files::lock(&dir.join(".guard"))
    }

    fn lock_path(&self, key: &str) -> PathBuf {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let usable = !key.is_empty() && key.len() <= 100 && !key.starts_with('.');
        let name = match usable && key.bytes().all(plain) && !key.starts_with("sha256-") {
            true => key.to_owned(),
            false => format!("sha256-{}", hex(&Sha256::digest(key.as_bytes()))),
        };
        self.root().join("locks").join(format!("{name}.lock"))
    }
}
