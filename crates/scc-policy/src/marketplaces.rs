//! The marketplaces that plugins may come from.

use std::collections::{BTreeMap, HashSet};

use scc_config::{
    Document, Folded, Marketplace, Pattern, PatternSet, TeamConfig, Trust, pointer_token,
};

use crate::decision::{Asked, Decision, ItemKind, Layer, Outcome, Reason, Rule};
use crate::effective::EffectiveMarketplace;
use crate::layers::{Layers, Team, origin};

/// The marketplaces that apply, and the names that have a meaning without one.
pub(crate) struct Marketplaces {
    pub(crate) effective: BTreeMap<String, EffectiveMarketplace>,
    known: HashSet<String>,
}

impl Marketplaces {
    /// Whether plugins of this name's marketplace can be had.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.contains(&name.to_lowercase())
    }
}

pub(crate) fn resolve(layers: &Layers<'_>, decisions: &mut Vec<Decision>) -> Marketplaces {
    let mut effective = BTreeMap::new();
    let mut names = HashSet::new();
    let inherited = federated_trust(layers).is_none_or(|trust| trust.inherit_org_marketplaces);
    if let Some(org) = layers.org().filter(|_| inherited) {
        for (name, marketplace) in &org.marketplaces {
            let pointer = format!("/marketplaces/{}", pointer_token(name));
            let origin = layers.org_origin(Layer::Organization, &pointer);
            if !names.insert(name.to_lowercase()) {
                let asked = Asked::new(ItemKind::Marketplace, name, origin);
                let message = "another marketplace has this name already".to_owned();
                decisions.push(asked.decide(Outcome::Ignored, Reason::Duplicate, message));
                continue;
            }
            let entry = EffectiveMarketplace {
                marketplace: marketplace.clone(),
                origin,
            };
            effective.insert(name.clone(), entry);
        }
    }
    if let (Some(team), Some(document)) = (layers.team, layers.team_document()) {
        add_team(layers, team, document, &mut effective, decisions);
    }
    let extra = layers
        .defaults()
        .map(|defaults| &defaults.extra_marketplaces);
    let known = effective.keys().chain(extra.into_iter().flatten());
    let mut known: HashSet<String> = known.map(|name| name.to_lowercase()).collect();
    let implicit = layers.input.implicit_marketplaces.iter();
    known.extend(implicit.map(|name| name.to_lowercase()));
    Marketplaces { effective, known }
}

fn federated_trust<'a>(layers: &Layers<'a>) -> Option<&'a Trust> {
    layers.team_document()?;
    layers.team?.profile.trust.as_ref()
}

fn add_team(
    layers: &Layers<'_>,
    team: Team<'_>,
    document: &Document<TeamConfig>,
    effective: &mut BTreeMap<String, EffectiveMarketplace>,
    decisions: &mut Vec<Decision>,
) {
    let mut taken = taken_names(layers);
    for (name, marketplace) in &document.value().marketplaces {
        let pointer = format!("/marketplaces/{}", pointer_token(name));
        let place = origin(Layer::TeamDocument, document, &pointer);
        let asked = Asked::new(ItemKind::Marketplace, name, place.clone());
        let refused = refusal(layers, team, marketplace, &asked).or_else(|| {
            let clash = taken.contains(&name.to_lowercase());
            let message = "another marketplace has this name already".to_owned();
            clash.then(|| asked.decide(Outcome::Denied, Reason::Duplicate, message))
        });
        decisions.push(refused.unwrap_or_else(|| {
            taken.insert(name.to_lowercase());
            let entry = EffectiveMarketplace {
                marketplace: marketplace.clone(),
                origin: place,
            };
            effective.insert(name.clone(), entry);
            let message = "the organization trusts its source".to_owned();
            asked.decide(Outcome::Allowed, Reason::Delegated, message)
        }));
    }
}

/// The names that a team may not use: whoever has one of them could pass plugins off as others.
fn taken_names(layers: &Layers<'_>) -> HashSet<String> {
    let org = layers.org();
    let own = org.into_iter().flat_map(|org| org.marketplaces.keys());
    let extra = org
        .into_iter()
        .flat_map(|org| &org.defaults.extra_marketplaces);
    let mut taken: HashSet<String> = own.chain(extra).map(|name| name.to_lowercase()).collect();
    let implicit = layers.input.implicit_marketplaces.iter();
    taken.extend(implicit.map(|name| name.to_lowercase()));
    taken
}

