//! Which providers may be used.

use std::collections::BTreeMap;

use scc_config::pointer_token;

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason, Rule};
use crate::effective::Sourced;
use crate::layers::Layers;

/// The gateways of the organization, and those of the team instead where it has its own.
pub(crate) fn gateways(layers: &Layers<'_>) -> BTreeMap<String, Sourced<String>> {
    let mut gateways = BTreeMap::new();
    let mut add = |id: &str, url: &Option<String>, origin: &dyn Fn(&str) -> Origin| {
        if let Some(value) = url.clone() {
            let origin = origin(&format!("/providers/{}/base_url", pointer_token(id)));
            gateways.insert(id.to_owned(), Sourced { value, origin });
        }
    };
    for (id, provider) in layers.org().into_iter().flat_map(|org| &org.providers) {
        let place = |at: &str| layers.org_origin(Layer::Organization, at);
        add(id, &provider.base_url, &place);
    }
    if let Some(team) = layers.team {
        for (id, provider) in &team.profile.providers {
            add(id, &provider.base_url, &|at| layers.team_origin(team, at));
        }
    }
    gateways
}

/// Those that exist and that both the organization and the team allow.
pub(crate) fn resolve(layers: &Layers<'_>, decisions: &mut Vec<Decision>) -> Vec<String> {
    let org = layers
        .defaults()
        .and_then(|defaults| defaults.allowed_providers.as_ref());
    let team = layers
        .team
        .and_then(|team| team.profile.allowed_providers.as_ref());
    let team_place = || {
        layers
            .team
            .map(|team| layers.team_origin(team, "/allowed_providers"))
    };
    let org_place = || layers.org_origin(Layer::Organization, "/defaults/allowed_providers");
    let listed = |list: Option<&Vec<String>>, id: &str| {
        list.is_none_or(|list| list.iter().any(|listed| listed == id))
    };
    let mut allowed = Vec::new();
    for id in layers.input.providers {
        let asked = |place| Asked::new(ItemKind::Provider, *id, place);
        let refused = if !listed(org, id) {
            Some((
                Rule::new("defaults.allowed_providers", org_place()),
                "the organization",
            ))
        } else if !listed(team, id) {
            team_place().map(|place| (Rule::new("allowed_providers", place), "the team"))
        } else {
            None
        };
        let Some((rule, who)) = refused else {
            allowed.push((*id).to_owned());
            continue;
        };
        let message = format!("{who} does not allow this provider");
        let place = Origin::default_value();
        let decision = asked(place).decide(Outcome::Denied, Reason::NotInAllowlist, message);
        let step = format!("use an allowed provider, or ask {}", layers.contact());
        decisions.push(decision.by(rule).then(step));
    }
    if let (Some(org), Some(team)) = (org, team) {
        for id in team.iter().filter(|id| !org.contains(id)) {
            let Some(place) = team_place() else { continue };
            let asked = Asked::new(ItemKind::Provider, id, place);
            let message = "the organization does not allow this provider".to_owned();
            let decision = asked.decide(Outcome::Ignored, Reason::Looser, message);
            decisions.push(decision.by(Rule::new("defaults.allowed_providers", org_place())));
        }
    }
    allowed.sort();
    allowed.dedup();
    allowed
}
