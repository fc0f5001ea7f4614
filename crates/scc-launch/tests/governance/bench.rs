//! A machine: settings, a workspace, what scc remembers, and a clock.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use scc_config::{SecretSource, UserConfig};
use scc_launch::{CredentialFallback, Governance, GovernanceError, GovernanceInput};
use scc_policy::{Decision, EffectivePolicy};
use scc_sources::{FetchOptions, Loader, SourceCache};
use scc_state::StateDir;
use scc_testkit::https::HttpsServer;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) config: UserConfig,
    pub(crate) loader: Loader,
    pub(crate) state: StateDir,
    pub(crate) fallback: CredentialFallback,
    pub(crate) workspace: PathBuf,
}

/// What differs from load to load.
#[derive(Default, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) seconds: i64,
    pub(crate) team: Option<&'a str>,
    pub(crate) standalone: bool,
    pub(crate) offline: bool,
    pub(crate) force: bool,
    pub(crate) background: bool,
    pub(crate) commands: bool,
}

impl Bench {
    pub(crate) fn new(server: Option<&HttpsServer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let authority = server.map(|server| server.authority().as_bytes().to_vec());
        let options = FetchOptions {
            extra_authorities: authority.into_iter().collect(),
            ..FetchOptions::default()
        };
        let cache = SourceCache::open(root.join("cache")).unwrap();
        let workspace = root.join("project");
        std::fs::create_dir_all(workspace.join(".scc")).unwrap();
        std::fs::create_dir_all(root.join("config")).unwrap();
        Self {
            folder,
            config: UserConfig::default(),
            loader: Loader::new(cache, options),
            state: StateDir::open(root.join("state")).unwrap(),
            fallback: CredentialFallback::default(),
            workspace,
        }
    }

    /// With this document in a file of this machine.
    pub(crate) fn with_org(org: &Value) -> Self {
        let mut bench = Self::new(None);
        bench.write("config/org.json", &org.to_string());
        bench.settings(json!({ "organization": { "source": "org.json" } }));
        bench
    }

    pub(crate) fn settings(&mut self, settings: Value) {
        self.config = serde_json::from_value(settings).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn load(&self, ask: Ask<'_>) -> Result<Governance, GovernanceError> {
        let secret = |source: &SecretSource| match source {
            SecretSource::Env(name) => Ok(SecretString::from(format!("value-of-{name}"))),
            SecretSource::Command(_) => Err("no commands here".to_owned()),
        };
        let config = self.path("config");
        Governance::load(&GovernanceInput {
            config: &self.config,
            workspace: Some(&self.workspace),
            team: ask.team,
            team_file: None,
            profile: None,
            standalone: ask.standalone,
            offline: ask.offline,
            force_refresh: ask.force,
            background: ask.background,
            loader: &self.loader,
            base: &config,
            secret: &secret,
            fallback: &self.fallback,
            allow_remote_commands: ask.commands,
            state: &self.state,
            user_exceptions: &config,
            user_home: None,
            now: at(ask.seconds),
            own_version: "1.2.3",
        })
    }

    pub(crate) fn policy(&self, ask: Ask<'_>) -> EffectivePolicy {
        let governance = self.load(ask).unwrap();
        governance
            .policy(&["script"], &[], at(ask.seconds))
            .unwrap()
    }
}

/// A valid document with these keys on top.
pub(crate) fn org(more: &Value) -> Value {
    let mut org = json!({
        "schema_version": "1.0.0",
        "organization": { "name": "Corp", "id": "corp" },
        "marketplaces": { "internal": { "source": "github", "owner": "corp", "repo": "plugins" } },
        "profiles": { "platform": {}, "web": {} },
    });
    for (key, value) in more.as_object().unwrap() {
        org[key] = value.clone();
    }
    org
}

pub(crate) fn decision<'a>(policy: &'a EffectivePolicy, item: &str) -> &'a Decision {
    let found = policy.decisions.iter().find(|found| found.item == item);
    found.unwrap()
}
