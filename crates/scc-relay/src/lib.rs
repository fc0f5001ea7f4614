//! What joins a sandbox to its proxy.
//!
//! A sandbox with enforced egress has no network but its own loopback. There a relay listens for
//! the tools, and passes connections on to a socket that it shares with the proxy's side
//! ([`relay`]). On that side a second one takes them, and checks that the name which a client asks
//! of the server in its first TLS message is the one that the proxy has let through ([`tls`]).
//! Before the agent starts, the sandbox is held ([`hold`]) until its network was probed from
//! inside ([`probe`]).
//!
//! Only the standard library and system calls: this runs as part of a static program in sandboxes.
//!
//! ```
//! use scc_relay::tls::{Hello, server_name};
//!
//! assert_eq!(server_name(b"SSH-2.0-x\r\n"), Hello::NotTls);
//! assert_eq!(server_name(&[22, 3, 1]), Hello::Incomplete);
//! ```

pub mod address;
mod check;
mod cut;
pub mod hold;
mod http;
pub mod live;
pub mod probe;
mod refusal;
pub mod relay;
mod serve;
mod stream;
pub mod tls;

/// The exit status of a command line that cannot be understood.
pub const USAGE: u8 = 2;
/// The exit status when something could not be done.
pub const FAILED: u8 = 1;
