//! The standard streams of a sandbox.

use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use crate::EngineError;

/// A connection to the standard streams of a sandbox or of a command in it.
pub struct Attachment {
    /// What is written here arrives on standard input; shutting it down ends the input.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
    /// What is written inside, until it ends. With a terminal all of it is `Stdout`.
    pub output: BoxStream<'static, Result<OutputChunk, EngineError>>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").finish_non_exhaustive()
    }
}

/// Which stream a chunk came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Some output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// Where it came from.
    pub stream: OutputStream,
    /// The bytes.
    pub bytes: Vec<u8>,
}
