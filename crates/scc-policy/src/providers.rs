//! Which providers may be used.

use crate::decision::{Asked, Decision, ItemKind, Layer, Outcome, Reason, Rule};
use crate::layers::Layers;

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
        let place = crate::decision::Origin::default_value();
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
