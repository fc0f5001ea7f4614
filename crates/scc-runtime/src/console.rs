//! Relaying between a console and a sandbox.

use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{Attachment, EngineError, OutputStream};

/// How much is read from the caller's input at once.
const CHUNK: usize = 16 * 1024;

/// The three standard streams of the caller.
#[derive(Debug)]
pub struct ConsoleIo<I, O, E> {
    /// Read until it ends; its end is passed on.
    pub stdin: I,
    /// Gets standard output, or all of a terminal's output.
    pub stdout: O,
    /// Gets standard error.
    pub stderr: E,
    /// Whether the caller's input is a person's keys, of which Ctrl-P and then Ctrl-Q leave.
    pub has_keys: bool,
}

/// What ended a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayEnd {
    /// The sandbox's output has ended.
    Output,
    /// The caller's output takes no more: whoever read it is gone.
    Console,
    /// The person has left.
    Keys,
}

/// The keys that leave, as terminals send them and as those do that can tell more keys apart.
const FIRST: [&[u8]; 3] = [b"\x10", b"\x1b[112;5u", b"\x1b[27;5;112~"];
const SECOND: [&[u8]; 3] = [b"\x11", b"\x1b[113;5u", b"\x1b[27;5;113~"];

/// What was typed before the second key, if that is the end of it.
fn before_second(typed: &[u8]) -> Option<&[u8]> {
    SECOND.iter().find_map(|key| typed.strip_suffix(*key))
}

fn ends_with_first(typed: &[u8]) -> bool {
    FIRST.iter().any(|key| typed.ends_with(key))
}

/// Copies in both directions until the output has ended. Input that is left unread when the output
/// ends stays unread.
///
/// # Errors
/// When the connection to the engine breaks.
pub async fn relay<I, O, E>(
    attachment: Attachment,
    console: ConsoleIo<I, O, E>,
) -> Result<RelayEnd, EngineError>
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let Attachment { input, mut output } = attachment;
    let ConsoleIo {
        stdin,
        mut stdout,
        mut stderr,
        has_keys,
    } = console;
    let feeding = feed(stdin, input, has_keys);
    let draining = async {
        while let Some(chunk) = output.next().await {
            let chunk = chunk?;
            let shown = match chunk.stream {
                OutputStream::Stdout => show(&mut stdout, &chunk.bytes).await,
                OutputStream::Stderr => show(&mut stderr, &chunk.bytes).await,
            };
            if shown.is_err() {
                return Ok(RelayEnd::Console);
            }
        }
        Ok(RelayEnd::Output)
    };
    tokio::pin!(feeding, draining);
    let mut fed = false;
    loop {
        tokio::select! {
            result = &mut draining => return result,
            left = &mut feeding, if !fed => match left {
                Fed::Left => return Ok(RelayEnd::Keys),
                Fed::Ended => fed = true,
            },
        }
    }
}

/// What ended the input.
enum Fed {
    Ended,
    Left,
}

/// Passes input on until either side ends. A sandbox that has closed its input is no error: what
/// ends a relay is its output. Input that cannot be read counts as ended.
async fn feed<I>(mut stdin: I, mut input: Box<dyn AsyncWrite + Send + Unpin>, has_keys: bool) -> Fed
where
    I: AsyncRead + Unpin,
{
    let mut buffer = vec![0; CHUNK];
    // The first key is passed on at once, so that it does what the agent has it for.
    let mut is_first_pressed = false;
    loop {
        let count = stdin.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            break;
        }
        let typed = &buffer[..count];
        let leaves =
            |before: &[u8]| ends_with_first(before) || before.is_empty() && is_first_pressed;
        if has_keys && before_second(typed).is_some_and(leaves) {
            return Fed::Left;
        }
        is_first_pressed = ends_with_first(typed);
        if input.write_all(typed).await.is_err() || input.flush().await.is_err() {
            return Fed::Ended;
        }
    }
    // Nobody is left to hear of a failure to say that the input has ended.
    let _ = input.shutdown().await;
    Fed::Ended
}

