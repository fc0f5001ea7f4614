//! The dashboard in a terminal, without an engine.

#![expect(clippy::unwrap_used, reason = "tests")]

mod endings;
mod keys;
mod support;
mod trouble;
