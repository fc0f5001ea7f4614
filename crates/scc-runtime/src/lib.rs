//! Sandboxes on a container engine.
//!
//! [`SandboxRuntime`] is the seam: what scc asks of whatever runs its sandboxes. It speaks of
//! sandboxes, volumes and sealed files, not of Docker, and assumes neither a daemon nor that files
//! of this host can be bound one by one: only the workspace is a directory of this host.
//! [`DockerRuntime`] is its adapter for engines that speak the Docker API.
//!
//! Hardening is not an option of a [`SandboxSpec`]: every sandbox has it.

mod attach;
#[cfg(feature = "testing")]
pub mod conformance;
mod console;
mod docker;
pub mod egress;
mod engine;
mod error;
mod image;
pub mod labels;
mod seccomp;
mod spec;

pub use attach::{Attachment, BoundedOutput, OutputChunk, OutputEnd, OutputStream, read_streams};
pub use console::{ConsoleIo, RelayEnd, relay};
pub use docker::DockerRuntime;
pub use engine::{EndpointSource, EngineEndpoint, EngineInfo, EngineLookup};
pub use error::{EngineError, TriedEndpoint};
pub use image::{BuildProgress, ContextFile, ImageBuild};
pub use spec::{
    EnvValue, ExecSpec, JoinedNetworks, Limits, Mount, MountSource, NameServers, Network,
    NetworkSpec, NetworkView, Own, Sandbox, SandboxSpec, SandboxState, SealedDirectory, SealedFile,
    Surroundings, TerminalSize, Unfinished, UserIds,
};

use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::BoxStream;

/// What runs sandboxes. Identifiers of sandboxes are the runtime's own; names are scc's.
#[expect(
    async_fn_in_trait,
    reason = "callers are single-threaded and generic over the runtime"
)]
pub trait SandboxRuntime {
    /// The engine behind this runtime, as it was when the connection was made.
    fn engine(&self) -> &EngineInfo;

    /// Whether an image with exactly this reference is there. Nothing is pulled.
    async fn image_exists(&self, reference: &str) -> Result<bool, EngineError>;

    /// Builds an image and tags it with `build.reference` only when the whole build succeeded.
    /// Progress is reported line by line.
    async fn build_image(
        &self,
        build: &ImageBuild,
        progress: &mut dyn FnMut(BuildProgress),
    ) -> Result<(), EngineError>;

    /// Makes a sandbox and does not start it. The name is claimed atomically:
    /// [`EngineError::NameTaken`] when another sandbox has it. Volumes and sealed directories that
    /// do not exist are made.
    async fn create(&self, spec: &SandboxSpec) -> Result<String, EngineError>;

    /// Connects to the standard streams. Acknowledged by the engine when this returns, so that a
    /// sandbox started afterwards loses no output.
    async fn attach(&self, id: &str) -> Result<Attachment, EngineError>;

    /// Starts a sandbox that was made.
    async fn start(&self, id: &str) -> Result<(), EngineError>;

    /// Tells the sandbox's terminal its size.
    async fn resize(&self, id: &str, size: TerminalSize) -> Result<(), EngineError>;

    /// Waits until the sandbox has ended and returns its exit status.
    async fn wait(&self, id: &str) -> Result<i64, EngineError>;

    /// Asks the sandbox to end, and ends it after `grace`. Ending one that has ended is no error.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError>;

    /// Removes a sandbox, also a running one. Removing one that is gone is no error.
    async fn remove(&self, id: &str) -> Result<(), EngineError>;

    /// All sandboxes whose labels include `labels`, in every state, newest first.
    async fn list(&self, labels: &[(&str, &str)]) -> Result<Vec<Sandbox>, EngineError>;

    /// One sandbox with its exit status and times, `None` when it is gone.
    async fn inspect(&self, id: &str) -> Result<Option<Sandbox>, EngineError>;

    /// Runs a further command in a running sandbox; the streams of the attachment are the
    /// command's. The returned identifier is for [`SandboxRuntime::exec_status`].
    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<(String, Attachment), EngineError>;

    /// Tells an exec's terminal its size.
    async fn exec_resize(&self, exec_id: &str, size: TerminalSize) -> Result<(), EngineError>;

    /// The exit status of an exec whose streams have ended.
    async fn exec_status(&self, exec_id: &str) -> Result<i64, EngineError>;

    /// What a sandbox has written, from its start; with `follow`, until it ends.
    async fn logs(
        &self,
        id: &str,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<OutputChunk, EngineError>>, EngineError>;

    /// Reads a file of a volume, `None` when the volume or the file is not there. No process runs.
    async fn read_volume_file(
        &self,
        volume: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, EngineError>;

    /// Reads a file of a sandbox that runs or has ended, `None` when it is not there. Only for files
    /// in directories that the agent cannot write: links on the way are followed.
    async fn read_sandbox_file(&self, id: &str, path: &str)
    -> Result<Option<Vec<u8>>, EngineError>;

    /// Whether a volume has a regular file at this path. No process runs, and the file is not read.
    async fn volume_has_file(&self, volume: &str, path: &str) -> Result<bool, EngineError>;

    /// What this runtime has begun for the sake of a sandbox and not finished, among the things
    /// whose labels include `labels`. When whoever was making that sandbox is gone, each is to be
    /// removed with [`SandboxRuntime::remove`].
    async fn unfinished(&self, labels: &[(&str, &str)]) -> Result<Vec<Unfinished>, EngineError>;

    /// Removes what this runtime keeps at hand for reading volumes. It is made again when needed.
    async fn remove_readers(&self, labels: &[(&str, &str)]) -> Result<(), EngineError>;

    /// Makes a network that leads nowhere and in which the engine's machine has no address. A name
    /// may be given twice.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkView, EngineError>;

    /// The networks whose labels include `labels`.
    async fn list_networks(&self, labels: &[(&str, &str)])
    -> Result<Vec<NetworkView>, EngineError>;

    /// Removes a network. Removing one that is gone is no error, nor is one that a sandbox still
    /// uses: the answer says whether it is gone.
    async fn remove_network(&self, id: &str) -> Result<bool, EngineError>;

    /// The address of a running sandbox in a network.
    async fn address_in(&self, id: &str, network: &str) -> Result<Option<IpAddr>, EngineError>;

    /// Addresses of the engine's machine and of everything that runs on it, without what is `own`.
    async fn surroundings(&self, own: &Own<'_>) -> Result<Surroundings, EngineError>;

    /// The volumes whose labels include `labels` that no sandbox uses are removed; their names are
    /// returned. With `dry_run` they are only named.
    async fn remove_unused_volumes(
        &self,
        labels: &[(&str, &str)],
        dry_run: bool,
    ) -> Result<Vec<String>, EngineError>;
}
