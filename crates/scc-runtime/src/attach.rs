//! The standard streams of a sandbox.

use futures_util::StreamExt as _;
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

impl Attachment {
    /// Waits for the next that is written inside; `None` when that has ended.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<OutputChunk>, EngineError> {
        self.output.next().await.transpose()
    }

    /// Ends the input, and reads what is written until it ends: standard output, and standard error.
    /// What is no UTF-8 is replaced.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn read_to_end(mut self) -> Result<(String, String), EngineError> {
        use tokio::io::AsyncWriteExt as _;
        // A command that has ended takes no input any more.
        let _ = self.input.shutdown().await;
        read_streams(self.output).await
    }
}

/// Reads what was written until it ends: standard output, and standard error. What is no UTF-8 is
/// replaced.
///
/// # Errors
/// When the connection breaks.
pub async fn read_streams(
    mut output: BoxStream<'static, Result<OutputChunk, EngineError>>,
) -> Result<(String, String), EngineError> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(chunk) = output.next().await {
        let OutputChunk { stream, bytes } = chunk?;
        match stream {
            OutputStream::Stdout => out.extend(bytes),
            OutputStream::Stderr => err.extend(bytes),
        }
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((text(out), text(err)))
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
