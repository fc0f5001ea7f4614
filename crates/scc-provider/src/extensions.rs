//! What an agent is given besides its own tools: plugins, skills and MCP servers, chosen by the rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::SealedFile;

/// The plugins, skills and MCP servers of one launch.
#[derive(Debug, Clone, Default)]
pub struct Extensions {
    /// An organization's rules apply: nobody inside may add to these. Otherwise they come on top of
    /// what the agent's user has.
    pub locked: bool,
    /// The plugins, none twice.
    pub plugins: Vec<Plugin>,
    /// The skills that come without a plugin; no two names differ in case only.
    pub skills: Vec<Skill>,
    /// The servers; no two names differ in case only.
    pub mcp_servers: Vec<McpServer>,
}

/// A plugin with its files.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The name of its marketplace, of the same characters.
    pub marketplace: String,
    /// Its entry in the marketplace's catalog, with the keys of whichever agent the catalog is for.
    pub entry: Map<String, Value>,
    /// Relative path to file. Checked: no path leads out, and none is a link.
    pub files: BTreeMap<String, SealedFile>,
}

/// A skill that comes without a plugin.
#[derive(Debug, Clone)]
pub struct Skill {
    /// Its name, which its `SKILL.md` has too: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Relative path to file, with a `SKILL.md` that has a name and a description. Checked as those
    /// of a [`Plugin`] are.
    pub files: BTreeMap<String, SealedFile>,
}

/// An MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// How it is spoken to.
    pub endpoint: McpEndpoint,
}

/// How an MCP server is spoken to. Secrets are not in it but in environment variables, so that none
/// can get into a file or an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpEndpoint {
    /// Streamable HTTP.
    Http(Remote),
    /// HTTP with server-sent events.
    Sse(Remote),
    /// A program in the sandbox, by its standard input and output.
    Program(Program),
}

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its URL.
    pub url: String,
    /// Header to the environment variable that holds the header's whole value.
    pub headers: BTreeMap<String, String>,
}

/// A program that is a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The absolute path in the sandbox of a sealed script that starts it with its arguments.
    pub path: String,
    /// The environment variables that the script has to see.
    pub variables: Vec<String>,
}

/// Something that an agent cannot be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// What sort of thing.
    pub kind: ExtensionKind,
    /// `name@marketplace` of a plugin, the name of a skill or a server.
    pub name: String,
    /// Why: a fragment in lower case.
    pub reason: String,
}

/// The sort of an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtensionKind {
    /// A plugin.
    Plugin,
    /// A part of a plugin; the rest is delivered.
    PluginPart,
    /// Hooks of a plugin; the rest is delivered. What they are to forbid or to check, nobody does.
    PluginHooks,
    /// A skill that comes without a plugin.
    Skill,
    /// An MCP server.
    McpServer,
}

/// A marketplace that an agent knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnMarketplace {
    /// Its name in references to plugins.
    pub name: &'static str,
    /// The owner of its repository on GitHub.
    pub owner: &'static str,
    /// The repository.
    pub repo: &'static str,
}

impl Plugin {
    /// `name@marketplace`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.marketplace)
    }

    /// A file's content as JSON; `None` where there is no such file or it is something else.
    #[must_use]
    pub fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_slice(&self.files.get(path)?.content).ok()
    }

    /// A text of the catalog's entry.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.entry.get(key)?.as_str()
    }

    /// That it cannot be delivered.
    #[must_use]
    pub fn undelivered(&self, kind: ExtensionKind, reason: impl Into<String>) -> Undelivered {
        Undelivered {
            kind,
            name: self.reference(),
            reason: reason.into(),
        }
    }
}

impl Skill {
    /// That it cannot be delivered.
    #[must_use]
    pub fn undelivered(&self, reason: impl Into<String>) -> Undelivered {
        Undelivered {
            kind: ExtensionKind::Skill,
            name: self.name.clone(),
            reason: reason.into(),
        }
    }
}

impl McpServer {
    /// That it cannot be delivered.
    #[must_use]
    pub fn undelivered(&self, reason: impl Into<String>) -> Undelivered {
        Undelivered {
            kind: ExtensionKind::McpServer,
            name: self.name.clone(),
            reason: reason.into(),
        }
    }

    /// The environment variables that it takes.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let (headers, program) = match &self.endpoint {
            McpEndpoint::Http(remote) | McpEndpoint::Sse(remote) => (Some(&remote.headers), None),
            McpEndpoint::Program(program) => (None, Some(&program.variables)),
        };
        let headers = headers.into_iter().flat_map(BTreeMap::values);
        let variables = program.into_iter().flatten();
        headers.chain(variables).map(String::as_str)
    }
}

impl Extensions {
    /// All of them as undelivered, for an agent that has no place for any.
    #[must_use]
    pub fn all_undelivered(&self, reason: &str) -> Vec<Undelivered> {
        let plugins = self.plugins.iter();
        let plugins = plugins.map(|plugin| plugin.undelivered(ExtensionKind::Plugin, reason));
        let skills = self.skills.iter();
        let skills = skills.map(|skill| skill.undelivered(reason));
        let servers = self.mcp_servers.iter();
        let servers = servers.map(|server| server.undelivered(reason));
        plugins.chain(skills).chain(servers).collect()
    }
}
