//! What the user has enabled in an agent itself, read from the agent's volume. No process runs.

use std::path::Path;

use scc_provider::{AgentProvider, OwnExtensions, VolumeFiles};
use scc_runtime::{EngineError, SandboxRuntime};

use crate::{LaunchError, Launcher};

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// The plugins and MCP servers that the user with this number has enabled in the agent for work
    /// in `workspace`. Whatever ran in a sandbox can have written them.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn own_extensions(
        &self,
        provider: &dyn AgentProvider,
        uid: u32,
        workspace: &Path,
    ) -> Result<OwnExtensions, LaunchError> {
        let volume = self.scope.provider_volume(provider.id(), uid);
        let mut files = VolumeFiles::new();
        let mut left_out = Vec::new();
        for path in provider.own_files() {
            match self.runtime.read_volume_file(&volume, path).await {
                Ok(content) => files.extend(content.map(|bytes| ((*path).to_owned(), bytes))),
                // What an agent has left there may be anything.
                Err(EngineError::Broken { .. }) => {
                    left_out.push(format!("`{path}` of the agent cannot be read"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut own = provider.own_extensions(&files, &workspace.to_string_lossy());
        own.left_out.extend(left_out);
        Ok(own)
    }
}
