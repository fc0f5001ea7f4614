//! Sealed directories as volumes named by their content.
//!
//! A volume is made together with the sandbox that mounts it, empty. It is filled through a helper
//! container, whose name only one process can have at a time, and what is complete is never
//! written again, because running sandboxes mount it. A helper that has filled its volume is
//! renamed and stays: that it exists means that the volume is complete, and while it exists the
//! engine does not let the volume go. Asking for it is one cheap request, whereas reading the
//! volume makes the engine mount a whole file system. Without it the content is read back, and must
//! have the digest that names the volume. One or the other is done for every sandbox before its
//! first start, whichever process made it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::RenameContainerOptions;
use sha2::{Digest as _, Sha256};

use super::archive::{self, Archive, Entry};
use super::failure::{failed, is_name_taken};
use super::{helper, lifecycle, list};
use crate::engine::hex;
use crate::{EngineError, SandboxSpec, SealedDirectory, SealedFile, Unfinished, labels};

const VOLUME_PREFIX: &str = "scc-sealed-";
/// Of a helper's name, while it fills its volume.
const FILL_SUFFIX: &str = "-fill";
/// Of a helper's name, once its volume is complete.
pub(super) const FULL_SUFFIX: &str = "-full";
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;
/// The most that is read back to see whether a volume is complete: more than any caller seals.
const LARGEST: usize = 128 << 20;
const DIRECTORY_MODE: u32 = 0o755;

/// Filling takes milliseconds; whoever has held a volume this long has died.
const FILL_LIMIT: Duration = Duration::from_secs(3);
const FILL_POLL: Duration = Duration::from_millis(20);

/// The name of the volume of a sealed directory: a digest of what is in it and where, and of
/// whose it is, so that removing the volumes of one owner takes nothing from another.
pub(super) fn volume_name(
    directory: &SealedDirectory,
    labels: &BTreeMap<String, String>,
) -> String {
    let files = directory.files.iter().map(|(path, file)| Named {
        path,
        content: &file.content,
        mode: mode(file),
    });
    name_of(&directory.path, files, |key| {
        labels.get(key).map(String::as_str)
    })
}

/// A file as far as it counts for the name of its volume.
struct Named<'a> {
    path: &'a str,
    content: &'a [u8],
    mode: u32,
}

fn mode(file: &SealedFile) -> u32 {
    match file.executable {
        true => PROGRAM_MODE,
        false => FILE_MODE,
    }
}

fn name_of<'a, 'b>(
    path: &str,
    files: impl Iterator<Item = Named<'a>>,
    label: impl Fn(&str) -> Option<&'b str>,
) -> String {
    let mut digest = Sha256::new();
    // Each part with its length, so that no two lists of parts run together into the same bytes.
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    for key in [labels::NAMESPACE, labels::OWNER] {
        part(label(key).unwrap_or_default().as_bytes());
    }
    part(path.as_bytes());
    for file in files {
        part(file.path.as_bytes());
        part(&file.mode.to_be_bytes());
        part(file.content);
    }
    let digest = hex(&digest.finalize());
    format!("{VOLUME_PREFIX}{}", &digest[..16])
}

/// Sees to it that all sealed directories of a new sandbox are complete.
pub(super) async fn deliver(docker: &Docker, spec: &SandboxSpec) -> Result<(), EngineError> {
    for directory in &spec.sealed {
        let volume = volume_name(directory, &spec.labels);
        if !is_known_complete(docker, &volume).await? {
            fill(docker, directory, &volume, spec).await?;
        }
    }
    Ok(())
}

/// The name of the helper that has filled a volume.
fn full_name(volume: &str) -> String {
    format!("{volume}{FULL_SUFFIX}")
}

async fn is_known_complete(docker: &Docker, volume: &str) -> Result<bool, EngineError> {
    Ok(list::inspect(docker, &full_name(volume)).await?.is_some())
}

/// Refuses a sandbox that another process has made and not completed.
pub(super) async fn verify_existing(docker: &Docker, id: &str) -> Result<(), EngineError> {
    let found = docker.inspect_container(id, None).await.map_err(failed(
        "looking at the sandbox",
        &format!("the sandbox `{id}`"),
    ))?;
    let labels = found
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    let mounts = found.mounts.unwrap_or_default();
    let paths = mounts.iter().filter_map(|mount| mount.destination.clone());
    let paths: Vec<_> = paths.collect();
    for mount in mounts {
        let volume = mount.name.unwrap_or_default();
        if !volume.starts_with(VOLUME_PREFIX) || is_known_complete(docker, &volume).await? {
            continue;
        }
        let path = mount.destination.unwrap_or_default();
        let there = archive::get(docker, id, &path, LARGEST).await?;
        let place = Place {
            path: &path,
            others: &paths,
        };
        if !is_complete(there, place, &volume, |key| {
            labels.get(key).map(String::as_str)
        }) {
            return Err(EngineError::Refused {
                action: "starting the sandbox".to_owned(),
                message: format!("its sealed directory `{path}` is incomplete; make it anew"),
            });
        }
    }
    Ok(())
}

