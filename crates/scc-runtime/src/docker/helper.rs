//! Containers that are never started, through which volumes are read and filled. The engine
//! unpacks into and packs from the volumes of a container in any state, so no process runs and the
//! image can be empty.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};
use bollard::query_parameters::{CreateContainerOptions, CreateImageOptions};
use futures_util::TryStreamExt as _;

use super::failure::{failed, is_name_taken, status};
use crate::{EngineError, labels};

/// Where a helper has its volume.
pub(super) const VOLUME_AT: &str = "/v";

/// With the host part that Podman gives to images without one.
const EMPTY: &str = "localhost/scc-empty:1";

/// An archive without entries: two blocks of zeros.
const EMPTY_ARCHIVE: usize = 1024;

/// The labels of helpers and of the volumes that they serve: whose they are, and what for.
pub(super) fn own_labels(
    of: impl IntoIterator<Item = (String, String)>,
    role: &str,
) -> HashMap<String, String> {
    let mut own: HashMap<_, _> = of
        .into_iter()
        .filter(|(key, _)| key == labels::NAMESPACE || key == labels::OWNER)
        .collect();
    own.insert(labels::MANAGED.to_owned(), "true".to_owned());
    own.insert(labels::ROLE.to_owned(), role.to_owned());
    own
}

/// Makes a helper. `Ok(false)` when its name is taken.
pub(super) async fn create(
    docker: &Docker,
    name: &str,
    volume: &str,
    labels: &HashMap<String, String>,
) -> Result<bool, EngineError> {
    let mut result = attempt(docker, name, volume, labels).await;
    if result.as_ref().err().and_then(status) == Some(404) {
        import_empty(docker).await?;
        result = attempt(docker, name, volume, labels).await;
    }
    match result {
        Ok(()) => Ok(true),
        Err(error) if is_name_taken(&error) => Ok(false),
        Err(error) => Err(failed("making a helper container", "the empty image")(
            error,
        )),
    }
}

async fn attempt(
    docker: &Docker,
    name: &str,
    volume: &str,
    labels: &HashMap<String, String>,
) -> Result<(), bollard::errors::Error> {
    let mount = Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(VOLUME_AT.to_owned()),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(labels.clone()),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    };
    let body = ContainerCreateBody {
        image: Some(EMPTY.to_owned()),
        // Engines want a command, though there is nothing that could run.
        cmd: Some(vec!["/nothing".to_owned()]),
        labels: Some(labels.clone()),
        host_config: Some(HostConfig {
            mounts: Some(vec![mount]),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        ..CreateContainerOptions::default()
    };
    docker
        .create_container(Some(options), body)
        .await
        .map(|_| ())
}

async fn import_empty(docker: &Docker) -> Result<(), EngineError> {
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        // With the tag in it, because Podman overlooks a tag beside it.
        repo: Some(EMPTY.to_owned()),
        ..CreateImageOptions::default()
    };
    let archive = bollard::body_full(vec![0; EMPTY_ARCHIVE].into());
    docker
        .create_image(Some(options), Some(archive), None)
        .try_for_each(|_| async { Ok(()) })
        .await
        .map_err(failed("importing the empty image", "the empty image"))
}
