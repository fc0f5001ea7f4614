//! The commands around the rules that apply.
#![expect(clippy::unwrap_used, reason = "tests")]

mod config;
mod exceptions;
mod org;
mod packages;
mod refresh;
mod safety;
mod start;
mod support;
mod team;
mod workspace;
