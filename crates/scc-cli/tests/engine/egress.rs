//! Enforced egress, attacked from inside a sandbox.

mod agents;
mod escape;
mod interrupted;
mod live;
mod proof;
mod tools;
mod trouble;
pub(crate) mod world;
