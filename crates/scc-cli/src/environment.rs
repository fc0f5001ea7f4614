//! Every environment variable that scc reads, in one place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use jiff::SignedDuration;
use scc_launch::CredentialFallback;
use scc_runtime::EngineLookup;
use scc_runtime::egress::{Topology, WayOut};
use scc_sources::{GitOptions, ProxyOptions};
use secrecy::SecretString;

use crate::error::CliError;

/// A variable that scc reads, for the reference and for reading it.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

/// The variables that are scc's own or that change what scc does. Those of the terminal and the
/// locale ([`CARRIED`]) are only handed on.
pub(crate) const VARIABLES: [Variable; 29] = [
    Variable {
        name: "SCC_NAMESPACE",
        meaning: "keeps containers and volumes apart from those of other namespaces (default: `default`)",
    },
    Variable {
        name: "SCC_EGRESS_TOPOLOGY",
        meaning: "how an enforced sandbox is joined to its proxy: `socket` (default), `internal-network`",
    },
    Variable {
        name: "SCC_EGRESS_NETWORK",
        meaning: "the engine's network through which proxies get out (default: the engine's default)",
    },
    Variable {
        name: "SCC_EGRESS_DNS",
        meaning: "name servers for proxies, with commas between (default: those of the engine)",
    },
    Variable {
        name: "CARGO_HOME",
        meaning: "where cargo's settings are, for the set `cargo` (default: `~/.cargo`)",
    },
    Variable {
        name: "DOCKER_HOST",
        meaning: "the engine's address; nothing else is tried then",
    },
    Variable {
        name: "DOCKER_CONTEXT",
        meaning: "the docker context that names the engine",
    },
    Variable {
        name: "DOCKER_CONFIG",
        meaning: "where docker keeps its contexts (default: `~/.docker`)",
    },
    Variable {
        name: "DOCKER_TLS_VERIFY",
        meaning: "use TLS for a `tcp://` engine",
    },
    Variable {
        name: "DOCKER_CERT_PATH",
        meaning: "directory with `ca.pem`, `cert.pem` and `key.pem`",
    },
    Variable {
        name: "XDG_RUNTIME_DIR",
        meaning: "where rootless engines listen",
    },
    Variable {
        name: "XDG_CONFIG_HOME",
        meaning: "settings are in `scc/` below it (default: `~/.config`)",
    },
    Variable {
        name: "XDG_STATE_HOME",
        meaning: "sessions and the audit log are in `scc/` below it (default: `~/.local/state`)",
    },
    Variable {
        name: "XDG_CACHE_HOME",
        meaning: "copies of fetched documents are in `scc/` below it (default: `~/.cache`)",
    },
    Variable {
        name: "SCC_ORG_TOKEN",
        meaning: "the credential for the organization's document, where the settings name none",
    },
    Variable {
        name: "GITHUB_TOKEN",
        meaning: "the credential for documents on GitHub, where the settings name none",
    },
    Variable {
        name: "SCC_ALLOW_REMOTE_COMMANDS",
        meaning: "with `1`, a document from elsewhere may name a command that prints a key",
    },
    Variable {
        name: "HTTPS_PROXY",
        meaning: "the proxy for fetching documents; `ALL_PROXY` where it is not set",
    },
    Variable {
        name: "NO_PROXY",
        meaning: "hosts that are reached without it, with commas between them",
    },
    Variable {
        name: "VISUAL",
        meaning: "the editor of `scc config edit`",
    },
    Variable {
        name: "EDITOR",
        meaning: "that editor where `VISUAL` is not set",
    },
    Variable {
        name: "PATH",
        meaning: "where git and editors are looked for",
    },
    Variable {
        name: "SHELL",
        meaning: "the shell of `scc worktree enter` (default: `/bin/sh`)",
    },
    Variable {
        name: "OLDPWD",
        meaning: "the directory of `scc worktree switch -`",
    },
    Variable {
        name: "HOME",
        meaning: "the user's home",
    },
    Variable {
        name: "LOGNAME",
        meaning: "who an exception says that it was made by",
    },
    Variable {
        name: "USER",
        meaning: "that name where `LOGNAME` is not set",
    },
    Variable {
        name: "SUDO_UID",
        meaning: "with SUDO_GID: the agent's user when scc runs as root",
    },
    Variable {
        name: "NO_COLOR",
        meaning: "no colour",
    },
];

/// What a sandbox inherits of the host's environment.
const CARRIED: [&str; 5] = ["TERM", "COLORTERM", "LANG", "LANGUAGE", "TZ"];

#[expect(
    clippy::disallowed_methods,
    reason = "this file reads the environment for all of scc"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

pub(crate) fn home() -> Option<PathBuf> {
    path("HOME").filter(|home| home.is_absolute())
}

/// A directory of the XDG specification, which wants relative paths ignored.
pub(crate) fn xdg(name: &str, below_home: &str) -> Option<PathBuf> {
    path(name)
        .filter(|dir| dir.is_absolute())
        .or_else(|| Some(home()?.join(below_home)))
}

pub(crate) fn engine_lookup() -> EngineLookup {
    EngineLookup {
        docker_host: variable("DOCKER_HOST"),
        docker_context: variable("DOCKER_CONTEXT"),
        tls_verify: variable("DOCKER_TLS_VERIFY").is_some(),
        cert_path: path("DOCKER_CERT_PATH"),
        docker_config: path("DOCKER_CONFIG").or_else(|| Some(home()?.join(".docker"))),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        home: home(),
        scratch: xdg("XDG_STATE_HOME", ".local/state").map(|state| state.join("scc/engine")),
    }
}

