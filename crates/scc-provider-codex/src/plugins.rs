//! Plugins as what the agent takes from its administrator.
//!
//! The agent's own way of installing plugins copies them to the user's home, where anybody inside
//! can change them, and waits for a person to review their hooks. Therefore a plugin is delivered in
//! its parts: its folder is sealed among the administrator's skills, its commands become skills, its
//! hooks are managed hooks, and the agent's own plugins are switched off where rules apply. Skills that
//! come without a plugin lie beside these folders.

use std::collections::BTreeMap;

use scc_provider::{ExtensionKind, Extensions, Plugin, SealedDirectory, SealedFile, Undelivered};
use serde_json::json;
use toml::{Table, Value, toml};

use crate::{plugin_hooks, plugin_parts};

/// The administrator's skills.
const SKILLS: &str = "/etc/codex/skills";
/// The folder in it of skills without a plugin; a name that no marketplace can have.
const BARE_SKILLS: &str = "@skills";
/// What stands in the policy directory where the skills are mounted.
const SKILLS_PLACE: &str = "skills/.place";
pub(crate) const CATALOG: &str = ".agents/plugins/marketplace.json";
pub(crate) const MANIFEST: &str = ".codex-plugin/plugin.json";

/// The folder of a plugin in the sandbox.
pub(crate) fn root(plugin: &Plugin) -> String {
    format!("{SKILLS}/{}/{}", plugin.marketplace, plugin.name)
}

/// What only a launch with plugins or skills has in the policy directory.
pub(crate) fn policy_file(extensions: &Extensions) -> Option<(String, SealedFile)> {
    let any = !extensions.plugins.is_empty() || !extensions.skills.is_empty();
    any.then(|| (SKILLS_PLACE.to_owned(), SealedFile::from("")))
}

/// All plugins and skills in one sealed directory.
pub(crate) fn sealed(extensions: &Extensions) -> Option<SealedDirectory> {
    let mut files = BTreeMap::new();
    for plugin in &extensions.plugins {
        let at = |path: &str| format!("{}/{}/{path}", plugin.marketplace, plugin.name);
        files.extend(
            plugin
                .files
                .iter()
                .map(|(path, file)| (at(path), file.clone())),
        );
        files.extend(
            commands(plugin)
                .into_iter()
                .map(|(path, text)| (at(&path), text.into())),
        );
        // Names its skills `PLUGIN:SKILL`.
        if !plugin.files.keys().any(|path| is_manifest(path)) {
            let manifest = json!({
                "name": plugin.name,
                "version": plugin.text("version").unwrap_or("0.0.0"),
                "description": plugin.text("description").unwrap_or_default(),
            });
            files.insert(at(MANIFEST), format!("{manifest:#}\n").into());
        }
    }
    for skill in &extensions.skills {
        let at = |path: &str| format!("{BARE_SKILLS}/{}/{path}", skill.name);
        let own = skill.files.iter();
        files.extend(own.map(|(path, file)| (at(path), file.clone())));
    }
    let path = SKILLS.to_owned();
    (!files.is_empty()).then_some(SealedDirectory { path, files })
}

/// The path of a plugin's manifest: the agent's own, else one in the form of another agent.
pub(crate) fn manifest(plugin: &Plugin) -> Option<&str> {
    let mut others = plugin.files.keys().map(String::as_str);
    match plugin.files.contains_key(MANIFEST) {
        true => Some(MANIFEST),
        false => others.find(|path| is_manifest(path)),
    }
}

/// Whether it is the manifest of a plugin, of any agent's form.
fn is_manifest(path: &str) -> bool {
    let folder = path.strip_suffix("-plugin/plugin.json");
    folder.is_some_and(|folder| folder.starts_with('.') && !folder.contains('/'))
}

