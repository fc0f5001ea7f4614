//! A terminal's bytes as they are.
//!
//! The client library takes every stream for framed that begins with a byte below 3, since streams
//! without a terminal are framed. A terminal's stream never is, and any byte may come: so this
//! speaks to the engine itself. Over TLS the library has to do.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::engine::Transport;
use crate::{Attachment, EngineError, OutputChunk, OutputStream};

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// What is asked, and what for.
pub(super) struct Question<'a> {
    pub(super) action: &'a str,
    /// What does not exist when the engine says 404.
    pub(super) what: &'a str,
    pub(super) path: String,
    /// The body of a POST, in JSON.
    pub(super) body: String,
}

/// Whether this can speak over `transport`.
pub(super) fn speaks(transport: &Transport) -> bool {
    !matches!(transport, Transport::Tls(..))
}

/// Connects to a terminal. Acknowledged by the engine when this returns.
pub(super) async fn attach(
    transport: &Transport,
    question: &Question<'_>,
) -> Result<Attachment, EngineError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(question.path.as_str())
        .header(HOST, "engine")
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "tcp")
        .body(Full::from(question.body.clone()));
    let response = send(transport, request, question).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(response, question).await);
    }
    let upgraded = hyper::upgrade::on(response).await;
    let upgraded = upgraded.map_err(|error| broken(question.action, error))?;
    let (output, input) = tokio::io::split(TokioIo::new(upgraded));
    Ok(Attachment {
        input: Box::new(input),
        output: chunks(output, question.action.to_owned()),
    })
}

/// The bytes of an answer, as they come.
pub(super) async fn read(
    transport: &Transport,
    question: &Question<'_>,
) -> Result<BoxStream<'static, Result<OutputChunk, EngineError>>, EngineError> {
    let request = Request::builder()
        .uri(question.path.as_str())
        .header(HOST, "engine")
        .body(Full::default());
    let response = send(transport, request, question).await?;
    if response.status() != StatusCode::OK {
        return Err(refusal(response, question).await);
    }
    let action = question.action.to_owned();
    let bytes = response.into_body().into_data_stream();
    Ok(bytes
        .map_ok(|bytes| chunk(&bytes))
        .map_err(move |error| broken(&action, error))
        .boxed())
}

async fn send(
    transport: &Transport,
    request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    question: &Question<'_>,
) -> Result<Response<Incoming>, EngineError> {
    let action = question.action;
    let request = request.map_err(|error| broken(action, error))?;
    match transport {
        Transport::Unix(path) => {
            let stream = UnixStream::connect(path).await;
            over(
                stream.map_err(|error| broken(action, error))?,
                request,
                action,
            )
            .await
        }
        Transport::Plain(address) => {
            let stream = TcpStream::connect(address).await;
            over(
                stream.map_err(|error| broken(action, error))?,
                request,
                action,
            )
            .await
        }
        Transport::Tls(..) => Err(EngineError::Refused {
            action: action.to_owned(),
            message: "not over TLS".to_owned(),
        }),
    }
}

async fn over<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    action: &str,
) -> Result<Response<Incoming>, EngineError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(action, error))?;
    // A failure of the connection shows in the request and in the streams.
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await;
    response.map_err(|error| broken(action, error))
}

fn broken(action: &str, source: impl std::error::Error + Send + Sync + 'static) -> EngineError {
    EngineError::Broken {
        action: action.to_owned(),
        source: Box::new(source),
    }
}

#[derive(serde::Deserialize)]
struct Refusal {
    message: String,
}

async fn refusal(response: Response<Incoming>, question: &Question<'_>) -> EngineError {
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        let what = question.what.to_owned();
        return EngineError::NotFound { what };
    }
    let body = response.into_body().collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let message = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.message);
    EngineError::Refused {
        action: question.action.to_owned(),
        message: message.unwrap_or_else(|_| status.to_string()),
    }
}

fn chunk(bytes: &[u8]) -> OutputChunk {
    OutputChunk {
        stream: OutputStream::Stdout,
        bytes: bytes.to_vec(),
    }
}

/// What is read, until it ends.
fn chunks(
    input: impl AsyncRead + Send + Unpin + 'static,
    action: String,
) -> BoxStream<'static, Result<OutputChunk, EngineError>> {
    stream::unfold(Some(input), move |input| {
        let action = action.clone();
        async move {
            let mut input = input?;
            let mut buffer = vec![0; CHUNK];
            match input.read(&mut buffer).await {
                Ok(0) => None,
                Ok(count) => Some((Ok(chunk(&buffer[..count])), Some(input))),
                Err(error) => Some((Err(broken(&action, error)), None)),
            }
        }
    })
    .boxed()
}
