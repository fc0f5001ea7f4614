//! What the agent's user has enabled in the agent itself, as its own settings have it.

use std::collections::BTreeMap;

/// Plugins and MCP servers of an agent's own settings. Whatever runs in the sandbox can have written
/// them: nothing of it is to be trusted, and values may be secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnExtensions {
    /// `name@marketplace`, as written.
    pub plugins: Vec<String>,
    /// The servers that are not switched off, none twice.
    pub mcp_servers: Vec<OwnServer>,
    /// What is there and cannot be taken over, and why: fragments in lower case, without values.
    pub left_out: Vec<String>,
}

/// An MCP server of an agent's own settings.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnServer {
    /// Its name, as written.
    pub name: String,
    /// How it is spoken to.
    pub endpoint: OwnEndpoint,
}

/// How such a server is spoken to. `${VARIABLE}` in a value stands for an environment variable.
#[derive(Clone, PartialEq, Eq)]
pub enum OwnEndpoint {
    /// Streamable HTTP: the address, and its headers.
    Http(String, BTreeMap<String, String>),
    /// HTTP with server-sent events: the same.
    Sse(String, BTreeMap<String, String>),
    /// A program.
    Program {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment.
        env: BTreeMap<String, String>,
    },
}

impl std::fmt::Debug for OwnServer {
    /// By its name: everything else may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnServer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OwnEndpoint {
    /// By its sort.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Http(..) => "Http",
            Self::Sse(..) => "Sse",
            Self::Program { .. } => "Program",
        })
    }
}
