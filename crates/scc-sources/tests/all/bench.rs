//! A bench: a loader with short timeouts, a clock, and documents that are valid when they are objects.
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scc_sources::{
    FetchOptions, GitOptions, LoadOptions, Loaded, Loader, Source, SourceCache, SourceError,
};
use scc_testkit::https::HttpsServer;
use tempfile::TempDir;

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

pub(crate) fn validate(content: &[u8]) -> Result<(), String> {
    match content.starts_with(b"{") && content.ends_with(b"}") {
        true => Ok(()),
        false => Err("it is not an object".to_owned()),
    }
}

pub(crate) fn fetch_options(server: Option<&HttpsServer>, home: &Path) -> FetchOptions {
    let authority = server.map(|server| server.authority().as_bytes().to_vec());
    FetchOptions {
        connect_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(10),
        total_timeout: Duration::from_secs(60),
        max_bytes: 10_000,
        extra_authorities: authority.into_iter().collect(),
        git: git_options(home),
        ..FetchOptions::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests find git where the machine has it"
)]
pub(crate) fn git_options(home: &Path) -> GitOptions {
    let path = std::env::var_os("PATH").unwrap();
    let set = |name: &str, value: OsString| (OsString::from(name), value);
    GitOptions {
        program: "git".into(),
        environment: vec![
            set("PATH", path),
            set("HOME", home.into()),
            set("GIT_CONFIG_NOSYSTEM", "1".into()),
        ],
    }
}

pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) loader: Loader,
}

impl Bench {
    pub(crate) fn new(server: Option<&HttpsServer>) -> Self {
        Self::with(server, |_| {})
    }

    pub(crate) fn with(
        server: Option<&HttpsServer>,
        change: impl FnOnce(&mut FetchOptions),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = fetch_options(server, folder.path());
        change(&mut options);
        let cache = SourceCache::open(folder.path().join("cache")).unwrap();
        let loader = Loader::new(cache, options);
        Self { folder, loader }
    }

    /// Loads at this many seconds after the start.
    pub(crate) fn load(&self, source: &Source, seconds: i64) -> Result<Loaded, SourceError> {
        self.load_with(source, LoadOptions::at(at(seconds)))
    }

    pub(crate) fn load_with(
        &self,
        source: &Source,
        options: LoadOptions<'_>,
    ) -> Result<Loaded, SourceError> {
        self.loader.load(source, &options, &validate)
    }

    pub(crate) fn offline(&self, source: &Source, seconds: i64) -> Result<Loaded, SourceError> {
        let options = LoadOptions {
            offline: true,
            ..LoadOptions::at(at(seconds))
        };
        self.load_with(source, options)
    }

    /// The files of the copies, without locks and notes.
    pub(crate) fn copies(&self) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(self.loader.cache().dir()).unwrap();
        let mut found: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_none_or(|e| e != "lock" && e != "attempt")
            })
            .collect();
        found.sort();
        found
    }
}
