//! A tree in a tar archive, compressed with gzip or not.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::builder::Builder;
use super::{Tree, TreeLimits};

/// What the blocks of an archive may add to its files, for each file.
const OVERHEAD: u64 = 4096;

/// Reads an archive. Where everything in it is in one folder, as in the archives that forges make,
/// that folder is the tree.
pub(super) fn read(content: &[u8], limits: TreeLimits) -> Result<Tree, String> {
    let most = limits.total_bytes + limits.files as u64 * OVERHEAD;
    let packed = content.starts_with(&[0x1f, 0x8b]);
    if !packed && !is_tar(content) {
        return Err("it is no tar archive, compressed with gzip or not".to_owned());
    }
    let reader: Box<dyn Read> = match packed {
        true => Box::new(MultiGzDecoder::new(content)),
        false => Box::new(content),
    };
    let mut reader = reader.take(most + 1);
    let entries = entries(&mut reader, limits);
    if reader.limit() == 0 {
        return Err(format!("it is larger than {most} bytes"));
    }
    let entries = entries.map_err(|error| match error {
        Error::Refused(reason) => reason,
        Error::Broken(error) => format!("it is broken: {error}"),
    })?;
    let folder = folder(&entries);
    let mut builder = Builder::new(limits);
    for entry in &entries {
        let Some(path) = entry.path.strip_prefix(&folder) else {
            continue;
        };
        match &entry.what {
            What::File(content, executable) => {
                builder.file(path, content.as_slice().into(), *executable)?;
            }
            What::Link(target) => builder.link(path, target)?,
            // As a link of a file system is one: from the place where it is.
            What::HardLink(target) => {
                let target = target.strip_prefix(&folder).unwrap_or(target);
                builder.link(
                    path,
                    &format!("{}{target}", "../".repeat(path.matches('/').count())),
                )?;
            }
            What::Other(reason) => builder.leave_out(path, reason)?,
        }
    }
    builder.finish()
}

fn is_tar(content: &[u8]) -> bool {
    content.get(257..262) == Some(b"ustar")
}

struct Entry {
    path: String,
    what: What,
}

enum What {
    File(Vec<u8>, bool),
    Link(String),
    HardLink(String),
    Other(String),
}

enum Error {
    Refused(String),
    Broken(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

fn entries(reader: impl Read, limits: TreeLimits) -> Result<Vec<Entry>, Error> {
    let mut all = Vec::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::Directory | EntryType::XGlobalHeader) {
            continue;
        }
        if all.len() >= limits.files {
            let reason = format!("it has more than {} files", limits.files);
            return Err(Error::Refused(reason));
        }
        let path = text(&entry.path_bytes())?;
        let target = entry
            .link_name_bytes()
            .map(|bytes| text(&bytes))
            .transpose()?;
        let what = match kind {
            EntryType::Regular | EntryType::Continuous if entry.size() > limits.file_bytes => {
                What::Other(format!("it is larger than {} bytes", limits.file_bytes))
            }
            EntryType::Regular | EntryType::Continuous => {
                let executable = entry.header().mode()? & 0o100 != 0;
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                What::File(content, executable)
            }
            EntryType::Symlink => What::Link(target.unwrap_or_default()),
            EntryType::Link => {
                let target = target.unwrap_or_default();
                What::HardLink(target.trim_start_matches("./").to_owned())
            }
            _ => What::Other("it is neither a file nor a link".to_owned()),
        };
        // Archives of the current directory write it before every path.
        let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
        super::builder::check_path(&path).map_err(Error::Refused)?;
        if !is_of_a_mac(&path) {
            all.push(Entry { path, what });
        }
    }
    Ok(all)
}

/// What a Mac keeps of other files beside them, or in a folder of its own. It is no part of what was
/// packed.
fn is_of_a_mac(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| part == "__MACOSX" || part.starts_with("._"))
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| Error::Refused("a path in it is no UTF-8 text".to_owned()))?;
    Ok(text.to_owned())
}

