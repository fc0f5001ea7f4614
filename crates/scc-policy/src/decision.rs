//! What was decided about each item, by which rule, and where both stand.

use std::fmt;

use scc_config::McpServer;
use schemars::JsonSchema;
use serde::Serialize;

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Nowhere: what holds when nobody says anything.
    Default,
    /// The organization's document.
    Organization,
    /// The team's profile in the organization's document.
    Team,
    /// The own document of a federated team.
    TeamDocument,
    /// The personal profile.
    Personal,
    /// The document in the workspace.
    Workspace,
    /// A developer's own exception.
    Exception,
}

impl Layer {
    /// The word in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Organization => "organization",
            Self::Team => "team",
            Self::TeamDocument => "team-document",
            Self::Personal => "personal",
            Self::Workspace => "workspace",
            Self::Exception => "exception",
        }
    }
}

/// A layer, with the file and line where known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The file, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Origin {
    /// Nobody said anything.
    pub(crate) fn default_value() -> Self {
        Self::of(Layer::Default)
    }

    /// A layer, without a place in it.
    pub(crate) fn of(layer: Layer) -> Self {
        Self {
            layer,
            file: None,
            line: None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.layer.as_str())?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})"),
            (Some(file), None) => write!(f, " ({file})"),
            _ => Ok(()),
        }
    }
}

/// What kind of thing was decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// A plugin, `name@marketplace` where it could be read.
    Plugin,
    /// An MCP server, by name.
    McpServer,
    /// A marketplace, by name.
    Marketplace,
    /// A network policy.
    NetworkPolicy,
    /// A length of sessions.
    SessionTimeout,
    /// A command, `section/name`.
    DevAction,
    /// A provider, by id.
    Provider,
    /// A bundle of governed artifacts, by name.
    Bundle,
    /// A governed artifact, by name.
    Artifact,
    /// A set of hosts, by name.
    DestinationSet,
    /// An exception, by id.
    Exception,
    /// The whole of a layer.
    Layer,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in the policy.
    Allowed,
    /// Security forbids it; only an exception in the organization's document helps.
    Blocked,
    /// Nobody let this layer add it.
    Denied,
    /// It has no effect.
    Ignored,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The organization gives it to everybody.
    Baseline,
    /// The layer may add it.
    Delegated,
    /// An exception lifts what stood against it.
    Exception,
    /// A pattern of the organization's security blocks it.
    BlockedBySecurity,
    /// The layer may not add such things.
    NotDelegated,
    /// The organization lets no personal profile have an effect.
    PersonalOff,
    /// No pattern of the allowlist fits.
    NotInAllowlist,
    /// The organization allows no MCP servers that are programs.
    StdioNotAllowed,
    /// The program is not an absolute path inside an allowed folder.
    StdioPath,
    /// The network policy leaves it unreachable.
    NetworkPolicy,
    /// It takes values from the host, and stands in a file that an agent can write.
    HostValue,
    /// It cannot be read, or lacks what it needs.
    Malformed,
    /// Its marketplace is not known here.
    UnknownMarketplace,
    /// A pattern of `disabled_plugins` fits.
    Disabled,
    /// Something with the same name was there before.
    Duplicate,
    /// It would loosen what applies.
    Looser,
    /// It is at least as strict as what applied.
    Stricter,
    /// The organization does not trust the team's document with it.
    NotTrusted,
    /// A document from elsewhere may not name a directory of this machine.
    HostDirectory,
    /// It is not known.
    Unknown,
    /// Its time is over.
    Expired,
    /// It would last longer than the organization lets exceptions last.
    TooLong,
    /// There is no organization.
    Standalone,
    /// It is in a file that an agent can write, and was not accepted on this machine.
    NotAccepted,
    /// It was made for another workspace.
    OtherWorkspace,
    /// It claims to lift blocks, which only the organization's document may.
    WrongScope,
}

/// A rule that decided, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rule {
    /// The key of the rule, with its value where that helps.
    pub text: String,
    /// The layer it belongs to.
    pub layer: Layer,
    /// The file, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, counted from 1; of what contains it where the key is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Rule {
    pub(crate) fn new(text: impl Into<String>, origin: Origin) -> Self {
        Self {
            text: text.into(),
            layer: origin.layer,
            file: origin.file,
            line: origin.line,
        }
    }
}

/// What was decided about one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decision {
    /// The item; how it is written depends on the kind.
    pub item: String,
    /// The kind of item.
    pub kind: ItemKind,
    /// Where an MCP server is: its address without user and query, or its program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// An MCP server as it is; as a pattern, it fits this server alone until anything in it changes.
    #[serde(skip)]
    pub identity: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people: a fragment in lower case.
    pub message: String,
    /// The provider whose agent alone it is about, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The layer that asked for it.
    pub layer: Layer,
    /// The file that asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// An exception of the developer's own would let it through.
    pub liftable: bool,
}

/// An item that a layer asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) item: String,
    pub(crate) kind: ItemKind,
    pub(crate) origin: Origin,
    target: Option<String>,
    identity: Option<String>,
}

impl Asked {
    pub(crate) fn new(kind: ItemKind, item: impl Into<String>, origin: Origin) -> Self {
        Self {
            item: item.into(),
            kind,
            origin,
            target: None,
            identity: None,
        }
    }

    /// An MCP server, with where and what it is.
    pub(crate) fn server(server: &McpServer, origin: Origin) -> Self {
        Self {
            target: server.target(),
            identity: Some(server.identity()),
            ..Self::new(ItemKind::McpServer, server.name.trim(), origin)
        }
    }

    /// The decision about it, so far without a rule and a next step.
    pub(crate) fn decide(&self, outcome: Outcome, reason: Reason, message: String) -> Decision {
        Decision {
            item: self.item.clone(),
            kind: self.kind,
            target: self.target.clone().map(without_controls),
            identity: self.identity.clone(),
            outcome,
            reason,
            message: without_controls(message),
            provider: None,
            layer: self.origin.layer,
            file: self.origin.file.clone(),
            line: self.origin.line,
            rule: None,
            next_step: None,
            liftable: false,
        }
    }
}

/// Names of a document may hold line ends and escape sequences, and end up on terminals.
fn without_controls(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escaped = text.chars().map(|c| match c.is_control() {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    });
    escaped.collect()
}

impl Decision {
    /// Whether it says something about what this provider's agent gets.
    pub fn concerns(&self, provider: &str) -> bool {
        let only = self.provider.as_deref();
        only.is_none_or(|only| only.eq_ignore_ascii_case(provider))
    }

    /// The same about one provider's agent only.
    pub(crate) fn only_for(mut self, provider: String) -> Self {
        let shown = without_controls(provider.clone());
        self.message = format!("not for `{shown}`: {}", self.message);
        self.provider = Some(provider);
        self
    }

    pub(crate) fn by(mut self, rule: impl Into<Option<Rule>>) -> Self {
        self.rule = rule.into();
        self
    }

    pub(crate) fn then(mut self, next_step: impl Into<Option<String>>) -> Self {
        self.next_step = next_step.into();
        self
    }

    /// What to do where an exception of the developer's own would help.
    pub(crate) fn lifted_by(mut self, next_step: String) -> Self {
        self.liftable = true;
        self.then(next_step)
    }
}
