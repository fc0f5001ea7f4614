//! Organizations of any size: five rules, ten plugins and a server a team.

use std::fmt::Write as _;

/// What is unusual about an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Half of the rules have wildcards, most in the middle or at an end.
    Plain,
    /// Every rule starts and ends with a wildcard.
    Infix,
    /// Every rule starts as every plugin does.
    Shared,
    /// A marketplace a team, and a bundle a team.
    Marketplaces,
}

impl Shape {
    fn rule(self, number: usize) -> String {
        match (self, number % 4) {
            (Self::Infix, _) => format!("*bad-{number}-*"),
            (Self::Shared, _) => format!("tool-*-bad-{number}"),
            (_, 0) => format!("bad-{number}"),
            (_, 1) => format!("bad-{number}@internal"),
            (_, 2) => format!("bad-{number}-*"),
            _ => format!("*-{number}@evil-{number}"),
        }
    }

    fn marketplace(self, team: usize) -> String {
        match self {
            Self::Marketplaces => format!("market-{team}"),
            _ => "internal".to_owned(),
        }
    }
}

/// An organization's document in JSON, which is YAML too.
pub(crate) fn document(teams: usize, shape: Shape) -> String {
    let mut text = String::from(
        r#"{"schema_version": "1.0.0", "organization": {"name": "Corp", "id": "corp"},
"delegation": {"teams": {"allow_additional_plugins": ["team-*"], "allow_additional_mcp_servers": ["team-*"]}},
"defaults": {"network_policy": "web-egress-enforced", "enabled_plugins": ["base@internal"],
  "allowed_plugins": ["*@internal", "*@market-*"]},
"marketplaces": {"internal": {"source": "github", "owner": "corp", "repo": "plugins"}"#,
    );
    let own = matches!(shape, Shape::Marketplaces);
    for team in (0..teams).filter(|_| own) {
        let _ = write!(
            text,
            ",\n  \"market-{team}\": {{\"source\": \"github\", \"owner\": \"corp\", \"repo\": \"p-{team}\"}}"
        );
    }
    text.push_str("},\n\"governed_artifacts\": {\"bundles\": {");
    for team in (0..teams).filter(|_| own) {
        let comma = if team == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n  \"bundle-{team}\": {{\"artifacts\": []}}");
    }
    text.push_str("}},\n\"security\": {\"blocked_plugins\": [");
    for rule in 0..teams * 5 {
        let comma = if rule == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n  \"{}\"", shape.rule(rule));
    }
    text.push_str("]},\n\"profiles\": {");
    for team in 0..teams {
        let comma = if team == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n  \"team-{team}\": ");
        profile(&mut text, team, shape);
    }
    text.push_str("}}\n");
    text
}

fn profile(text: &mut String, team: usize, shape: Shape) {
    let marketplace = shape.marketplace(team);
    let _ = write!(
        text,
        "{{\"description\": \"Team {team}\",\n    \"additional_plugins\": ["
    );
    for plugin in 0..10 {
        let comma = if plugin == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}\"tool-{team}-{plugin}@{marketplace}\"");
    }
    text.push(']');
    if matches!(shape, Shape::Marketplaces) {
        let _ = write!(text, ",\n    \"enabled_bundles\": [\"bundle-{team}\"]");
    }
    let _ = write!(
        text,
        ",\n    \"additional_mcp_servers\": [{{\"name\": \"mcp-{team}\", \"type\": \"http\", \
         \"url\": \"https://mcp-{team}.corp.example/mcp\"}}],\n    \
         \"session\": {{\"timeout_hours\": 8}}}}"
    );
}