/// How long an hour of a session is. Tests cannot wait for one; the released command can.
pub(crate) fn session_hour() -> SignedDuration {
    #[cfg(feature = "testing")]
    if let Some(seconds) = variable("SCC_TEST_SESSION_HOUR_SECONDS") {
        return SignedDuration::from_secs(seconds.parse().unwrap_or(3600));
    }
    SignedDuration::from_hours(1)
}

/// Whether colours are welcome.
pub(crate) fn wants_colour() -> bool {
    variable("NO_COLOR").is_none()
}

/// Whether the terminal says that it can do nothing but print.
pub(crate) fn is_dumb_terminal() -> bool {
    variable("TERM").is_none_or(|name| name == "dumb")
}

/// Where what governs an agent is kept, and the engine's socket.
pub(crate) fn private_places() -> Vec<PathBuf> {
    let own = [
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ];
    let own = own.map(|(name, below)| xdg(name, below).map(|dir| dir.join("scc")));
    let socket = variable("DOCKER_HOST");
    let socket = socket.and_then(|host| Some(PathBuf::from(host.strip_prefix("unix://")?)));
    own.into_iter().flatten().chain(socket).collect()
}

/// Credentials for documents whose source has none configured.
pub(crate) fn document_tokens() -> CredentialFallback {
    let token = |name| variable(name).map(SecretString::from);
    CredentialFallback {
        organization: token("SCC_ORG_TOKEN"),
        github: token("GITHUB_TOKEN"),
    }
}

pub(crate) fn allows_remote_commands() -> bool {
    let value = variable("SCC_ALLOW_REMOTE_COMMANDS").unwrap_or_default();
    ["1", "true", "yes"].contains(&value.to_ascii_lowercase().as_str())
}

/// The proxy for `https://`; lower case wins, as with curl.
pub(crate) fn proxy() -> Option<ProxyOptions> {
    let either = |lower: &str| variable(lower).or_else(|| variable(&lower.to_uppercase()));
    let address = either("https_proxy").or_else(|| either("all_proxy"))?;
    let bypass = either("no_proxy").unwrap_or_default();
    let hosts = bypass.split(',').map(str::trim);
    Some(ProxyOptions {
        address: SecretString::from(address),
        bypass: hosts
            .filter(|host| !host.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

/// How git is run for documents: with what it has a use for.
#[expect(
    clippy::disallowed_methods,
    reason = "this file reads the environment for all of scc"
)]
pub(crate) fn git() -> GitOptions {
    GitOptions::inheriting(PathBuf::from("git"), std::env::vars_os())
}

/// The name by which the user is logged in, for records; it proves nothing.
pub(crate) fn login_name() -> Option<String> {
    variable("LOGNAME").or_else(|| variable("USER"))
}

/// The way out of enforced sandboxes.
pub(crate) fn egress() -> Result<(Topology, WayOut), CliError> {
    let wrong = |name: &str, message: String| CliError::Usage {
        message: format!("{name}: {message}"),
        hint: format!("change it, or unset it: unset {name}"),
    };
    let topology = match variable("SCC_EGRESS_TOPOLOGY") {
        Some(text) => text
            .parse()
            .map_err(|error| wrong("SCC_EGRESS_TOPOLOGY", error))?,
        None => Topology::default(),
    };
    let servers = variable("SCC_EGRESS_DNS").unwrap_or_default();
    let servers = servers
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let servers: Result<Vec<_>, _> = servers
        .map(|text| {
            let server = text.parse();
            server.map_err(|_| wrong("SCC_EGRESS_DNS", format!("`{text}` is no IP address")))
        })
        .collect();
    let way_out = WayOut {
        network: variable("SCC_EGRESS_NETWORK"),
        name_servers: servers?,
    };
    Ok((topology, way_out))
}

/// The variables whose names begin like this, in any case and in alphabetical order.
#[expect(
    clippy::disallowed_methods,
    reason = "this file reads the environment for all of scc"
)]
pub(crate) fn with_prefix(prefix: &str) -> BTreeMap<OsString, OsString> {
    let fits = |name: &OsString| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        name.starts_with(prefix)
    };
    std::env::vars_os().filter(|(name, _)| fits(name)).collect()
}

/// The command line of the user's editor.
pub(crate) fn editor() -> Option<String> {
    variable("VISUAL").or_else(|| variable("EDITOR"))
}

/// The user's shell.
pub(crate) fn shell() -> PathBuf {
    path("SHELL").unwrap_or_else(|| PathBuf::from("/bin/sh"))
}

/// The directory that the user's shell was in before.
pub(crate) fn previous_directory() -> Option<PathBuf> {
    path("OLDPWD").filter(|dir| dir.is_dir())
}

pub(crate) fn sudo_user() -> Option<(u32, u32)> {
    let number = |name| variable(name)?.parse().ok();
    Some((number("SUDO_UID")?, number("SUDO_GID")?))
}

/// Terminal, locale and time zone.
pub(crate) fn carried() -> BTreeMap<String, String> {
    let mut carried: BTreeMap<_, _> = CARRIED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), variable(name)?)))
        .collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "this file reads the environment for all of scc"
    )]
    let locale = std::env::vars_os().filter_map(|(name, value)| {
        let name = name
            .into_string()
            .ok()
            .filter(|name| name.starts_with("LC_"))?;
        Some((name, value.into_string().ok()?))
    });
    carried.extend(locale);
    if let Some(zone) = carried.get("TZ").cloned().or_else(system_time_zone) {
        carried.insert("TZ".to_owned(), zone);
    }
    carried
}

/// The name behind `/etc/localtime`.
fn system_time_zone() -> Option<String> {
    let target = std::fs::read_link("/etc/localtime").ok()?;
    let (_, zone) = target.to_str()?.split_once("zoneinfo/")?;
    Some(zone.to_owned())
}
