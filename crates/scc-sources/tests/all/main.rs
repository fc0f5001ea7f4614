//! Everything is tested against real files, a real HTTPS server and real git.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panic as tests do"
)]

mod bench;
mod copies;
mod git;
mod https;
mod sources;
mod trees;
