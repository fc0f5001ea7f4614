//! What an organization can ask for and this version does not do: the one list of it. A launch is
//! refused where leaving it out would loosen what governs the agent; `scc org validate` tells whoever
//! keeps the document about all of it.

use scc_config::{ConfigError, Document, Known, OrgConfig, pointer_token};
use scc_policy::{EffectivePolicy, Origin};

/// Something that this version does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsupported {
    Shields,
    Commands,
    Resumption,
    Statistics,
    GatewayAuthorities,
}

impl Unsupported {
    pub(crate) const ALL: [Self; 5] = [
        Self::Shields,
        Self::Commands,
        Self::Resumption,
        Self::Statistics,
        Self::GatewayAuthorities,
    ];

    /// What is not done, after "this version" and "cannot be".
    fn undone(self) -> &'static str {
        match self {
            Self::Shields => "cannot be hidden from the agent",
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
        matches!(self, Self::Shields)
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
fn unsupported(document: &Document<OrgConfig>) -> Vec<String> {
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

/// Everything that whoever keeps this document is told: what this version does not do, and what the
/// document says and probably does not mean. A sentence each, with its place.
#[must_use]
pub fn advice(document: &Document<OrgConfig>, known: &Known<'_>) -> Vec<String> {
    let mut all = unsupported(document);
    all.extend(document.warnings(known).iter().map(sentence));
    all
}

/// What the document says about one team and probably does not mean, as for [`advice`].
#[must_use]
pub fn team_advice(document: &Document<OrgConfig>, known: &Known<'_>, team: &str) -> Vec<String> {
    let own = format!("/profiles/{}", pointer_token(team));
    let is_own = |doubt: &&ConfigError| {
        let rest = doubt.pointer().and_then(|at| at.strip_prefix(&own));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let doubts = document.warnings(known);
    doubts.iter().filter(is_own).map(sentence).collect()
}

fn sentence(doubt: &ConfigError) -> String {
    match doubt.suggestion() {
        Some(hint) => format!("{doubt}; {hint}"),
        None => doubt.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use scc_policy::{PolicyInput, evaluate};

    use super::*;

    fn document(rules: &str) -> Document<OrgConfig> {
        let text =
            format!("schema_version: \"1.0.0\"\norganization: {{name: Corp, id: corp}}\n{rules}");
        Document::parse(&text, Path::new("org.yaml")).unwrap()
    }

    const RULES: [(&str, Unsupported); 5] = [
        (
            "security: {workspace_shields: [.env]}",
            Unsupported::Shields,
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

    #[test]
    fn advice_names_what_was_probably_meant() {
        let document = document("defaults: {allowed_providers: [tow]}\nstats: {enabled: true}");
        let advice = advice(
            &document,
            &Known {
                providers: &["two-way", "tower"],
                now: "2030-01-01T00:00:00Z".parse().unwrap(),
            },
        );
        assert!(advice[0].contains("are not kept"), "{advice:?}");
        assert_eq!(
            advice[1],
            "org.yaml:3:32: this scc knows no provider `tow`; did you mean `tower`?"
        );
    }

    /// What refuses a launch is told to whoever keeps the document, and the other way round.
    #[test]
    fn the_document_and_the_launch_agree() {
        assert_eq!(RULES.map(|(_, what)| what), Unsupported::ALL);
        for (rules, what) in RULES {
            let document = document(rules);
            let warnings = unsupported(&document);
            assert_eq!(warnings.len(), 1, "{rules}: {warnings:?}");
            assert!(warnings[0].starts_with("org.yaml:3:"), "{warnings:?}");
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
