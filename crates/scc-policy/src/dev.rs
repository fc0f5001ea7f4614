//! Commands that developers start on their machine.

use std::collections::BTreeMap;

use scc_config::{DevAction, DevEnvironment, pointer_token};

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason};
use crate::delegation::Addition;
use crate::effective::{EffectiveDevEnvironment, Sourced};
use crate::layers::{Layers, origin};

/// The commands of all layers; a name is taken by the first layer that uses it.
pub(crate) fn resolve(
    layers: &Layers<'_>,
    decisions: &mut Vec<Decision>,
) -> EffectiveDevEnvironment {
    let mut effective = EffectiveDevEnvironment::default();
    if let Some(defaults) = layers.defaults() {
        let place = |rest: &str| {
            let pointer = format!("/defaults/dev_environment{rest}");
            layers.org_origin(Layer::Organization, &pointer)
        };
        add(
            layers,
            &mut effective,
            &defaults.dev_environment,
            &place,
            decisions,
        );
    }
    if let Some(team) = layers.team {
        let place = |rest: &str| layers.team_origin(team, &format!("/dev_environment{rest}"));
        add(
            layers,
            &mut effective,
            &team.profile.dev_environment,
            &place,
            decisions,
        );
    }
    if let Some(project) = layers.input.project {
        let place = |rest: &str| {
            origin(
                Layer::Workspace,
                project,
                &format!("/dev_environment{rest}"),
            )
        };
        add(
            layers,
            &mut effective,
            &project.value().dev_environment,
            &place,
            decisions,
        );
    }
    effective
}

fn add(
    layers: &Layers<'_>,
    effective: &mut EffectiveDevEnvironment,
    wanted: &DevEnvironment,
    place: &dyn Fn(&str) -> Origin,
    decisions: &mut Vec<Decision>,
) {
    for (section, actions) in wanted.sections() {
        let target = match section {
            "commands" => &mut effective.commands,
            "logs" => &mut effective.logs,
            _ => &mut effective.health_checks,
        };
        for (name, action) in actions {
            let key = pointer_token(name);
            let origin = place(&format!("/{section}/{key}"));
            let asked = Asked::new(ItemKind::DevAction, format!("{section}/{name}"), origin);
            decisions.push(decide(layers, target, (name, action), &asked));
        }
    }
}

fn decide(
    layers: &Layers<'_>,
    target: &mut BTreeMap<String, Sourced<DevAction>>,
    (name, action): (&str, &DevAction),
    asked: &Asked,
) -> Decision {
    if let Err(undelegated) = layers.may_add(asked.origin.layer, Addition::DevActions) {
        let step = format!("ask {}", layers.contact());
        let decision = asked.decide(Outcome::Denied, undelegated.reason, undelegated.message);
        return decision.by(undelegated.rule).then(step);
    }
    let folder = &action.working_directory;
    if folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
        let message = "its directory is not inside the workspace".to_owned();
        return asked.decide(Outcome::Denied, Reason::Malformed, message);
    }
    if let Some(earlier) = target.get(name) {
        let message = format!(
            "a command of this name is there already, by {}",
            earlier.origin
        );
        return asked.decide(Outcome::Ignored, Reason::Duplicate, message);
    }
    let entry = Sourced {
        value: action.clone(),
        origin: asked.origin.clone(),
    };
    target.insert(name.to_owned(), entry);
    crate::judge::allowed(asked, None)
}
