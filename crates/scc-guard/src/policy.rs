//! The policy file: read only where nobody but root can have written it.

use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{OFlags, StatVfsMountFlags, fstatvfs};
use scc_safety::{Policy, PolicyError};

/// Where it is. No variable and no argument names another place.
pub(crate) const PATH: &str = "/etc/scc/safety.json";

/// A policy is a few hundred bytes; what is larger is none.
const LARGEST: u64 = 64 * 1024;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const ROOT: u32 = 0;

/// Why there is no policy to judge by.
#[derive(Debug)]
pub(crate) enum Unusable {
    Unreadable(io::Error),
    Writable(String, &'static str),
    TooLarge,
    Invalid(PolicyError),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "`{PATH}` cannot be read: {error}"),
            Self::Writable(path, why) => write!(f, "`{path}` could be changed by others: {why}"),
            Self::TooLarge => write!(f, "`{PATH}` is too large"),
            Self::Invalid(error) => write!(f, "`{PATH}` is not valid: {error}"),
        }
    }
}

/// The policy of this sandbox.
pub(crate) fn load() -> Result<Policy, Unusable> {
    let text = read(Path::new(PATH), ROOT, true)?;
    Policy::parse(&text).map_err(Unusable::Invalid)
}

/// The policy outside of sandboxes: everything is refused that scc's rules know, unless root says
/// otherwise at the usual place.
pub(crate) fn load_outside() -> Result<Policy, Unusable> {
    or_default(read(Path::new(PATH), ROOT, false))
}

fn or_default(text: Result<Vec<u8>, Unusable>) -> Result<Policy, Unusable> {
    match text {
        Ok(text) => Policy::parse(&text).map_err(Unusable::Invalid),
        Err(Unusable::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Policy::default())
        }
        Err(why) => Err(why),
    }
}

/// Reads a file that only `owner` can have written: it and every directory above it are the
/// owner's and nobody else's to write, and where `sealed`, it is on a read-only mount, so that
/// being the owner does not help either.
fn read(path: &Path, owner: u32, sealed: bool) -> Result<Vec<u8>, Unusable> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        // What is no plain file may block.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
        .map_err(Unusable::Unreadable)?;
    let found = file.metadata().map_err(Unusable::Unreadable)?;
    if !found.is_file() {
        return Err(writable(path, "it is no file"));
    }
    check_owner(path, &found, owner)?;
    check_above(path, owner)?;
    let mount = fstatvfs(&file).map_err(|error| Unusable::Unreadable(error.into()))?;
    if sealed && !mount.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(writable(path, "its mount is not read-only"));
    }
    if found.len() > LARGEST {
        return Err(Unusable::TooLarge);
    }
    let mut text = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut text)
        .map_err(Unusable::Unreadable)?;
    Ok(text)
}

/// Whether only root can have written this, or changed what is in it. Not of a link.
pub(crate) fn is_roots(path: &Path) -> bool {
    path.is_absolute()
        && path
            .symlink_metadata()
            .is_ok_and(|found| check_owner(path, &found, ROOT).is_ok())
        && check_above(path, ROOT).is_ok()
}

fn check_above(path: &Path, owner: u32) -> Result<(), Unusable> {
    for above in path.ancestors().skip(1) {
        let found = above.symlink_metadata().map_err(Unusable::Unreadable)?;
        check_owner(above, &found, owner)?;
    }
    Ok(())
}

fn writable(path: &Path, why: &'static str) -> Unusable {
    Unusable::Writable(path.display().to_string(), why)
}

fn check_owner(path: &Path, found: &std::fs::Metadata, owner: u32) -> Result<(), Unusable> {
    if found.uid() != owner {
        return Err(writable(path, "it does not belong to root"));
    }
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(writable(path, "its mode lets others write"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A file below a directory that passes the check of owners on every machine: the temporary
    /// directory itself is everybody's.
    fn at(directory: &Path) -> (std::path::PathBuf, u32) {
        let file = directory.join("safety.json");
        std::fs::write(&file, "{}").unwrap();
        let owner = std::fs::metadata(&file).unwrap().uid();
        (file, owner)
    }

    fn why(result: Result<Vec<u8>, Unusable>) -> String {
        result.map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
    }

    #[test]
    fn only_a_closed_place_is_accepted() {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let (file, owner) = at(directory.path());
        // The temporary directory above lets others write.
        assert!(why(read(&file, owner, false)).contains("`/tmp`"));
        assert!(why(read(&file, owner + 1, false)).contains("does not belong to root"));
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(why(read(&file, owner, false)).contains("lets others write"));
        let link = directory.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(why(read(&link, owner, false)).contains("cannot be read"));
        assert!(why(read(&directory.path().join("none"), owner, false)).contains("cannot be read"));
        assert!(why(read(directory.path(), owner, false)).contains("no file"));
    }

    #[test]
    fn what_is_roots() {
        for path in ["/etc/passwd", "/usr/bin", "/etc"] {
            assert!(is_roots(Path::new(path)), "{path}");
        }
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let link = directory.path().join("link");
        symlink("/etc/passwd", &link).unwrap();
        for path in [
            Path::new("/tmp"),
            &file,
            &link,
            Path::new("etc"),
            Path::new("/none"),
        ] {
            assert!(!is_roots(path), "{}", path.display());
        }
    }

    #[test]
    fn outside_only_a_missing_file_means_the_usual_policy() {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let (file, owner) = at(directory.path());
        let outside = |path: &Path| or_default(read(path, owner, false));
        let missing = outside(&directory.path().join("none")).unwrap();
        assert_eq!(missing, Policy::default());
        assert!(matches!(outside(&file), Err(Unusable::Writable(..))));
        assert!(matches!(
            or_default(Ok(b"{".into())),
            Err(Unusable::Invalid(_))
        ));
        let warn = br#"{"schema": 1, "action": "warn"}"#;
        let read = or_default(Ok(warn.to_vec())).unwrap();
        assert_ne!(read, Policy::default());
    }

    #[test]
    fn a_writable_mount_is_not_accepted() {
        // Root's own file, on a mount that root can write.
        let file = Path::new("/etc/passwd");
        assert_eq!(why(read(file, ROOT, false)), "accepted");
        assert!(why(read(file, ROOT, true)).contains("not read-only"));
    }
}
