//! Tar archives in memory, in and out of an engine.

use std::io::Read as _;

use bollard::Docker;
use bollard::query_parameters::{DownloadFromContainerOptions, UploadToContainerOptions};
use futures_util::StreamExt as _;

use super::failure::{failed, status};
use crate::EngineError;

/// The most that is read of one file, in bytes. An agent can write what it likes to a volume.
const LARGEST: usize = 16 << 20;

/// A regular file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative path.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
}

/// Builds archives whose bytes depend on nothing but names, modes and content.
pub(super) struct Archive {
    builder: tar::Builder<Vec<u8>>,
}

impl Archive {
    pub(super) fn new() -> Self {
        Self {
            builder: tar::Builder::new(Vec::new()),
        }
    }

    pub(super) fn file(
        &mut self,
        path: &str,
        content: &[u8],
        mode: u32,
    ) -> Result<(), EngineError> {
        let mut header = Self::header(tar::EntryType::Regular, mode);
        header.set_size(content.len() as u64);
        self.builder
            .append_data(&mut header, path, content)
            .map_err(unpackable)
    }

    pub(super) fn directory(&mut self, path: &str, mode: u32) -> Result<(), EngineError> {
        let mut header = Self::header(tar::EntryType::Directory, mode);
        header.set_size(0);
        self.builder
            .append_data(&mut header, path, std::io::empty())
            .map_err(unpackable)
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, EngineError> {
        self.builder.into_inner().map_err(unpackable)
    }

    /// Owned by root, and of a fixed time: an engine's build cache goes by content alone.
    fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header
    }
}

fn unpackable(error: std::io::Error) -> EngineError {
    EngineError::Broken {
        action: "packing files".to_owned(),
        source: Box::new(error),
    }
}

/// Unpacks into a directory of a container, which need not have been started.
pub(super) async fn put(
    docker: &Docker,
    container: &str,
    directory: &str,
    archive: Vec<u8>,
) -> Result<(), EngineError> {
    let options = UploadToContainerOptions {
        path: directory.to_owned(),
        ..UploadToContainerOptions::default()
    };
    docker
        .upload_to_container(container, Some(options), bollard::body_full(archive.into()))
        .await
        .map_err(failed("filling a volume", "the volume"))
}

/// Packs a file or directory of a container, `None` when it is not there. What is larger than
/// `largest` bytes is [`EngineError::TooLarge`].
pub(super) async fn get(
    docker: &Docker,
    container: &str,
    path: &str,
    largest: usize,
) -> Result<Option<Vec<u8>>, EngineError> {
    let options = DownloadFromContainerOptions {
        path: path.to_owned(),
    };
    let stream = docker.download_from_container(container, Some(options));
    tokio::pin!(stream);
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(failed("reading a volume", "the volume")(error)),
        }
        if all.len() > largest {
            return Err(EngineError::TooLarge {
                path: path.to_owned(),
                limit: largest,
            });
        }
    }
    Ok(Some(all))
}

/// The content of a file of a container, `None` when there is no file.
pub(super) async fn get_file(
    docker: &Docker,
    container: &str,
    path: &str,
) -> Result<Option<Vec<u8>>, EngineError> {
    let Some(archive) = get(docker, container, path, LARGEST).await? else {
        return Ok(None);
    };
    let files = files(&archive).map_err(|error| EngineError::Broken {
        action: "reading a volume".to_owned(),
        source: Box::new(error),
    })?;
    // A directory comes with the files below it, whose paths have more than one part.
    Ok(files
        .into_iter()
        .find(|file| !file.path.contains('/'))
        .map(|file| file.content))
}

/// The regular files of an archive below its first directory. Links are left out: what they point
/// at is not in the volume.
pub(super) fn files(archive: &[u8]) -> std::io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let mode = entry.header().mode()? & 0o7777;
        found.push(Entry {
            path,
            content,
            mode,
            uid: entry.header().uid()?,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_the_same_each_time_and_read_back() {
        let pack = || {
            let mut archive = Archive::new();
            archive.directory("d", 0o755).unwrap();
            archive.file("d/f", b"x", 0o644).unwrap();
            archive.finish().unwrap()
        };
        assert_eq!(pack(), pack());
        let expected = Entry {
            path: "d/f".to_owned(),
            content: b"x".to_vec(),
            mode: 0o644,
            uid: 0,
        };
        assert_eq!(files(&pack()).unwrap(), [expected]);
    }
}
