//! The hosts behind `npm`, `pip`, `cargo` and `apt`, by what this machine's own package managers
//! are set to use, so that a company's mirror is respected and no registry is named here.
//!
//! Everything is passed in as text: what the managers print and what their files hold.

use std::collections::BTreeSet;

use scc_policy::Endpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a set of hosts stands for on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageHosts {
    /// The hosts, each once, in alphabetical order.
    pub endpoints: Vec<Endpoint>,
    /// What the same manager has to be told inside a sandbox.
    pub settings: ManagerSettings,
}

/// What a package manager inside a sandbox is told, so that it asks the hosts that this machine's
/// own asks. Addresses are without users and passwords: those stay on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ManagerSettings {
    /// Variables of the environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<(String, String)>,
    /// The text of cargo's configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cargo: Option<String>,
}

impl PackageHosts {
    fn of<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        let endpoints: BTreeSet<Endpoint> = urls.into_iter().filter_map(endpoint).collect();
        Self {
            endpoints: endpoints.into_iter().collect(),
            settings: ManagerSettings::default(),
        }
    }

    fn with(mut self, variable: &str, value: String) -> Self {
        self.settings.variables.push((variable.to_owned(), value));
        self
    }
}

/// Scheme, user, host with port, and the rest of an address on the web.
struct Address<'a> {
    scheme: &'a str,
    authority: &'a str,
    rest: &'a str,
}

impl<'a> Address<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let url = url.trim();
        let url = url.strip_prefix("sparse+").unwrap_or(url);
        let (scheme, rest) = url.split_once("://")?;
        if !["http", "https"].contains(&scheme) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let authority = authority.rsplit('@').next()?;
        Some(Self {
            scheme,
            authority,
            rest,
        })
    }

    fn without_user(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.rest)
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (self.authority, None),
        };
        // An address by number has no name that a proxy could check.
        let host = host.parse().ok()?;
        Some(Endpoint { host, port })
    }
}

fn endpoint(url: &str) -> Option<Endpoint> {
    Address::parse(url)?.endpoint()
}

fn without_user(url: &str) -> Option<String> {
    Some(Address::parse(url)?.without_user())
}

/// The hosts of npm: its registry and those of scopes. `config` is what
/// `npm config list --json` prints, which leaves a registry out whose address has a password in it;
/// such a one is taken from `files`, the texts of npm's settings, the one that wins first.
#[must_use]
pub fn npm_hosts(config: &str, files: &[String]) -> PackageHosts {
    let Ok(Value::Object(config)) = serde_json::from_str(config) else {
        return PackageHosts::default();
    };
    let is_registry = |key: &str| key == "registry" || key.ends_with(":registry");
    let mut registries: Vec<(&str, &str)> = config
        .iter()
        .filter(|(key, _)| is_registry(key))
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    if !config.contains_key("registry") {
        let protected = files.iter().find_map(|text| npm_registry(text));
        registries.extend(protected.map(|url| ("registry", url)));
    }
    let mut hosts = PackageHosts::of(registries.iter().map(|(_, url)| *url));
    for (key, url) in registries {
        if let Some(url) = without_user(url) {
            hosts = hosts.with(&format!("npm_config_{key}"), url);
        }
    }
    hosts
}

/// The last `registry = ADDRESS` of a file, unless it takes a variable.
fn npm_registry(text: &str) -> Option<&str> {
    let settings = text.lines().filter_map(|line| line.split_once('='));
    let mut registries = settings.filter(|(key, _)| key.trim() == "registry");
    let (_, url) = registries.next_back()?;
    Some(url.trim()).filter(|url| !url.contains("${"))
}

/// What pip says about itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct PipFacts<'a> {
    /// What `pip config list` prints.
    pub config: &'a str,
    /// What `pip install --help` prints; it names the index that is used where none is set.
    pub help: &'a str,
    /// What `pip install --dry-run --report -` prints for some package: an index may keep its files
    /// elsewhere.
    pub report: &'a str,
}

