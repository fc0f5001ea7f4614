//! An HTTPS server with an authority of its own, for documents and git repositories.
//!
//! ```
//! use scc_testkit::https::{HttpsServer, Reply};
//!
//! let server = HttpsServer::start(|request| match request.path() {
//!     "/org.json" => Reply::ok("{}").with_header("etag", "\"1\""),
//!     _ => Reply::status(404),
//! })?;
//! assert!(server.url("/org.json").starts_with("https://localhost:"));
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::authority::Authority;
use crate::http::{read_body, read_head};

/// What a client asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    ending: Ending,
    delay: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    /// With a length, and a goodbye.
    Proper,
    /// The length is larger than what is sent.
    Short(usize),
    /// No length, and the connection breaks.
    Torn,
    /// In chunks, and the last one is missing or not.
    Chunked { whole: bool },
    /// A byte now and then.
    Dripping(Duration),
}

impl Reply {
    /// Status 200 with this body.
    #[must_use]
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..Self::status(200)
        }
    }

    /// This status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            ending: Ending::Proper,
            delay: Duration::ZERO,
        }
    }

    /// A redirection.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::status(302).with_header("location", to)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The size of its body, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// Waits before it answers.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Announces this many bytes more than it sends.
    #[must_use]
    pub fn short_by(mut self, bytes: usize) -> Self {
        self.ending = Ending::Short(bytes);
        self
    }

    /// Announces no length and breaks the connection after the body, without a TLS goodbye.
    #[must_use]
    pub fn torn(mut self) -> Self {
        self.ending = Ending::Torn;
        self
    }

    /// Sends the body as one chunk; without the mark of the end when it is not `whole`.
    #[must_use]
    pub fn chunked(mut self, whole: bool) -> Self {
        self.ending = Ending::Chunked { whole };
        self
    }

    /// Sends the body byte by byte, with this pause between them.
    #[must_use]
    pub fn dripping(mut self, pause: Duration) -> Self {
        self.ending = Ending::Dripping(pause);
        self
    }
}

/// An HTTPS server on a free port of this machine. It ends with the process.
#[derive(Debug)]
pub struct HttpsServer {
    port: u16,
    authority: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

impl HttpsServer {
    /// Listens as `localhost` and `127.0.0.1`, which are two hosts to a client.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        let names = ["localhost", "127.0.0.1"];
        Self::start_as("127.0.0.1", &names, &Authority::new(), handler)
    }

    /// Listens on a free port of `address` as these hosts, with a certificate of this authority. A client
    /// may come with `CONNECT`, as to a proxy, and is answered by this server whatever host it wants.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start_as(
        address: &str,
        names: &[&str],
        authority: &Authority,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let config = authority.server(names);
        let server = Self {
            port: listener.local_addr()?.port(),
            authority: authority.certificate().to_owned(),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        let handler: Arc<Handler> = Arc::new(handler);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                let (requests, handler) = (Arc::clone(&requests), Arc::clone(&handler));
                // A connection that breaks is the client's business.
                std::thread::spawn(move || serve(stream, config, &requests, handler.as_ref()));
            }
        });
        Ok(server)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a path, by the name `localhost`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// The address of a path, by number: another host than that of [`HttpsServer::url`].
    #[must_use]
    pub fn other_url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// The certificate of the authority, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    log: &Mutex<Vec<Request>>,
    handler: &Handler,
) -> io::Result<()> {
    if through_proxy(&stream)? {
        (&stream).write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    }
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let Some(head) = read_head(&mut reader)? else {
        return Ok(());
    };
    let body = read_body(&head, &mut reader)?;
    let mut words = head.first_line.split(' ').map(str::to_owned);
    let request = Request {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        headers: head.headers,
        body,
    };
    log.lock().unwrap().push(request.clone());
    let reply = handler(&request);
    std::thread::sleep(reply.delay);
    send(&reply, reader.get_mut())
}

/// Whether the client speaks to a proxy; then it has said what it wants, and waits.
fn through_proxy(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    // The first byte of TLS is no letter.
    if stream.peek(&mut first)? == 0 || first != *b"C" {
        return Ok(false);
    }
    let head = read_head(&mut BufReader::new(stream))?;
    Ok(head.is_some_and(|head| head.first_line.starts_with("CONNECT ")))
}

fn send(reply: &Reply, stream: &mut StreamOwned<ServerConnection, TcpStream>) -> io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\nconnection: close\r\n",
        reply.status
    );
    let length = match reply.ending {
        Ending::Torn => None,
        Ending::Chunked { .. } => {
            head.push_str("transfer-encoding: chunked\r\n");
            None
        }
        Ending::Short(missing) => Some(reply.body.len() + missing),
        Ending::Proper | Ending::Dripping(_) => Some(reply.body.len()),
    };
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = length.filter(|_| reply.status != 304) {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    match reply.ending {
        Ending::Dripping(pause) => {
            for byte in &reply.body {
                stream.write_all(&[*byte])?;
                stream.flush()?;
                std::thread::sleep(pause);
            }
        }
        Ending::Chunked { whole } => {
            write!(stream, "{:x}\r\n", reply.body.len())?;
            stream.write_all(&reply.body)?;
            stream.write_all(if whole { b"\r\n0\r\n\r\n" } else { b"\r\n" })?;
        }
        _ => stream.write_all(&reply.body)?,
    }
    stream.flush()?;
    if !matches!(reply.ending, Ending::Torn) {
        stream.conn.send_close_notify();
        stream.flush()?;
    }
    stream.sock.shutdown(std::net::Shutdown::Write)?;
    // What the client still sends is read, or the system would answer it with a reset, which
    // takes bytes away that the client has not read yet.
    let _ = stream.sock.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = io::copy(&mut (&mut stream.sock).take(1 << 20), &mut io::sink());
    Ok(())
}

/// Answers a git client from the repositories below `root`, by `git http-backend`.
///
/// # Panics
/// When git does not run.
#[must_use]
pub fn git_backend(root: &Path, request: &Request) -> Reply {
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", request.path())
        .env("QUERY_STRING", query)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or(""))
        .env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or(""))
        .env(
            "HTTP_CONTENT_ENCODING",
            request.header("content-encoding").unwrap_or(""),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git runs");
    let mut input = child.stdin.take().expect("a pipe");
    let body = request.body.clone();
    let writer = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output().expect("git ends").stdout;
    let _ = writer.join();
    answer(&output)
}

/// The reply that a CGI program printed.
fn answer(output: &[u8]) -> Reply {
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => (&output[..end], &output[end + 4..]),
        None => (output, &[] as &[u8]),
    };
    let mut reply = Reply::ok(body);
    for line in String::from_utf8_lossy(head).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => {
                let code = status.split(' ').next().and_then(|code| code.parse().ok());
                reply.status = code.unwrap_or(500);
            }
            Some((name, value)) => reply = reply.with_header(name, value),
            None => {}
        }
    }
    reply
}
