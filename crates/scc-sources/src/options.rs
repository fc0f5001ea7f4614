//! How to fetch, and what to accept.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::AuthHeader;

/// How old a copy may be used at most when nothing newer can be had: 7 days.
pub const MAX_STALE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How to fetch: the same for all sources.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// For finding the host and connecting to it.
    pub connect_timeout: Duration,
    /// For every wait for more bytes.
    pub read_timeout: Duration,
    /// For one fetch as a whole, redirections and git included.
    pub total_timeout: Duration,
    /// The size of a document, in bytes.
    pub max_bytes: u64,
    /// Authorities to trust besides those of this machine: PEM files, each with any number of
    /// certificates.
    pub extra_authorities: Vec<Vec<u8>>,
    /// The proxy for `https://`; git is told by its environment.
    pub proxy: Option<ProxyOptions>,
    /// What scc calls itself.
    pub user_agent: String,
    /// Where `github:` points.
    pub github_base: String,
    /// How to run git.
    pub git: GitOptions,
}

/// A proxy and who is reached without it.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// Such as `http://proxy.example:3128`; it may hold a name and a password.
    pub address: SecretString,
    /// Hosts that are asked directly: `host.example` and all below it, or `*` for all.
    pub bypass: Vec<String>,
}

impl ProxyOptions {
    /// Whether this host is asked directly.
    pub(crate) fn bypasses(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.bypass.iter().any(|entry| {
            let entry = entry.trim().trim_start_matches("*.").trim_matches('.');
            let entry = entry.to_ascii_lowercase();
            let below = host
                .strip_suffix(&entry)
                .is_some_and(|rest| rest.ends_with('.'));
            entry == "*" || (!entry.is_empty() && (host == entry || below))
        })
    }
}

/// How to run git. It gets this environment and nothing else from scc's own.
#[derive(Clone)]
pub struct GitOptions {
    /// The program, a path or a name to be looked for in `PATH` of `environment`.
    pub program: PathBuf,
    /// The environment: at least `PATH`, and `HOME` for the user's credential helpers and keys.
    /// [`GitOptions::inheriting`] picks what git has a use for.
    pub environment: Vec<(OsString, OsString)>,
}

/// What a git that only reads has a use for: how to reach a host, and how to prove who asks.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "KRB5CCNAME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "GIT_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
];

impl GitOptions {
    /// This program with what git has a use for out of these variables. The rest stays out: keys
    /// of other tools, and variables such as `GIT_DIR` that would point git elsewhere.
    pub fn inheriting(
        program: PathBuf,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let wanted = |name: &OsString| INHERITED.iter().any(|known| name == known);
        let variables = variables.into_iter();
        Self {
            program,
            environment: variables.filter(|(name, _)| wanted(name)).collect(),
        }
    }
}

impl fmt::Debug for GitOptions {
    /// The environment's values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("GitOptions")
            .field("program", &self.program)
            .field("environment", &names)
            .finish()
    }
}

impl Default for FetchOptions {
    /// 10 s to connect, 15 s for a read, 60 s in all, 8 MiB, no proxy, and a git without an
    /// environment.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_secs(60),
            max_bytes: 8 << 20,
            extra_authorities: Vec::new(),
            proxy: None,
            user_agent: concat!("scc/", env!("CARGO_PKG_VERSION")).to_owned(),
            github_base: "https://github.com".to_owned(),
            git: GitOptions {
                program: PathBuf::from("git"),
                environment: Vec::new(),
            },
        }
    }
}

/// Finds the credentials of a source, when they are needed: a copy that is fresh needs none. The
/// error is a reason without the secret.
pub type AuthProvider<'a> = dyn Fn() -> Result<AuthHeader, String> + 'a;

/// What to accept for one source.
#[derive(Clone, Copy)]
pub struct LoadOptions<'a> {
    /// The moment by which ages are counted.
    pub now: Timestamp,
    /// How long a copy is used without asking anybody; never longer than [`MAX_STALE`].
    pub ttl: Duration,
    /// How old a copy may be when nothing newer can be had; never more than [`MAX_STALE`].
    pub max_stale: Duration,
    /// Use the copy only and ask nobody.
    pub offline: bool,
    /// Ask even when the copy is within its time, and take the document anew, whatever the copy
    /// says about itself.
    pub force: bool,
    /// Use a copy that is past its time at once, and leave it to the caller to have a newer one
    /// fetched. Where there is none that may be used, the server is asked as usual.
    pub background: bool,
    /// The credentials, for the source's own host only.
    pub auth: Option<&'a AuthProvider<'a>>,
}

impl LoadOptions<'_> {
    /// Online, 24 hours to live, 7 days at most, no credentials.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            ttl: Duration::from_secs(24 * 60 * 60),
            max_stale: MAX_STALE,
            offline: false,
            force: false,
            background: false,
            auth: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_reached_without_the_proxy() {
        let bypasses = |entry: &str, host: &str| {
            let proxy = ProxyOptions {
                address: SecretString::from("http://proxy.example"),
                bypass: vec![entry.to_owned()],
            };
            proxy.bypasses(host)
        };
        for (entry, host, expected) in [
            ("corp.example", "corp.example", true),
            ("corp.example", "git.CORP.example.", true),
            (".corp.example", "git.corp.example", true),
            ("*.corp.example", "git.corp.example", true),
            ("corp.example", "evilcorp.example", false),
            ("", "corp.example", false),
            ("*", "anything", true),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(bypasses(entry, host), expected, "{entry} {host}");
        }
    }

    #[test]
    fn git_gets_what_it_has_a_use_for() {
        let variables = [
            "PATH",
            "API_TOKEN",
            "GIT_DIR",
            "SSH_AUTH_SOCK",
            "GIT_CONFIG_COUNT",
        ];
        let variables = variables.map(|name| (name.into(), "x".into()));
        let options = GitOptions::inheriting("git".into(), variables);
        let names: Vec<_> = options.environment.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["PATH", "SSH_AUTH_SOCK"]);
    }

    #[test]
    fn options_show_no_secret() {
        let options = FetchOptions {
            proxy: Some(ProxyOptions {
                address: SecretString::from("http://ada:hunter2@proxy.example"),
                bypass: Vec::new(),
            }),
            git: GitOptions {
                program: "git".into(),
                environment: vec![("TOKEN".into(), "hunter2".into())],
            },
            ..FetchOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(
            shown.contains("TOKEN") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
