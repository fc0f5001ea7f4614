//! Which plugins are enabled.

use std::collections::BTreeMap;

use scc_config::{BareName, PluginRef};

use crate::decision::{Asked, Decision, ItemKind, Layer, Origin, Outcome, Reason, Rule};
use crate::delegation::Addition;
use crate::destinations::is_organizations;
use crate::effective::EffectivePlugin;
use crate::error::PolicyError;
use crate::exceptions::Exceptions;
use crate::judge::{Judge, List, Ruling, allowed};
use crate::layers::{Layers, origin};
use crate::marketplaces::Marketplaces;
use crate::rendering::Bundled;

/// `bundled` has the plugins that artifacts of bundles become, by their names, with the artifact.
pub(crate) fn resolve(
    layers: &Layers<'_>,
    exceptions: &Exceptions<'_>,
    marketplaces: &Marketplaces,
    bundled: &Bundled<'_>,
    decisions: &mut Vec<Decision>,
) -> Result<Vec<EffectivePlugin>, PolicyError> {
    let mut plugins = Plugins::new(layers, exceptions, marketplaces, bundled);
    for (text, origin) in asked_for(layers) {
        let decision = plugins.decide(text, origin)?;
        decisions.push(decision);
    }
    decisions.extend(plugins.kept());
    Ok(plugins.enabled.into_values().collect())
}

/// Every reference of every layer, in the order of the layers.
fn asked_for<'a>(layers: &Layers<'a>) -> Vec<(&'a str, Origin)> {
    let mut all: Vec<(&str, Origin)> = Vec::new();
    let mut add = |texts: &'a [String], place: &dyn Fn(usize) -> Origin| {
        let texts = texts.iter().enumerate();
        all.extend(texts.map(|(number, text)| (text.as_str(), place(number))));
    };
    if let Some(defaults) = layers.defaults() {
        add(&defaults.enabled_plugins, &|number| {
            let pointer = format!("/defaults/enabled_plugins/{number}");
            layers.org_origin(Layer::Organization, &pointer)
        });
    }
    if let Some(team) = layers.team {
        add(&team.profile.additional_plugins, &|number| {
            layers.team_origin(team, &format!("/additional_plugins/{number}"))
        });
    }
    if let Some(document) = layers.team_document() {
        add(&document.value().enabled_plugins, &|number| {
            let pointer = format!("/enabled_plugins/{number}");
            origin(Layer::TeamDocument, document, &pointer)
        });
    }
    if let Some(personal) = layers.input.personal {
        add(personal.plugins, &|_| Origin {
            layer: Layer::Personal,
            file: Some(personal.file.display().to_string()),
            line: None,
        });
    }
    if let Some(project) = layers.input.project {
        add(&project.value().additional_plugins, &|number| {
            let pointer = format!("/additional_plugins/{number}");
            origin(Layer::Workspace, project, &pointer)
        });
    }
    all
}

struct Plugins<'a, 'b> {
    layers: &'b Layers<'a>,
    judge: Judge<'a, PluginRef>,
    disabled_by_org: Option<List<'a, PluginRef>>,
    disabled_by_team: Option<List<'a, PluginRef>>,
    marketplaces: &'b Marketplaces,
    bundled: &'b Bundled<'b>,
    bare: BareName<'a>,
    enabled: BTreeMap<String, EffectivePlugin>,
}

impl<'a, 'b> Plugins<'a, 'b> {
    fn new(
        layers: &'b Layers<'a>,
        exceptions: &'b Exceptions<'a>,
        marketplaces: &'b Marketplaces,
        bundled: &'b Bundled<'b>,
    ) -> Self {
        let blocked = layers
            .security()
            .map(|security| security.blocked_plugins.as_slice());
        let blocked = List::new("security.blocked_plugins", blocked.unwrap_or_default());
        let defaults = layers.defaults();
        let allowed = defaults.and_then(|defaults| defaults.allowed_plugins.as_deref());
        let allowed = allowed.map(|patterns| List::new("defaults.allowed_plugins", patterns));
        let lifts = (exceptions.policy.as_slice(), exceptions.local.as_slice());
        let document = layers.team_document().map(|document| document.value());
        // The organization's own marketplaces alone decide about bare names, so that what a name
        // means does not depend on the team.
        let names = layers
            .org()
            .map(|org| &org.marketplaces)
            .into_iter()
            .flatten();
        let names = names.map(|(name, _)| name.as_str());
        let implicit = layers.input.implicit_marketplaces.first().copied();
        Self {
            layers,
            judge: Judge::new(*layers, blocked, allowed, lifts, |lift| lift.plugins),
            disabled_by_org: defaults
                .map(|defaults| List::new("defaults.disabled_plugins", &defaults.disabled_plugins)),
            disabled_by_team: document
                .map(|document| List::new("disabled_plugins", &document.disabled_plugins)),
            marketplaces,
            bundled,
            bare: BareName::rule(names, implicit),
            enabled: BTreeMap::new(),
        }
    }

