use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWriteExt as _;

use super::{Fixture, read_all, within};
use crate::{Attachment, EngineError, OutputChunk, OutputStream, SandboxRuntime, TerminalSize};

const LINES: usize = 20_000;

fn numbers() -> String {
    (1..=LINES).map(|number| format!("{number}\n")).collect()
}

/// From the first byte to the last, though the sandbox may end at once.
pub async fn output_comes_in_order_and_whole<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let ended = f.run(&f.shell(&format!("seq 1 {LINES}")), b"").await;
    assert!(
        ended.stdout == numbers(),
        "{} bytes came",
        ended.stdout.len()
    );
    let first = f.run(&f.shell("printf first"), b"").await;
    assert_eq!(first.stdout, "first");
}

/// Standard error is not mixed into standard output.
pub async fn streams_are_told_apart<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let ended = f.run(&f.shell("echo out; echo err >&2"), b"").await;
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("out\n", "err\n")
    );
}

/// The status of the main process, also by `inspect`.
pub async fn exit_status_is_passed_on<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    assert_eq!(f.run(&f.shell("exit 0"), b"").await.status, 0);
    assert_eq!(f.run(&f.shell("exit 42"), b"").await.status, 42);
}

/// A sandbox that reads to the end of its input gets there.
pub async fn the_end_of_input_arrives<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let ended = f.run(&f.shell("cat; echo done"), b"typed\n").await;
    assert_eq!(ended.stdout, "typed\ndone\n");
    let long = numbers();
    assert_eq!(
        f.run(&f.shell("wc -c"), long.as_bytes())
            .await
            .stdout
            .trim(),
        long.len().to_string()
    );
}

/// Every byte of a terminal arrives, whichever comes first: of the main process, of a further
/// command, and in the log.
pub async fn a_terminal_passes_every_byte<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let every = "stty raw; for first in 0 1 2 3 255; do \
                 perl -e '$| = 1; print map { chr(($_ + shift) % 256) } 0..255' $first; \
                 perl -e '$| = 1; print chr(shift)' $first; sleep 0.1; done";
    let every = every.replace("$_ + shift", "$_ + $ARGV[0]");
    let expected: Vec<u8> = [0_u8, 1, 2, 3, 255]
        .into_iter()
        .flat_map(|first| {
            (0..=255_u8)
                .map(move |n| n.wrapping_add(first))
                .chain([first])
        })
        .collect();
    let size = TerminalSize {
        rows: 24,
        columns: 80,
    };
    let mut spec = f.shell(&format!("{every}; sleep 600"));
    spec.terminal = Some(size);
    let id = f.runtime.create(&spec).await.unwrap();
    let attachment = f.runtime.attach(&id).await.unwrap();
    f.runtime.start(&id).await.unwrap();
    assert_eq!(
        read_bytes(attachment.output, expected.len()).await,
        expected
    );
    let exec = crate::ExecSpec {
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), every],
        env: std::collections::BTreeMap::new(),
        working_dir: None,
        user: None,
        terminal: Some(size),
    };
    let (_, attachment) = f.runtime.exec(&id, &exec).await.unwrap();
    assert_eq!(
        read_bytes(attachment.output, expected.len()).await,
        expected
    );
    // An engine may keep its log as text, and a line only when it has ended.
    let expected = String::from_utf8_lossy(&expected).into_owned();
    let logs = f.runtime.logs(&id, false).await.unwrap();
    let logged = read_bytes(logs, expected.len()).await;
    let whole_lines = expected.rfind('\n').unwrap() + 1;
    let logged = String::from_utf8_lossy(&logged).into_owned();
    assert!(
        logged.len() >= whole_lines && expected.starts_with(&logged),
        "{logged}"
    );
}

/// The first bytes of a terminal.
async fn read_bytes(
    mut output: BoxStream<'static, Result<OutputChunk, EngineError>>,
    count: usize,
) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let Some(chunk) = within(output.next()).await else {
            break;
        };
        all.extend(chunk.unwrap().bytes);
    }
    all
}

/// The size at the start and later ones, and keys that an engine might take for itself.
pub async fn a_terminal_has_its_size<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let script = "trap 'stty size' WINCH; until [ \"$(stty size)\" = '33 111' ]; do sleep 0.05; done; \
                  stty size; stty raw -echo; printf ready; \
                  dd bs=1 count=2 2>/dev/null | od -An -tx1; \
                  until [ \"$(stty size)\" = '50 140' ]; do sleep 0.05; done; stty size; exit 3";
    let mut spec = f.shell(script);
    spec.terminal = Some(TerminalSize {
        rows: 33,
        columns: 111,
    });
    let id = f.runtime.create(&spec).await.unwrap();
    let Attachment {
        mut input,
        mut output,
    } = f.runtime.attach(&id).await.unwrap();
    f.runtime.start(&id).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("ready") {
        let chunk = within(output.next()).await.unwrap().unwrap();
        assert_eq!(chunk.stream, OutputStream::Stdout);
        seen.push_str(&String::from_utf8(chunk.bytes).unwrap());
    }
    assert!(seen.contains("33 111"), "{seen}");
    // ^P is the first of the keys that engines watch for.
    for key in [b"\x10", b"a"] {
        input.write_all(key).await.unwrap();
        input.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    f.runtime
        .resize(
            &id,
            TerminalSize {
                rows: 50,
                columns: 140,
            },
        )
        .await
        .unwrap();
    let rest = read_all(output, OutputStream::Stdout).await;
    assert!(rest.contains("10 61"), "{rest:?}");
    assert!(rest.contains("50 140"), "{rest:?}");
    assert_eq!(within(f.runtime.wait(&id)).await.unwrap(), 3);
}

/// Both streams, of a sandbox that has ended and of one that runs.
pub async fn logs_hold_everything<R: SandboxRuntime>(f: &Fixture<'_, R>) {
    let id = f
        .runtime
        .create(&f.shell("echo one; echo two >&2; sleep 1; echo three"))
        .await
        .unwrap();
    f.runtime.start(&id).await.unwrap();
    let followed = f.runtime.logs(&id, true).await.unwrap();
    assert_eq!(
        read_all(followed, OutputStream::Stdout).await,
        "one\nthree\n"
    );
    let ended = f.runtime.logs(&id, false).await.unwrap();
    assert_eq!(read_all(ended, OutputStream::Stderr).await, "two\n");
}
