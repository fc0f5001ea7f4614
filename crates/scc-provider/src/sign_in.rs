//! Sign-in as scc sees it: files in the provider's volume, and a command that makes them.

use std::collections::BTreeMap;

/// Files of a provider's volume, by path relative to the volume; absent files are not in the map.
pub type VolumeFiles = BTreeMap<String, Vec<u8>>;

/// Whether the agent can act for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// The volume holds credentials. Whether the vendor still accepts them is not known.
    SignedIn,
    /// The volume holds none, or they cannot be read.
    SignedOut,
}

/// How a person signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSpec {
    /// The command line that runs in a container with a terminal.
    pub argv: Vec<String>,
    /// Environment variables of that command.
    pub env: BTreeMap<String, String>,
    /// One line that tells the user what will happen.
    pub instructions: &'static str,
}
