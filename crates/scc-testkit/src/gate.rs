//! A gate in front of a container engine, which can hold a client at any request that changes
//! something.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use crate::http::{Head, read_body, read_head};

/// On which side of a request a client is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The engine has not seen the request.
    Before,
    /// The engine has answered, and the client has not seen the answer.
    After,
}

/// A socket behind which the engine is. Requests that change something are counted, and one of
/// them can be held. It ends with the process.
#[derive(Debug)]
pub struct Gate {
    socket: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<String>,
    hold_at: Option<(usize, Side)>,
    is_held: bool,
    refusals: Vec<(String, String)>,
    rewrites: Vec<(String, Change)>,
    /// How many requests the engine may be carrying out.
    in_flight: usize,
}

/// A change of what a container is to be.
#[derive(Clone)]
struct Change(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Gate {
    /// Opens a gate at `socket` in front of the engine at the address `unix://…`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(socket: &Path, engine: &str) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let engine = PathBuf::from(engine.trim_start_matches("unix://"));
        let shared = Arc::new(Shared::default());
        let gate = Self {
            socket: socket.to_owned(),
            shared: Arc::clone(&shared),
        };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (engine, shared) = (engine.clone(), Arc::clone(&shared));
                // A connection that breaks is what this is about.
                std::thread::spawn(move || serve(client, &engine, &shared));
            }
        });
        Ok(gate)
    }

    /// The address for `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Forgets what was counted, and holds the client at the request with this number, from 0.
    pub fn hold_at(&self, number: usize, side: Side) {
        let mut state = self.shared.lock();
        state.seen.clear();
        state.refusals.clear();
        state.hold_at = Some((number, side));
        state.is_held = false;
    }

    /// Waits until a client is held.
    ///
    /// # Panics
    /// With the requests so far, when none is within `limit`.
    pub fn wait_until_held(&self, limit: Duration) {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, limit, |state| !state.is_held);
        let (state, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "not held; seen: {:?}", state.seen);
    }

    /// Lets everything through from now on.
    pub fn release(&self) {
        let mut state = self.shared.lock();
        state.hold_at = None;
        state.is_held = false;
        self.shared.changed.notify_all();
    }

    /// Waits until the engine has carried out what was sent.
    ///
    /// # Panics
    /// When it has not within `limit`.
    pub fn wait_until_idle(&self, limit: Duration) {
        let state = self.shared.lock();
        let busy = |state: &mut State| state.in_flight > 0;
        let waited = self.shared.changed.wait_timeout_while(state, limit, busy);
        assert!(!waited.unwrap().1.timed_out(), "the engine is still busy");
    }

    /// Answers every request of this method and path with a failure of the engine's.
    pub fn refuse(&self, request: &str, message: &str) {
        let refusal = (request.to_owned(), message.to_owned());
        self.shared.lock().refusals.push(refusal);
    }

    /// Changes every container that is made with this role, as somebody would who has taken the
    /// engine over.
    pub fn rewrite(&self, role: &str, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        let rewrite = (role.to_owned(), Change(Arc::new(change)));
        self.shared.lock().rewrites.push(rewrite);
    }

    /// Forgets what was counted, and returns it: method and path of each request.
    #[must_use]
    pub fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().seen)
    }
}