    fn decide(&mut self, text: &str, origin: Origin) -> Result<Decision, PolicyError> {
        let plugin = match PluginRef::parse(text, self.bare) {
            Ok(plugin) => plugin,
            Err(error) => {
                let asked = Asked::new(ItemKind::Plugin, text.trim(), origin);
                let message = error.to_string();
                let decision = asked.decide(Outcome::Denied, Reason::Malformed, message);
                return Ok(decision.then("write it as NAME@MARKETPLACE".to_owned()));
            }
        };
        let layer = origin.layer;
        let asked = Asked::new(ItemKind::Plugin, plugin.to_string(), origin);
        let key = plugin.to_string().to_lowercase();
        if let Some(earlier) = self.enabled.get(&key) {
            let message = format!("it is enabled already by {}", earlier.origin);
            return Ok(asked.decide(Outcome::Ignored, Reason::Duplicate, message));
        }
        let ruling = match layer {
            Layer::Organization => self.judge.baseline(&asked, &plugin),
            layer => {
                let delegated = self.layers.may_add(layer, Addition::Plugins);
                self.judge.addition(&asked, &plugin, delegated)
            }
        };
        let lifted = match ruling {
            Ruling::Refused(mut decision) => {
                if let Some(message) = self.name_taken(&asked.origin, &plugin) {
                    decision.hold_besides(&message, None, self.layers);
                }
                return Ok(*decision);
            }
            Ruling::Free(lifted) => lifted,
        };
        if let Some(rule) = self.disabled(layer, &plugin) {
            let message = format!("`{}` leaves it out", rule.text);
            let decision = asked.decide(Outcome::Ignored, Reason::Disabled, message);
            return Ok(decision.by(rule));
        }
        if let Some(decision) = self.unknown_marketplace(&asked, &plugin)? {
            return Ok(decision);
        }
        if let Some(message) = self.name_taken(&asked.origin, &plugin) {
            return Ok(asked.decide(Outcome::Ignored, Reason::NameTaken, message));
        }
        let entry = EffectivePlugin {
            plugin,
            origin: asked.origin.clone(),
        };
        self.enabled.insert(key, entry);
        Ok(allowed(&asked, lifted))
    }

    /// Agents know what a plugin brings by the plugin's name alone, and of two take the one of either
    /// marketplace: a later one would stand in for what an earlier layer gives. Between what the
    /// organization's document itself gives and an artifact nobody chooses; a launch with both is refused.
    fn name_taken(&self, origin: &Origin, plugin: &PluginRef) -> Option<String> {
        let name = plugin.name().to_lowercase();
        let is_other = |other: &PluginRef| {
            other.name().to_lowercase() == name
                && other.marketplace().to_lowercase() != plugin.marketplace().to_lowercase()
        };
        let bundled = self.bundled.get(&name).into_iter().flatten();
        let mut bundled = bundled.filter(|_| !is_organizations(origin));
        if let Some((other, artifact)) = bundled.find(|(other, _)| is_other(other)) {
            return Some(format!(
                "its name is that of `{other}`, the artifact `{artifact}`"
            ));
        }
        let mut enabled = self.enabled.values();
        let earlier = |entry: &&EffectivePlugin| entry.origin.layer != origin.layer;
        let other = enabled.find(|entry| earlier(entry) && is_other(&entry.plugin))?;
        Some(format!(
            "its name is that of `{}`, which {} gives",
            other.plugin, other.origin
        ))
    }

    /// The organization's list is for its own plugins and those in a federated team's document;
    /// such a document's list is for what the team adds: the organization's own plugins are the
    /// baseline, which no lower layer takes away.
    fn disabled(&self, layer: Layer, plugin: &PluginRef) -> Option<Rule> {
        let by_org = matches!(layer, Layer::Organization | Layer::TeamDocument);
        let by_team = matches!(layer, Layer::Team | Layer::TeamDocument);
        let org = self.disabled_by_org.as_ref().filter(|_| by_org);
        let found = org.and_then(|list| list.rule(plugin, self.layers));
        found.or_else(|| self.disabled_by_team(plugin).filter(|_| by_team))
    }

    fn disabled_by_team(&self, plugin: &PluginRef) -> Option<Rule> {
        // The list stands in another document than the others.
        let mut rule = self.disabled_by_team.as_ref()?.rule(plugin, self.layers)?;
        let document = self.layers.team_document()?;
        let place = origin(Layer::TeamDocument, document, "/disabled_plugins");
        (rule.layer, rule.file, rule.line) = (place.layer, place.file, place.line);
        Some(rule)
    }

    /// What a federated team's document would leave out of the organization's own plugins.
    fn kept(&self) -> Vec<Decision> {
        let own = self.enabled.values();
        let own = own.filter(|entry| entry.origin.layer == Layer::Organization);
        let kept = own.filter_map(|entry| {
            let rule = self.disabled_by_team(&entry.plugin)?;
            let place = Origin {
                layer: rule.layer,
                file: rule.file.clone(),
                line: rule.line,
            };
            let asked = Asked::new(ItemKind::Plugin, entry.plugin.to_string(), place);
            let message =
                "the team's document cannot leave out what the organization gives to everybody";
            let decision = asked.decide(Outcome::Ignored, Reason::Looser, message.to_owned());
            Some(decision.by(rule))
        });
        kept.collect()
    }

    fn unknown_marketplace(
        &self,
        asked: &Asked,
        plugin: &PluginRef,
    ) -> Result<Option<Decision>, PolicyError> {
        let name = plugin.marketplace();
        if self.marketplaces.knows(name) {
            return Ok(None);
        }
        let own = |name: &str| {
            let org = self.layers.org();
            org.is_some_and(|org| {
                let mut names = org.marketplaces.keys();
                names.any(|own| own.to_lowercase() == name.to_lowercase())
            })
        };
        if let Some(team) = self.layers.team
            && asked.origin.layer == Layer::Organization
            && own(name)
        {
            return Err(PolicyError::MarketplaceNotInherited {
                plugin: plugin.to_string(),
                team: team.name.to_owned(),
            });
        }
        let message = format!("there is no marketplace `{name}`");
        let step = "see which there are: scc config explain --field marketplaces".to_owned();
        let decision = asked.decide(Outcome::Denied, Reason::UnknownMarketplace, message);
        Ok(Some(decision.then(step)))
    }
}
