//! Enforced egress, attacked from inside a sandbox.

mod escape;
mod world;
