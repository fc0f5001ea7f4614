//! Enforced egress, attacked from inside a sandbox.

mod agents;
mod broken;
mod escape;
mod interrupted;
mod live;
mod proof;
mod proven;
mod refusals;
mod servers;
mod tools;
mod trouble;
pub(crate) mod world;