/// Flushed with each chunk, because a prompt is a chunk without an end of line.
async fn show<W>(out: &mut W, bytes: &[u8]) -> std::io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    out.write_all(bytes).await?;
    out.flush().await
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::io::{duplex, empty};

    use super::*;
    use crate::OutputChunk;

    fn chunk(stream: OutputStream, text: &str) -> Result<OutputChunk, EngineError> {
        Ok(OutputChunk {
            stream,
            bytes: text.as_bytes().to_vec(),
        })
    }

    #[tokio::test(flavor = "current_thread")]
    async fn streams_stay_apart_and_in_order() {
        let output = stream::iter([
            chunk(OutputStream::Stdout, "a"),
            chunk(OutputStream::Stderr, "e"),
            chunk(OutputStream::Stdout, "b"),
        ]);
        let attachment = Attachment {
            input: Box::new(tokio::io::sink()),
            output: output.boxed(),
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let console = ConsoleIo {
            stdin: empty(),
            stdout: &mut stdout,
            stderr: &mut stderr,
            has_keys: false,
        };
        relay(attachment, console).await.unwrap();
        assert_eq!(
            (stdout.as_slice(), stderr.as_slice()),
            (&b"ab"[..], &b"e"[..])
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_end_of_input_is_passed_on() {
        let (inside, outside) = duplex(64);
        // The sandbox: says what it was given once its input has ended.
        let echo = stream::once(async move {
            let mut inside = inside;
            let mut all = String::new();
            inside.read_to_string(&mut all).await.unwrap();
            chunk(OutputStream::Stdout, &all)
        });
        let attachment = Attachment {
            input: Box::new(outside),
            output: echo.boxed(),
        };
        let mut stdout = Vec::new();
        let console = ConsoleIo {
            stdin: &b"hello"[..],
            stdout: &mut stdout,
            stderr: tokio::io::sink(),
            has_keys: false,
        };
        relay(attachment, console).await.unwrap();
        assert_eq!(stdout, b"hello");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn output_that_ends_ends_the_relay_although_input_is_open() {
        let (_kept_open, stdin) = duplex(64);
        let attachment = Attachment {
            input: Box::new(tokio::io::sink()),
            output: stream::empty().boxed(),
        };
        let console = ConsoleIo {
            stdin,
            stdout: tokio::io::sink(),
            stderr: tokio::io::sink(),
            has_keys: false,
        };
        relay(attachment, console).await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_closed_console_is_reported() {
        let (closed, reader) = duplex(1);
        drop(reader);
        let output = stream::iter([chunk(OutputStream::Stdout, "lost")]);
        let attachment = Attachment {
            input: Box::new(tokio::io::sink()),
            output: output.boxed(),
        };
        let console = ConsoleIo {
            stdin: empty(),
            stdout: closed,
            stderr: tokio::io::sink(),
            has_keys: false,
        };
        let end = relay(attachment, console).await.unwrap();
        assert_eq!(end, RelayEnd::Console);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn two_keys_leave() {
        let keys = |has_keys, typed: &'static [&'static str]| async move {
            let (mut agent, input) = duplex(64);
            let (mut hand, stdin) = duplex(64);
            // The agent says what it got, so that each key is a chunk of its own.
            let output = stream::once(async move {
                for keys in typed {
                    hand.write_all(keys.as_bytes()).await.unwrap();
                    let mut got = vec![0; keys.len()];
                    agent.read_exact(&mut got).await.unwrap();
                }
                chunk(OutputStream::Stdout, "")
            });
            let attachment = Attachment {
                input: Box::new(input),
                output: output.boxed(),
            };
            let console = ConsoleIo {
                stdin,
                stdout: tokio::io::sink(),
                stderr: tokio::io::sink(),
                has_keys,
            };
            relay(attachment, console).await.unwrap()
        };
        assert_eq!(keys(true, &["a", "\x10", "\x11"]).await, RelayEnd::Keys);
        let extended = &["\x1b[112;5u", "\x1b[113;5u"];
        assert_eq!(keys(true, extended).await, RelayEnd::Keys);
        assert_eq!(
            keys(true, &["\x11", "\x10", "a", "\x11"]).await,
            RelayEnd::Output
        );
        assert_eq!(keys(false, &["\x10", "\x11"]).await, RelayEnd::Output);
        assert_eq!(keys(true, &["a\x10\x11"]).await, RelayEnd::Keys);
    }
}
