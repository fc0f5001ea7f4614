//! What applies to a session: the documents of all layers, made into one policy with reasons.
//!
//! [`evaluate`] is a pure function: it reads nothing, and even the time is an argument. The layers
//! are the organization, the team (with its own document where it is federated), the personal
//! profile and the workspace. Additions accumulate as far as each layer is delegated; security only
//! gets stricter. Every value has an [`Origin`], and everything that was allowed, blocked, denied
//! or ignored has a [`Decision`] with its reason and the rule that decided.
//!
//! ```
//! use scc_config::{Document, OrgConfig};
//! use scc_policy::{Outcome, PolicyInput, evaluate};
//! use std::path::Path;
//!
//! let org = Document::<OrgConfig>::parse(
//!     r#"
//! schema_version: "1.0.0"
//! organization: {name: Corp, id: corp}
//! marketplaces: {internal: {source: github, owner: corp, repo: plugins}}
//! defaults: {network_policy: web-egress-enforced, enabled_plugins: [base]}
//! profiles: {platform: {network_policy: open, additional_plugins: [ops]}}
//! "#,
//!     Path::new("org.yaml"),
//! )?;
//! let now = "2030-01-01T00:00:00Z".parse()?;
//! let policy = evaluate(&PolicyInput {
//!     org: Some(&org),
//!     team: Some("platform"),
//!     ..PolicyInput::at(now)
//! })?;
//!
//! assert_eq!(policy.network_policy.value.as_str(), "web-egress-enforced");
//! assert_eq!(policy.network_policy.origin.to_string(), "organization (org.yaml:5)");
//! assert_eq!(policy.plugins.len(), 1);
//! let denied = policy.decisions.iter().find(|d| d.item == "ops@internal");
//! assert_eq!(denied.map(|d| d.outcome), Some(Outcome::Denied));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bundles;
mod decision;
mod delegation;
mod destinations;
mod dev;
mod effective;
mod error;
mod evaluate;
mod exceptions;
mod hosts;
mod input;
mod judge;
mod layers;
mod lifting;
mod marketplaces;
mod narrowing;
mod plugins;
mod providers;
mod rendering;
mod servers;
mod variables;

pub use decision::{Decision, ItemKind, Layer, Origin, Outcome, Reason, Rule};
pub use destinations::{
    Cause, Destination, DestinationInput, Destinations, Endpoint, Reach, WEB_PORTS,
};
pub use effective::{
    EffectiveArtifact, EffectiveBundle, EffectiveDevEnvironment, EffectiveHost,
    EffectiveMarketplace, EffectiveNetwork, EffectivePlugin, EffectivePolicy, EffectiveServer,
    EffectiveSession, Sourced,
};
pub use error::PolicyError;
pub use evaluate::evaluate;
pub use input::{ExceptionStore, LocalException, PersonalProfile, PolicyInput};
