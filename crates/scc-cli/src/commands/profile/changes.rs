//! What is different between two profiles.

use std::collections::BTreeMap;

use scc_state::PersonalProfile;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::servers;
use crate::output::Printer;

/// One plugin or server that is not the same.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Change {
    pub(super) kind: &'static str,
    pub(super) item: String,
    pub(super) change: &'static str,
}

/// What becomes different when `after` takes the place of `before`.
pub(super) fn between(before: Option<&PersonalProfile>, after: &PersonalProfile) -> Vec<Change> {
    let old = before.map_or_else(BTreeMap::new, plugins);
    let mut changes = compare("plugin", &old, &plugins(after));
    let old = before.map_or_else(BTreeMap::new, named_servers);
    changes.extend(compare("mcp-server", &old, &named_servers(after)));
    changes
}

fn plugins(profile: &PersonalProfile) -> BTreeMap<String, Value> {
    let plugins = profile.plugins.iter().cloned();
    plugins.map(|plugin| (plugin, Value::Null)).collect()
}

fn named_servers(profile: &PersonalProfile) -> BTreeMap<String, Value> {
    let servers = profile.mcp_servers.iter().filter_map(servers::read);
    servers
        .map(|server| (server.name.clone(), servers::value(&server)))
        .collect()
}

fn compare(
    kind: &'static str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |item: &String, change| {
        let item = item.clone();
        changes.push(Change { kind, item, change });
    };
    for (item, value) in after {
        match before.get(item) {
            None => add(item, "added"),
            Some(old) if old != value => add(item, "changed"),
            Some(_) => {}
        }
    }
    for item in before.keys().filter(|item| !after.contains_key(*item)) {
        add(item, "removed");
    }
    changes
}

/// Shows a line a change; nothing where there is none.
pub(super) fn show(changes: &[Change], printer: Printer) {
    if !changes.is_empty() {
        printer.result(&text(changes));
    }
}

/// A line a change.
pub(super) fn text(changes: &[Change]) -> String {
    let lines = changes.iter().map(|change| {
        let sign = match change.change {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        format!("{sign} {} {}", change.kind, change.item)
    });
    lines.collect::<Vec<_>>().join("\n")
}
