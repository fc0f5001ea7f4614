//! Reading small files that somebody else wrote.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{self, Mode, OFlags};

use crate::GitError;

const MAX_BYTES: u64 = 1 << 20;

/// The contents of a regular file of at most 1 MiB; `None` when there is none. A pipe or device
/// in the place of a file would block or never end, and is an error.
pub(crate) fn small_file(path: &Path) -> Result<Option<Vec<u8>>, GitError> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(GitError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // What is opened is what is looked at, so that nobody can put a pipe there in between; opening
    // one does not wait for its other end.
    let file = fs::open(path, OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let file = File::from(file);
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        let reason = "not a regular file of at most 1 MiB";
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses a pipe or device, which would hold whoever opens it.
pub(crate) fn check_regular(path: &Path) -> Result<(), GitError> {
    if !is_special(path) {
        return Ok(());
    }
    Err(GitError::Read {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, "not a regular file"),
    })
}

/// Whether there is something that is neither file nor directory; links are followed.
pub(crate) fn is_special(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}
