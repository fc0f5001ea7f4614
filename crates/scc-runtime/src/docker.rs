//! The adapter for engines that speak the Docker API.

mod archive;
mod build;
mod connect;
mod create;
mod failure;
mod helper;
mod lifecycle;
mod list;
mod networks;
mod podman;
mod raw;
mod sealed;
mod streams;
mod volumes;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::Docker;
use futures_util::stream::BoxStream;

use crate::engine::Transport;
use crate::seccomp;
use crate::{
    Attachment, BuildProgress, EngineError, EngineInfo, EngineLookup, ExecSpec, ImageBuild,
    NetworkSpec, NetworkView, OutputChunk, Sandbox, SandboxRuntime, SandboxSpec, Surroundings,
    TerminalSize, Unfinished,
};

/// How long an engine may take to begin an answer. Creating a sandbox on a busy disk takes seconds.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);

/// Sandboxes on an engine that speaks the Docker API.
#[derive(Debug)]
pub struct DockerRuntime {
    docker: Docker,
    transport: Transport,
    info: EngineInfo,
    dialect: create::Dialect,
    made: Mutex<BTreeMap<String, Made>>,
}

/// What is remembered of a sandbox that this runtime has made, until it starts. Its sealed
/// directories have been checked.
#[derive(Debug, Clone, Copy)]
struct Made {
    terminal: Option<TerminalSize>,
}

impl DockerRuntime {
    /// Finds the engine as the docker command line would and asks for its version.
    ///
    /// # Errors
    /// When a setting is unusable, no engine answers, or the one that does is too old.
    pub async fn connect(lookup: &EngineLookup) -> Result<Self, EngineError> {
        let connect::Connection {
            docker,
            transport,
            info,
        } = connect::connect(lookup).await?;
        Ok(Self {
            docker,
            transport,
            dialect: create::Dialect {
                seccomp: seccomp::option(&info, lookup.scratch.as_deref())?,
                is_podman: info.is_podman(),
            },
            info,
            made: Mutex::default(),
        })
    }

    fn remember(&self, id: &str, made: Made) {
        let mut all = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id.to_owned(), made);
    }

    fn recall(&self, id: &str) -> Option<Made> {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
    }
}

/// What a container that was made still lacks.
async fn complete(docker: &Docker, spec: &SandboxSpec, id: &str) -> Result<(), EngineError> {
    networks::join_further(docker, spec, id).await?;
    sealed::deliver(docker, spec).await
}

impl SandboxRuntime for DockerRuntime {
    fn engine(&self) -> &EngineInfo {
        &self.info
    }

    async fn image_exists(&self, reference: &str) -> Result<bool, EngineError> {
        build::image_exists(&self.docker, reference).await
    }

    async fn build_image(
        &self,
        build: &ImageBuild,
        progress: &mut dyn FnMut(BuildProgress),
    ) -> Result<(), EngineError> {
        build::build_image(&self.docker, build, progress).await
    }

    async fn create(&self, spec: &SandboxSpec) -> Result<String, EngineError> {
        let id = create::create(&self.docker, spec, &self.dialect).await?;
        if let Err(error) = complete(&self.docker, spec, &id).await {
            // What is not complete must not stay, lest it be started later.
            let _ = lifecycle::remove(&self.docker, &id).await;
            return Err(error);
        }
        self.remember(
            &id,
            Made {
                terminal: spec.terminal,
            },
        );
        Ok(id)
    }

    async fn attach(&self, id: &str) -> Result<Attachment, EngineError> {
        streams::attach(&self.docker, &self.transport, id).await
    }

    async fn start(&self, id: &str) -> Result<(), EngineError> {
        let made = self.recall(id);
        if made.is_none() {
            // Made by another process, which may have died before it had filled sealed volumes.
            sealed::verify_existing(&self.docker, id).await?;
        }
        lifecycle::start(&self.docker, id).await?;
        if let Some(size) = made.and_then(|made| made.terminal) {
            // Engines before API 1.42 take no notice of the size at creation. A main process that
            // has already ended has no terminal any more.
            let _ = lifecycle::resize(&self.docker, id, size).await;
        }
        Ok(())
    }

    async fn resize(&self, id: &str, size: TerminalSize) -> Result<(), EngineError> {
        lifecycle::resize(&self.docker, id, size).await
    }

    async fn wait(&self, id: &str) -> Result<i64, EngineError> {
        lifecycle::wait(&self.docker, id).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        lifecycle::stop(&self.docker, id, grace).await
    }

    async fn remove(&self, id: &str) -> Result<(), EngineError> {
        self.recall(id);
        lifecycle::remove(&self.docker, id).await
    }

    async fn list(&self, labels: &[(&str, &str)]) -> Result<Vec<Sandbox>, EngineError> {
        list::list(&self.docker, labels).await
    }

    async fn inspect(&self, id: &str) -> Result<Option<Sandbox>, EngineError> {
        list::inspect(&self.docker, id).await
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<(String, Attachment), EngineError> {
        streams::exec(&self.docker, &self.transport, id, spec).await
    }

    async fn exec_resize(&self, exec_id: &str, size: TerminalSize) -> Result<(), EngineError> {
        streams::exec_resize(&self.docker, exec_id, size).await
    }

    async fn exec_status(&self, exec_id: &str) -> Result<i64, EngineError> {
        streams::exec_status(&self.docker, exec_id).await
    }

    async fn logs(
        &self,
        id: &str,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<OutputChunk, EngineError>>, EngineError> {
        streams::logs(&self.docker, &self.transport, id, follow).await
    }

    async fn read_volume_file(
        &self,
        volume: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        volumes::read_file(&self.docker, volume, path).await
    }

    async fn read_sandbox_file(
        &self,
        id: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        archive::get_file(&self.docker, id, path).await
    }

    async fn volume_has_file(&self, volume: &str, path: &str) -> Result<bool, EngineError> {
        volumes::has_file(&self.docker, volume, path).await
    }

    async fn unfinished(&self, labels: &[(&str, &str)]) -> Result<Vec<Unfinished>, EngineError> {
        sealed::unfinished(&self.docker, labels).await
    }

    async fn remove_readers(&self, labels: &[(&str, &str)]) -> Result<(), EngineError> {
        volumes::remove_readers(&self.docker, labels).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkView, EngineError> {
        networks::create(&self.docker, spec).await
    }

    async fn list_networks(
        &self,
        labels: &[(&str, &str)],
    ) -> Result<Vec<NetworkView>, EngineError> {
        networks::list(&self.docker, labels).await
    }

    async fn remove_network(&self, id: &str) -> Result<bool, EngineError> {
        networks::remove(&self.docker, id).await
    }

    async fn address_in(&self, id: &str, network: &str) -> Result<Option<IpAddr>, EngineError> {
        networks::address_in(&self.docker, id, network).await
    }

    async fn surroundings(&self) -> Result<Surroundings, EngineError> {
        networks::surroundings(&self.docker).await
    }

    async fn remove_unused_volumes(
        &self,
        labels: &[(&str, &str)],
        dry_run: bool,
    ) -> Result<Vec<String>, EngineError> {
        volumes::remove_unused(&self.docker, labels, dry_run).await
    }
}
