//! All layers, one after the other.

use scc_config::{ResourcesSection, SafetyNet};

use crate::decision::{Asked, ItemKind, Layer, Origin, Outcome, Reason};
use crate::effective::{EffectivePolicy, Sourced};
use crate::error::PolicyError;
use crate::input::PolicyInput;
use crate::layers::Layers;
use crate::{
    bundles, dev, exceptions, hosts, lifting, marketplaces, narrowing, plugins, providers,
    rendering, servers,
};

/// Makes one policy of all layers.
///
/// The documents need not have been checked: what is not usable in them has no effect, and the
/// decisions say so.
///
/// # Errors
/// When the organization has no such team, a federated team's document is missing, the
/// organization's own plugins come from marketplaces that the team does not inherit, or something
/// stands against an artifact that it requires, for every agent. A launch must not go on then.
pub fn evaluate(input: &PolicyInput<'_>) -> Result<EffectivePolicy, PolicyError> {
    let layers = Layers::new(input)?;
    let mut policy = of(&layers)?;
    lifting::correct(&layers, &mut policy.decisions)?;
    Ok(policy)
}

/// The policy of these layers.
pub(crate) fn of(layers: &Layers<'_>) -> Result<EffectivePolicy, PolicyError> {
    let input = layers.input;
    let mut decisions = Vec::new();
    if let (None, Some(team)) = (input.org, input.team) {
        let asked = Asked::new(ItemKind::Layer, team, Origin::default_value());
        let message = "without an organization there are no teams".to_owned();
        decisions.push(asked.decide(Outcome::Ignored, Reason::Standalone, message));
    }
    let exceptions = exceptions::in_force(layers, &mut decisions);
    let marketplaces = marketplaces::resolve(layers, &mut decisions);
    let plugins = plugins::resolve(layers, &exceptions, &marketplaces, &mut decisions)?;
    let network_policy = narrowing::network_policy(layers, &mut decisions);
    let mut about_bundles = Vec::new();
    // After the final network policy, on which both depend, and before the servers, which take no
    // name from those of bundles.
    let (bundles, artifacts) =
        bundles::resolve(layers, &exceptions, &network_policy, &mut about_bundles)?;
    let taken = rendering::server_names(&artifacts);
    let servers = servers::resolve(layers, &exceptions, &network_policy, &taken, &mut decisions);
    decisions.append(&mut about_bundles);
    let network = hosts::compile(layers, network_policy.value, &servers, &mut decisions);
    Ok(EffectivePolicy {
        organization: layers.org().map(|org| org.organization.id.clone()),
        team: layers.team.map(|team| team.name.to_owned()),
        standalone: input.org.is_none(),
        plugins,
        mcp_servers: servers,
        bundles,
        artifacts,
        marketplaces: marketplaces.effective,
        network_policy,
        network,
        session: narrowing::session(layers, &mut decisions),
        resources: resources(layers),
        safety_net: safety_net(layers),
        workspace_shields: shields(layers),
        allowed_providers: providers::resolve(layers, &mut decisions),
        gateways: providers::gateways(layers),
        dev_environment: dev::resolve(layers, &mut decisions),
        decisions,
    })
}

fn resources(layers: &Layers<'_>) -> Sourced<ResourcesSection> {
    match layers.defaults() {
        Some(defaults) if defaults.resources != ResourcesSection::default() => Sourced {
            value: defaults.resources.clone(),
            origin: layers.org_origin(Layer::Organization, "/defaults/resources"),
        },
        _ => Sourced {
            value: ResourcesSection::default(),
            origin: Origin::default_value(),
        },
    }
}

fn safety_net(layers: &Layers<'_>) -> Sourced<SafetyNet> {
    match layers.security() {
        Some(security) if security.safety_net != SafetyNet::default() => Sourced {
            value: security.safety_net.clone(),
            origin: layers.org_origin(Layer::Organization, "/security/safety_net"),
        },
        _ => Sourced {
            value: SafetyNet::default(),
            origin: Origin::default_value(),
        },
    }
}

fn shields(layers: &Layers<'_>) -> Vec<Sourced<String>> {
    let shields = layers
        .security()
        .map(|security| security.workspace_shields.as_slice());
    let shields = shields.unwrap_or_default().iter().enumerate();
    let shields = shields.map(|(number, pattern)| Sourced {
        value: pattern.as_str().to_owned(),
        origin: layers.org_origin(
            Layer::Organization,
            &format!("/security/workspace_shields/{number}"),
        ),
    });
    shields.collect()
}
