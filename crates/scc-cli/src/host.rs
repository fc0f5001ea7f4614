//! Facts about this machine and its user.

use std::net::IpAddr;
use std::path::PathBuf;

use scc_launch::HostFacts;
use scc_sources::Source;

use crate::environment;
use crate::error::{CertificateNamed, CliError};

/// Where Debian and its relatives keep the authorities that an administrator added.
const ADDED_AUTHORITIES: &str = "/usr/local/share/ca-certificates";

pub(crate) fn facts() -> HostFacts {
    HostFacts {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        sudo: environment::sudo_user(),
        // The rules about the home compare real paths.
        home: environment::home().map(|home| home.canonicalize().unwrap_or(home)),
        environment: environment::carried(),
        private: environment::private_places(),
        git_config: git_config_files(),
    }
}

/// The name of this machine.
pub(crate) fn name() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn git_config_files() -> Vec<PathBuf> {
    if let Some(file) = environment::variable("GIT_CONFIG_GLOBAL") {
        return vec![PathBuf::from(file)];
    }
    let xdg = environment::xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("git/config"));
    let home = environment::home().map(|home| home.join(".gitconfig"));
    let system = Some(PathBuf::from("/etc/gitconfig"));
    [system, xdg, home].into_iter().flatten().collect()
}

/// The certificate authorities that were added to this machine.
pub(crate) fn added_authorities() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(ADDED_AUTHORITIES) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"))
        .collect();
    found.sort();
    found
}

/// Where scc was started.
pub(crate) fn current_dir() -> Result<PathBuf, CliError> {
    std::env::current_dir().map_err(|error| CliError::Failed {
        message: format!("the current directory cannot be told: {error}"),
        hint: "go to another directory".to_owned(),
    })
}

/// The source with a path that leads nowhere else on its way; what the last part of it links to is
/// left to the link.
pub(crate) fn plain_source(source: Source) -> Source {
    let plain = source.file_path().and_then(|path| {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(Source::file(folder.join(path.file_name()?)))
    });
    plain.unwrap_or(source)
}

/// Reads certificate files; `named_by` says where they are named.
pub(crate) fn read_certificates(
    named_by: CertificateNamed,
    paths: &[PathBuf],
) -> Result<Vec<Vec<u8>>, CliError> {
    let read = |path| read_certificate(named_by, path);
    paths.iter().map(read).collect()
}

fn read_certificate(named_by: CertificateNamed, path: &PathBuf) -> Result<Vec<u8>, CliError> {
    let bad = |reason: String| CliError::Certificate {
        named_by,
        path: path.clone(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    match pem.windows(11).any(|window| window == b"-----BEGIN ") {
        true => Ok(pem),
        false => Err(bad("it is not in PEM format".to_owned())),
    }
}

/// The addresses of this machine.
pub(crate) fn addresses() -> Vec<IpAddr> {
    // An engine may be on another machine; without the list, the engine's own remains.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.into_iter().map(|interface| interface.ip());
    let mut addresses: Vec<_> = addresses.filter(is_of_use).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// Link-local addresses of IPv6 mean nothing without an interface.
fn is_of_use(address: &IpAddr) -> bool {
    let is_local = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_local && !address.is_loopback()
}

/// The registry that this host's npm is configured to use; `None` without npm. Asked from `/`, since
/// npm also reads the `.npmrc` of the directory it runs in, and an agent can write a workspace's.
pub(crate) fn npm_registry() -> Option<String> {
    let output = std::process::Command::new("npm")
        .args(["config", "get", "registry"])
        .current_dir("/")
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    let url = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && url.starts_with("http")).then_some(url)
}
