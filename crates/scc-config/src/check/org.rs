//! The rules of an organization's document.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Findings, MARKETPLACES, TEAMS};
use crate::document::{Document, below};
use crate::mcp_patterns::Written;
use crate::network::BUILT_IN_DESTINATION_SETS;
use crate::values::nearest_name;
use crate::{
    BareName, Folded, McpPatterns, OrgConfig, Pattern, PatternSet, PluginPatterns, PluginRef,
    plugin,
};

pub(super) fn check(document: &Document<OrgConfig>) -> Findings {
    let mut check = OrgCheck::new(document);
    check.plugins();
    check.servers();
    check.networks();
    check.catalog();
    check.exceptions();
    check.rest();
    check.findings
}

/// Stands for the agent's own marketplace, to which bare names belong when there is no other, and
/// whose name is not known here. No pattern spells it.
const NOT_KNOWN: &str = "-";

struct OrgCheck<'a> {
    document: &'a Document<OrgConfig>,
    org: &'a OrgConfig,
    /// Where a plugin without a marketplace belongs.
    bare: BareName<'a>,
    /// The marketplaces there are, in lower case.
    marketplaces: HashSet<String>,
    /// For a name of no marketplace, what was probably meant.
    meant: BTreeMap<String, Option<String>>,
    /// The plugins for which the organization makes an exception.
    excepted: PluginPatterns,
    findings: Findings,
}

impl<'a> OrgCheck<'a> {
    fn new(document: &'a Document<OrgConfig>) -> Self {
        let org = document.value();
        let excepted = org.exceptions.iter().flat_map(|e| &e.allow.plugins);
        let names = org.marketplaces.keys();
        let known = names.clone().chain(&org.defaults.extra_marketplaces);
        Self {
            document,
            org,
            bare: BareName::rule(names.map(String::as_str), Some(NOT_KNOWN)),
            marketplaces: known.map(|name| name.to_lowercase()).collect(),
            meant: BTreeMap::new(),
            excepted: PluginPatterns::new(excepted.map(Pattern::as_str)),
            findings: Findings::default(),
        }
    }

    fn add(&mut self, at: &str, rule: &'static str, message: String) {
        self.findings.add(self.document, at, rule, message);
    }

    fn plugins(&mut self) {
        let org = self.org;
        let blocked = PluginPatterns::new(words(&org.security.blocked_plugins));
        let allowed = org.defaults.allowed_plugins.as_ref();
        let allowed = allowed.map(|patterns| PluginPatterns::new(words(patterns)));
        for (number, text) in org.defaults.enabled_plugins.iter().enumerate() {
            let at = || format!("/defaults/enabled_plugins/{number}");
            self.plugin(&at, text, &blocked);
        }
        for (team, profile) in &org.profiles {
            for (number, text) in profile.additional_plugins.iter().enumerate() {
                let at = || below("/profiles", team) + &format!("/additional_plugins/{number}");
                let Some(plugin) = self.plugin(&at, text, &blocked) else {
                    continue;
                };
                let unlisted = |allowed: &PluginPatterns| {
                    allowed.find(&plugin).is_none() && !self.may_be_listed(&plugin)
                };
                if allowed.as_ref().is_some_and(unlisted) {
                    let message = format!(
                        "plugin `{plugin}` of team `{team}` is not in `defaults.allowed_plugins`"
                    );
                    self.add(&at(), "additional_plugin_not_allowed", message);
                }
            }
        }
    }

    /// Whether a plugin of the agent's own marketplace, whose name is not known here, fits a pattern
    /// of the allowlist as far as its own name goes. The policy knows, and decides.
    fn may_be_listed(&self, plugin: &PluginRef) -> bool {
        let name = Folded::new(plugin.name());
        let patterns = self.org.defaults.allowed_plugins.iter().flatten();
        let of_names = patterns.filter_map(|pattern| plugin::split(pattern.as_str()));
        let mut of_names = of_names.map(|(own, _)| own);
        plugin.marketplace() == NOT_KNOWN
            && of_names.any(|own| PatternSet::new([own]).find(&name).is_some())
    }

