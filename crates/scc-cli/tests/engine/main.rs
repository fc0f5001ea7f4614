//! The command on a real container engine, with the scripted agent and with the real ones.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agents;
mod bench;
mod crash;
mod extensions;
mod extensions_tries;
mod governed;
mod hardening;
mod lifecycle;
mod login;
mod support;
mod terminal;
mod trouble;
mod worktree;