/// Commands as skills, which is what the agent has in their place.
fn commands(plugin: &Plugin) -> Vec<(String, String)> {
    let files = plugin.files.iter();
    files
        .filter_map(|(path, file)| {
            let name = path.strip_prefix("commands/")?.strip_suffix(".md")?;
            let name = name.replace('/', "-");
            let taken = format!("skills/{name}/SKILL.md");
            if plugin.files.contains_key(&taken) {
                return None;
            }
            let text = std::str::from_utf8(&file.content).ok()?;
            Some((
                format!("commands-as-skills/{name}/SKILL.md"),
                as_skill(&name, text),
            ))
        })
        .collect()
}

/// The text of a command with the head of a skill.
fn as_skill(name: &str, command: &str) -> String {
    let (head, body) = split_head(command);
    let description = head
        .lines()
        .find_map(|line| line.strip_prefix("description:"))
        .map(str::trim)
        // What follows a mark stands on lines of its own.
        .filter(|text| !text.is_empty() && !text.starts_with(['|', '>']))
        .map_or_else(|| format!("The command {name}"), unquoted);
    let description = json!(description);
    format!(
        "---\nname: {}\ndescription: {description}\n---\nThe words that the user adds stand for \
         `$ARGUMENTS`.\n\n{body}",
        json!(name)
    )
}

/// The text of a YAML value in one line.
fn unquoted(text: &str) -> String {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inner = quote.and_then(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    match (quote, inner) {
        (Some('"'), Some(_)) => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
        (Some(_), Some(inner)) => inner.replace("''", "'"),
        _ => text.to_owned(),
    }
}

/// What stands between two lines of dashes at the start, and what follows.
fn split_head(text: &str) -> (&str, &str) {
    let Some(rest) = text.strip_prefix("---\n") else {
        return ("", text);
    };
    match rest.split_once("\n---") {
        Some((head, body)) => (head, body.trim_start_matches(['-', '\r', '\n'])),
        None => ("", text),
    }
}

/// Hard limits where rules apply: nobody adds hooks or a marketplace.
pub(crate) fn locked() -> Table {
    toml! {
        allow_managed_hooks_only = true

        [marketplaces]
        restrict_to_allowed_sources = true
        allowed_sources = {}
    }
}

/// Events and groups of the hooks of all plugins.
pub(crate) fn hooks(extensions: &Extensions) -> Vec<(String, Vec<Value>)> {
    let plugins = extensions.plugins.iter();
    plugins
        .flat_map(|plugin| plugin_hooks::of(plugin, &root(plugin)).managed)
        .collect()
}

/// The parts of plugins that the agent has no place for.
pub(crate) fn undelivered(extensions: &Extensions) -> Vec<Undelivered> {
    let mut all = Vec::new();
    for plugin in &extensions.plugins {
        for reason in plugin_hooks::of(plugin, &root(plugin)).left_out {
            all.push(plugin.undelivered(ExtensionKind::PluginHooks, reason));
        }
        for reason in plugin_parts::left_out(plugin) {
            all.push(plugin.undelivered(ExtensionKind::PluginPart, reason));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_becomes_a_skill() {
        let head = |description: &str| {
            let command = format!("---\nallowed-tools: x\n{description}\n---\n\nDo $1.\n");
            let skill = as_skill("do-it", &command);
            assert!(skill.ends_with("\n\nDo $1.\n"), "{skill}");
            let line = skill.lines().nth(2).unwrap().to_owned();
            line.strip_prefix("description: ").unwrap().to_owned()
        };
        assert_eq!(head("description: a: b"), "\"a: b\"");
        assert_eq!(head("description: \"a: \\\"b\\\"\""), "\"a: \\\"b\\\"\"");
        assert_eq!(head("description: 'it''s'"), "\"it's\"");
        assert_eq!(head("description: >"), "\"The command do-it\"");
        assert_eq!(head(""), "\"The command do-it\"");
        let plain = as_skill("x", "Just do it.");
        assert!(plain.starts_with("---\nname: \"x\"\n"), "{plain}");
        assert!(plain.ends_with("\n\nJust do it."), "{plain}");
    }
}