/// The hosts of pip: its indexes, and where the files are.
#[must_use]
pub fn pip_hosts(facts: &PipFacts<'_>) -> PackageHosts {
    let own = pip_setting(facts.config, "index-url");
    let index = own.first().cloned().or_else(|| pip_default(facts.help));
    let extra = pip_setting(facts.config, "extra-index-url");
    let files = pip_files(facts.report);
    let all = index.iter().chain(&extra).chain(&files);
    let mut hosts = PackageHosts::of(all.map(String::as_str));
    if let Some(url) = own.first().and_then(|url| without_user(url)) {
        hosts = hosts.with("PIP_INDEX_URL", url);
    }
    let extra: Vec<_> = extra.iter().filter_map(|url| without_user(url)).collect();
    if !extra.is_empty() {
        hosts = hosts.with("PIP_EXTRA_INDEX_URL", extra.join(" "));
    }
    hosts
}

/// The addresses of a setting. A line is `global.index-url='https://…'`; a later one wins.
fn pip_setting(config: &str, name: &str) -> Vec<String> {
    let line = config.lines().rfind(|line| {
        let key = line.split('=').next().unwrap_or_default();
        key.rsplit('.').next() == Some(name)
    });
    let value = line.and_then(|line| line.split_once('='));
    let value = value.map(|(_, value)| value.trim().trim_matches('\''));
    let words = value.unwrap_or_default().replace("\\n", " ");
    words.split_whitespace().map(str::to_owned).collect()
}

fn pip_default(help: &str) -> Option<String> {
    let (_, after) = help.split_once("--index-url <url>")?;
    let (_, after) = after.split_once("(default")?;
    let (url, _) = after.trim_start().split_once(')')?;
    Some(url.trim().to_owned())
}

fn pip_files(report: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let installs = report.get("install").and_then(Value::as_array);
    let url = |item: &Value| Some(item.get("download_info")?.get("url")?.as_str()?.to_owned());
    installs.into_iter().flatten().filter_map(url).collect()
}

/// What cargo's files say.
#[derive(Debug, Clone, Default)]
pub struct CargoFacts {
    /// The text of `config.toml` in cargo's home.
    pub config: String,
    /// The registries that were used here: the name of each directory below `registry/index`, with
    /// the `config.json` in it.
    pub used: Vec<(String, String)>,
}

/// The hosts of cargo: its index and its downloads, or those of what replaces it.
#[must_use]
pub fn cargo_hosts(facts: &CargoFacts) -> PackageHosts {
    let config: toml::Table = facts.config.parse().unwrap_or_default();
    let named = cargo_urls(&config);
    let configured: Vec<Endpoint> = named.iter().filter_map(|url| endpoint(url)).collect();
    let replaced = replacement(&config).is_some();
    let mut urls = named;
    for (directory, text) in &facts.used {
        // The directory of a registry is its host and a digest.
        let host = directory.rsplit_once('-').map_or("", |(host, _)| host);
        let is_configured = configured.iter().any(|one| one.host.name() == host);
        if replaced && !is_configured {
            continue;
        }
        urls.push(format!("https://{host}/"));
        urls.extend(download_url(text));
    }
    let mut hosts = PackageHosts::of(urls.iter().map(String::as_str));
    hosts.settings.cargo = cargo_inside(&config);
    hosts
}

/// The addresses of sources and registries.
fn cargo_urls(config: &toml::Table) -> Vec<String> {
    let entries = |section: &str| {
        let table = config.get(section).and_then(toml::Value::as_table);
        table.into_iter().flatten().map(|(_, value)| value)
    };
    let text = |value: &toml::Value, key| Some(value.get(key)?.as_str()?.to_owned());
    let sources = entries("source").filter_map(|source| text(source, "registry"));
    let registries = entries("registries").filter_map(|registry| text(registry, "index"));
    sources.chain(registries).collect()
}

