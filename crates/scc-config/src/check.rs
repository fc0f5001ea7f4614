//! The rules between the values of a document. Each has an id, which is [`ConfigError::rule`].

mod org;

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{ConfigDocument, Document, below};
use crate::{BareName, ConfigError, McpServer, OrgConfig, PluginRef, ProjectConfig, TeamConfig};

/// What is large enough for thousands of teams.
const LARGE: usize = 8 << 20;

impl ConfigDocument for OrgConfig {
    const MAX_BYTES: usize = LARGE;

    fn check(document: &Document<Self>) -> Vec<ConfigError> {
        org::check(document).0
    }
}

impl ConfigDocument for TeamConfig {
    const MAX_BYTES: usize = LARGE;

    fn check(document: &Document<Self>) -> Vec<ConfigError> {
        let mut findings = Findings::default();
        plugin_forms(
            document,
            "/enabled_plugins",
            &document.value().enabled_plugins,
            &mut findings,
        );
        findings.names_once(document, document.value().marketplaces.keys());
        findings.0
    }
}

impl ConfigDocument for ProjectConfig {
    const MAX_BYTES: usize = 1 << 20;

    fn empty() -> Result<Self, &'static str> {
        Ok(Self::default())
    }

    fn check(document: &Document<Self>) -> Vec<ConfigError> {
        let mut findings = Findings::default();
        let plugins = &document.value().additional_plugins;
        plugin_forms(document, "/additional_plugins", plugins, &mut findings);
        let servers = &document.value().additional_mcp_servers;
        findings.server_forms(document, "/additional_mcp_servers", servers);
        findings.0
    }
}

/// References that are none, whatever marketplaces there are.
fn plugin_forms<T>(
    document: &Document<T>,
    pointer: &str,
    plugins: &[String],
    findings: &mut Findings,
) {
    for (number, plugin) in plugins.iter().enumerate() {
        if let Err(error) = PluginRef::parse(plugin, BareName::Of("any")) {
            let pointer = format!("{pointer}/{number}");
            findings.add(
                document,
                &pointer,
                "invalid_plugin_reference",
                error.to_string(),
            );
        }
    }
}

#[derive(Default)]
struct Findings(Vec<ConfigError>);

impl Findings {
    fn add<T>(&mut self, document: &Document<T>, at: &str, rule: &'static str, message: String) {
        self.0.push(document.finding(at, rule, message).into());
    }

    fn hint<T>(
        &mut self,
        document: &Document<T>,
        at: &str,
        rule: &'static str,
        (message, hint): (String, Option<String>),
    ) {
        let mut details = document.finding(at, rule, message);
        details.suggestion = hint;
        self.0.push(details.into());
    }

    fn server_forms<T>(&mut self, document: &Document<T>, pointer: &str, servers: &[McpServer]) {
        let mut seen = BTreeSet::new();
        for (number, server) in servers.iter().enumerate() {
            let at = format!("{pointer}/{number}");
            let name = &server.name;
            if let Some(key) = server.missing_identifier() {
                let kind = server.transport.as_str();
                let message = format!("MCP server `{name}` of type `{kind}` needs the key `{key}`");
                self.add(document, &at, "mcp_missing_identifier", message);
            }
            if !seen.insert(name.to_lowercase()) {
                let message = format!("MCP server `{name}` appears twice");
                self.add(document, &at, "mcp_duplicate_name", message);
            }
        }
    }

    /// Names that differ in case only would hide each other.
    fn names_once<'a, T>(
        &mut self,
        document: &Document<T>,
        names: impl Iterator<Item = &'a String>,
    ) {
        let mut seen = BTreeMap::new();
        for name in names {
            if let Some(first) = seen.insert(name.to_lowercase(), name) {
                let message = format!("marketplaces `{first}` and `{name}` differ in case only");
                let at = below("/marketplaces", name);
                self.add(document, &at, "marketplace_name_clash", message);
            }
        }
    }
}
