//! Enforced egress, attacked from inside a sandbox.

mod agents;
mod escape;
mod live;
mod tools;
mod trouble;
pub(crate) mod world;
