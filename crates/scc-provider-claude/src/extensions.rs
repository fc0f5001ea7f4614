//! Plugins, skills and MCP servers, as the agent's managed settings want them.
//!
//! A marketplace is a sealed directory with a catalog of its own that names nothing but the plugins
//! of this launch. So whatever else the real marketplace has is not there to be enabled.

use std::collections::BTreeMap;

use scc_provider::{
    ExtensionKind, Extensions, McpEndpoint, McpServer, Plugin, ProviderError, Remote,
    SealedDirectory, SealedFile, Undelivered,
};
use serde_json::{Map, Value, json};

use crate::plugin_hooks;

/// Where marketplaces are in the sandbox.
const MARKETPLACES: &str = "/opt/scc/marketplaces";
pub(crate) const CATALOG: &str = ".claude-plugin/marketplace.json";
pub(crate) const MANIFEST: &str = ".claude-plugin/plugin.json";

/// Beside the managed settings; where it exists, the agent takes no server from anywhere else.
const MANAGED_SERVERS: &str = "managed-mcp.json";
/// The servers that come on top of the user's own.
const ADDED_SERVERS: &str = "scc-mcp.json";
/// The administrator's skills, which it takes instead of others of the same names.
const SKILLS: &str = ".claude/skills";

/// The keys of a catalog's entry that mean something to this agent.
const ENTRY_KEYS: [&str; 17] = [
    "description",
    "version",
    "author",
    "homepage",
    "repository",
    "license",
    "keywords",
    "category",
    "tags",
    "strict",
    "commands",
    "agents",
    "skills",
    "hooks",
    "mcpServers",
    "lspServers",
    "outputStyles",
];

/// The settings that hand plugins out, and those that let nobody add any.
pub(crate) fn settings(extensions: &Extensions) -> Map<String, Value> {
    let names = marketplaces(extensions).into_keys();
    let sources: BTreeMap<_, _> = names
        .map(|name| {
            let path = format!("{MARKETPLACES}/{name}");
            (name, json!({ "source": "directory", "path": path }))
        })
        .collect();
    let mut settings = Map::new();
    let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
    if extensions.locked {
        let all: Vec<_> = sources.values().collect();
        set("strictKnownMarketplaces", json!(all));
        set("disableSideloadFlags", json!(true));
        set("allowManagedHooksOnly", json!(true));
        // Otherwise a forged copy of the vendor's remote settings would displace these.
        set("forceRemoteSettingsRefresh", json!(true));
    }
    if !sources.is_empty() {
        let known = sources
            .into_iter()
            .map(|(name, source)| (name, json!({ "source": source })));
        set("extraKnownMarketplaces", Value::Object(known.collect()));
        let enabled = extensions.plugins.iter().map(|plugin| {
            let market = market_name(&plugin.marketplace);
            (format!("{}@{market}", plugin.name), json!(true))
        });
        set("enabledPlugins", Value::Object(enabled.collect()));
    }
    settings
}

/// The files beside the managed settings.
pub(crate) fn policy_files(extensions: &Extensions) -> Option<(String, SealedFile)> {
    let name = match extensions.locked {
        // Also without servers: then there are none.
        true => MANAGED_SERVERS,
        false if extensions.mcp_servers.is_empty() => return None,
        false => ADDED_SERVERS,
    };
    let servers = extensions.mcp_servers.iter();
    let servers: Map<_, _> = servers
        .map(|server| (server.name.clone(), entry(server)))
        .collect();
    let file = json!({ "mcpServers": servers });
    Some((name.to_owned(), format!("{file:#}\n").into()))
}

/// The files of the skills that come without a plugin.
pub(crate) fn skill_files(
    extensions: &Extensions,
) -> impl Iterator<Item = (String, SealedFile)> + '_ {
    extensions.skills.iter().flat_map(|skill| {
        let files = skill.files.iter();
        files.map(|(path, file)| (format!("{SKILLS}/{}/{path}", skill.name), file.clone()))
    })
}

/// The arguments that the files need; `policy` is their directory.
pub(crate) fn arguments(extensions: &Extensions, policy: &str) -> Vec<String> {
    if extensions.locked {
        // A second tier. Settings that the vendor's console sends displace the managed ones as a
        // whole; these arguments stay.
        return vec![
            "--settings".to_owned(),
            format!("{policy}/managed-settings.json"),
        ];
    }
    match extensions.mcp_servers.is_empty() {
        true => Vec::new(),
        // Not as two words: the option would take the words that follow as well.
        false => vec![format!("--mcp-config={policy}/{ADDED_SERVERS}")],
    }
}

