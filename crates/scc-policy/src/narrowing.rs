//! Values that a lower layer may only make stricter: the network policy and the length of sessions.

use scc_config::{NetworkPolicy, Session};

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason, Rule};
use crate::effective::{EffectiveSession, Sourced};
use crate::layers::{Layers, origin};

/// The strictest policy of all layers; looser ones are decided to have no effect.
pub(crate) fn network_policy(
    layers: &Layers<'_>,
    decisions: &mut Vec<Decision>,
) -> Sourced<NetworkPolicy> {
    let mut current = Sourced {
        value: NetworkPolicy::default(),
        origin: Origin::default_value(),
    };
    if let Some(value) = layers
        .defaults()
        .and_then(|defaults| defaults.network_policy)
    {
        let origin = layers.org_origin(Layer::Organization, "/defaults/network_policy");
        current = Sourced { value, origin };
    }
    let team = layers.team.and_then(|team| {
        let value = team.profile.network_policy?;
        let origin = layers.team_origin(team, "/network_policy");
        Some(Sourced { value, origin })
    });
    let project = layers.input.project.and_then(|project| {
        let value = project.value().network_policy?;
        let origin = origin(Layer::Workspace, project, "/network_policy");
        Some(Sourced { value, origin })
    });
    for wanted in team.into_iter().chain(project) {
        let asked = Asked::new(
            ItemKind::NetworkPolicy,
            wanted.value.as_str(),
            wanted.origin.clone(),
        );
        if wanted.value < current.value {
            let message = format!("`{}` applies, which is stricter", current.value);
            let decision = asked.decide(Outcome::Ignored, Reason::Looser, message);
            decisions.push(decision.by(rule("network_policy", &current)));
        } else {
            let message = "it is at least as strict as what applied".to_owned();
            decisions.push(asked.decide(Outcome::Allowed, Reason::Stricter, message));
            // Saying the same again does not make it one's own.
            if wanted.value > current.value {
                current = wanted;
            }
        }
    }
    current
}

fn rule<T: std::fmt::Display>(key: &str, current: &Sourced<T>) -> Rule {
    Rule::new(format!("{key}: {}", current.value), current.origin.clone())
}

/// The shortest length of all layers, and the last word about resumption, which is only advice.
pub(crate) fn session(layers: &Layers<'_>, decisions: &mut Vec<Decision>) -> EffectiveSession {
    let mut effective = EffectiveSession::default();
    if let Some(defaults) = layers.defaults() {
        let place =
            |key: &str| layers.org_origin(Layer::Organization, &format!("/defaults/session/{key}"));
        narrow(&mut effective, &defaults.session, &place, decisions);
    }
    if let Some(team) = layers.team {
        let place = |key: &str| layers.team_origin(team, &format!("/session/{key}"));
        narrow(&mut effective, &team.profile.session, &place, decisions);
    }
    if let Some(project) = layers.input.project {
        let place = |key: &str| origin(Layer::Workspace, project, &format!("/session/{key}"));
        narrow(&mut effective, &project.value().session, &place, decisions);
    }
    effective
}

fn narrow(
    effective: &mut EffectiveSession,
    wanted: &Session,
    place: &dyn Fn(&str) -> Origin,
    decisions: &mut Vec<Decision>,
) {
    if let Some(value) = wanted.auto_resume {
        let origin = place("auto_resume");
        effective.auto_resume = Some(Sourced { value, origin });
    }
    let Some(value) = wanted.timeout_hours else {
        return;
    };
    let origin = place("timeout_hours");
    let asked = Asked::new(
        ItemKind::SessionTimeout,
        format!("{value} h"),
        origin.clone(),
    );
    match &effective.timeout_hours {
        Some(current) if current.value < value => {
            let message = format!("{} h apply, which is shorter", current.value);
            let decision = asked.decide(Outcome::Ignored, Reason::Looser, message);
            decisions.push(decision.by(rule("timeout_hours", current)));
        }
        Some(current) if current.value == value => {}
        current => {
            if current.is_some() {
                let message = "it is shorter than what applied".to_owned();
                decisions.push(asked.decide(Outcome::Allowed, Reason::Stricter, message));
            }
            effective.timeout_hours = Some(Sourced { value, origin });
        }
    }
}