/// The source that stands in for the default one, by `[source.NAME] replace-with`.
fn replacement(config: &toml::Table) -> Option<&str> {
    let sources = config.get("source")?.as_table()?;
    sources
        .values()
        .find_map(|source| source.get("replace-with")?.as_str())
}

/// Where packages are downloaded from, by an index's own `config.json`.
fn download_url(text: &str) -> Option<String> {
    let config: Value = serde_json::from_str(text).ok()?;
    Some(config.get("dl")?.as_str()?.to_owned())
}

/// The sources and registries of the configuration, and nothing else of it.
fn cargo_inside(config: &toml::Table) -> Option<String> {
    let mut kept = toml::Table::new();
    for section in ["source", "registries"] {
        let Some(toml::Value::Table(entries)) = config.get(section) else {
            continue;
        };
        let entries = entries.iter().filter_map(|(name, entry)| {
            let entry = public_part(entry.as_table()?);
            Some((name.clone(), toml::Value::Table(entry)))
        });
        kept.insert(section.to_owned(), toml::Value::Table(entries.collect()));
    }
    (!kept.is_empty()).then(|| kept.to_string())
}

/// Without tokens, and with addresses without users.
fn public_part(entry: &toml::Table) -> toml::Table {
    let mut kept = toml::Table::new();
    for key in ["registry", "index", "replace-with"] {
        let Some(text) = entry.get(key).and_then(toml::Value::as_str) else {
            continue;
        };
        let sparse = if text.starts_with("sparse+") {
            "sparse+"
        } else {
            ""
        };
        let value = match without_user(text) {
            Some(url) => format!("{sparse}{url}"),
            None => text.to_owned(),
        };
        kept.insert(key.to_owned(), value.into());
    }
    kept
}

