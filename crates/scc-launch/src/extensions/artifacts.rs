//! The artifacts of bundles: skills, plugins and servers that an organization hands out together.

use scc_config::{ArtifactForm, ArtifactKind, PluginRef};
use scc_policy::{EffectiveArtifact, EffectivePlugin, EffectivePolicy, Layer, Origin};
use schemars::JsonSchema;
use serde::Serialize;

use super::market::Markets;
use super::{Delivery, DeliveryInput, ExtensionError, MarketVersion, skills};

/// An artifact of a bundle, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ArtifactFacts {
    /// Its name in the organization's document.
    pub artifact: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// The bundles that it is in.
    pub bundles: Vec<String>,
    /// Its version, as the document says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A session must not go on without it.
    pub required: bool,
    /// The layer that enabled its bundle.
    pub origin: Origin,
    /// The version of what was fetched for it; `None` where nothing is, or it cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<MarketVersion>,
    /// How many files it has.
    pub files: usize,
}

impl ArtifactFacts {
    /// What it is called in messages.
    pub(crate) fn title(&self) -> String {
        let bundles: Vec<_> = self
            .bundles
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        format!(
            "artifact `{}` of bundle {}",
            self.artifact,
            bundles.join(", ")
        )
    }
}

/// An artifact with what becomes of it.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) facts: ArtifactFacts,
    pub(crate) form: Result<Form, ExtensionError>,
    /// Settings that no agent is given.
    pub(crate) left_out: Vec<String>,
}

/// What an artifact is among the extensions of a launch.
#[derive(Debug)]
pub(crate) enum Form {
    /// The skill of this name.
    Skill(String),
    /// The server that has this artifact's name in its facts.
    Server,
    /// The plugin `name@marketplace`.
    Plugin(String),
}

/// Gets everything that the artifacts of a policy become, but for servers, which need nothing from
/// elsewhere.
pub(super) fn add(
    delivery: &mut Delivery,
    markets: &mut Markets<'_>,
    policy: &EffectivePolicy,
    input: &DeliveryInput<'_>,
) {
    for (name, artifact) in &policy.artifacts {
        let mut facts = facts(policy, name, artifact);
        let rendered = artifact.render(name, input.provider);
        let (form, left_out) = match rendered {
            Err(reason) => (Err(ExtensionError::Artifact(reason)), Vec::new()),
            Ok(rendered) => {
                let form = match rendered.form {
                    ArtifactForm::Server(_) => Ok(Form::Server),
                    ArtifactForm::Skill(skill) => {
                        let source = &artifact.source;
                        let found = skills::find(markets, (name, &skill), source, &mut facts);
                        found.and_then(|skill| add_skill(delivery, skill))
                    }
                    ArtifactForm::Plugin(plugin) => {
                        let usable = check_marketplace(policy, &plugin, artifact.pinned);
                        usable
                            .and_then(|()| add_plugin(delivery, markets, plugin, &mut facts, input))
                    }
                };
                (form, rendered.left_out)
            }
        };
        delivery.artifacts.push(Artifact {
            facts,
            form,
            left_out,
        });
    }
}

fn facts(policy: &EffectivePolicy, name: &str, artifact: &EffectiveArtifact) -> ArtifactFacts {
    ArtifactFacts {
        artifact: name.to_owned(),
        kind: artifact.kind,
        bundles: policy.bundles_with(name).map(str::to_owned).collect(),
        version: artifact.version.clone(),
        required: artifact.required,
        origin: artifact.origin.clone(),
        source: None,
        files: 0,
    }
}

fn add_skill(delivery: &mut Delivery, skill: scc_provider::Skill) -> Result<Form, ExtensionError> {
    let skills = &mut delivery.extensions.skills;
    if skills
        .iter()
        .any(|other| other.name.eq_ignore_ascii_case(&skill.name))
    {
        let message = format!("another artifact is a skill `{}` too", skill.name);
        return Err(ExtensionError::Clash(message));
    }
    let name = skill.name.clone();
    skills.push(skill);
    Ok(Form::Skill(name))
}

/// A team's own marketplace is not what the organization meant.
fn check_marketplace(
    policy: &EffectivePolicy,
    plugin: &PluginRef,
    pinned: bool,
) -> Result<(), ExtensionError> {
    let name = plugin.marketplace();
    let mut named = policy.marketplaces.iter();
    let named = named.find(|(other, _)| other.to_lowercase() == name.to_lowercase());
    let refused = |reason: String| Err(ExtensionError::Artifact(reason));
    match named {
        Some((_, market)) if market.origin.layer != Layer::Organization => refused(format!(
            "its marketplace `{name}` is not the organization's"
        )),
        Some((_, market)) if !pinned || market.marketplace.is_fixed() => Ok(()),
        None if !pinned => Ok(()),
        _ => refused(format!(
            "it is `pinned`, and its marketplace `{name}` names no full commit id as `branch`"
        )),
    }
}

/// A plugin that a layer has added already is not got again.
fn add_plugin(
    delivery: &mut Delivery,
    markets: &mut Markets<'_>,
    plugin: PluginRef,
    facts: &mut ArtifactFacts,
    input: &DeliveryInput<'_>,
) -> Result<Form, ExtensionError> {
    let reference = plugin.to_string().to_lowercase();
    let mut known = delivery.plugins.iter_mut();
    if let Some(known) = known.find(|known| known.plugin.to_lowercase() == reference) {
        facts.source.clone_from(&known.marketplace);
        facts.files = known.files;
        known.artifact.get_or_insert_with(|| facts.artifact.clone());
        return Ok(Form::Plugin(known.plugin.clone()));
    }
    let name = plugin.name().to_lowercase();
    let is_called_so = |reference: &str| {
        let own = reference
            .rsplit_once('@')
            .map(|(own, _)| own.to_lowercase());
        own.as_ref() == Some(&name)
    };
    let other = delivery
        .plugins
        .iter()
        .find(|other| is_called_so(&other.plugin));
    if let Some(other) = other {
        let message = format!("`{plugin}` and `{}` are plugins of one name", other.plugin);
        return Err(ExtensionError::Clash(message));
    }
    let wanted = EffectivePlugin {
        plugin,
        origin: facts.origin.clone(),
    };
    let (mut found, plugin) = super::find(markets, &wanted, input);
    facts.source.clone_from(&found.marketplace);
    facts.files = found.files;
    delivery.extensions.plugins.push(plugin?);
    found.artifact = Some(facts.artifact.clone());
    let reference = found.plugin.clone();
    delivery.plugins.push(found);
    Ok(Form::Plugin(reference))
}
