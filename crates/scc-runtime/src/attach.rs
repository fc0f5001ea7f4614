//! The standard streams of a sandbox.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, timeout_at};

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

    /// The same for what may write without an end: reads so many bytes of both streams at most, for so
    /// long at most, and then leaves the command alone, which may still run.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn read_within(
        mut self,
        most: usize,
        limit: Duration,
    ) -> Result<BoundedOutput, EngineError> {
        use tokio::io::AsyncWriteExt as _;
        let _ = self.input.shutdown().await;
        bounded(self.output, most, limit).await
    }
}

/// What was read of an output that had bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundedOutput {
    /// Standard output, then standard error. What is no UTF-8 is replaced.
    pub text: String,
    /// Why nothing more was read.
    pub end: OutputEnd,
}

/// Why an output was read no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputEnd {
    /// There was nothing more.
    Ended,
    /// There was more than was to be read.
    TooMuch,
    /// It did not end in its time.
    TooLate,
}

async fn bounded(
    mut output: BoxStream<'static, Result<OutputChunk, EngineError>>,
    most: usize,
    limit: Duration,
) -> Result<BoundedOutput, EngineError> {
    let deadline = Instant::now() + limit;
    let (mut out, mut err) = (Vec::<u8>::new(), Vec::<u8>::new());
    let end = loop {
        let left = most.saturating_sub(out.len() + err.len());
        let chunk = match timeout_at(deadline, output.next()).await {
            Err(_) => break OutputEnd::TooLate,
            Ok(None) => break OutputEnd::Ended,
            Ok(Some(chunk)) => chunk?,
        };
        let taken = chunk.bytes.get(..left).unwrap_or(&chunk.bytes);
        match chunk.stream {
            OutputStream::Stdout => out.extend(taken),
            OutputStream::Stderr => err.extend(taken),
        }
        if chunk.bytes.len() > left {
            break OutputEnd::TooMuch;
        }
    };
    out.extend(err);
    let text = String::from_utf8_lossy(&out).into_owned();
    Ok(BoundedOutput { text, end })
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

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn chunk(stream: OutputStream, text: &str) -> Result<OutputChunk, EngineError> {
        let bytes = text.into();
        Ok(OutputChunk { stream, bytes })
    }

    async fn read(
        output: BoxStream<'static, Result<OutputChunk, EngineError>>,
    ) -> (String, OutputEnd) {
        let read = bounded(output, 5, Duration::from_millis(50)).await.unwrap();
        (read.text, read.end)
    }

    #[tokio::test]
    async fn what_is_read_has_bounds() {
        let (out, err) = (OutputStream::Stdout, OutputStream::Stderr);
        let few = stream::iter([chunk(err, "no"), chunk(out, "yes")]);
        assert_eq!(
            read(few.boxed()).await,
            ("yesno".to_owned(), OutputEnd::Ended)
        );
        let many = stream::repeat_with(move || chunk(out, "yes"));
        assert_eq!(
            read(many.boxed()).await,
            ("yesye".to_owned(), OutputEnd::TooMuch)
        );
        let begun = stream::iter([chunk(out, "yes")]).chain(stream::pending());
        assert_eq!(
            read(begun.boxed()).await,
            ("yes".to_owned(), OutputEnd::TooLate)
        );
    }
}
