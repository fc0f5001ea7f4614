//! What every runtime must do, as checks that panic when it does not. A test runs each with a
//! [`Fixture`] of its own and cleans up afterwards, whatever came of it.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "these are tests in a library's clothes: a check fails by panicking"
)]

mod hardening;
mod images;
mod sandboxes;
mod sealed;
mod streams;

pub use hardening::{processes_have_no_capabilities, the_kernel_refuses_what_reaches_out};
pub use images::{a_failed_build_names_its_step, images_are_built_and_named};
pub use sandboxes::{
    a_missing_image_is_named, a_missing_mount_source_is_an_error,
    commands_run_beside_the_main_process, names_are_taken_once, removing_twice_is_no_error,
    sandboxes_are_found_by_label, stopping_is_prompt_and_repeatable,
};
pub use sealed::{
    own_volumes_can_be_read_until_the_sandbox_is_removed, sealed_directories_can_be_nested,
    sealed_files_are_root_owned_and_read_only, sealed_volumes_are_complete_whoever_comes_first,
    unused_volumes_are_removed, volume_files_are_read_without_a_process,
};
pub use streams::{
    a_terminal_has_its_size, a_terminal_passes_every_byte, exit_status_is_passed_on,
    logs_hold_everything, output_comes_in_order_and_whole, streams_are_told_apart,
    the_end_of_input_arrives,
};

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::{
    ConsoleIo, EngineError, Limits, Network, OutputChunk, OutputStream, SandboxRuntime,
    SandboxSpec, UserIds, labels, relay,
};

/// A runtime under test and a name space of its own.
#[derive(Debug)]
pub struct Fixture<'r, R> {
    /// The runtime.
    pub runtime: &'r R,
    /// A local image with a shell and the usual tools.
    pub image: String,
    /// In the labels of everything that a check makes.
    pub namespace: String,
}

/// What a sandbox that has ended leaves.
#[derive(Debug)]
struct Ended {
    stdout: String,
    stderr: String,
    status: i64,
}

impl<'r, R: SandboxRuntime> Fixture<'r, R> {
    /// A fixture that shares nothing with any other.
    pub fn new(runtime: &'r R, image: &str) -> Self {
        let namespace = format!("conformance-{}", uuid::Uuid::new_v4().simple());
        Self {
            runtime,
            image: image.to_owned(),
            namespace,
        }
    }

    /// An image reference that only this fixture uses.
    pub fn reference(&self) -> String {
        format!("scc-conformance:{}", self.namespace)
    }

    /// Removes all sandboxes and volumes that were made; failures do not matter any more.
    pub async fn clean_up(&self) {
        let ours = [(labels::NAMESPACE, self.namespace.as_str())];
        for sandbox in self.runtime.list(&ours).await.unwrap_or_default() {
            let _ = self.runtime.remove(&sandbox.id).await;
        }
        let _ = self.runtime.remove_unused_volumes(&ours, false).await;
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let own = [
            (labels::MANAGED, "true"),
            (labels::NAMESPACE, &self.namespace),
        ];
        own.map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// A sandbox that runs a shell script without a terminal.
    fn shell(&self, script: &str) -> SandboxSpec {
        SandboxSpec {
            name: format!("{}-{}", self.namespace, uuid::Uuid::new_v4().simple()),
            labels: self.labels(),
            image: self.image.clone(),
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            init: Vec::new(),
            env: BTreeMap::new(),
            working_dir: "/tmp".to_owned(),
            user: UserIds {
                uid: 12345,
                gid: 12345,
            },
            hostname: "box".to_owned(),
            mounts: Vec::new(),
            sealed: Vec::new(),
            network: Network::None,
            limits: Limits {
                memory_bytes: 256 << 20,
                cpus: 64.0,
                pids: 64,
                log_files: 1,
            },
            read_only_root: true,
            terminal: None,
        }
    }

    /// Runs a sandbox to its end with this input.
    async fn run(&self, spec: &SandboxSpec, input: &[u8]) -> Ended {
        let id = self.runtime.create(spec).await.unwrap();
        let attachment = self.runtime.attach(&id).await.unwrap();
        self.runtime.start(&id).await.unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let console = ConsoleIo {
            stdin: input,
            stdout: &mut stdout,
            stderr: &mut stderr,
            has_keys: false,
        };
        within(relay(attachment, console)).await.unwrap();
        let status = within(self.runtime.wait(&id)).await.unwrap();
        self.runtime.remove(&id).await.unwrap();
        Ended {
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
            status,
        }
    }

    /// A sandbox that stays until it is stopped.
    async fn sleeper(&self) -> String {
        let id = self
            .runtime
            .create(&self.shell("exec sleep 600"))
            .await
            .unwrap();
        self.runtime.start(&id).await.unwrap();
        id
    }
}

/// A check that hangs has failed.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .unwrap()
}

/// All of one stream's bytes, as text.
async fn read_all(
    mut output: BoxStream<'static, Result<OutputChunk, EngineError>>,
    wanted: OutputStream,
) -> String {
    let mut all = Vec::new();
    while let Some(chunk) = within(output.next()).await {
        let chunk = chunk.unwrap();
        if chunk.stream == wanted {
            all.extend(chunk.bytes);
        }
    }
    String::from_utf8(all).unwrap()
}