/// Of two `--settings` the agent takes the last.
pub(crate) fn check_arguments(
    extensions: &Extensions,
    args: &[String],
) -> Result<(), ProviderError> {
    let is_settings = |arg: &&String| *arg == "--settings" || arg.starts_with("--settings=");
    match args.iter().find(is_settings) {
        Some(argument) if extensions.locked => Err(ProviderError::RefusedArgument {
            argument: argument.clone(),
            reason: "it would displace a part of the organization's rules".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn entry(server: &McpServer) -> Value {
    let remote = |kind: &str, remote: &Remote| {
        let headers = remote.headers.iter();
        let headers: Map<_, _> = headers
            .map(|(header, variable)| (header.clone(), json!(format!("${{{variable}}}"))))
            .collect();
        json!({ "type": kind, "url": remote.url, "headers": headers })
    };
    match &server.endpoint {
        McpEndpoint::Http(at) => remote("http", at),
        McpEndpoint::Sse(at) => remote("sse", at),
        McpEndpoint::Program(program) => {
            let variables = program.variables.iter();
            let env: Map<_, _> = variables
                .map(|variable| (variable.clone(), json!(format!("${{{variable}}}"))))
                .collect();
            json!({ "type": "stdio", "command": program.path, "args": [], "env": env })
        }
    }
}

/// One sealed directory a marketplace.
pub(crate) fn sealed(extensions: &Extensions) -> Result<Vec<SealedDirectory>, ProviderError> {
    let mut all = Vec::new();
    for (name, plugins) in marketplaces(extensions) {
        if let Some(other) = plugins
            .iter()
            .find(|p| p.marketplace != plugins[0].marketplace)
        {
            return Err(ProviderError::Unrenderable {
                what: format!("plugin `{}`", other.reference()),
                reason: format!("two marketplaces are called `{name}` here"),
            });
        }
        let catalog = json!({
            "name": name,
            "owner": { "name": "scc" },
            "plugins": plugins.iter().map(|plugin| catalog_entry(plugin)).collect::<Vec<_>>(),
        });
        let mut files = BTreeMap::from([(CATALOG.to_owned(), format!("{catalog:#}\n").into())]);
        for plugin in plugins {
            files.extend(plugin_files(plugin));
        }
        let path = format!("{MARKETPLACES}/{name}");
        all.push(SealedDirectory { path, files });
    }
    Ok(all)
}

/// The plugins by the name that their marketplace has here.
fn marketplaces(extensions: &Extensions) -> BTreeMap<String, Vec<&Plugin>> {
    let mut all: BTreeMap<String, Vec<&Plugin>> = BTreeMap::new();
    for plugin in &extensions.plugins {
        let name = market_name(&plugin.marketplace);
        all.entry(name).or_default().push(plugin);
    }
    all
}

/// The agent keeps some names for its vendor's marketplaces and takes them from nowhere else.
fn market_name(name: &str) -> String {
    const RESERVED: [&str; 6] = [
        "agent-skills",
        "financial-services-plugins",
        "first-party-plugins",
        "healthcare",
        "knowledge-work-plugins",
        "life-sciences",
    ];
    let lower = name.to_lowercase();
    let vendors = ["claude", "anthropic", "official"];
    if !RESERVED.contains(&lower.as_str()) && !vendors.iter().any(|word| lower.contains(word)) {
        return name.to_owned();
    }
    let neutral = vendors
        .iter()
        .fold(lower, |name, word| name.replace(word, "vendor"));
    format!("scc-{neutral}")
}

fn catalog_entry(plugin: &Plugin) -> Value {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(plugin.name));
    entry.insert(
        "source".to_owned(),
        json!(format!("./plugins/{}", plugin.name)),
    );
    for key in ENTRY_KEYS {
        if let Some(value) = plugin.entry.get(key) {
            entry.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(entry)
}

fn plugin_files(plugin: &Plugin) -> BTreeMap<String, SealedFile> {
    let at = |path: &str| format!("plugins/{}/{path}", plugin.name);
    let files = plugin.files.iter();
    let mut files: BTreeMap<_, _> = files.map(|(path, file)| (at(path), file.clone())).collect();
    let is_complete_entry = plugin.entry.get("strict") == Some(&json!(false));
    if !plugin.files.contains_key(MANIFEST) && !is_complete_entry {
        // A plugin that was made for another agent.
        let manifest = json!({
            "name": plugin.name,
            "version": plugin.text("version").unwrap_or("0.0.0"),
            "description": plugin.text("description").unwrap_or_default(),
        });
        files.insert(at(MANIFEST), format!("{manifest:#}\n").into());
    }
    files
}

/// What of the extensions the agent does not get.
pub(crate) fn undelivered(extensions: &Extensions) -> Vec<Undelivered> {
    let has_servers = |plugin: &&Plugin| {
        let manifest = plugin.json(MANIFEST).unwrap_or_default();
        plugin.files.contains_key(".mcp.json")
            || plugin.entry.contains_key("mcpServers")
            || manifest.get("mcpServers").is_some()
    };
    let plugins = extensions.plugins.iter().filter(has_servers);
    // Without rules the agent starts them itself.
    let plugins = plugins.filter(|_| extensions.locked);
    let reason = "its own MCP servers are not started; whoever keeps the rules can add them as \
                  `additional_mcp_servers`";
    let servers = plugins.map(|plugin| plugin.undelivered(ExtensionKind::PluginPart, reason));
    let lost = extensions.plugins.iter().flat_map(plugin_hooks::lost);
    servers.chain(lost).collect()
}
