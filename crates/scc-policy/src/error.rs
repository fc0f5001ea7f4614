//! Inputs from which no policy can be made.

/// Why there is no policy. A launch must not go on without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The organization's document has no such team.
    #[error("organization `{organization}` has no team `{team}`")]
    UnknownTeam {
        /// The team that was asked for.
        team: String,
        /// The organization's id.
        organization: String,
        /// The teams there are, in alphabetical order.
        known: Vec<String>,
    },
    /// The team keeps its own document, and it was not given.
    #[error("team `{team}` keeps its own document, and it is not there")]
    MissingTeamDocument {
        /// The team.
        team: String,
    },
    /// An artifact that the organization requires is refused by its own rules, for every agent.
    #[error("the bundle `{bundle}` requires the artifact `{artifact}`, and {reason}")]
    RequiredArtifact {
        /// The artifact.
        artifact: String,
        /// The bundle.
        bundle: String,
        /// What stands against it.
        reason: String,
    },
    /// The organization's own plugins come from marketplaces that the team does not see.
    #[error(
        "plugin `{plugin}` of the organization comes from a marketplace that team `{team}` does not inherit"
    )]
    MarketplaceNotInherited {
        /// The plugin, one of `defaults.enabled_plugins`.
        plugin: String,
        /// The team, whose `trust.inherit_org_marketplaces` is false.
        team: String,
    },
}
