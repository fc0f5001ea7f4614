//! Which documents count, which refuse a launch, and what nobody can do to them.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panic as tests do"
)]

mod bench;
mod local;
mod remote;
