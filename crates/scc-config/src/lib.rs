//! The documents that scc reads: parsing with exact error positions, and validation.
//!
//! There are four ([`DocumentKind`]), each in JSON or YAML: the organization's rules
//! ([`OrgConfig`]), what a federated team decides itself ([`TeamConfig`]), what a project adds
//! ([`ProjectConfig`]), and the user's own settings ([`UserConfig`]). All are closed: an unknown or
//! doubled key is an error that names file, line and column, and an unknown key comes with the key
//! that was probably meant. [`Document::parse`] reads one and stops at the first thing that is not
//! well-formed, [`Document::parse_all`] names all such things; [`Document::check`] then finds every rule that it breaks. A [`Document`] also knows
//! where each of its parts stands, by JSON pointer.
//!
//! This crate reads no environment variable and runs no command: a [`SecretSource`] only says where
//! a secret is to be found. It also holds what matching needs, so that validation and policy agree:
//! [`Pattern`], [`PluginRef`], [`McpServer::candidates`], [`HostPattern`].
//!
//! ```
//! use scc_config::{Document, OrgConfig};
//! use std::path::Path;
//!
//! let text = r#"
//! schema_version: "1.0.0"
//! organization: {name: Corp, id: corp}
//! defaults: {network_policy: web-egress-enforced}
//! security: {blocked_plugins: ["*@evil"]}
//! profiles:
//!   platform: {additional_plugins: ["tool@evil"]}
//! marketplaces:
//!   evil: {source: github, owner: evil, repo: plugins}
//! "#;
//! let org = Document::<OrgConfig>::parse(text, Path::new("org.yaml"))?;
//! assert_eq!(org.place("/defaults/network_policy").map(|place| place.line), Some(4));
//!
//! let findings = org.check();
//! assert_eq!(findings[0].rule(), Some("plugin_blocked"));
//! assert_eq!(
//!     findings[0].to_string(),
//!     "org.yaml:7:35: plugin `tool@evil` is blocked by the pattern `*@evil`",
//! );
//!
//! let error = Document::<OrgConfig>::parse(&text.replace("profiles", "profile"), Path::new("org.yaml"));
//! let error = error.unwrap_err();
//! assert_eq!(error.to_string(), "org.yaml:6:1: unknown key `profile`");
//! assert_eq!(error.suggestion(), Some("did you mean `profiles`?"));
//! # Ok::<(), scc_config::ConfigError>(())
//! ```

mod artifacts;
mod binding;
mod check;
mod de;
mod document;
mod error;
mod exceptions;
mod glob;
mod head;
mod host;
mod idn;
mod ip;
mod json;
mod kind;
mod marketplace;
mod mcp;
mod mcp_form;
mod mcp_patterns;
mod memory;
mod names;
mod network;
mod org;
mod pattern_set;
mod plugin;
mod profile;
mod project;
mod read;
mod recover;
mod rendering;
mod secret;
mod security;
mod session;
mod suggest;
mod team;
mod tree;
mod url;
mod user;
mod values;
mod variables;
mod yaml;
mod yaml_events;

pub use artifacts::{
    Artifact, ArtifactKind, ArtifactSource, ArtifactSourceKind, Binding, Bundle, GovernedArtifacts,
    InstallIntent,
};
pub use document::{ConfigDocument, Document, Known};
pub use error::ConfigError;
pub use exceptions::{ExceptionTargets, PolicyException};
pub use glob::{Folded, Pattern};
pub use head::Head;
pub use host::HostPattern;
pub use kind::DocumentKind;
pub use marketplace::{
    ConfigSource, DirectorySource, GitSource, GithubSource, Marketplace, MaterializationMode,
    UrlSource,
};
pub use mcp::{McpServer, McpTransport};
pub use mcp_patterns::{McpCandidates, McpPatterns};
pub use memory::MemorySize;
pub use network::{AllowedHost, BUILT_IN_DESTINATION_SETS, OrgNetwork, TeamNetwork};
pub use org::{
    Defaults, Delegation, ExceptionDelegation, IdentityMode, OrgConfig, OrgProvider, Organization,
    PersonalDelegation, ProjectDelegation, SchemaVersion, Signing, Stats, TeamDelegation,
};
pub use pattern_set::PatternSet;
pub use plugin::{BareName, PluginPatterns, PluginRef, PluginRefError};
pub use profile::{Profile, ProfileDelegation, Trust};
pub use project::ProjectConfig;
pub use rendering::{ArtifactForm, ArtifactView, Rendered};
pub use secret::{SecretSource, is_variable as is_variable_name};
pub use security::{NetworkTool, SafetyAction, SafetyNet, Security};
pub use session::{DevAction, DevEnvironment, NetworkPolicy, Session};
pub use team::TeamConfig;
pub use tree::{Place, pointer_token};
pub use url::normalized_source;
pub use user::{
    ImagesSection, OrganizationSource, ProviderPreference, ProviderSection, ResourcesSection,
    Unwritable, UserConfig,
};
pub use values::nearest_name;
pub use variables::Template;
