//! The rules, row by row: `rules.txt` says what is asked for and what becomes of it.

#![expect(clippy::panic, reason = "a table with a bad row is a failed test")]

use std::fmt::Write as _;
use std::path::Path;

use scc_config::{Document, McpServer, OrgConfig, Pattern, ProjectConfig, TeamConfig};
use scc_policy::{
    EffectivePolicy, ExceptionStore, ItemKind, LocalException, PersonalProfile, PolicyError,
    PolicyInput, evaluate,
};

const HEADER: &str = "schema_version: \"1.0.0\"\norganization: {name: Corp, id: corp}\n";
const NOW: &str = "2030-01-01T12:00:00Z";

/// A group of rows: the organization's document and what else is the same for all of them.
#[derive(Default)]
struct Group<'t> {
    title: &'t str,
    org: String,
    standalone: bool,
    team: Option<&'t str>,
    implicit: Vec<&'t str>,
    /// Kind, pattern, end.
    exceptions: Vec<(&'t str, &'t str, &'t str)>,
}

/// What one row asks for, as the documents of the layers.
#[derive(Default)]
struct Asked {
    org: String,
    team_document: String,
    project: String,
    plugins: Vec<String>,
    servers: Vec<McpServer>,
}

impl<'t> Group<'t> {
    fn parse(head: &'t str) -> Self {
        let (title, lines) = head.split_once('\n').unwrap_or((head, ""));
        let mut group = Self {
            title,
            org: HEADER.to_owned(),
            team: Some("t"),
            ..Self::default()
        };
        for line in lines.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["!standalone"] => (group.standalone, group.team) = (true, None),
                ["!team", "none"] => group.team = None,
                ["!team", name] => group.team = Some(name),
                ["!implicit", names @ ..] => group.implicit = names.to_vec(),
                ["!local", kind, pattern, end] => group.exceptions.push((kind, pattern, end)),
                _ => {
                    group.org.push_str(line);
                    group.org.push('\n');
                }
            }
        }
        group
    }

    fn asked(&self, layer: &str, key: &str, item: &str) -> Asked {
        let mut asked = Asked {
            org: self.org.clone(),
            team_document: "schema_version: \"1.0.0\"\n".to_owned(),
            ..Asked::default()
        };
        let (mut plugins, mut servers) = (String::new(), String::new());
        match (layer, key) {
            ("team", "plugin") => plugins = quoted(item),
            ("team", "mcp") => servers = item.to_owned(),
            ("document", "plugin") => {
                let _ = writeln!(asked.team_document, "enabled_plugins: [{}]", quoted(item));
            }
            ("document", "marketplace") => {
                let _ = writeln!(asked.team_document, "marketplaces: {{{item}}}");
            }
            ("personal", "plugin") => asked.plugins.push(item.to_owned()),
            ("personal", "mcp") => asked.servers.push(server(item)),
            ("project", "plugin") => {
                asked.project = format!("additional_plugins: [{}]", quoted(item));
            }
            ("project", "mcp") => asked.project = format!("additional_mcp_servers: [{item}]"),
            ("project", "dev") => asked.project = format!("dev_environment: {item}"),
            ("org" | "team", _) => {}
            other => panic!("{other:?}"),
        }
        asked.org = asked
            .org
            .replace("$plugins", &plugins)
            .replace("$servers", &servers);
        let whole = layer == "org" || key == "bundle";
        asked.org = asked.org.replace("$item", if whole { item } else { "" });
        asked
    }

    fn evaluate(&self, asked: &Asked) -> Result<EffectivePolicy, PolicyError> {
        let org = Document::<OrgConfig>::parse(&asked.org, Path::new("org.yaml"));
        let org = org.unwrap_or_else(|error| panic!("{}: {error}\n{}", self.title, asked.org));
        let document = Document::<TeamConfig>::parse(&asked.team_document, Path::new("team.yaml"));
        let document = document.unwrap_or_else(|error| panic!("{}: {error}", self.title));
        let project = Document::<ProjectConfig>::parse(&asked.project, Path::new(".scc.yaml"));
        let project = project.unwrap_or_else(|error| panic!("{}: {error}", self.title));
        let patterns: Vec<[Pattern; 1]> = self.exceptions.iter().map(|e| [pattern(e.1)]).collect();
        let exceptions = self.exceptions.iter().zip(&patterns);
        let exceptions = exceptions.map(|((kind, _, end), patterns)| LocalException {
            id: "local-1",
            store: ExceptionStore::User,
            file: Path::new("exceptions.json"),
            expires_at: time(end),
            plugins: if *kind == "plugins" { patterns } else { &[] },
            mcp_servers: if *kind == "mcp" { patterns } else { &[] },
        });
        let personal = PersonalProfile {
            file: Path::new("personal.json"),
            plugins: &asked.plugins,
            mcp_servers: &asked.servers,
        };
        evaluate(&PolicyInput {
            org: (!self.standalone).then_some(&org),
            team: self.team,
            team_document: Some(&document),
            personal: Some(&personal),
            project: Some(&project),
            exceptions: &exceptions.collect::<Vec<_>>(),
            providers: &["one", "two", "three"],
            implicit_marketplaces: &self.implicit,
            now: time(NOW),
        })
    }

    /// What becomes of one row, in the words of the table.
    fn outcome(&self, row: &str) -> String {
        let (layer, rest) = row.split_once(' ').unwrap_or((row, ""));
        let (key, item) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let item = item.trim();
        let asked = match layer {
            "values" => Asked {
                project: key_values(key, item),
                ..self.asked("org", "", item.split('/').next().unwrap_or_default().trim())
            },
            _ => self.asked(layer, key, item),
        };
        let policy = match self.evaluate(&asked) {
            Ok(policy) => policy,
            Err(error) => return format!("error: {error}"),
        };
        match (layer, key) {
            ("values", "network") => {
                let network = &policy.network_policy;
                format!("{} {}", network.value, network.origin.layer.as_str())
            }
            ("values", "timeout") => match policy.session.timeout_hours {
                Some(hours) => format!("{} {}", hours.value, hours.origin.layer.as_str()),
                None => "none".to_owned(),
            },
            (_, "hosts") => {
                let hosts = policy.network.allowed_hosts.iter();
                let hosts =
                    hosts.map(|h| format!("{}{}", h.host, if h.internal { "!" } else { "" }));
                let sets = policy.network.destination_sets.iter();
                let sets = sets.map(|set| format!("+{}", set.value));
                hosts.chain(sets).collect::<Vec<_>>().join(" ")
            }
            (_, "providers") => policy.allowed_providers.join(" "),
            (_, key) => decided(&policy, layer, key, item),
        }
    }
}