/// The hosts of apt, by the texts of its lists of sources, in either format.
#[must_use]
pub fn apt_hosts(sources: &[String]) -> PackageHosts {
    let lines = sources.iter().flat_map(|text| text.lines());
    let active = lines.filter(|line| !line.trim_start().starts_with('#'));
    let words = active.flat_map(str::split_whitespace);
    PackageHosts::of(words.filter(|word| word.contains("://")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(hosts: &PackageHosts) -> Vec<String> {
        let shown = hosts.endpoints.iter().map(|one| match one.port {
            Some(port) => format!("{}:{port}", one.host),
            None => one.host.to_string(),
        });
        shown.collect()
    }

    fn variable<'a>(hosts: &'a PackageHosts, name: &str) -> Option<&'a str> {
        let mut all = hosts.settings.variables.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn npm_says_its_registries() {
        let hosts = npm_hosts(
            r#"{"registry": "https://mirror.corp.example/npm/",
                "@corp:registry": "https://me:secret@npm.corp.example:8443/", "omit": []}"#,
            &["registry=https://not.asked.example/".to_owned()],
        );
        assert_eq!(
            names(&hosts),
            ["mirror.corp.example", "npm.corp.example:8443"]
        );
        assert_eq!(
            variable(&hosts, "npm_config_registry"),
            Some("https://mirror.corp.example/npm/")
        );
        assert_eq!(
            variable(&hosts, "npm_config_@corp:registry"),
            Some("https://npm.corp.example:8443/")
        );
        assert_eq!(npm_hosts("npm: not found", &[]), PackageHosts::default());
        // With a password in its address npm does not say it.
        let hosts = npm_hosts(
            "{}",
            &["registry = https://me:secret@npm.corp.example:8443/repo/\nemail=x\n".to_owned()],
        );
        assert_eq!(names(&hosts), ["npm.corp.example:8443"]);
        assert_eq!(
            variable(&hosts, "npm_config_registry"),
            Some("https://npm.corp.example:8443/repo/")
        );
        assert!(names(&npm_hosts("{}", &["registry=${R}".to_owned()])).is_empty());
    }

    const PIP_HELP: &str = "  -i, --index-url <url>       Base URL of the index (default\n            \
                            https://index.example/simple). This should\n  --extra-index-url <url>";

    #[test]
    fn pip_says_its_default_and_where_files_are() {
        let report = r#"{"install": [{"download_info": {"url": "https://files.example/a.whl"}}]}"#;
        let hosts = pip_hosts(&PipFacts {
            config: "global.cert='/x'\n",
            help: PIP_HELP,
            report,
        });
        assert_eq!(names(&hosts), ["files.example", "index.example"]);
        assert_eq!(hosts.settings, ManagerSettings::default());
    }

    #[test]
    fn a_mirror_for_pip_takes_the_place_of_the_default() {
        let hosts = pip_hosts(&PipFacts {
            config: "global.index-url='https://old.example/'\n\
                     :env:.index-url='https://u:p@mirror.example/simple'\n\
                     global.extra-index-url='\\nhttps://a.example/x\\nhttps://b.example/y'\n",
            help: PIP_HELP,
            report: "",
        });
        assert_eq!(names(&hosts), ["a.example", "b.example", "mirror.example"]);
        assert_eq!(
            variable(&hosts, "PIP_INDEX_URL"),
            Some("https://mirror.example/simple")
        );
        assert_eq!(
            variable(&hosts, "PIP_EXTRA_INDEX_URL"),
            Some("https://a.example/x https://b.example/y")
        );
    }

    #[test]
    fn cargo_shows_what_it_has_used() {
        let used = vec![(
            "index.example-1949cf8c6b5b557f".to_owned(),
            r#"{"dl": "https://static.example/crates", "api": "https://example"}"#.to_owned(),
        )];
        let hosts = cargo_hosts(&CargoFacts {
            config: "[build]\njobs = 1\n".to_owned(),
            used,
        });
        assert_eq!(names(&hosts), ["index.example", "static.example"]);
        assert_eq!(hosts.settings.cargo, None);
    }

    #[test]
    fn a_replaced_source_of_cargo_is_the_only_one() {
        let config = r#"
            [source.crates-io]
            replace-with = "mirror"
            [source.mirror]
            registry = "sparse+https://me:pw@cargo.corp.example/index/"
            [registries.own]
            index = "https://git.corp.example/index"
            token = "secret"
        "#;
        let used = vec![
            ("index.example-00".to_owned(), String::new()),
            (
                "cargo.corp.example-00".to_owned(),
                r#"{"dl": "https://dl.corp.example:444/{crate}"}"#.to_owned(),
            ),
        ];
        let hosts = cargo_hosts(&CargoFacts {
            config: config.to_owned(),
            used,
        });
        assert_eq!(
            names(&hosts),
            [
                "cargo.corp.example",
                "dl.corp.example:444",
                "git.corp.example"
            ]
        );
        let inside = hosts.settings.cargo.unwrap();
        assert!(inside.contains("sparse+https://cargo.corp.example/index/"));
        assert!(inside.contains("replace-with = \"mirror\""));
        assert!(
            !inside.contains("secret") && !inside.contains("me:pw"),
            "{inside}"
        );
    }

    #[test]
    fn apt_is_read_in_both_formats() {
        let one =
            "# deb http://off.example/x y\ndeb [signed-by=/k] https://a.example/debian x main\n";
        let other = "Types: deb\nURIs: http://b.example:3142/debian http://c.example/\nSuites: x\n";
        let hosts = apt_hosts(&[one.to_owned(), other.to_owned()]);
        assert_eq!(names(&hosts), ["a.example", "b.example:3142", "c.example"]);
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        let hosts = apt_hosts(&["deb http://10.0.0.1/ x\ndeb file:///srv x\n".to_owned()]);
        assert_eq!(hosts, PackageHosts::default());
    }
}
