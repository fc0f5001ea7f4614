//! What an organization can ask for and this version does not do: the one list of it. A launch is
//! refused where leaving it out would loosen what governs the agent; `scc org validate` tells whoever
//! keeps the document about all of it.

use scc_config::{Document, OrgConfig, pointer_token};
use scc_policy::{EffectivePolicy, Origin};

/// Something that this version does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsupported {
    Shields,
    Bundles,
    Plugins,
    McpServers,
    Commands,
    Resumption,
    Statistics,
    GatewayAuthorities,
}

impl Unsupported {
    pub(crate) const ALL: [Self; 8] = [
        Self::Shields,
        Self::Bundles,
        Self::Plugins,
        Self::McpServers,
        Self::Commands,
        Self::Resumption,
        Self::Statistics,
        Self::GatewayAuthorities,
    ];

    /// What is not done, after "this version" and "cannot be".
    fn undone(self) -> &'static str {
        match self {
            Self::Shields => "cannot be hidden from the agent",
            Self::Bundles => "cannot be delivered",
            Self::Plugins | Self::McpServers => "are not handed to agents",
            Self::Commands => "are not run",
            Self::Resumption => "is not offered",
            Self::Statistics => "are not kept",
            Self::GatewayAuthorities => "is not trusted",
        }
    }

    /// What in this policy a launch cannot do without, and who said so.
    pub(crate) fn refused_in(self, policy: &EffectivePolicy) -> Option<String> {
        let (subject, origin) = match self {
            Self::Shields => {
                let shield = policy.workspace_shields.first()?;
                (format!("`{}`", shield.value), &shield.origin)
            }
            Self::Bundles => {
                let bundle = policy.bundles.first()?;
                (format!("the bundle `{}`", bundle.name), &bundle.origin)
            }
            _ => return None,
        };
        Some(self.of(&subject, origin))
    }

    fn of(self, subject: &str, origin: &Origin) -> String {
        let undone = self.undone();
        format!("{subject} of {origin} {undone} by this version")
    }

    /// Whether a launch that needs it is refused; any other goes on without it.
    fn refuses(self) -> bool {
        matches!(self, Self::Shields | Self::Bundles)
    }

    /// What in this document asks for it, and the place of the first that does.
    fn asked_in(self, org: &OrgConfig) -> Option<(&'static str, String)> {
        let defaults = &org.defaults;
        let here = |asked: bool, subject, at: &str| asked.then(|| (subject, at.to_owned()));
        let of_team = |asks: fn(&scc_config::Profile) -> bool, subject, rest: &str| {
            let (name, _) = org.profiles.iter().find(|(_, profile)| asks(profile))?;
            Some((subject, format!("/profiles/{}{rest}", pointer_token(name))))
        };
        match self {
            Self::Shields => here(
                !org.security.workspace_shields.is_empty(),
                "what `workspace_shields` names",
                "/security/workspace_shields",
            ),
            Self::Bundles => of_team(
                |profile| !profile.enabled_bundles.is_empty(),
                "bundles of artifacts",
                "/enabled_bundles",
            ),
            Self::Plugins => here(
                !defaults.enabled_plugins.is_empty(),
                "plugins",
                "/defaults/enabled_plugins",
            )
            .or_else(|| {
                let asks = |profile: &scc_config::Profile| !profile.additional_plugins.is_empty();
                of_team(asks, "plugins", "/additional_plugins")
            }),
            Self::McpServers => of_team(
                |profile| !profile.additional_mcp_servers.is_empty(),
                "MCP servers",
                "/additional_mcp_servers",
            ),
            Self::Commands => here(
                has_commands(&defaults.dev_environment),
                "development commands",
                "/defaults/dev_environment",
            )
            .or_else(|| {
                let asks = |profile: &scc_config::Profile| has_commands(&profile.dev_environment);
                of_team(asks, "development commands", "/dev_environment")
            }),
            Self::Resumption => here(
                defaults.session.auto_resume == Some(true),
                "resuming the last session by itself",
                "/defaults/session/auto_resume",
            ),
            Self::Statistics => here(
                org.stats.as_ref().is_some_and(|stats| stats.enabled),
                "statistics",
                "/stats",
            ),
            Self::GatewayAuthorities => {
                let mut providers = org.providers.iter();
                let (id, _) = providers.find(|(_, provider)| provider.ca.is_some())?;
                let at = format!("/providers/{}/ca", pointer_token(id));
                Some(("the certificate authority of a gateway", at))
            }
        }
    }
}