/// What every path of the tree starts with in the archive.
fn folder(entries: &[Entry]) -> String {
    let first = |entry: &Entry| {
        entry
            .path
            .split_once('/')
            .map(|(first, _)| first.to_owned())
    };
    let mut folder = match entries.first().and_then(first) {
        // A folder that starts with a dot is a part of what is wanted.
        Some(name) if !name.starts_with('.') => format!("{name}/"),
        _ => String::new(),
    };
    let has_catalog = entries.iter().any(|entry| entry.path.starts_with('.'));
    if has_catalog || !entries.iter().all(|entry| entry.path.starts_with(&folder)) {
        folder.clear();
    }
    folder
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIMITS: TreeLimits = TreeLimits {
        files: 5,
        file_bytes: 1 << 16,
        total_bytes: 1 << 17,
        download_bytes: 0,
        timeout: std::time::Duration::ZERO,
    };

    type Member<'a> = (&'a str, EntryType, &'a [u8], &'a str);

    /// An archive whose paths are written as they are given.
    fn tar(members: &[Member<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content, target) in members {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(if content.starts_with(b"#!") {
                0o755
            } else {
                0o644
            });
            if !target.is_empty() {
                header.set_link_name_literal(target).unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn file<'a>(path: &'a str, content: &'a [u8]) -> Member<'a> {
        (path, EntryType::Regular, content, "")
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn paths(content: &[u8]) -> Vec<String> {
        let tree = read(content, LIMITS).unwrap();
        tree.files().keys().cloned().collect()
    }

    #[test]
    fn the_folder_of_a_forge_is_the_tree() {
        let archive = tar(&[
            file("repo-1a/.catalog/c.json", b"{}"),
            file("repo-1a/p/run", b"#!x"),
            ("repo-1a/p/l", EntryType::Symlink, b"", "run"),
            ("repo-1a/p/h", EntryType::Link, b"", "repo-1a/p/run"),
        ]);
        for content in [archive.clone(), gzip(&archive)] {
            assert_eq!(paths(&content), [".catalog/c.json", "p/h", "p/l", "p/run"]);
        }
        let tree = read(&archive, LIMITS).unwrap();
        assert!(tree.file("p/l").unwrap().executable);
        let flat = tar(&[file("./.catalog/c.json", b"{}"), file("./p/x", b"1")]);
        assert_eq!(paths(&flat), [".catalog/c.json", "p/x"]);
        let catalog = tar(&[file(".catalog/c.json", b"{}")]);
        assert_eq!(paths(&catalog), [".catalog/c.json"]);
    }

    #[test]
    fn hostile_archives_are_refused() {
        for path in ["../x", "a/../../x", "/etc/x", ".git/hooks/post-checkout"] {
            let error = read(&tar(&[file("a/b", b"1"), file(path, b"1")]), LIMITS);
            assert!(error.is_err(), "{path}");
        }
        let many: Vec<_> = ["1", "2", "3", "4", "5", "6"].map(|n| file(n, b"")).into();
        assert!(read(&tar(&many), LIMITS).is_err());
        let twice = tar(&[file("a", b"1"), file("a", b"2")]);
        assert!(read(&twice, LIMITS).unwrap_err().contains("twice"));
        assert!(read(b"<html>", LIMITS).is_err());
        assert!(read(&gzip(b"{}"), LIMITS).is_err());
    }

    #[test]
    fn what_is_below_a_file_refuses_all() {
        for members in [
            [file("m/a", b"1"), file("m/a/b", b"2")],
            [file("m/a/b", b"2"), file("m/a", b"1")],
            [file("m/a/b", b"2"), ("m/a", EntryType::Symlink, b"", "c")],
            [file("m/a/b", b"2"), ("m/a", EntryType::Fifo, b"", "")],
        ] {
            let error = read(&tar(&members), LIMITS).unwrap_err();
            assert_eq!(error, "`a/b` is below `a`, which is no folder");
        }
        let folder = [
            ("m/a", EntryType::Directory, &b""[..], ""),
            file("m/a/b", b"2"),
        ];
        assert_eq!(paths(&tar(&folder)), ["a/b"]);
    }

    #[test]
    fn what_a_mac_adds_is_no_part_of_it() {
        let archive = tar(&[
            file("./._m", b"\0\x05\x16\x07"),
            file("./m/._x", b"\0\x05\x16\x07"),
            file("./m/x", b"1"),
            file("./m/.x", b"2"),
            file("__MACOSX/m/._x", b"\0\x05\x16\x07"),
            file("m/._d/y", b"3"),
        ]);
        assert_eq!(paths(&archive), [".x", "x"]);
        assert!(read(&archive, LIMITS).unwrap().left_out().is_empty());
        // Also there no path leads out.
        assert!(read(&tar(&[file("../._x", b"1")]), LIMITS).is_err());
    }

    #[test]
    fn what_is_packed_small_is_not_unpacked_large() {
        let zeros = vec![0; 1 << 16];
        let bomb = gzip(&tar(&[
            file("1", &zeros),
            file("2", &zeros),
            file("3", &zeros),
        ]));
        assert!(bomb.len() < 4096);
        let error = read(&bomb, LIMITS).unwrap_err();
        assert!(error.contains("larger than"), "{error}");
        let large = tar(&[file("large", &vec![0; (1 << 16) + 1]), file("b", b"1")]);
        let tree = read(&large, LIMITS).unwrap();
        assert!(tree.left_out()["large"].contains("larger than"));
        assert_eq!(tree.files().len(), 1);
    }

    #[test]
    fn devices_and_links_out_are_left_out() {
        let archive = tar(&[
            ("a/null", EntryType::Char, b"", ""),
            ("a/pipe", EntryType::Fifo, b"", ""),
            ("a/out", EntryType::Symlink, b"", "../../../etc/passwd"),
            ("a/hard", EntryType::Link, b"", "/etc/passwd"),
            file("b", b"1"),
        ]);
        let tree = read(&archive, LIMITS).unwrap();
        assert_eq!(tree.left_out().len(), 4, "{tree:?}");
        assert_eq!(tree.files().len(), 1);
    }
}
