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
use super::raw::{self, Question};
use crate::engine::Transport;
use crate::{Attachment, EngineError, ExecSpec, OutputChunk, OutputStream, TerminalSize};

/// Engines watch a terminal's input for keys that detach, by default ^P^Q, and hold back what may
/// be their beginning, so that ^P alone would not arrive. There is no way to say "none"; nobody
/// types this.
const DETACH_KEYS: &str = "ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_";

pub(super) async fn attach(
    docker: &Docker,
    transport: &Transport,
    id: &str,
) -> Result<Attachment, EngineError> {
    let action = "attaching to the sandbox";
    if raw::speaks(transport) && has_terminal(docker, action, id).await? {
        let keys = DETACH_KEYS.replace('^', "%5E");
        let question = Question {
            action,
            what: &named(id),
            path: format!(
                "/containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys={keys}"
            ),
            body: String::new(),
        };
        return raw::attach(transport, &question).await;
    }
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
        .map_err(failed(action, &named(id)))?;
    Ok(attachment(streams.input, streams.output))
}

async fn has_terminal(docker: &Docker, action: &str, id: &str) -> Result<bool, EngineError> {
    let found = docker.inspect_container(id, None).await;
    let found = found.map_err(failed(action, &named(id)))?;
    Ok(found
        .config
        .and_then(|config| config.tty)
        .unwrap_or_default())
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
    transport: &Transport,
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
    let attachment = if tty && raw::speaks(transport) {
        let question = Question {
            action,
            what: &named(id),
            path: format!("/exec/{exec}/start"),
            body: r#"{"Detach":false,"Tty":true}"#.to_owned(),
        };
        raw::attach(transport, &question).await?
    } else {
        start_exec(docker, &exec, tty, (action, id)).await?
    };
    if let Some(size) = spec.terminal {
        // Engines before API 1.42 take no notice of the size at creation. A command that has
        // already ended has no terminal any more.
        let _ = exec_resize(docker, &exec, size).await;
    }
    Ok((exec, attachment))
}

async fn start_exec(
    docker: &Docker,
    exec: &str,
    tty: bool,
    (action, id): (&str, &str),
) -> Result<Attachment, EngineError> {
    let options = StartExecOptions {
        detach: false,
        tty,
        output_capacity: None,
    };
    let started = docker.start_exec(exec, Some(options)).await;
    match started.map_err(failed(action, &named(id)))? {
        StartExecResults::Attached { output, input } => Ok(attachment(input, output)),
        StartExecResults::Detached => Err(EngineError::Refused {
            action: action.to_owned(),
            message: "the engine did not connect the command's streams".to_owned(),
        }),
    }
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
    transport: &Transport,
    id: &str,
    follow: bool,
) -> Result<BoxStream<'static, Result<OutputChunk, EngineError>>, EngineError> {
    let action = "reading the sandbox's log";
    // Asked also because a sandbox that does not exist would show only when the stream is read.
    if has_terminal(docker, action, id).await? && raw::speaks(transport) {
        let question = Question {
            action,
            what: &named(id),
            path: format!("/containers/{id}/logs?stdout=1&stderr=1&follow={follow}"),
            body: String::new(),
        };
        return raw::read(transport, &question).await;
    }
    let options = LogsOptions {
        follow,
        stdout: true,
        stderr: true,
        ..LogsOptions::default()
    };
    Ok(chunks(docker.logs(id, Some(options))))
}
