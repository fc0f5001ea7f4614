//! Reading volumes and removing those that nobody uses.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{ContainerSummary, Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};

use super::failure::{failed, status};
use super::list::{containers, has_role, is_helper, label_filter};
use super::sealed::FULL_SUFFIX;
use super::{archive, helper, lifecycle};
use crate::{EngineError, labels};

/// In the mode that the engine reports of a file: it is a directory.
const GO_MODE_DIRECTORY: u32 = 1 << 31;
/// The same for everything that is no regular file: directory, link, device, pipe, socket.
const GO_MODE_TYPE: u32 =
    GO_MODE_DIRECTORY | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;

pub(super) async fn read_file(
    docker: &Docker,
    volume: &str,
    path: &str,
) -> Result<Option<Vec<u8>>, EngineError> {
    let Some((reader, full)) = reach(docker, volume, path).await? else {
        return Ok(None);
    };
    archive::get_file(docker, &reader, &full).await
}

/// Whether there is a regular file, without reading it.
pub(super) async fn has_file(
    docker: &Docker,
    volume: &str,
    path: &str,
) -> Result<bool, EngineError> {
    match reach(docker, volume, path).await? {
        Some((reader, full)) => Ok(mode(docker, &reader, &full)
            .await?
            .is_some_and(|mode| mode & GO_MODE_TYPE == 0)),
        None => Ok(false),
    }
}

/// A container through which a file can be read, and the file's path there; `None` when the volume
/// or a directory on the way is not there.
async fn reach(
    docker: &Docker,
    volume: &str,
    path: &str,
) -> Result<Option<(String, String)>, EngineError> {
    check_path(path)?;
    // Asked first, because making the reader would make the volume.
    let Some(found) = inspect(docker, volume).await? else {
        return Ok(None);
    };
    let reader = format!("scc-reader-{volume}");
    let labels = helper::own_labels(found.labels, labels::ROLE_READER);
    // Taken is as good: it is the reader that an earlier call made.
    helper::create(docker, &reader, volume, &labels).await?;
    let full = format!("{}/{path}", helper::VOLUME_AT);
    for (end, _) in full.match_indices('/').skip(2) {
        // The engine follows links in the directories of a path, and an agent may have put some
        // there; what they lead to is not in the volume.
        let found = mode(docker, &reader, &full[..end]).await?;
        if found.is_none_or(|mode| mode & GO_MODE_DIRECTORY == 0) {
            return Ok(None);
        }
    }
    Ok(Some((reader, full)))
}

fn check_path(path: &str) -> Result<(), EngineError> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if path.split('/').all(plain) {
        return Ok(());
    }
    Err(EngineError::Refused {
        action: "reading a volume".to_owned(),
        message: format!("`{path}` is not a plain relative path"),
    })
}

/// The mode of what is at a path, `None` when nothing is. Links are not followed.
async fn mode(docker: &Docker, container: &str, path: &str) -> Result<Option<u32>, EngineError> {
    let options = bollard::query_parameters::ContainerArchiveInfoOptions {
        path: path.to_owned(),
    };
    match docker
        .get_container_archive_info(container, Some(options))
        .await
    {
        Ok(found) => Ok(Some(found.file_mode)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(failed("reading a volume", "the volume")(error)),
    }
}

/// Makes a volume with these labels, or leaves the one there is; the labels that it has. `sealed` says
/// that its directory belongs to root for good; Podman would give it to the first container's user.
pub(super) async fn create(
    docker: &Docker,
    name: &str,
    labels: HashMap<String, String>,
    sealed: bool,
) -> Result<HashMap<String, String>, EngineError> {
    let owner = || HashMap::from([("o".to_owned(), "uid=0,gid=0".to_owned())]);
    let request = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels),
        driver_opts: sealed.then(owner),
        ..VolumeCreateRequest::default()
    };
    let made = docker.create_volume(request).await;
    let made = made.map_err(failed("making a volume", "the volume"))?;
    Ok(made.labels)
}

pub(super) async fn inspect(docker: &Docker, name: &str) -> Result<Option<Volume>, EngineError> {
    match docker.inspect_volume(name).await {
        Ok(volume) => Ok(Some(volume)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(failed("looking at a volume", "the volume")(error)),
    }
}

pub(super) async fn remove_unused(
    docker: &Docker,
    labels: &[(&str, &str)],
    dry_run: bool,
) -> Result<Vec<String>, EngineError> {
    let options = ListVolumesOptions {
        filters: Some(label_filter(labels)),
    };
    let mut volumes = docker
        .list_volumes(Some(options))
        .await
        .map_err(failed("listing volumes", "the engine"))?
        .volumes
        .unwrap_or_default();
    // Podman finds volumes that have any of the labels, and other volumes hold credentials.
    volumes.retain(|volume| has_all(volume, labels));
    let users = users(containers(docker, &[]).await?);
    let mut removed = Vec::new();
    for volume in volumes {
        let used_by = users
            .get(&volume.name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if used_by.iter().any(|user| !user.is_idle) {
            continue;
        }
        if dry_run || remove_with(docker, &volume.name, used_by).await? {
            removed.push(volume.name);
        }
    }
    removed.sort();
    Ok(removed)
}

pub(super) async fn remove_readers(
    docker: &Docker,
    labels: &[(&str, &str)],
) -> Result<(), EngineError> {
    for container in containers(docker, labels).await? {
        if has_role(&container, labels::ROLE_READER) {
            lifecycle::remove(docker, &container.id.unwrap_or_default()).await?;
        }
    }
    Ok(())
}

fn has_all(volume: &Volume, labels: &[(&str, &str)]) -> bool {
    let has = |(key, value): &(&str, &str)| volume.labels.get(*key).is_some_and(|v| v == value);
    labels.iter().all(has)
}

/// A container that has a volume.
struct User {
    id: String,
    is_idle: bool,
}

fn users(containers: Vec<ContainerSummary>) -> HashMap<String, Vec<User>> {
    let mut users: HashMap<String, Vec<User>> = HashMap::new();
    for container in containers {
        let is_idle = is_idle_helper(&container);
        let id = container.id.unwrap_or_default();
        for volume in container
            .mounts
            .unwrap_or_default()
            .into_iter()
            .filter_map(|m| m.name)
        {
            users.entry(volume).or_default().push(User {
                id: id.clone(),
                is_idle,
            });
        }
    }
    users
}

/// Whether a container only keeps a volume at hand: a reader, or the helper that has filled it. One
/// that is still filling counts as use, for its volume is about to be used.
fn is_idle_helper(container: &ContainerSummary) -> bool {
    let names = container.names.as_deref().unwrap_or_default();
    has_role(container, labels::ROLE_READER)
        || is_helper(container) && names.iter().any(|name| name.ends_with(FULL_SUFFIX))
}

/// Removes a volume with its helpers, unless a sandbox has come to use it meanwhile.
async fn remove_with(docker: &Docker, name: &str, helpers: &[User]) -> Result<bool, EngineError> {
    for helper in helpers {
        lifecycle::remove(docker, &helper.id).await?;
    }
    remove(docker, name).await
}

/// Removes a volume that nothing uses; returns whether there was one.
pub(super) async fn remove(docker: &Docker, name: &str) -> Result<bool, EngineError> {
    match docker
        .remove_volume(name, None::<RemoveVolumeOptions>)
        .await
    {
        Ok(()) => Ok(true),
        Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(false),
        Err(error) => Err(failed("removing a volume", "the volume")(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_read() {
        assert!(check_path("a/b.json").is_ok());
        for path in ["", "/a", "a/../b", "..", "a//b", "./a", "a/"] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }
}
