//! Starting, ending and removing sandboxes.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    RemoveContainerOptions, ResizeContainerTTYOptions, StopContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt as _;

use super::REQUEST_LIMIT;
use super::failure::{failed, message, status};
use crate::{EngineError, TerminalSize};

pub(super) fn named(id: &str) -> String {
    format!("the sandbox `{id}`")
}

pub(super) async fn start(docker: &Docker, id: &str) -> Result<(), EngineError> {
    docker
        .start_container(id, None)
        .await
        .map_err(failed("starting the sandbox", &named(id)))
}

pub(super) async fn resize(
    docker: &Docker,
    id: &str,
    size: TerminalSize,
) -> Result<(), EngineError> {
    let options = ResizeContainerTTYOptions {
        h: size.rows.into(),
        w: size.columns.into(),
    };
    docker
        .resize_container_tty(id, options)
        .await
        .map_err(failed("resizing the sandbox's terminal", &named(id)))
}

/// The engine's client library takes an exit status other than zero for an error.
pub(super) async fn wait(docker: &Docker, id: &str) -> Result<i64, EngineError> {
    let options = WaitContainerOptions {
        condition: "not-running".to_owned(),
    };
    let stream = docker.wait_container(id, Some(options));
    tokio::pin!(stream);
    let action = "waiting for the sandbox";
    match stream.next().await {
        Some(Ok(answer)) => Ok(answer.status_code),
        Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(failed(action, &named(id))(error)),
        None => Err(EngineError::Broken {
            action: action.to_owned(),
            source: "the answer ended early".into(),
        }),
    }
}

pub(super) async fn stop(docker: &Docker, id: &str, grace: Duration) -> Result<(), EngineError> {
    let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    let options = StopContainerOptions {
        t: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
        ..StopContainerOptions::default()
    };
    // The engine answers only when the sandbox has ended.
    let patient = docker.clone().with_timeout(grace + REQUEST_LIMIT);
    match patient.stop_container(id, Some(options)).await {
        // 304: it has ended already.
        Err(error) if status(&error) == Some(304) => Ok(()),
        other => other.map_err(failed("ending the sandbox", &named(id))),
    }
}

pub(super) async fn remove(docker: &Docker, id: &str) -> Result<(), EngineError> {
    // `v` takes the nameless volumes that an image may declare; named ones stay.
    let options = RemoveContainerOptions {
        force: true,
        v: true,
        link: false,
    };
    match docker.remove_container(id, Some(options)).await {
        Err(error) if is_going(&error) => Ok(()),
        other => other.map_err(failed("removing the sandbox", &named(id))),
    }
}

/// Gone, or being removed by somebody else at this moment.
fn is_going(error: &Error) -> bool {
    match status(error) {
        Some(404) => true,
        Some(409) => message(error).contains("already in progress"),
        _ => false,
    }
}