fn has_commands(environment: &scc_config::DevEnvironment) -> bool {
    let mut sections = environment.sections().into_iter();
    sections.any(|(_, actions)| !actions.is_empty())
}

/// What this document asks for and this version does not do: a sentence each, with its place.
#[must_use]
pub fn unsupported(document: &Document<OrgConfig>) -> Vec<String> {
    let org = document.value();
    let found = Unsupported::ALL.into_iter().filter_map(|what| {
        let (subject, at) = what.asked_in(org)?;
        let place = document.key_place(&at);
        let place = place.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
        let file = document.file().display();
        let (undone, consequence) = (
            what.undone(),
            match what.refuses() {
                true => "launches that need it are refused",
                false => "launches go on without it",
            },
        );
        Some(format!(
            "{file}{place}: {subject} {undone} by this version; {consequence}"
        ))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use scc_policy::{PolicyInput, evaluate};

    use super::*;

    fn document(rules: &str) -> Document<OrgConfig> {
        let text = format!(
            "schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n\
             governed_artifacts: {{bundles: {{b: {{artifacts: []}}}}}}\n{rules}"
        );
        Document::parse(&text, Path::new("org.yaml")).unwrap()
    }

    const RULES: [(&str, Unsupported); 8] = [
        (
            "security: {workspace_shields: [.env]}",
            Unsupported::Shields,
        ),
        (
            "profiles: {t: {enabled_bundles: [b]}}",
            Unsupported::Bundles,
        ),
        ("defaults: {enabled_plugins: [a]}", Unsupported::Plugins),
        (
            "profiles: {t: {additional_mcp_servers: [{name: a, type: http, url: \"https://a.example\"}]}}",
            Unsupported::McpServers,
        ),
        (
            "defaults: {dev_environment: {commands: {t: {argv: [make]}}}}",
            Unsupported::Commands,
        ),
        (
            "defaults: {session: {auto_resume: true}}",
            Unsupported::Resumption,
        ),
        ("stats: {enabled: true}", Unsupported::Statistics),
        (
            "providers: {p: {ca: /etc/ca.pem}}",
            Unsupported::GatewayAuthorities,
        ),
    ];

    /// What refuses a launch is told to whoever keeps the document, and the other way round.
    #[test]
    fn the_document_and_the_launch_agree() {
        assert_eq!(RULES.map(|(_, what)| what), Unsupported::ALL);
        for (rules, what) in RULES {
            let document = document(rules);
            let warnings = unsupported(&document);
            assert_eq!(warnings.len(), 1, "{rules}: {warnings:?}");
            assert!(warnings[0].starts_with("org.yaml:4:"), "{warnings:?}");
            assert!(warnings[0].contains(what.undone()), "{warnings:?}");
            let mut input = PolicyInput::at("2030-01-01T00:00:00Z".parse().unwrap());
            input.org = Some(&document);
            input.team = document.value().profiles.contains_key("t").then_some("t");
            let policy = evaluate(&input).unwrap();
            let refused: Vec<_> = Unsupported::ALL
                .into_iter()
                .filter_map(|what| what.refused_in(&policy))
                .collect();
            assert_eq!(refused.len(), usize::from(what.refuses()), "{refused:?}");
            let consequence = ["go on without it", "are refused"][usize::from(what.refuses())];
            assert!(warnings[0].ends_with(consequence), "{warnings:?}");
        }
        assert!(unsupported(&document("")).is_empty());
    }
}