    /// Checks one reference; gives it where it is one and not blocked. The pointer is made only
    /// for a finding.
    fn plugin(
        &mut self,
        at: &dyn Fn() -> String,
        text: &str,
        blocked: &PluginPatterns,
    ) -> Option<PluginRef> {
        let plugin = match PluginRef::parse(text, self.bare) {
            Ok(plugin) => plugin,
            Err(error) => {
                self.add(&at(), "invalid_plugin_reference", error.to_string());
                return None;
            }
        };
        // Whether the exception still holds is the policy's question: the end of one must not make
        // the whole document invalid.
        if self.excepted.find(&plugin).is_some() {
            self.marketplace(at, &plugin);
            return None;
        }
        if let Some(number) = blocked.find(&plugin) {
            let pattern = self.org.security.blocked_plugins[number].as_str();
            let message = format!("plugin `{plugin}` is blocked by the pattern `{pattern}`");
            self.add(&at(), "plugin_blocked", message);
            return None;
        }
        self.marketplace(at, &plugin);
        Some(plugin)
    }

    /// A name of no marketplace may be an agent's own; only what looks like a slip is a finding.
    fn marketplace(&mut self, at: &dyn Fn() -> String, plugin: &PluginRef) {
        let own = plugin.marketplace();
        if self.marketplaces.contains(&own.to_lowercase()) {
            return;
        }
        if !self.meant.contains_key(own) {
            let org = self.org;
            let names = org.marketplaces.keys();
            let names = names.chain(&org.defaults.extra_marketplaces);
            let hint = nearest_name(own, names.map(String::as_str));
            self.meant.insert(own.to_owned(), hint);
        }
        if let Some(hint) = self.meant.get(own).cloned().flatten() {
            let said = (format!("there is no marketplace `{own}`"), Some(hint));
            self.findings
                .hint(self.document, &at(), "unknown_marketplace", said);
        }
    }

    fn servers(&mut self) {
        let org = self.org;
        let blocked = McpPatterns::new(words(&org.security.blocked_mcp_servers));
        let allowed = org.defaults.allowed_mcp_servers.as_ref();
        let allowed = allowed.map(|patterns| McpPatterns::new(words(patterns)));
        let excepted = org.exceptions.iter().flat_map(|e| &e.allow.mcp_servers);
        let excepted = McpPatterns::new(excepted.map(Pattern::as_str));
        for (team, profile) in &org.profiles {
            let servers = &profile.additional_mcp_servers;
            if servers.is_empty() {
                continue;
            }
            let list = below("/profiles", team) + "/additional_mcp_servers";
            self.findings.server_forms(self.document, &list, servers);
            for (number, server) in servers.iter().enumerate() {
                let at = format!("{list}/{number}");
                let name = &server.name;
                let written = Written::of(server);
                if written.find(&excepted).is_some() {
                    continue;
                }
                if let Some(number) = written.find(&blocked) {
                    let pattern = org.security.blocked_mcp_servers[number].as_str();
                    let message =
                        format!("MCP server `{name}` is blocked by the pattern `{pattern}`");
                    self.add(&at, "mcp_blocked", message);
                } else if allowed
                    .as_ref()
                    .is_some_and(|set| written.find(set).is_none())
                    && server.missing_identifier().is_none()
                {
                    let message = format!(
                        "MCP server `{name}` of team `{team}` is not in `defaults.allowed_mcp_servers`"
                    );
                    self.add(&at, "mcp_not_allowed", message);
                }
            }
        }
    }

    fn networks(&mut self) {
        let org = self.org;
        let sets = &org.defaults.network.destination_sets;
        let list = "/defaults/network/destination_sets";
        let whose = (list, "destination set", "destination_set_name");
        self.findings.seen(self.document, whose, sets.keys());
        for name in org.defaults.network.destination_sets.keys() {
            if BUILT_IN_DESTINATION_SETS.contains(&name.as_str()) {
                let at = below("/defaults/network/destination_sets", name);
                let message = format!("`{name}` is a destination set that scc defines itself");
                self.add(&at, "built_in_destination_set", message);
            }
        }
        let list = "/defaults/network/use_destination_sets";
        self.set_names(list, &org.defaults.network.use_destination_sets);
        for (team, profile) in &org.profiles {
            if !profile.network.destination_sets.is_empty() {
                let list = below("/profiles", team) + "/network/destination_sets";
                self.set_names(&list, &profile.network.destination_sets);
            }
        }
    }

    fn set_names(&mut self, list: &str, names: &[String]) {
        let defined = &self.org.defaults.network.destination_sets;
        for (number, name) in names.iter().enumerate() {
            let built_in = BUILT_IN_DESTINATION_SETS;
            if defined.contains_key(name) || built_in.contains(&name.as_str()) {
                continue;
            }
            let known = defined.keys().map(String::as_str).chain(built_in);
            let said = (
                format!("there is no destination set `{name}`"),
                nearest_name(name, known),
            );
            let at = format!("{list}/{number}");
            self.findings
                .hint(self.document, &at, "unknown_destination_set", said);
        }
    }

