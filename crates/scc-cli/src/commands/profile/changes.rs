//! What is different between two profiles.

use std::collections::BTreeMap;

use scc_state::PersonalProfile;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::servers;
use crate::output::{Printer, one_line};

/// One plugin or server that is not the same.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Change {
    pub(super) kind: &'static str,
    pub(super) item: String,
    pub(super) change: &'static str,
    /// Where a server that comes in is and what it takes; of one that is changed, what was too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) details: Vec<String>,
}

/// What is compared, and what is shown of it.
type Items = BTreeMap<String, (Value, Vec<String>)>;

/// What becomes different when `after` takes the place of `before`.
pub(super) fn between(before: Option<&PersonalProfile>, after: &PersonalProfile) -> Vec<Change> {
    let old = before.map_or_else(BTreeMap::new, plugins);
    let mut changes = compare("plugin", &old, &plugins(after));
    let old = before.map_or_else(BTreeMap::new, named_servers);
    changes.extend(compare("mcp-server", &old, &named_servers(after)));
    changes
}

fn plugins(profile: &PersonalProfile) -> Items {
    let plugins = profile.plugins.iter().cloned();
    plugins
        .map(|plugin| (plugin, (Value::Null, Vec::new())))
        .collect()
}

fn named_servers(profile: &PersonalProfile) -> Items {
    let servers = profile.mcp_servers.iter().filter_map(servers::read);
    servers
        .map(|server| {
            let what = (servers::value(&server), servers::details(&server));
            (server.name, what)
        })
        .collect()
}

fn compare(kind: &'static str, before: &Items, after: &Items) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |item: &String, change, details| {
        let item = item.clone();
        changes.push(Change {
            kind,
            item,
            change,
            details,
        });
    };
    for (item, (value, details)) in after {
        match before.get(item) {
            None => add(item, "added", details.clone()),
            Some((old, _)) if old == value => {}
            Some((_, old)) => add(item, "changed", both(old, details)),
        }
    }
    for item in before.keys().filter(|item| !after.contains_key(*item)) {
        add(item, "removed", Vec::new());
    }
    changes
}

/// What is there now; what was there before where it reads otherwise.
fn both(old: &[String], new: &[String]) -> Vec<String> {
    let gone = old.iter().filter(|line| !new.contains(line));
    let gone = gone.map(|line| format!("before: {line}"));
    let mut all: Vec<_> = new.iter().cloned().chain(gone).collect();
    if old == new {
        all.push("a value that is not shown is another".to_owned());
    }
    all
}

/// Shows the changes; nothing where there is none.
pub(super) fn show(changes: &[Change], printer: Printer) {
    if !changes.is_empty() {
        printer.result(&text(changes));
    }
}

/// A line a change, and below it what is to be known of a server.
pub(super) fn text(changes: &[Change]) -> String {
    let lines = changes.iter().map(|change| {
        let sign = match change.change {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        let details = change.details.iter();
        let details = details.map(|line| format!("\n    {}", one_line(line)));
        let details: String = details.collect();
        format!("{sign} {} {}{details}", change.kind, one_line(&change.item))
    });
    lines.collect::<Vec<_>>().join("\n")
}