/// One request of a client, whose connection ends with the answer: so the gate need not know where
/// an answer ends.
fn serve(client: UnixStream, engine: &Path, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let Some(head) = read_head(&mut reader)? else {
        return Ok(());
    };
    let is_raw = head.header("upgrade").is_some();
    let body = if is_raw {
        Vec::new()
    } else {
        rewritten(&head, read_body(&head, &mut reader)?, shared)
    };
    let number = count(&head, shared);
    let _flight = (number.is_some() && !is_raw).then(|| Flight::begin(shared));
    hold(number, Side::Before, shared);
    // What is no request any more could be the beginning of a stream.
    if !is_raw && has_gone(&client)? {
        return Ok(());
    }
    if let Some(message) = refusal(&head, shared) {
        let body = serde_json::json!({ "message": message }).to_string();
        let mut client = client;
        write!(
            client,
            "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        return Ok(());
    }
    let mut upstream = UnixStream::connect(engine)?;
    upstream.write_all(&request(&head, is_raw, &body))?;
    if is_raw {
        let (mut to_engine, mut from_client) = (upstream.try_clone()?, reader);
        std::thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_engine);
            let _ = to_engine.shutdown(Shutdown::Write);
        });
    }
    // The first bytes of an answer say that the request has been carried out.
    let mut first = [0; 4096];
    let length = upstream.read(&mut first)?;
    hold(number, Side::After, shared);
    let mut client = client;
    client.write_all(&first[..length])?;
    io::copy(&mut upstream, &mut client)?;
    let _ = client.shutdown(Shutdown::Both);
    Ok(())
}

/// A request that the engine may still be carrying out.
struct Flight<'a>(&'a Shared);

impl<'a> Flight<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.lock().in_flight += 1;
        Self(shared)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.changed.notify_all();
    }
}

/// A client that was killed while it was held sends nothing any more.
fn has_gone(client: &UnixStream) -> io::Result<bool> {
    let mut next = client.try_clone()?;
    next.set_nonblocking(true)?;
    let gone = matches!(next.read(&mut [0]), Ok(0));
    next.set_nonblocking(false)?;
    Ok(gone)
}

/// Method and path.
fn target(head: &Head) -> Option<(&str, &str)> {
    let mut words = head.first_line.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    Some((method, path.split('?').next()?))
}

fn refusal(head: &Head, shared: &Shared) -> Option<String> {
    let (method, path) = target(head)?;
    let wanted = format!("{method} {path}");
    let state = shared.lock();
    let found = state
        .refusals
        .iter()
        .find(|(request, _)| *request == wanted);
    found.map(|(_, message)| message.clone())
}

/// What the engine gets to see of a request.
fn rewritten(head: &Head, body: Vec<u8>, shared: &Shared) -> Vec<u8> {
    let is_made = target(head).is_some_and(|(_, path)| path.ends_with("/containers/create"));
    let rewrites = shared.lock().rewrites.clone();
    let parsed = (is_made && !rewrites.is_empty()).then(|| serde_json::from_slice(&body));
    let Some(Ok::<Value, _>(mut parsed)) = parsed else {
        return body;
    };
    let role = parsed["Labels"]["dev.scc.role"].as_str().map(str::to_owned);
    for (_, change) in rewrites
        .iter()
        .filter(|(one, _)| Some(one) == role.as_ref())
    {
        (change.0)(&mut parsed);
    }
    parsed.to_string().into_bytes()
}

/// The number of a request that changes something.
fn count(head: &Head, shared: &Shared) -> Option<usize> {
    let (method, path) = target(head)?;
    // Waiting is a POST and changes nothing.
    if matches!(method, "GET" | "HEAD") || path.ends_with("/wait") {
        return None;
    }
    let mut state = shared.lock();
    state.seen.push(format!("{method} {path}"));
    Some(state.seen.len() - 1)
}

fn hold(number: Option<usize>, side: Side, shared: &Shared) {
    let Some(number) = number else { return };
    let mut state = shared.lock();
    if state.hold_at != Some((number, side)) {
        return;
    }
    state.is_held = true;
    shared.changed.notify_all();
    let _open = shared.changed.wait_while(state, |state| state.is_held);
}

fn request(head: &Head, is_raw: bool, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{}\r\n", head.first_line);
    for (name, value) in &head.headers {
        let framing = matches!(
            name.as_str(),
            "connection" | "content-length" | "transfer-encoding"
        );
        if is_raw || !framing {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if !is_raw {
        text.push_str(&format!(
            "connection: close\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(body);
    bytes
}
