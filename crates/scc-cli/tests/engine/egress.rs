//! Enforced egress, attacked from inside a sandbox.

mod agents;
mod escape;
mod tools;
mod trouble;
mod world;
