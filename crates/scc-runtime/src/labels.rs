//! The labels by which scc knows what on an engine is its own.

/// `true` on everything that scc makes on an engine: sandboxes, volumes, images, helpers.
pub const MANAGED: &str = "dev.scc.managed";
/// What a thing is for. The runtime itself uses `sealed` for volumes with sealed files and for the
/// short-lived containers that fill them, and `reader` for the never-started containers through
/// which volumes are read; everything else is the caller's.
pub const ROLE: &str = "dev.scc.role";
/// Separates the things of independent installations on one engine, such as tests.
pub const NAMESPACE: &str = "dev.scc.namespace";
/// The user on whose behalf a thing was made.
pub const OWNER: &str = "dev.scc.owner";
/// The identifier of the session that a sandbox belongs to.
pub const SESSION: &str = "dev.scc.session";
/// The workspace on which a session works.
pub const WORKSPACE: &str = "dev.scc.workspace";
/// The provider whose agent a sandbox runs.
pub const PROVIDER: &str = "dev.scc.provider";
/// The name that the user gave to a session.
pub const SESSION_NAME: &str = "dev.scc.session-name";
/// When a sandbox has to be stopped, RFC 3339 in UTC.
pub const EXPIRES_AT: &str = "dev.scc.expires-at";
/// The version of scc that made a thing.
pub const VERSION: &str = "dev.scc.version";
/// The name of the sandbox for whose sake something is there: a helper, a proxy, a network.
pub const MADE_FOR: &str = "dev.scc.made-for";
/// On a sandbox with enforced egress: how it is joined to its proxy.
pub const EGRESS: &str = "dev.scc.egress";
/// On an image that is only a stage of a build and is removed after it.
pub const STAGE: &str = "dev.scc.stage";

/// The value of [`ROLE`] on sealed volumes and the containers that fill them.
pub(crate) const ROLE_SEALED: &str = "sealed";
/// The value of [`ROLE`] on containers through which volumes are read.
pub(crate) const ROLE_READER: &str = "reader";
