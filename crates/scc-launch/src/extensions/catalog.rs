//! Finding a plugin in a marketplace.

use std::collections::BTreeMap;

use scc_provider::{Plugin, SealedFile};
use scc_sources::Tree;
use serde_json::{Map, Value};

use super::ExtensionError;

/// The plugin of this name, by the first catalog that has it; `marketplace` is the name of the
/// marketplace in the rules.
pub(super) fn plugin(
    tree: &Tree,
    catalogs: &[&str],
    name: &str,
    marketplace: &str,
) -> Result<Plugin, ExtensionError> {
    let unusable = |reason: String| ExtensionError::Unusable(reason);
    check_name("marketplace", marketplace).map_err(unusable)?;
    let mut any = false;
    for path in catalogs {
        let Some(catalog) = read(tree, path).map_err(unusable)? else {
            continue;
        };
        any = true;
        let Some(entry) = find(&catalog, path, name).map_err(unusable)? else {
            continue;
        };
        let name = entry.get("name").and_then(Value::as_str).unwrap_or(name);
        check_name("plugin", name).map_err(unusable)?;
        let folder = folder(&catalog, entry).map_err(unusable)?;
        let files = files(tree, &folder).map_err(unusable)?;
        return Ok(Plugin {
            name: name.to_owned(),
            marketplace: marketplace.to_owned(),
            entry: entry.clone(),
            files,
        });
    }
    Err(unusable(match any {
        true => format!("the marketplace `{marketplace}` has no such plugin"),
        false => format!("`{marketplace}` has no catalog: {}", catalogs.join(", ")),
    }))
}

/// All names of plugins in a marketplace, with their folders; what is not usable is left out.
pub(super) fn folders(tree: &Tree, catalogs: &[&str]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for path in catalogs {
        let Ok(Some(catalog)) = read(tree, path) else {
            continue;
        };
        for entry in entries(&catalog) {
            let name = entry.get("name").and_then(Value::as_str);
            if let (Some(name), Ok(folder)) = (name, folder(&catalog, entry)) {
                all.entry(name.to_owned()).or_insert(folder);
            }
        }
    }
    all
}

fn read(tree: &Tree, path: &str) -> Result<Option<Map<String, Value>>, String> {
    if let Some(reason) = tree.left_out().get(path) {
        return Err(format!("the catalog `{path}` was left out: {reason}"));
    }
    let Some(file) = tree.file(path) else {
        return Ok(None);
    };
    match serde_json::from_slice(&file.content) {
        Ok(Value::Object(catalog)) => Ok(Some(catalog)),
        Ok(_) => Err(format!("the catalog `{path}` is not an object")),
        Err(error) => Err(format!("the catalog `{path}` cannot be read: {error}")),
    }
}

fn entries(catalog: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let plugins = catalog.get("plugins").and_then(Value::as_array);
    plugins.into_iter().flatten().filter_map(Value::as_object)
}

/// The entry of this name. Rules do not tell names apart that differ in case only, so that neither
/// of two such entries can be the one that is meant.
fn find<'a>(
    catalog: &'a Map<String, Value>,
    path: &str,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    let is_meant = |entry: &&Map<String, Value>| {
        let own = entry.get("name").and_then(Value::as_str);
        own.is_some_and(|own| own.to_lowercase() == name.to_lowercase())
    };
    let mut found = entries(catalog).filter(is_meant);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(format!("the catalog `{path}` has several plugins `{name}`")),
        (found, _) => Ok(found),
    }
}

/// A name that is the same in every path, setting and command line.
fn check_name(what: &str, name: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let good = !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(allowed)
        && !name.starts_with(['.', '-']);
    match good {
        true => Ok(()),
        false => Err(format!(
            "the name of the {what} `{}` has other characters than letters, digits, `.`, `_` and `-`",
            name.escape_debug()
        )),
    }
}

/// The folder of a plugin in the marketplace; empty for the marketplace itself.
fn folder(catalog: &Map<String, Value>, entry: &Map<String, Value>) -> Result<String, String> {
    let elsewhere = |kind: &str| {
        format!(
            "its files are not in the marketplace (`source` is `{}`), and nothing else is fetched",
            kind.escape_debug()
        )
    };
    let source = entry.get("source").or_else(|| entry.get("path"));
    let path = match source {
        Some(Value::String(path)) => path.as_str(),
        Some(Value::Object(source)) => {
            let kind = source
                .get("source")
                .and_then(Value::as_str)
                .unwrap_or("local");
            let path = source.get("path").and_then(Value::as_str);
            match (kind, path) {
                ("local" | "directory", Some(path)) => path,
                (kind, _) => return Err(elsewhere(kind)),
            }
        }
        _ => return Err("its entry in the catalog has no `source`".to_owned()),
    };
    if path.contains("://") {
        return Err(elsewhere(path));
    }
    let root = catalog
        .get("metadata")
        .and_then(|metadata| metadata.get("pluginRoot"));
    let root = root
        .and_then(Value::as_str)
        .filter(|_| !path.starts_with('.'));
    let whole = match root {
        Some(root) => format!("{root}/{path}"),
        None => path.to_owned(),
    };
    let plain: Vec<_> = whole
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let strange = whole.starts_with('/') || whole.contains(['\\', '\0']) || plain.contains(&"..");
    match strange {
        true => Err(format!(
            "its folder `{}` leads out of the marketplace",
            whole.escape_debug()
        )),
        false => Ok(plain.join("/")),
    }
}

pub(super) fn files(tree: &Tree, folder: &str) -> Result<BTreeMap<String, SealedFile>, String> {
    let below = match folder.is_empty() {
        true => String::new(),
        false => format!("{folder}/"),
    };
    if let Some((path, reason)) = tree
        .left_out()
        .iter()
        .find(|(path, _)| path.starts_with(&below))
    {
        return Err(format!("its file `{path}` cannot be used: {reason}"));
    }
    let files = tree.files().iter();
    let files: BTreeMap<_, _> = files
        .filter_map(|(path, file)| {
            let sealed = SealedFile {
                content: file.content.clone(),
                executable: file.executable,
            };
            Some((path.strip_prefix(&below)?.to_owned(), sealed))
        })
        .collect();
    match files.is_empty() {
        true => Err(format!("its folder `{folder}` is not there")),
        false => Ok(files),
    }
}
