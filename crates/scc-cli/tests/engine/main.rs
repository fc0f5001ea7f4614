//! The command on a real container engine, with the scripted agent and with the real ones.

#![expect(clippy::unwrap_used, reason = "tests")]

mod agents;
mod crash;
mod dashboard;
mod egress;
mod governed;
mod hardening;
mod init;
mod lifecycle;
mod login;
mod parallel;
mod prove;
mod quick;
mod restart;
mod resume;
mod safety;
mod safety_agents;
mod safety_audit;
mod safety_policy;
mod support;
mod terminal;
mod trouble;
mod unblock;
mod worktree;
