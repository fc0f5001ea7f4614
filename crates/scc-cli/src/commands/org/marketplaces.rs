//! Moving marketplaces and skills of bundles forward, and showing what that changes.

use scc_launch::{Governance, MarketUpdate, PlaceKind, PluginChange};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::findings::count;
use crate::governance::Rules;

/// What became of one marketplace or skill.
#[derive(Serialize, JsonSchema)]
pub(super) struct MarketReport {
    kind: PlaceKind,
    name: String,
    changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<MarketUpdate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Moves every marketplace and skill that was used before.
pub(super) fn update(
    rules: &Rules,
    governance: &Governance,
    context: &Context,
) -> Result<Vec<MarketReport>, CliError> {
    let policy = rules.policy(governance, context)?;
    // Catalogs of every agent's form count.
    let updates = rules.with_marketplaces(context, "", |input| {
        governance.update_marketplaces(&policy, input)
    })?;
    let reports = updates
        .into_iter()
        .map(|(kind, name, outcome)| match outcome {
            Ok(update) => MarketReport {
                kind,
                name,
                changed: update.is_change(),
                update: Some(update),
                error: None,
            },
            Err(error) => MarketReport {
                kind,
                name,
                changed: false,
                update: None,
                error: Some(error.to_string()),
            },
        });
    Ok(reports.collect())
}

impl MarketReport {
    /// Why it stays where it is although it should not.
    pub(super) fn failure(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!(
            "the {} `{}` stays where it is: {error}",
            self.kind.as_str(),
            self.name
        ))
    }

    pub(super) fn text(&self) -> String {
        let (kind, name) = (self.kind.as_str(), &self.name);
        let Some(update) = &self.update else {
            return format!("{kind} {name}: not updated");
        };
        let after = update.after.short();
        if !self.changed {
            return format!("{kind} {name}: unchanged at {after}");
        }
        let before = update.before.short();
        let mut lines = vec![format!("{kind} {name}: {before} -> {after}")];
        match update.plugins.as_deref() {
            None => lines.push("  the old files are not here to be compared".to_owned()),
            Some([]) if self.kind == PlaceKind::Skill => {
                lines.push("  no file of it is different".to_owned());
            }
            Some([]) => lines.push("  no plugin is different".to_owned()),
            Some(plugins) => lines.extend(plugins.iter().flat_map(change)),
        }
        lines.join("\n")
    }
}

/// The plugin, and its files as a diff would list them.
fn change(plugin: &PluginChange) -> Vec<String> {
    let PluginChange {
        name,
        added,
        removed,
        changed,
    } = plugin;
    let files = added.len() + removed.len() + changed.len();
    let mut lines = vec![format!("  {name} ({})", count(files, "file"))];
    for (mark, files) in [("+", added), ("-", removed), ("~", changed)] {
        lines.extend(files.iter().map(|file| format!("    {mark} {file}")));
    }
    lines
}