fn refusal(
    layers: &Layers<'_>,
    team: Team<'_>,
    marketplace: &Marketplace,
    asked: &Asked,
) -> Option<Decision> {
    if matches!(marketplace, Marketplace::Directory(_)) {
        let message = "a document from elsewhere may not name a directory of this machine";
        return Some(asked.decide(Outcome::Denied, Reason::HostDirectory, message.to_owned()));
    }
    let deny = |message: String, key: &str| {
        let rule = layers.team_origin(team, &format!("/{}", key.replace('.', "/")));
        let step = format!("ask {}", layers.contact());
        let decision = asked.decide(Outcome::Denied, Reason::NotTrusted, message);
        Some(decision.by(Rule::new(key, rule)).then(step))
    };
    let name = team.name;
    let Some(trust) = &team.profile.trust else {
        return deny(format!("team `{name}` has no `trust`"), "trust");
    };
    if !trust.allow_additional_marketplaces {
        let message = format!("team `{name}` may not add marketplaces");
        return deny(message, "trust.allow_additional_marketplaces");
    }
    let location = marketplace.location();
    let trusted = location.as_deref().is_some_and(|location| {
        let mut patterns = trust.marketplace_source_patterns.iter();
        patterns.any(|pattern| source_matches(pattern, location))
    });
    if !trusted {
        let place = location.unwrap_or_else(|| "an unreadable address".to_owned());
        let message = format!("the organization does not trust `{place}`");
        return deny(message, "trust.marketplace_source_patterns");
    }
    None
}

/// Whether a normalised source fits a trust pattern: `*` stays in one part of the path, `**` as a
/// whole part does not.
fn source_matches(pattern: &Pattern, location: &str) -> bool {
    let written = pattern.as_str();
    let pattern = scc_config::normalized_source(written).unwrap_or_else(|| written.to_lowercase());
    let parts: Vec<&str> = location.split('/').collect();
    // `fits[i]`: the pattern so far fits the first `i` parts.
    let mut fits = vec![false; parts.len() + 1];
    fits[0] = true;
    for wanted in pattern.split('/') {
        let mut next = vec![false; parts.len() + 1];
        if wanted == "**" {
            let first = fits.iter().position(|fit| *fit).unwrap_or(fits.len());
            next[first.min(parts.len() + 1)..].fill(true);
        } else {
            let set = PatternSet::new([wanted]);
            for (i, part) in parts.iter().enumerate() {
                next[i + 1] = fits[i] && set.find(&Folded::new(part)).is_some();
            }
        }
        fits = next;
    }
    fits[parts.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_names_that_differ_in_case_only_the_first_has_a_meaning() {
        let org = r#"schema_version: "1.0.0"
organization: {name: Corp, id: corp}
marketplaces:
  internal: {source: github, owner: corp, repo: m}
  Internal: {source: github, owner: corp, repo: n}
"#;
        let org = Document::parse(org, std::path::Path::new("org.yaml")).unwrap();
        let policy = crate::evaluate(&crate::PolicyInput {
            org: Some(&org),
            ..crate::PolicyInput::at("2030-01-01T00:00:00Z".parse().unwrap())
        });
        let policy = policy.unwrap();
        assert_eq!(policy.marketplaces.keys().collect::<Vec<_>>(), ["Internal"]);
        let ignored = &policy.decisions[0];
        assert_eq!(
            (&*ignored.item, ignored.reason),
            ("internal", Reason::Duplicate)
        );
    }

    #[test]
    fn trust_patterns() {
        let fits = |pattern: &str, source: &str| {
            let location = scc_config::normalized_source(source).unwrap();
            source_matches(&Pattern::try_from(pattern.to_owned()).unwrap(), &location)
        };
        for (pattern, source) in [
            ("github.com/org/**", "https://github.com/org/repo"),
            ("github.com/org/*", "git@GitHub.com:Org/repo.git"),
            (
                "https://github.com/org/**",
                "https://u:p@github.com:443/org/a/b",
            ),
            ("*.corp.example/**", "https://git.corp.example/a/b.git"),
            ("git.corp.example/a/b.git", "https://git.corp.example./a/b"),
            ("**", "https://anywhere.example/x"),
        ] {
            assert!(fits(pattern, source), "{pattern} {source}");
        }
        for (pattern, source) in [
            ("github.com/org/*", "https://github.com/org/a/b"),
            ("github.com/org/**", "https://github.com/org/../evil/repo"),
            (
                "github.com/org/**",
                "https://github.com/org/%2e%2e/evil/repo",
            ),
            (
                "github.com/org/**",
                "https://github.com@evil.example/org/repo",
            ),
            (
                "github.com/org/**",
                "https://evil.example/github.com/org/repo",
            ),
            (
                "github.com/org/**",
                "https://github.com.evil.example/org/repo",
            ),
            ("*.corp.example/**", "https://evil.example/x.corp.example/y"),
        ] {
            assert!(!fits(pattern, source), "{pattern} {source}");
        }
    }
}