/// Where a sealed directory is mounted.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    /// All mounts of the container; what is mounted below the directory is not in its volume.
    others: &'a [String],
}

impl Place<'_> {
    fn is_own(&self, file: &str) -> bool {
        let full = format!("{}/{file}", self.path);
        let mut nested = self.others.iter().filter(|other| {
            let rest = other.strip_prefix(self.path);
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        !nested.any(|other| Path::new(&full).starts_with(other))
    }
}

/// Whether a directory has the content that its volume is named for, owned by root and writable by
/// nobody else.
fn is_complete<'a>(
    archive: Option<Vec<u8>>,
    place: Place<'_>,
    volume: &str,
    label: impl Fn(&str) -> Option<&'a str>,
) -> bool {
    let entries = archive
        .and_then(|bytes| archive::files(&bytes).ok())
        .unwrap_or_default();
    // Paths in the archive begin with the directory's own name.
    let own: BTreeMap<&str, &Entry> = entries
        .iter()
        .filter_map(|entry| Some((entry.path.split_once('/')?.1, entry)))
        .filter(|(path, _)| place.is_own(path))
        .collect();
    // Modes are part of the name, so that only the right ones fit.
    let files = own.iter().map(|(path, entry)| Named {
        path,
        content: &entry.content,
        mode: entry.mode,
    });
    own.values().all(|entry| entry.uid == 0) && name_of(place.path, files, label) == volume
}

/// Fills a volume, or waits until another process has.
async fn fill(
    docker: &Docker,
    directory: &SealedDirectory,
    volume: &str,
    spec: &SandboxSpec,
) -> Result<(), EngineError> {
    let name = format!("{volume}{FILL_SUFFIX}");
    let mut labels = helper::own_labels(spec.labels.clone(), labels::ROLE_SEALED);
    // What is made for a sandbox is its launch's to finish.
    let made_for = spec.labels.get(labels::MADE_FOR).unwrap_or(&spec.name);
    labels.insert(labels::MADE_FOR.to_owned(), made_for.clone());
    let mut began = tokio::time::Instant::now();
    while !helper::create(docker, &name, volume, &labels).await? {
        if is_known_complete(docker, volume).await? {
            return Ok(());
        }
        if began.elapsed() > FILL_LIMIT || is_abandoned(docker, &name).await? {
            lifecycle::remove(docker, &name).await?;
            began = tokio::time::Instant::now();
        }
        tokio::time::sleep(FILL_POLL).await;
    }
    if let Err(error) = fill_through(docker, &name, directory, volume, spec).await {
        let _ = lifecycle::remove(docker, &name).await;
        return Err(error);
    }
    let full = RenameContainerOptions {
        name: full_name(volume),
    };
    match docker.rename_container(&name, full).await {
        // Another process has said the same before.
        Err(error) if is_name_taken(&error) => lifecycle::remove(docker, &name).await,
        other => other.map_err(failed("marking a volume as filled", "the helper container")),
    }
}

/// The helpers that are filling a volume now, or were when their process died.
pub(super) async fn unfinished(
    docker: &Docker,
    labels: &[(&str, &str)],
) -> Result<Vec<Unfinished>, EngineError> {
    let found = list::containers(docker, labels).await?;
    let fills = |names: &[String]| names.iter().any(|name| name.ends_with(FILL_SUFFIX));
    Ok(found
        .into_iter()
        .filter(list::is_helper)
        .filter(|container| fills(container.names.as_deref().unwrap_or_default()))
        .filter_map(|container| {
            let sandbox = container.labels?.remove(labels::MADE_FOR)?;
            let id = container.id?;
            Some(Unfinished { id, sandbox })
        })
        .collect())
}

/// Whether a helper is older than filling can take, so that the process that made it has died.
/// Where the engine's clock is not ours, waiting decides instead.
async fn is_abandoned(docker: &Docker, helper: &str) -> Result<bool, EngineError> {
    let Some(found) = list::inspect(docker, helper).await? else {
        return Ok(false);
    };
    let made = found.created_at.parse::<jiff::Timestamp>();
    let age = made.map(|made| jiff::Timestamp::now().duration_since(made));
    Ok(age.is_ok_and(|age| age.unsigned_abs() > FILL_LIMIT && age.is_positive()))
}

