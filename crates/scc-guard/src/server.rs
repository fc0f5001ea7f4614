//! `guard server SCRIPT` starts an MCP server by a script that scc has sealed.
//!
//! An agent's own settings can add variables to those of a server that the rules allow, and a variable
//! such as `LD_PRELOAD`, `BASH_ENV` or `NODE_OPTIONS` makes any program run something else. This program
//! is static, so that no variable reaches into it, and hands on what is listed here only.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const SHELL: &str = "/bin/sh";
/// Without what anybody inside can write.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who, where and how; the proxy; where package managers look.
const KEPT: [&str; 19] = [
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NODE_USE_ENV_PROXY",
    "NO_PROXY",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PWD",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "npm_config_registry",
];

/// Becomes the script. Returns only when that fails.
#[expect(
    clippy::disallowed_methods,
    reason = "a server gets a part of the environment"
)]
pub(crate) fn run(script: &OsStr) -> io::Error {
    let kept = std::env::vars_os().filter(|(name, _)| is_kept(name));
    let kept: Vec<(OsString, OsString)> = kept.collect();
    Command::new(SHELL)
        .arg(script)
        .env_clear()
        .envs(kept)
        .env("PATH", PATH)
        .exec()
}

fn is_kept(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let is_scoped = name.starts_with("npm_config_@") && name.ends_with(":registry");
    // The last are the values that the script hands to its program.
    is_scoped || KEPT.contains(&name) || name.starts_with("LC_") || name.starts_with("SCC_MCP_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_programs_run_something_else_is_not_kept() {
        for name in ["HOME", "LC_ALL", "SCC_MCP_1", "npm_config_@corp:registry"] {
            assert!(is_kept(OsStr::new(name)), "{name}");
        }
        for name in [
            "LD_PRELOAD",
            "BASH_ENV",
            "ENV",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "PERL5OPT",
            "PATH",
            "IFS",
            "npm_config_node_options",
            "SSL_CERT_FILE",
        ] {
            assert!(!is_kept(OsStr::new(name)), "{name}");
        }
    }
}
