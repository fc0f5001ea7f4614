//! The effective policy in words: a section for each part, with who said what.

use scc_config::ArtifactKind;
use scc_policy::{Decision, EffectivePolicy, ItemKind, Origin, Outcome, Reason, Sourced};
use serde_json::json;

use crate::output::table;

/// A part of the policy.
#[derive(Debug)]
pub(crate) struct Section {
    title: &'static str,
    rows: Vec<Vec<String>>,
    /// What stands there when there is nothing.
    otherwise: &'static str,
}

impl Section {
    fn new(title: &'static str, otherwise: &'static str) -> Self {
        Self {
            title,
            rows: Vec::new(),
            otherwise,
        }
    }

    fn add(&mut self, what: &str, value: &str, origin: &Origin) {
        let origin = origin.to_string();
        self.rows
            .push(vec![what.to_owned(), value.to_owned(), origin]);
    }

    pub(crate) fn text(&self) -> String {
        if self.rows.is_empty() {
            return format!("{}\n  {}", self.title, self.otherwise);
        }
        let table = table(&["", "", ""], self.rows.clone());
        let lines: Vec<_> = table.lines().map(|line| format!("  {line}")).collect();
        format!("{}\n{}", self.title, lines.join("\n"))
    }
}

pub(crate) fn plugins(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Plugins", "none");
    for plugin in &policy.plugins {
        section.add(&plugin.plugin.to_string(), "", &plugin.origin);
    }
    for bundle in &policy.bundles {
        section.add(&bundle.name, "bundle", &bundle.origin);
    }
    for (name, artifact) in &policy.artifacts {
        let bundles: Vec<_> = policy.bundles_with(name).collect();
        let required = if artifact.required { ", required" } else { "" };
        let what = format!(
            "{} of {}{required}",
            artifact_kind(artifact.kind),
            bundles.join(", ")
        );
        section.add(name, &what, &artifact.origin);
    }
    section
}

/// The word for a kind of artifact.
pub(crate) fn artifact_kind(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Skill => "skill",
        ArtifactKind::McpServer => "MCP server",
        ArtifactKind::NativeIntegration => "plugin",
    }
}

pub(crate) fn servers(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("MCP servers", "none");
    for server in &policy.mcp_servers {
        let transport = server.server.transport.as_str();
        let mut words = vec![transport.to_owned()];
        words.extend(server.server.target());
        section.add(&server.server.name, &words.join(" "), &server.origin);
    }
    section
}

pub(crate) fn marketplaces(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Marketplaces", "none");
    for (name, marketplace) in &policy.marketplaces {
        let kind = marketplace.marketplace.kind();
        section.add(name, kind, &marketplace.origin);
    }
    section
}

pub(crate) fn network(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Network", "");
    let network = &policy.network_policy;
    section.add("policy", network.value.as_str(), &network.origin);
    section
}

pub(crate) fn hosts(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Hosts", "none besides those of the agent");
    for host in &policy.network.allowed_hosts {
        let internal = if host.internal { "internal" } else { "" };
        section.add(&host.host.to_string(), internal, &host.origin);
    }
    for set in &policy.network.destination_sets {
        section.add(&set.value, "set", &set.origin);
    }
    section
}

pub(crate) fn session(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Session", "no limit");
    if let Some(timeout) = &policy.session.timeout_hours {
        let hours = format!("{} h", timeout.value);
        section.add("timeout", &hours, &timeout.origin);
    }
    if let Some(resume) = &policy.session.auto_resume {
        section.add("auto resume", &resume.value.to_string(), &resume.origin);
    }
    section
}

pub(crate) fn resources(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Resources", "your settings, else scc's own limits");
    members(&mut section, &policy.resources);
    section
}

pub(crate) fn safety(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Safety", "");
    members(&mut section, &policy.safety_net);
    for shield in &policy.workspace_shields {
        section.add("hidden from the agent", &shield.value, &shield.origin);
    }
    section
}

