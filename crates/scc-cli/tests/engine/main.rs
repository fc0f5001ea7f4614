//! The command on a real container engine, with the scripted agent and with the real ones.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agents;
mod bench;
mod bundles;
mod crash;
mod dashboard;
mod egress;
mod extensions;
mod extensions_forged;
mod extensions_tries;
mod governed;
mod hardening;
mod init;
mod lifecycle;
mod login;
mod mcp_test;
mod parallel;
mod profile;
mod prove;
mod quick;
mod restart;
mod resume;
mod safety;
mod safety_agents;
mod safety_audit;
mod safety_net;
mod safety_policy;
mod support;
mod terminal;
mod trouble;
mod unblock;
mod worktree;
