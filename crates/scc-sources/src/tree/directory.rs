//! A tree in a directory of this machine.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::builder::Builder;
use super::{Tree, TreeLimits};

/// Reads the directory as it is now. Links are not followed by the file system. What git keeps there
/// (of a repository, and of those in it) is no part of it, as it is none of a commit.
pub(super) fn read(root: &Path, limits: TreeLimits) -> Result<Tree, Error> {
    let mut builder = Builder::new(limits);
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| {
                Error::Refused(format!("a name in `{}` is no UTF-8 text", folder.display()))
            })?;
            if name.eq_ignore_ascii_case(".git") {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                super::builder::check_path(&path)?;
                folders.push((entry.path(), format!("{path}/")));
            } else if kind.is_symlink() {
                match fs::read_link(entry.path())?.to_str() {
                    Some(target) => builder.link(&path, target)?,
                    None => builder.leave_out(&path, "it is a link to a name without meaning")?,
                }
            } else if kind.is_file() {
                file(&mut builder, &path, &entry.path(), limits)?;
            } else {
                builder.leave_out(&path, "it is neither a file nor a link")?;
            }
        }
    }
    Ok(builder.finish()?)
}

fn file(builder: &mut Builder, path: &str, at: &Path, limits: TreeLimits) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = flags.bits().cast_signed();
    let file = options.read(true).custom_flags(flags).open(at)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(builder.leave_out(path, "it is neither a file nor a link")?);
    }
    if !builder.admits(path, meta.len())? {
        return Ok(());
    }
    let mut content = Vec::new();
    // It may have grown since.
    file.take(limits.file_bytes + 1).read_to_end(&mut content)?;
    if !builder.admits(path, content.len() as u64)? {
        return Ok(());
    }
    let executable = meta.permissions().mode() & 0o100 != 0;
    Ok(builder.file(path, content.into(), executable)?)
}

/// Why there is no tree.
pub(super) enum Error {
    /// The directory cannot be read.
    Io(io::Error),
    /// What is in it is refused.
    Refused(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<String> for Error {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}