/// A workspace that sets one value, after the `/` of a row.
fn key_values(key: &str, item: &str) -> String {
    let value = item.split('/').nth(1).unwrap_or_default().trim();
    match (key, value) {
        (_, "") => String::new(),
        ("network", value) => format!("network_policy: {value}"),
        (_, value) => format!("session: {{timeout_hours: {value}}}"),
    }
}

/// The one decision about what the layer asked for.
fn decided(policy: &EffectivePolicy, layer: &str, key: &str, item: &str) -> String {
    let kind = match key {
        "plugin" => ItemKind::Plugin,
        "mcp" => ItemKind::McpServer,
        "marketplace" => ItemKind::Marketplace,
        "bundle" => ItemKind::Bundle,
        "artifact" => ItemKind::Artifact,
        _ => ItemKind::DevAction,
    };
    let layer = match layer {
        "org" => "organization",
        "document" => "team-document",
        "project" => "workspace",
        layer => layer,
    };
    let decisions = policy.decisions.iter();
    let mut found = decisions.filter(|d| {
        let meant = kind != ItemKind::Artifact || d.item == item;
        d.kind == kind && d.layer.as_str() == layer && meant
    });
    let Some(decision) = found.next() else {
        return format!("no decision about {item}");
    };
    let words = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let outcome = words(serde_json::to_value(decision.outcome).unwrap_or_default());
    let reason = words(serde_json::to_value(decision.reason).unwrap_or_default());
    let plugins = policy.plugins.iter().map(|entry| entry.plugin.to_string());
    let servers = policy
        .mcp_servers
        .iter()
        .map(|entry| entry.server.name.clone());
    let there = match kind {
        ItemKind::Plugin => plugins.collect::<Vec<_>>().contains(&decision.item),
        ItemKind::McpServer => servers.collect::<Vec<_>>().contains(&decision.item),
        _ => return format!("{outcome} {reason}"),
    };
    let duplicate = reason == "duplicate";
    assert!(
        duplicate || there == (outcome == "allowed"),
        "{item}: {decision:?}"
    );
    if matches!(outcome.as_str(), "denied" | "blocked") && reason != "malformed" {
        let rule = decision.rule.as_ref();
        let placed = rule.is_some_and(|rule| rule.line.is_some() || rule.file.is_none());
        assert!(
            placed
                || policy.standalone
                || matches!(reason.as_str(), "unknown-marketplace" | "host-value"),
            "{decision:?}"
        );
    }
    format!("{outcome} {reason}")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn pattern(text: &str) -> Pattern {
    let pattern = Pattern::try_from(text.to_owned());
    pattern.unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn time(text: &str) -> jiff::Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn server(text: &str) -> McpServer {
    let text = format!("additional_mcp_servers: [{text}]");
    let document = Document::<ProjectConfig>::parse(&text, Path::new("server"));
    let document = document.unwrap_or_else(|error| panic!("{text}: {error}"));
    document.into_value().additional_mcp_servers.remove(0)
}

#[test]
fn every_row_has_its_outcome() {
    let mut wrong = String::new();
    let mut count = 0;
    for group in include_str!("rules.txt").split("\n## ").skip(1) {
        let (head, rows) = group.split_once("\n---\n").unwrap();
        let group = Group::parse(head);
        for row in rows.lines().filter(|row| !row.trim().is_empty()) {
            let (asked, wanted) = row.rsplit_once("=>").unwrap();
            let outcome = group.outcome(asked.trim());
            if outcome != wanted.trim() {
                let _ = writeln!(wrong, "{}: {row}\n    got {outcome}", group.title);
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count >= 150, "{count} rows");
}
