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
                Err(error) => left_out.push(unread(path, error)?),
            }
        }
        let mut own = provider.own_extensions(&files, &workspace.to_string_lossy());
        own.left_out.extend(left_out);
        Ok(own)
    }
}

/// Why a file is not read. What an agent has left there may be anything, and does not keep the rest
/// from being read; that the engine does not answer does.
fn unread(path: &str, error: EngineError) -> Result<String, EngineError> {
    match error {
        EngineError::TooLarge { limit, .. } => Ok(format!(
            "`{path}` of the agent is larger than {limit} bytes"
        )),
        error if error.is_of_content() => Ok(format!("`{path}` of the agent cannot be read")),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_left_there_is_left_out_and_a_silent_engine_is_an_error() {
        let large = EngineError::TooLarge {
            path: "/volume/a.json".to_owned(),
            limit: 9,
        };
        let reason = unread("a.json", large).unwrap();
        assert_eq!(reason, "`a.json` of the agent is larger than 9 bytes");
        let action = || "reading a volume".to_owned();
        let broken = EngineError::Broken {
            action: action(),
            source: "no archive".into(),
        };
        let reason = unread("a.json", broken).unwrap();
        assert_eq!(reason, "`a.json` of the agent cannot be read");
        let refused = EngineError::Refused {
            action: action(),
            message: "no".to_owned(),
        };
        assert!(unread("a.json", refused).is_err());
    }
}
