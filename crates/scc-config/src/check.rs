//! The rules between the values of a document. Each has an id, which is [`ConfigError::rule`].

mod artifacts;
mod org;
mod patterns;
mod servers;
mod warnings;

use std::collections::BTreeMap;

use crate::document::{ConfigDocument, Document, Known, below};
use crate::{
    BareName, ConfigError, DevEnvironment, OrgConfig, Pattern, PluginRef, ProjectConfig,
    TeamConfig, names,
};

/// What is large enough for thousands of teams.
const LARGE: usize = 8 << 20;

impl ConfigDocument for OrgConfig {
    const MAX_BYTES: usize = LARGE;
    const REQUIRED: &'static str =
        r#"{"schema_version": "1.0.0", "organization": {"name": "-", "id": "-"}}"#;

    fn check(document: &Document<Self>) -> Vec<ConfigError> {
        let mut findings = org::check(document).0;
        findings.retain(|finding| !is_free(finding));
        findings
    }

    fn warn(document: &Document<Self>, known: &Known<'_>) -> Vec<ConfigError> {
        let mut findings = org::check(document).0;
        findings.retain(is_free);
        findings.extend(warnings::warn(document, known).0);
        findings
    }
}

/// Rules about texts that version 1.0.0 of the organization's document leaves free. Such a document
/// stays valid; whatever breaks one of these rules has no effect, or is denied.
const FREE: [&str; 13] = [
    "unknown_marketplace",
    "unknown_bundle",
    "unknown_artifact",
    "mcp_duplicate_name",
    "mcp_address",
    "mcp_name",
    "marketplace_name",
    "marketplace_name_clash",
    "team_name",
    "team_name_clash",
    "command_name",
    "catalog_name",
    "working_directory",
];

fn is_free(finding: &ConfigError) -> bool {
    finding.rule().is_some_and(|rule| FREE.contains(&rule))
}

impl ConfigDocument for TeamConfig {
    const MAX_BYTES: usize = LARGE;
    const REQUIRED: &'static str = r#"{"schema_version": "1.0.0"}"#;

    fn check(document: &Document<Self>) -> Vec<ConfigError> {
        let mut findings = Findings::default();
        plugin_forms(
            document,
            "/enabled_plugins",
            &document.value().enabled_plugins,
            &mut findings,
        );
        findings.names_once(document, MARKETPLACES, document.value().marketplaces.keys());
        findings.0
    }

    fn warn(document: &Document<Self>, _known: &Known<'_>) -> Vec<ConfigError> {
        let mut findings = Findings::default();
        let disabled = &document.value().disabled_plugins;
        findings.plugin_patterns(document, "/disabled_plugins", disabled);
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
        findings.server_doubts(document, "/additional_mcp_servers", servers);
        let commands = &document.value().dev_environment;
        findings.directories(document, "/dev_environment", commands);
        findings.0
    }
}

const MARKETPLACES: (&str, &str, [&str; 2]) = (
    "/marketplaces",
    "marketplace",
    ["marketplace_name_clash", "marketplace_name"],
);
const TEAMS: (&str, &str, [&str; 2]) = ("/profiles", "team", ["team_name_clash", "team_name"]);

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

    /// Names that differ in case only would hide each other, and what cannot be seen hides a
    /// difference. `whose` is the key that holds the names, and how they are called.
    fn names_once<'a, T>(
        &mut self,
        document: &Document<T>,
        whose: (&str, &str, [&'static str; 2]),
        names: impl Iterator<Item = &'a String>,
    ) {
        let (key, kind, [clash, bad]) = whose;
        let mut seen = BTreeMap::new();
        for name in names {
            self.seen(document, (key, kind, bad), std::iter::once(name));
            if let Some(first) = seen.insert(name.to_lowercase(), name) {
                let message = format!("{kind}s `{first}` and `{name}` differ in case only");
                self.add(document, &below(key, name), clash, message);
            }
        }
    }

    /// Patterns for plugins that fit nothing, or something else than they seem to.
    fn plugin_patterns<T>(&mut self, document: &Document<T>, list: &str, patterns: &[Pattern]) {
        for (number, pattern) in patterns.iter().enumerate() {
            if let Some(doubt) = patterns::plugin_doubt(pattern.as_str()) {
                self.doubtful(document, &format!("{list}/{number}"), pattern, doubt);
            }
        }
    }

    fn doubtful<T>(&mut self, document: &Document<T>, at: &str, pattern: &Pattern, doubt: &str) {
        let message = format!("the pattern `{}` {doubt}", pattern.as_str());
        self.add(document, at, "doubtful_pattern", message);
    }

    /// Names that show less than they hold. `whose` is the key that holds them, how they are called,
    /// and the rule.
    fn seen<'a, T>(
        &mut self,
        document: &Document<T>,
        (key, kind, rule): (&str, &str, &'static str),
        names: impl Iterator<Item = &'a String>,
    ) {
        for name in names {
            if let Some(why) = names::complaint(name) {
                let shown = names::visible(name);
                let message = format!("the name of the {kind} `{shown}` {why}");
                self.add(document, &below(key, name), rule, message);
            }
        }
    }

    /// Commands that would start outside of the workspace, and names of commands that mislead.
    fn directories<T>(&mut self, document: &Document<T>, key: &str, commands: &DevEnvironment) {
        for (section, actions) in commands.sections() {
            let key = format!("{key}/{section}");
            self.seen(document, (&key, "command", "command_name"), actions.keys());
            for (name, action) in actions {
                let directory = &action.working_directory;
                if directory.split('/').any(|part| part == "..") {
                    let at = below(&key, name) + "/working_directory";
                    let message = format!("`{directory}` leads out of the workspace");
                    self.add(document, &at, "working_directory", message);
                }
            }
        }
    }
}