    fn catalog(&mut self) {
        let catalog = &self.org.governed_artifacts;
        let whose = |list, kind| (list, kind, "catalog_name");
        let bundles = whose("/governed_artifacts/bundles", "bundle");
        let artifacts = whose("/governed_artifacts/artifacts", "artifact");
        self.findings
            .seen(self.document, bundles, catalog.bundles.keys());
        self.findings
            .seen(self.document, artifacts, catalog.artifacts.keys());
        for name in &catalog.dangling {
            let at = below("/governed_artifacts/bindings", name);
            let hint = nearest_name(name, catalog.artifacts.keys().map(String::as_str));
            let said = (format!("there is no artifact `{name}`"), hint);
            self.findings
                .hint(self.document, &at, "unknown_artifact", said);
        }
        for (bundle, content) in &catalog.bundles {
            let at = below("/governed_artifacts/bundles", bundle);
            for (number, name) in content.artifacts.iter().enumerate() {
                if !catalog.artifacts.contains_key(name) {
                    // Either of the two keys holds the list.
                    let lists = ["artifacts", "members"].map(|key| format!("{at}/{key}/{number}"));
                    let mut lists = lists.into_iter();
                    let found = lists.find(|at| self.document.place(at).is_some());
                    let at = found.unwrap_or_else(|| at.clone());
                    let hint = nearest_name(name, catalog.artifacts.keys().map(String::as_str));
                    let message = format!("bundle `{bundle}` lists the unknown artifact `{name}`");
                    self.findings
                        .hint(self.document, &at, "unknown_artifact", (message, hint));
                }
            }
        }
        for (team, profile) in &self.org.profiles {
            for (number, name) in profile.enabled_bundles.iter().enumerate() {
                if !catalog.bundles.contains_key(name) {
                    let at = format!("{}/enabled_bundles/{number}", below("/profiles", team));
                    let hint = nearest_name(name, catalog.bundles.keys().map(String::as_str));
                    let said = (format!("there is no bundle `{name}`"), hint);
                    self.findings
                        .hint(self.document, &at, "unknown_bundle", said);
                }
            }
        }
    }

    fn exceptions(&mut self) {
        let mut seen = BTreeSet::new();
        for (number, exception) in self.org.exceptions.iter().enumerate() {
            let at = format!("/exceptions/{number}");
            let id = &exception.id;
            if exception.allow.plugins.is_empty() && exception.allow.mcp_servers.is_empty() {
                let message = format!("exception `{id}` allows nothing");
                self.add(&at, "empty_exception", message);
            }
            if !seen.insert(id.to_lowercase()) {
                let message = format!("exception `{id}` appears twice");
                self.add(&at, "duplicate_exception", message);
            }
        }
    }

    fn rest(&mut self) {
        let (document, org) = (self.document, self.org);
        self.findings
            .names_once(document, MARKETPLACES, org.marketplaces.keys());
        self.findings
            .names_once(document, TEAMS, org.profiles.keys());
        let commands = &org.defaults.dev_environment;
        self.findings
            .directories(document, "/defaults/dev_environment", commands);
        for (team, profile) in &org.profiles {
            let at = below("/profiles", team) + "/dev_environment";
            self.findings
                .directories(document, &at, &profile.dev_environment);
        }
        let certificate = |text: &str| text.trim_start().starts_with("-----BEGIN CERTIFICATE-----");
        let good = |text: &str| certificate(text) || text.starts_with('/');
        let message = "a certificate is PEM text or an absolute path";
        for (number, text) in self.org.ca_certificates.iter().enumerate() {
            if !good(text) {
                let at = format!("/ca_certificates/{number}");
                self.add(&at, "bad_certificate", message.to_owned());
            }
        }
        for (id, provider) in &self.org.providers {
            if provider.ca.as_deref().is_some_and(|text| !good(text)) {
                let at = below("/providers", id) + "/ca";
                self.add(&at, "bad_certificate", message.to_owned());
            }
        }
        if let Some(signing) = &self.org.signing
            && signing.required
            && signing.public_keys.is_empty()
        {
            let message = "signatures are required, but there is no public key".to_owned();
            self.add("/signing", "no_signing_key", message);
        }
    }
}

fn words(patterns: &[Pattern]) -> impl Iterator<Item = &str> {
    patterns.iter().map(Pattern::as_str)
}
