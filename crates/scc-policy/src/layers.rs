//! The layers with their places.

use scc_config::{Defaults, Delegation, Document, OrgConfig, Profile, Security, pointer_token};

use crate::decision::{Layer, Origin};
use crate::error::PolicyError;
use crate::input::PolicyInput;

/// A place in a document, as an origin. Where the document has no such value, the line is that of
/// the nearest mapping around it.
pub(crate) fn origin<T>(layer: Layer, document: &Document<T>, pointer: &str) -> Origin {
    let mut pointer = pointer;
    let place = loop {
        match (document.key_place(pointer), pointer.rfind('/')) {
            (Some(place), _) => break Some(place),
            (None, Some(end)) => pointer = &pointer[..end],
            (None, None) => break None,
        }
    };
    Origin {
        layer,
        file: Some(document.file().display().to_string()),
        line: place.map(|place| place.line),
    }
}

/// The organization's document, if there is one, and the team in it.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub(crate) input: &'a PolicyInput<'a>,
    pub(crate) team: Option<Team<'a>>,
    /// As if a developer's own exception were there for everything that one can lift.
    pub(crate) assumes_lifted: bool,
}

/// The team that applies.
#[derive(Clone, Copy)]
pub(crate) struct Team<'a> {
    pub(crate) name: &'a str,
    pub(crate) profile: &'a Profile,
}

impl Team<'_> {
    /// A pointer below the team's profile.
    pub(crate) fn pointer(&self, rest: &str) -> String {
        let name = pointer_token(self.name);
        format!("/profiles/{name}{rest}")
    }
}

impl<'a> Layers<'a> {
    pub(crate) fn new(input: &'a PolicyInput<'a>) -> Result<Self, PolicyError> {
        let team = match (input.org, input.team) {
            (Some(org), Some(name)) => Some(find_team(org, name)?),
            _ => None,
        };
        if let Some(team) = team
            && team.profile.config_source.is_some()
            && input.team_document.is_none()
        {
            let team = team.name.to_owned();
            return Err(PolicyError::MissingTeamDocument { team });
        }
        Ok(Self {
            input,
            team,
            assumes_lifted: false,
        })
    }

    pub(crate) fn org(&self) -> Option<&'a OrgConfig> {
        self.input.org.map(Document::value)
    }

    pub(crate) fn defaults(&self) -> Option<&'a Defaults> {
        self.org().map(|org| &org.defaults)
    }

    pub(crate) fn security(&self) -> Option<&'a Security> {
        self.org().map(|org| &org.security)
    }

    pub(crate) fn delegation(&self) -> Option<&'a Delegation> {
        self.org().map(|org| &org.delegation)
    }

    /// A place in the organization's document.
    pub(crate) fn org_origin(&self, layer: Layer, pointer: &str) -> Origin {
        match self.input.org {
            Some(document) => origin(layer, document, pointer),
            None => Origin::default_value(),
        }
    }

    /// A place in the team's profile.
    pub(crate) fn team_origin(&self, team: Team<'_>, rest: &str) -> Origin {
        self.org_origin(Layer::Team, &team.pointer(rest))
    }

    /// The document of a federated team; that of any other team has no effect.
    pub(crate) fn team_document(&self) -> Option<&'a Document<scc_config::TeamConfig>> {
        let federated = self.team?.profile.config_source.is_some();
        self.input.team_document.filter(|_| federated)
    }

    /// Whom to ask, in the organization's words.
    pub(crate) fn contact(&self) -> String {
        let contact = self
            .org()
            .and_then(|org| org.organization.contact.as_deref());
        contact.map_or_else(
            || "the organization's administrators".to_owned(),
            ToOwned::to_owned,
        )
    }
}

fn find_team<'a>(org: &'a Document<OrgConfig>, name: &str) -> Result<Team<'a>, PolicyError> {
    let profiles = &org.value().profiles;
    match profiles.get_key_value(name) {
        Some((name, profile)) => Ok(Team { name, profile }),
        None => Err(PolicyError::UnknownTeam {
            team: name.to_owned(),
            organization: org.value().organization.id.clone(),
            known: profiles.keys().cloned().collect(),
        }),
    }
}
