//! What the rules let an agent have besides its own tools, ready to be handed over: plugins with
//! their files, MCP servers with their secrets, and the artifacts of bundles, which are skills, plugins
//! and servers.
//!
//! A plan is made from a [`Delivery`], so that it says which commit of what the agent will get. A
//! launch delivers all of it or does not happen, but for what the agent cannot take and for artifacts
//! that are not required: these are left out, and the plan says so.

mod artifacts;
mod catalog;
mod error;
mod market;
mod servers;
mod skills;
mod update;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use scc_policy::{EffectivePlugin, EffectivePolicy, Origin};
use scc_provider::{Extensions, Plugin, Registry, SealedFile};
use scc_sources::TreeLoader;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;

pub use artifacts::ArtifactFacts;
pub use error::ExtensionError;
pub use market::{MarketVersion, PlaceKind};
pub use update::{MarketUpdate, PluginChange};

use crate::governance::{Governance, GovernanceInput};
use crate::{Blocker, BlockerKind};
pub(crate) use artifacts::{Artifact, Form};
use market::Markets;
pub(crate) use servers::{find as find_server, offered};

/// Where the scripts are in a sandbox that start MCP servers.
pub(crate) const LAUNCHERS: &str = "/opt/scc/mcp";

/// The plugins, skills and MCP servers of a launch, and what could not be had of them.
#[derive(Default)]
pub struct Delivery {
    pub(crate) extensions: Extensions,
    /// Environment variables by name.
    pub(crate) secrets: BTreeMap<String, SecretString>,
    /// The scripts that start MCP servers, by file name.
    pub(crate) launchers: BTreeMap<String, SealedFile>,
    /// Where each of the MCP servers comes from, in their order.
    pub(crate) servers: Vec<ServerFacts>,
    /// The artifacts of bundles.
    pub(crate) artifacts: Vec<Artifact>,
    /// The plugins, with where they come from.
    pub plugins: Vec<PluginFacts>,
    /// What stands against the launch by the plugins and servers; what does so by the artifacts is
    /// found with the plan.
    pub blockers: Vec<Blocker>,
    /// Why a plugin that a layer has added cannot be had or must not be used, by its reference.
    pub failures: Vec<(String, ExtensionError)>,
}

impl Delivery {
    /// Neither plugins, servers nor artifacts, for questions that no launch follows.
    #[must_use]
    pub fn nothing() -> &'static Self {
        static NOTHING: LazyLock<Delivery> = LazyLock::new(Delivery::default);
        &NOTHING
    }

    /// Notes why nothing becomes of this artifact.
    fn refuse_artifact(&mut self, name: &str, error: ExtensionError) {
        let mut artifacts = self.artifacts.iter_mut();
        if let Some(artifact) = artifacts.find(|artifact| artifact.facts.artifact == name) {
            artifact.form = Err(error);
        }
    }
}

impl std::fmt::Debug for Delivery {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("extensions", &self.extensions)
            .field("variables", &self.secrets.keys())
            .field("blockers", &self.blockers)
            .finish_non_exhaustive()
    }
}

/// A plugin, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PluginFacts {
    /// `name@marketplace`.
    pub plugin: String,
    /// The layer that asked for it.
    pub origin: Origin,
    /// The version of its marketplace; `None` where that cannot be had.
    pub marketplace: Option<MarketVersion>,
    /// How many files it has.
    pub files: usize,
    /// The artifact of a bundle that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
}

/// Where an MCP server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerFacts {
    /// Its name in the document.
    pub(crate) asked_as: String,
    /// The layer that asked for it.
    pub(crate) origin: Origin,
    /// The artifact of a bundle that it is.
    pub(crate) artifact: Option<String>,
}

/// What plugins, servers and artifacts are found with, besides what the rules are found with.
#[derive(Clone, Copy)]
pub struct DeliveryInput<'a> {
    /// How the rules were found.
    pub governance: &'a GovernanceInput<'a>,
    /// Fetches marketplaces and skills.
    pub trees: &'a TreeLoader,
    /// The agents that there are.
    pub registry: &'a Registry,
    /// The agent that it is for.
    pub provider: &'a str,
    /// Is told the source before something is fetched.
    pub notify: &'a dyn Fn(&str),
}

impl std::fmt::Debug for DeliveryInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryInput")
            .field("governance", self.governance)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl Governance {
    /// Gets everything that the policy lets this agent have. A plugin or a value of a server that cannot
    /// be had is in the blockers, an artifact that cannot be had says so itself.
    #[must_use]
    pub fn delivery(&self, policy: &EffectivePolicy, input: &DeliveryInput<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        delivery.extensions.locked = !policy.standalone;
        let mut markets = Markets::new(self, policy, input);
        for wanted in &policy.plugins {
            let (facts, plugin) = find(&mut markets, wanted, input);
            delivery.plugins.push(facts);
            match plugin {
                Ok(plugin) => delivery.extensions.plugins.push(plugin),
                Err(error) => {
                    let reference = wanted.plugin.to_string();
                    delivery.blockers.push(blocker(wanted, &error));
                    delivery.failures.push((reference, error));
                }
            }
        }
        artifacts::add(&mut delivery, &mut markets, policy, input);
        servers::add(
            &mut delivery,
            policy,
            input.provider,
            input.governance.secret,
        );
        delivery
    }
}

fn find(
    markets: &mut Markets<'_>,
    wanted: &EffectivePlugin,
    input: &DeliveryInput<'_>,
) -> (PluginFacts, Result<Plugin, ExtensionError>) {
    let mut facts = PluginFacts {
        plugin: wanted.plugin.to_string(),
        origin: wanted.origin.clone(),
        marketplace: None,
        files: 0,
        artifact: None,
    };
    let (name, market) = match markets.get(wanted.plugin.marketplace()) {
        Ok(found) => found,
        Err(error) => return (facts, Err(error)),
    };
    facts.marketplace = Some(market.version.clone());
    let catalogs = catalogs(input.registry, input.provider);
    let plugin = catalog::plugin(&market.tree, &catalogs, wanted.plugin.name(), &name);
    facts.files = plugin.as_ref().map_or(0, |plugin| plugin.files.len());
    (facts, plugin)
}

/// The places of catalogs: the agent's own, then those of the others, whose plugins it is given in
/// the parts that it knows.
fn catalogs(registry: &Registry, provider: &str) -> Vec<&'static str> {
    let own = registry.get(provider).map(|own| own.plugin_catalogs());
    let others = registry.iter().filter(|other| other.id() != provider);
    let others = others.flat_map(|other| other.plugin_catalogs());
    own.unwrap_or_default()
        .iter()
        .chain(others)
        .copied()
        .collect()
}

fn blocker(wanted: &EffectivePlugin, error: &ExtensionError) -> Blocker {
    let kind = match error.is_refusal() {
        true => BlockerKind::Refused,
        false => BlockerKind::Unavailable,
    };
    Blocker {
        kind,
        message: format!("plugin `{}` of {}: {error}", wanted.plugin, wanted.origin),
        hint: error.hint(),
    }
}
