//! Moving pins of marketplaces and skills forward, and what that changes.

use std::collections::BTreeMap;

use scc_policy::EffectivePolicy;
use scc_sources::Tree;
use scc_state::MarketplacePin;
use schemars::JsonSchema;
use serde::Serialize;

use super::market::{Place, PlaceKind, Places, key};
use super::{DeliveryInput, ExtensionError, MarketVersion, catalog, catalogs};
use crate::governance::Governance;

/// What became of one marketplace or skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MarketUpdate {
    /// Its name in the rules.
    pub name: String,
    /// What was used so far.
    pub before: MarketVersion,
    /// What is used from now on.
    pub after: MarketVersion,
    /// The plugins that are different, or the skill itself; `None` where the old files are not there to be compared.
    pub plugins: Option<Vec<PluginChange>>,
}

/// How a plugin or a skill is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PluginChange {
    /// Its name.
    pub name: String,
    /// Files that are new.
    pub added: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
    /// Files that are different.
    pub changed: Vec<String>,
}

impl MarketUpdate {
    /// Whether anything is different.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.before.digest != self.after.digest
    }
}

impl Governance {
    /// Moves every marketplace and skill of the policy that was used before to its newest version.
    ///
    /// # Errors
    /// For each on its own; the pin of one that cannot be had stays.
    pub fn update_marketplaces(
        &self,
        policy: &EffectivePolicy,
        input: &DeliveryInput<'_>,
    ) -> Vec<(PlaceKind, String, Result<MarketUpdate, ExtensionError>)> {
        let places = Places::new(self, policy, input);
        let mut updates = Vec::new();
        for place in places.all() {
            let place = match place {
                Ok(place) if !place.is_pinned() => continue,
                Ok(place) => place,
                Err((kind, name, error)) => {
                    updates.push((kind, name, Err(error)));
                    continue;
                }
            };
            let mut done = |outcome| updates.push((place.kind, place.name.clone(), outcome));
            match input.governance.state.marketplace_pin(&key(&place.source)) {
                Ok(None) => {}
                Ok(Some(pin)) => done(update(&places, &place, &pin, input)),
                Err(error) => done(Err(error.into())),
            }
        }
        if let Ok(pins) = input.governance.state.marketplace_pins() {
            let digests: Vec<_> = pins.values().map(|pin| pin.digest.as_str()).collect();
            // What is not pinned any more is not used any more; a copy too many is no harm.
            let _ = input.trees.retain(&digests);
        }
        updates
    }
}

fn update(
    places: &Places<'_>,
    place: &Place<'_>,
    old: &MarketplacePin,
    input: &DeliveryInput<'_>,
) -> Result<MarketUpdate, ExtensionError> {
    let fetched = places.fetch(place, None)?;
    let new = places.pin(place, &fetched);
    // Before the pin moves, for the old copy may go then.
    let before = input.trees.copy(&old.digest)?;
    let is_same = (&old.digest, &old.commit) == (&new.digest, &new.commit);
    if !is_same {
        input
            .governance
            .state
            .move_marketplace_pin(&key(&place.source), new.clone())?;
    }
    let catalogs = catalogs(input.registry, input.provider);
    let folders = |tree: &Tree| match place.kind {
        PlaceKind::Marketplace => catalog::folders(tree, &catalogs),
        PlaceKind::Skill => BTreeMap::from([(place.name.clone(), place.folder.clone())]),
    };
    Ok(MarketUpdate {
        name: place.name.clone(),
        before: version(old),
        after: version(if is_same { old } else { &new }),
        plugins: before.map(|before| changes(&before, &fetched.tree, folders)),
    })
}

fn version(pin: &MarketplacePin) -> MarketVersion {
    MarketVersion {
        source: pin.source.clone(),
        commit: pin.commit.clone(),
        digest: pin.digest.clone(),
        pinned_at: Some(pin.pinned_at),
    }
}

fn changes(
    before: &Tree,
    after: &Tree,
    folders: impl Fn(&Tree) -> BTreeMap<String, String>,
) -> Vec<PluginChange> {
    let (old, new) = (folders(before), folders(after));
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let compare = |name: &String| {
        let old = old
            .get(name)
            .map(|folder| below(before, folder))
            .unwrap_or_default();
        let new = new
            .get(name)
            .map(|folder| below(after, folder))
            .unwrap_or_default();
        let only = |these: &Files<'_>, those: &Files<'_>| {
            let only = these.keys().filter(|path| !those.contains_key(*path));
            only.map(|path| (*path).to_owned()).collect::<Vec<_>>()
        };
        let changed = old.iter().filter(|(path, file)| {
            let now = new.get(*path);
            now.is_some_and(|now| now != *file)
        });
        PluginChange {
            name: name.clone(),
            added: only(&new, &old),
            removed: only(&old, &new),
            changed: changed.map(|(path, _)| (*path).to_owned()).collect(),
        }
    };
    let changes = names.into_iter().map(compare);
    let is_change = |change: &PluginChange| {
        !(change.added.is_empty() && change.removed.is_empty() && change.changed.is_empty())
    };
    changes.filter(is_change).collect()
}

type Files<'a> = BTreeMap<&'a str, &'a scc_sources::TreeFile>;

fn below<'a>(tree: &'a Tree, folder: &str) -> Files<'a> {
    let prefix = match folder.is_empty() {
        true => String::new(),
        false => format!("{folder}/"),
    };
    let files = tree.files().iter();
    files
        .filter_map(|(path, file)| Some((path.strip_prefix(&prefix)?, file)))
        .collect()
}