/// A row for each key of a value.
fn members<T: serde::Serialize>(section: &mut Section, value: &Sourced<T>) {
    let json = json!(value.value);
    for (key, member) in json.as_object().into_iter().flatten() {
        let text = match member {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        section.add(key, &text, &value.origin);
    }
}

pub(crate) fn providers(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Providers", "none is allowed");
    for provider in &policy.allowed_providers {
        section
            .rows
            .push(vec![provider.clone(), String::new(), String::new()]);
    }
    for (provider, gateway) in &policy.gateways {
        section.add(
            &format!("{provider}/gateway"),
            &gateway.value,
            &gateway.origin,
        );
    }
    section
}

pub(crate) fn dev(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Development commands", "none");
    let dev = &policy.dev_environment;
    for (name, actions) in [
        ("commands", &dev.commands),
        ("logs", &dev.logs),
        ("health_checks", &dev.health_checks),
    ] {
        for (action, sourced) in actions {
            let argv = sourced.value.argv.join(" ");
            section.add(&format!("{name}/{action}"), &argv, &sourced.origin);
        }
    }
    section
}

/// What nothing but an exception lets through.
pub(crate) fn by_exception(policy: &EffectivePolicy) -> impl Iterator<Item = &Decision> {
    let lifted = |decision: &&Decision| {
        decision.outcome == Outcome::Allowed && decision.reason == Reason::Exception
    };
    policy.decisions.iter().filter(lifted)
}

/// The same, with the exceptions.
pub(crate) fn excepted(policy: &EffectivePolicy) -> Section {
    let mut section = Section::new("Allowed by an exception", "nothing");
    for decision in by_exception(policy) {
        rows(decision, &mut section.rows);
    }
    section
}

/// What was refused or ignored, by which rule, and what can be done.
pub(crate) fn decided(policy: &EffectivePolicy, outcome: Outcome) -> Section {
    of(policy.decisions.iter(), outcome)
}

/// The same of some decisions.
pub(crate) fn of<'a>(decisions: impl Iterator<Item = &'a Decision>, outcome: Outcome) -> Section {
    let title = match outcome {
        Outcome::Allowed => "Allowed",
        Outcome::Blocked => "Blocked",
        Outcome::Denied => "Denied",
        Outcome::Ignored => "Ignored",
    };
    let mut section = Section::new(title, "nothing");
    for decision in decisions.filter(|decision| decision.outcome == outcome) {
        rows(decision, &mut section.rows);
    }
    section
}

fn rows(decision: &Decision, rows: &mut Vec<Vec<String>>) {
    let place = place(decision.file.as_deref(), decision.line);
    let origin = match place.is_empty() {
        true => decision.layer.as_str().to_owned(),
        false => format!("{} ({place})", decision.layer.as_str()),
    };
    let kind = kind(decision.kind).to_owned();
    let target = decision.target.as_ref().map(|at| format!(" ({at})"));
    rows.push(vec![
        format!("{} {}{}", kind, decision.item, target.unwrap_or_default()),
        decision.message.clone(),
        origin,
    ]);
    if let Some(rule) = &decision.rule {
        let place = self::place(rule.file.as_deref(), rule.line);
        let layer = rule.layer.as_str();
        rows.push(vec![
            String::new(),
            format!("rule: {}", rule.text),
            match place.is_empty() {
                true => layer.to_owned(),
                false => format!("{layer} ({place})"),
            },
        ]);
    }
    if let Some(step) = &decision.next_step {
        rows.push(vec![String::new(), format!("next: {step}"), String::new()]);
    }
}

fn place(file: Option<&str>, line: Option<u64>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.to_owned(),
        _ => String::new(),
    }
}

/// The word for a kind of item.
pub(crate) fn kind(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Plugin => "plugin",
        ItemKind::McpServer => "MCP server",
        ItemKind::Marketplace => "marketplace",
        ItemKind::NetworkPolicy => "network policy",
        ItemKind::SessionTimeout => "session timeout",
        ItemKind::DevAction => "command",
        ItemKind::Provider => "provider",
        ItemKind::Bundle => "bundle",
        ItemKind::Artifact => "artifact",
        ItemKind::DestinationSet => "destination set",
        ItemKind::Exception => "exception",
        ItemKind::Layer => "layer",
    }
}