async fn fill_through(
    docker: &Docker,
    helper: &str,
    directory: &SealedDirectory,
    volume: &str,
    spec: &SandboxSpec,
) -> Result<(), EngineError> {
    let label = |key: &str| spec.labels.get(key).map(String::as_str);
    let place = Place {
        path: &directory.path,
        others: &[],
    };
    // It may be complete and in use, and only its helper gone.
    let there = archive::get(docker, helper, helper::VOLUME_AT, LARGEST).await?;
    if is_complete(there, place, volume, label) {
        return Ok(());
    }
    archive::put(docker, helper, helper::VOLUME_AT, pack(directory)?).await
}

fn pack(directory: &SealedDirectory) -> Result<Vec<u8>, EngineError> {
    let mut archive = Archive::new();
    archive.directory(".", DIRECTORY_MODE)?;
    let mut made = std::collections::BTreeSet::new();
    for (path, file) in &directory.files {
        for (end, _) in path.match_indices('/') {
            if made.insert(&path[..end]) {
                archive.directory(&path[..end], DIRECTORY_MODE)?;
            }
        }
        archive.file(path, &file.content, mode(file))?;
    }
    archive.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> SealedDirectory {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), SealedFile::from(*text)));
        SealedDirectory {
            path: "/etc/d".to_owned(),
            files: files.collect(),
        }
    }

    #[test]
    fn names_depend_on_content_place_and_owner() {
        let none = BTreeMap::new();
        let base = volume_name(&directory(&[("a", "b")]), &none);
        assert_eq!(base.len(), VOLUME_PREFIX.len() + 16);
        assert_eq!(base, volume_name(&directory(&[("a", "b")]), &none));
        assert_ne!(base, volume_name(&directory(&[("ab", "")]), &none));
        let mut elsewhere = directory(&[("a", "b")]);
        elsewhere.path = "/etc/e".to_owned();
        assert_ne!(base, volume_name(&elsewhere, &none));
        let owned = [(labels::OWNER.to_owned(), "me".to_owned())].into();
        assert_ne!(base, volume_name(&directory(&[("a", "b")]), &owned));
        let mut program = directory(&[("a", "b")]);
        program.files.values_mut().for_each(|f| f.executable = true);
        assert_ne!(base, volume_name(&program, &none));
        let session = [(labels::SESSION.to_owned(), "s".to_owned())].into();
        assert_eq!(base, volume_name(&directory(&[("a", "b")]), &session));
    }

    /// What an engine gives back: everything below the directory's own name.
    fn given_back(files: &[(&str, &str, u32)]) -> Option<Vec<u8>> {
        let mut archive = Archive::new();
        for (path, text, mode) in files {
            archive
                .file(&format!("v/{path}"), text.as_bytes(), *mode)
                .unwrap();
        }
        Some(archive.finish().unwrap())
    }

    #[test]
    fn only_the_whole_content_is_complete() {
        let directory = directory(&[("a", "1"), ("b/c", "2")]);
        let volume = volume_name(&directory, &BTreeMap::new());
        let others = [
            "/etc".to_owned(),
            "/etc/d".to_owned(),
            "/etc/d/n".to_owned(),
        ];
        let place = Place {
            path: "/etc/d",
            others: &others,
        };
        let check = |there| is_complete(there, place, &volume, |_| None);
        assert!(check(given_back(&[("b/c", "2", 0o644), ("a", "1", 0o644)])));
        assert!(!check(given_back(&[("a", "1", 0o644)])));
        let nested = [("a", "1", 0o644), ("b/c", "2", 0o644), ("n/x", "3", 0o666)];
        assert!(check(given_back(&nested)));
        let beside = [("a", "1", 0o644), ("b/c", "2", 0o644), ("nx", "3", 0o644)];
        assert!(!check(given_back(&beside)));
        assert!(!check(given_back(&[("a", "1", 0o644), ("b/c", "", 0o644)])));
        assert!(!check(given_back(&[
            ("a", "1", 0o666),
            ("b/c", "2", 0o644)
        ])));
        assert!(!check(None));
    }

    #[test]
    fn directories_come_once_and_before_their_files() {
        let packed = pack(&directory(&[("x/y/a", "1"), ("x/y/b", "2")])).unwrap();
        let mut archive = tar::Archive::new(packed.as_slice());
        let paths: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        assert_eq!(paths.len(), 5, "{paths:?}");
        assert!(
            paths[1].starts_with('x') && paths[2].starts_with("x/y"),
            "{paths:?}"
        );
    }
}
