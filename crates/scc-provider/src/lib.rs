//! The seam between scc and the coding agents it runs.
//!
//! An agent is one implementation of [`AgentProvider`], in a crate of its own. It describes, as
//! data, what the agent needs: the folder its image is built from, the command line and
//! environment of a launch, the files that govern it, where its credentials live, and which hosts
//! it must reach. It starts nothing and reads nothing from this machine; scc does.
//!
//! ```
//! use scc_provider::{AgentProvider, SignIn, VolumeFiles};
//!
//! fn is_ready(provider: &dyn AgentProvider, files: &VolumeFiles) -> bool {
//!     provider.sign_in(files) == SignIn::SignedIn
//! }
//! ```

#[cfg(feature = "testing")]
pub mod conformance;
mod conversation;
mod extensions;
mod image;
mod launch;
mod own;
mod registry;
mod settings;
mod sign_in;

pub use conversation::{
    Conversation, NotedConversation, SESSION_VARIABLE, is_id, note_command, note_path, read_note,
};
pub use extensions::{
    ExtensionKind, Extensions, McpEndpoint, McpServer, OwnMarketplace, Plugin, Program, Remote,
    Skill, Undelivered,
};
pub use image::{ImageFile, ImageFolder};
pub use launch::{
    CommandHook, EnvValue, LaunchContext, LaunchSpec, ProviderError, ProviderSettings,
    SealedDirectory, SealedFile,
};
pub use own::{OwnEndpoint, OwnExtensions, OwnServer};
pub use registry::Registry;
pub use settings::{exact_version, url_host, url_port};
pub use sign_in::{LoginSpec, SignIn, VolumeFiles};

/// The home directory of the agent's user in every agent image.
pub const AGENT_HOME: &str = "/home/agent";

/// One coding agent, described as data.
pub trait AgentProvider: Send + Sync {
    /// The identifier a user types (`--provider ID`): lower-case letters, digits and `-`.
    fn id(&self) -> &'static str;

    /// The product's own name, for messages.
    fn display_name(&self) -> &'static str;

    /// The folder its image is built from, for the version in `settings` or the default one.
    ///
    /// # Errors
    /// [`ProviderError::BadSetting`] when the version is not an exact version.
    fn image(&self, settings: &ProviderSettings) -> Result<ImageFolder, ProviderError>;

    /// The absolute path in the container at which the agent's own volume is mounted. It holds
    /// credentials and conversations, and belongs to the agent's user.
    fn volume_path(&self) -> &'static str;

    /// The files, relative to [`AgentProvider::volume_path`], that [`AgentProvider::sign_in`]
    /// wants to see.
    fn credential_files(&self) -> &'static [&'static str];

    /// Whether `files` (those of [`AgentProvider::credential_files`] that exist) hold a sign-in.
    fn sign_in(&self, files: &VolumeFiles) -> SignIn;

    /// How a person signs in, inside a container with a terminal.
    fn login(&self) -> LoginSpec;

    /// The places of this agent's catalogs of plugins in a marketplace, most important first; none
    /// where the agent knows no plugins.
    fn plugin_catalogs(&self) -> &'static [&'static str] {
        &[]
    }

    /// The marketplaces that the agent knows by itself.
    fn own_marketplaces(&self) -> &'static [OwnMarketplace] {
        &[]
    }

    /// The files, relative to [`AgentProvider::volume_path`], that
    /// [`AgentProvider::own_extensions`] wants to see.
    fn own_files(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the agent's user has enabled in the agent itself, by `files` (those of
    /// [`AgentProvider::own_files`] that exist), for work in `workspace` (its path in the container).
    /// What was handed over by a launch is not among it.
    fn own_extensions(&self, _files: &VolumeFiles, _workspace: &str) -> OwnExtensions {
        OwnExtensions::default()
    }

    /// What a launch runs, with which environment and which governing files.
    ///
    /// # Errors
    /// [`ProviderError`] when a setting, an argument or a plugin cannot be expressed for this agent.
    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec, ProviderError>;

    /// The conversation that a session's note names (see [`note_path`]); `None` when the note says
    /// nothing that can be used.
    fn noted_conversation(&self, note: &[u8]) -> Option<NotedConversation> {
        read_note(self.volume_path(), note)
    }

    /// The file of the volume that holds the conversation with this identifier, begun in
    /// `workspace`; `None` where its name does not follow from that.
    fn conversation_file(&self, id: &str, workspace: &str) -> Option<String>;

    /// The host names the agent needs for its work and its sign-in, given `settings`; a gateway
    /// (`base_url`) replaces the vendor's own API host.
    ///
    /// # Errors
    /// [`ProviderError::BadSetting`] when `base_url` has no host.
    fn egress_hosts(&self, settings: &ProviderSettings) -> Result<Vec<String>, ProviderError>;
}
