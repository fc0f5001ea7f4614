//! Standard streams: attaching, further commands, logs.

use std::pin::Pin;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::{AttachContainerOptions, LogsOptions, ResizeExecOptions};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWrite;

use super::create::user;
use super::failure::failed;
use super::lifecycle::named;
use crate::{Attachment, EngineError, ExecSpec, OutputChunk, OutputStream, TerminalSize};

/// Engines watch a terminal's input for keys that detach, by default ^P^Q, and hold back what may
/// be their beginning, so that ^P alone would not arrive. There is no way to say "none"; nobody
/// types this.
const DETACH_KEYS: &str = "ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_";

pub(super) async fn attach(docker: &Docker, id: &str) -> Result<Attachment, EngineError> {
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        logs: false,
        detach_keys: Some(DETACH_KEYS.to_owned()),
    };
    let streams = docker
        .attach_container(id, Some(options))
        .await
        .map_err(failed("attaching to the sandbox", &named(id)))?;
    Ok(attachment(streams.input, streams.output))
}

fn attachment(
    input: Pin<Box<dyn AsyncWrite + Send>>,
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
) -> Attachment {
    Attachment {
        input: Box::new(input),
        output: chunks(output),
    }
}

fn chunks(
    output: impl Stream<Item = Result<LogOutput, Error>> + Send + 'static,
) -> BoxStream<'static, Result<OutputChunk, EngineError>> {
    output
        .map(|item| match item {
            Ok(output) => Ok(chunk(output)),
            Err(error) => Err(failed("reading the sandbox's output", "the sandbox")(error)),
        })
        .boxed()
}

fn chunk(output: LogOutput) -> OutputChunk {
    let stream = match output {
        LogOutput::StdErr { .. } => OutputStream::Stderr,
        _ => OutputStream::Stdout,
    };
    OutputChunk {
        stream,
        bytes: output.into_bytes().to_vec(),
    }
}

pub(super) async fn exec(
    docker: &Docker,
    id: &str,
    spec: &ExecSpec,
) -> Result<(String, Attachment), EngineError> {
    let action = "running a command in the sandbox";
    let tty = spec.terminal.is_some();
    let exec = docker
        .create_exec(id, exec_config(spec))
        .await
        .map_err(failed(action, &named(id)))?
        .id;
    let options = StartExecOptions {
        detach: false,
        tty,
        output_capacity: None,
    };
    let started = docker
        .start_exec(&exec, Some(options))
        .await
        .map_err(failed(action, &named(id)))?;
    let StartExecResults::Attached { output, input } = started else {
        let message = "the engine did not connect the command's streams".to_owned();
        return Err(EngineError::Refused {
            action: action.to_owned(),
            message,
        });
    };
    if let Some(size) = spec.terminal {
        // Engines before API 1.42 take no notice of the size at creation. A command that has
        // already ended has no terminal any more.
        let _ = exec_resize(docker, &exec, size).await;
    }
    Ok((exec, attachment(input, output)))
}

fn exec_config(spec: &ExecSpec) -> ExecConfig {
    let tty = spec.terminal.is_some();
    ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(!tty),
        tty: Some(tty),
        console_size: spec
            .terminal
            .map(|size| vec![size.rows.into(), size.columns.into()]),
        detach_keys: Some(DETACH_KEYS.to_owned()),
        env: Some(
            spec.env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        cmd: Some(spec.argv.clone()),
        privileged: Some(false),
        user: spec.user.map(user),
        working_dir: spec.working_dir.clone(),
    }
}

pub(super) async fn exec_resize(
    docker: &Docker,
    exec_id: &str,
    size: TerminalSize,
) -> Result<(), EngineError> {
    let options = ResizeExecOptions {
        h: size.rows.into(),
        w: size.columns.into(),
    };
    docker
        .resize_exec(exec_id, options)
        .await
        .map_err(failed("resizing a command's terminal", "the command"))
}

pub(super) async fn exec_status(docker: &Docker, exec_id: &str) -> Result<i64, EngineError> {
    let action = "asking for a command's exit status";
    // The streams end a moment before the engine has noted the status.
    for _ in 0..50 {
        let found = docker
            .inspect_exec(exec_id)
            .await
            .map_err(failed(action, "the command"))?;
        if let (Some(status), Some(false)) = (found.exit_code, found.running) {
            return Ok(status);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let message = "the command is still running".to_owned();
    Err(EngineError::Refused {
        action: action.to_owned(),
        message,
    })
}

pub(super) async fn logs(
    docker: &Docker,
    id: &str,
    follow: bool,
) -> Result<BoxStream<'static, Result<OutputChunk, EngineError>>, EngineError> {
    // Otherwise a sandbox that does not exist would show only when the stream is read.
    docker
        .inspect_container(id, None)
        .await
        .map_err(failed("reading the sandbox's log", &named(id)))?;
    let options = LogsOptions {
        follow,
        stdout: true,
        stderr: true,
        ..LogsOptions::default()
    };
    Ok(chunks(docker.logs(id, Some(options))))
}
