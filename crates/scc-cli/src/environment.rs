//! Every environment variable that scc reads, in one place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scc_runtime::EngineLookup;

/// A variable that scc reads, for the reference and for reading it.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

/// The variables that are scc's own or that change what scc does. Those of the terminal and the
/// locale ([`CARRIED`]) are only handed on.
pub(crate) const VARIABLES: [Variable; 12] = [
    Variable {
        name: "SCC_NAMESPACE",
        meaning: "keeps containers and volumes apart from those of other namespaces (default: `default`)",
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
        name: "HOME",
        meaning: "the user's home",
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
