//! Test support: a scripted model server that both agents talk to, an HTTPS server for documents
//! and repositories, a client for a real container engine, a terminal driver, and a context that
//! keeps a test's files and containers apart.
//!
//! ```
//! use scc_testkit::model::{ModelServer, Step};
//!
//! let server = ModelServer::start("127.0.0.1", vec![Step::Shell("echo hello".into())])?;
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "support for tests: a broken assumption ends the test"
)]

pub mod authority;
pub mod context;
pub mod engine;
pub mod gate;
mod http;
pub mod https;
pub mod internet;
pub mod mcp;
pub mod model;
pub mod picture;
pub mod pty;
pub mod schema;

use std::time::{Duration, Instant};

/// Calls `probe` until it gives something, for at most `limit`.
///
/// # Panics
/// When the time is over.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(
            Instant::now() < end,
            "{what} did not happen within {limit:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
