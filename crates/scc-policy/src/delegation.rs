//! Which layer may add what.

use scc_config::{Pattern, TeamDelegation};

use crate::decision::{Layer, Reason, Rule};
use crate::layers::Layers;

/// A kind of addition that is delegated on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addition {
    Plugins,
    McpServers,
    DevActions,
}

/// Why a layer may not add something.
#[derive(Debug, Clone)]
pub(crate) struct Undelegated {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) rule: Option<Rule>,
    /// A developer's own exception may lift it.
    pub(crate) liftable: bool,
}

impl Addition {
    fn key(self) -> &'static str {
        match self {
            Self::Plugins => "allow_additional_plugins",
            Self::McpServers => "allow_additional_mcp_servers",
            Self::DevActions => "allow_dev_environment_commands",
        }
    }

    fn teams(self, delegation: &TeamDelegation) -> &[Pattern] {
        match self {
            Self::Plugins => &delegation.allow_additional_plugins,
            Self::McpServers => &delegation.allow_additional_mcp_servers,
            Self::DevActions => &delegation.allow_dev_environment_commands,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Plugins => "plugins",
            Self::McpServers => "MCP servers",
            Self::DevActions => "commands",
        }
    }
}

impl Layers<'_> {
    /// Whether a layer may add such things.
    pub(crate) fn may_add(&self, layer: Layer, what: Addition) -> Result<(), Undelegated> {
        match layer {
            Layer::Team | Layer::TeamDocument => self.team_may_add(what),
            Layer::Personal => self.person_may_add(),
            Layer::Workspace => self.project_may_add(what),
            Layer::Default | Layer::Organization | Layer::Exception => Ok(()),
        }
    }

    fn undelegated(&self, layer: Layer, pointer: &str, message: String) -> Undelegated {
        let text = pointer.trim_start_matches('/').replace('/', ".");
        Undelegated {
            reason: Reason::NotDelegated,
            message,
            rule: Some(Rule::new(text, self.org_origin(layer, pointer))),
            liftable: true,
        }
    }

    fn team_may_add(&self, what: Addition) -> Result<(), Undelegated> {
        let (Some(team), Some(delegation)) = (self.team, self.delegation()) else {
            return Ok(());
        };
        let patterns = what.teams(&delegation.teams);
        if patterns.iter().any(|pattern| pattern.matches(team.name)) {
            return Ok(());
        }
        let pointer = format!("/delegation/teams/{}", what.key());
        let message = format!("team `{}` may not add {}", team.name, what.word());
        Err(self.undelegated(Layer::Organization, &pointer, message))
    }

    fn project_may_add(&self, what: Addition) -> Result<(), Undelegated> {
        let word = what.word();
        let Some(delegation) = self.delegation() else {
            return Err(Undelegated {
                reason: Reason::NotDelegated,
                message: format!("without an organization a workspace may not add {word}"),
                rule: None,
                liftable: true,
            });
        };
        let pointer = "/delegation/projects/inherit_team_delegation";
        if !delegation.projects.inherit_team_delegation {
            let message = format!("the organization does not let workspaces add {word}");
            return Err(self.undelegated(Layer::Organization, pointer, message));
        }
        let Some(team) = self.team else {
            let message = format!("without a team a workspace may not add {word}");
            return Err(self.undelegated(Layer::Organization, pointer, message));
        };
        self.team_may_add(what)?;
        if !team.profile.delegation.allow_project_overrides {
            let pointer = team.pointer("/delegation/allow_project_overrides");
            let message = format!("team `{}` does not let workspaces add {word}", team.name);
            return Err(self.undelegated(Layer::Team, &pointer, message));
        }
        Ok(())
    }

    fn person_may_add(&self) -> Result<(), Undelegated> {
        match self.delegation() {
            Some(delegation) if !delegation.personal.allow => {
                let message = "the organization lets no personal profile have an effect".to_owned();
                let pointer = "/delegation/personal/allow";
                Err(Undelegated {
                    reason: Reason::PersonalOff,
                    // Otherwise everybody could switch it on again.
                    liftable: false,
                    ..self.undelegated(Layer::Organization, pointer, message)
                })
            }
            _ => Ok(()),
        }
    }
}
