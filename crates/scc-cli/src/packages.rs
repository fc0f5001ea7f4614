//! Asking this machine's package managers which hosts they use.
//!
//! They are run from `/`: some also read files of the directory they run in, and an agent can write
//! a workspace's. What they say is kept for a day, since some take seconds.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use scc_config::NetworkPolicy;
use scc_launch::{
    CargoFacts, PackageHosts, PipFacts, apt_hosts, cargo_hosts, npm_hosts, pip_hosts,
};
use scc_policy::EffectivePolicy;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::environment;
use crate::program::output_within;

const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a manager may take for all that it is asked.
const PATIENCE: Duration = Duration::from_secs(20);
/// A package that every index has, to see where files are.
const SAMPLE: &str = "pip";

/// What was said, and what it depended on.
#[derive(Serialize, Deserialize)]
struct Answer {
    inputs: u64,
    at: Timestamp,
    hosts: PackageHosts,
}

/// What the sets of hosts that the rules use stand for on this machine.
pub(crate) fn hosts(policy: &EffectivePolicy, context: &Context) -> BTreeMap<String, PackageHosts> {
    if policy.network_policy.value != NetworkPolicy::WebEgressEnforced {
        return BTreeMap::new();
    }
    let file = context.cache_root.join("packages.json");
    let mut answers: BTreeMap<String, Answer> = std::fs::read(&file)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let mut found = BTreeMap::new();
    let mut is_new = false;
    for set in &policy.network.destination_sets {
        let name = set.value.as_str();
        let Some(manager) = Manager::named(name) else {
            continue;
        };
        let inputs = manager.inputs();
        let now = Timestamp::now();
        let current = |answer: &&Answer| answer.inputs == inputs && now < answer.at + KEPT;
        let hosts = match answers.get(name).filter(current) {
            Some(answer) => answer.hosts.clone(),
            None => {
                let (hosts, is_whole) = manager.ask(Instant::now() + PATIENCE);
                let is_set_up = !hosts.endpoints.is_empty();
                if is_set_up && !is_whole {
                    context.printer.warning(&without_files(name));
                }
                // What is not set up may be soon, and what did not answer may answer next time.
                if is_set_up && is_whole {
                    let hosts = hosts.clone();
                    let answer = Answer {
                        inputs,
                        at: now,
                        hosts,
                    };
                    answers.insert(name.to_owned(), answer);
                    is_new = true;
                }
                hosts
            }
        };
        found.insert(name.to_owned(), hosts);
    }
    if is_new {
        keep(&file, &answers);
    }
    found
}

fn without_files(manager: &str) -> String {
    format!(
        "{manager} does not say where its files are, so a sandbox may be refused them; \
         to see why, type: {manager} install --dry-run --ignore-installed --report=- {SAMPLE}"
    )
}

/// Without a cache the managers are asked again.
fn keep(file: &Path, answers: &BTreeMap<String, Answer>) {
    let written = serde_json::to_vec(answers)
        .map_err(std::io::Error::other)
        .and_then(|text| scc_state::write_private_file(file, &text).map_err(std::io::Error::other));
    if let Err(error) = written {
        tracing::debug!(%error, "what package managers said is not kept");
    }
}

#[derive(Debug, Clone, Copy)]
enum Manager {
    Npm,
    Pip,
    Cargo,
    Apt,
}

impl Manager {
    fn named(set: &str) -> Option<Self> {
        match set {
            "npm" => Some(Self::Npm),
            "pip" => Some(Self::Pip),
            "cargo" => Some(Self::Cargo),
            "apt" => Some(Self::Apt),
            _ => None,
        }
    }

    /// What it says until then, and whether that is all.
    fn ask(self, until: Instant) -> (PackageHosts, bool) {
        match self {
            Self::Npm => {
                let config = said("npm", &["config", "list", "--json"], until);
                let files = npm_files().into_iter();
                let files = files.filter_map(|file| std::fs::read_to_string(file).ok());
                (npm_hosts(&config, &files.collect::<Vec<_>>()), true)
            }
            Self::Pip => pip(until),
            Self::Cargo => (cargo_hosts(&cargo()), true),
            Self::Apt => (apt_hosts(&apt()), true),
        }
    }

    /// A number that changes with what the answer depends on.
    fn inputs(self) -> u64 {
        let home = environment::home().unwrap_or_default();
        let (prefix, files) = match self {
            Self::Npm => ("npm_config_", npm_files().into()),
            Self::Pip => (
                "pip_",
                vec![
                    home.join(".config/pip/pip.conf"),
                    home.join(".pip/pip.conf"),
                    "/etc/pip.conf".into(),
                ],
            ),
            Self::Cargo => ("cargo_home", vec![cargo_home().join("config.toml")]),
            Self::Apt => ("apt_", apt_files()),
        };
        let mut hasher = DefaultHasher::new();
        environment::with_prefix(prefix).hash(&mut hasher);
        environment::variable("PATH").hash(&mut hasher);
        if matches!(self, Self::Cargo) {
            cargo().used.hash(&mut hasher);
        }
        for file in files {
            std::fs::read(file).ok().hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The files of npm's settings, the one that wins first.
fn npm_files() -> [PathBuf; 2] {
    let home = environment::home().unwrap_or_default();
    [home.join(".npmrc"), "/etc/npmrc".into()]
}

/// What a program prints; nothing where it is not there, fails, or has not ended by then.
fn said(program: &str, args: &[&str], until: Instant) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir("/").stderr(Stdio::null());
    let left = until.saturating_duration_since(Instant::now());
    match output_within(&mut command, left) {
        Ok((status, printed)) if status.success() => String::from_utf8_lossy(&printed).into_owned(),
        _ => String::new(),
    }
}

fn pip(until: Instant) -> (PackageHosts, bool) {
    let pip = |args: &[&str]| {
        let module = [&["-m", "pip"], args].concat();
        match said("pip", args, until) {
            text if text.is_empty() => said("python3", &module, until),
            text => text,
        }
    };
    let (config, help) = (pip(&["config", "list"]), pip(&["install", "--help"]));
    // It asks the index, and without a network takes its time.
    let report = pip(&[
        "install",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--quiet",
        "--retries=0",
        "--timeout=5",
        "--report=-",
        SAMPLE,
    ]);
    let hosts = pip_hosts(&PipFacts {
        config: &config,
        help: &help,
        report: &report,
    });
    (hosts, !report.is_empty() && Instant::now() < until)
}

fn cargo_home() -> PathBuf {
    let named = environment::variable("CARGO_HOME").map(PathBuf::from);
    named.unwrap_or_else(|| environment::home().unwrap_or_default().join(".cargo"))
}

fn cargo() -> CargoFacts {
    let home = cargo_home();
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let used = std::fs::read_dir(home.join("registry/index"));
    let used = used.into_iter().flatten().flatten().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, read(entry.path().join("config.json")))
    });
    let config = ["config.toml", "config"].map(|name| read(home.join(name)));
    CargoFacts {
        config: config
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        used: used.collect(),
    }
}

fn apt_files() -> Vec<PathBuf> {
    let parts = std::fs::read_dir("/etc/apt/sources.list.d");
    let parts = parts
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let is_list = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("list" | "sources"))
    };
    let mut files: Vec<_> = parts.filter(is_list).collect();
    files.sort();
    files.push(PathBuf::from("/etc/apt/sources.list"));
    files
}

fn apt() -> Vec<String> {
    let files = apt_files().into_iter();
    files
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_end_is_not_waited_for() {
        let began = Instant::now();
        let until = began + Duration::from_millis(300);
        assert_eq!(said("sh", &["-c", "echo before; exec sleep 20"], until), "");
        assert!(began.elapsed() < Duration::from_secs(15));
        // Nor is anybody else, when the time is over.
        assert_eq!(said("sh", &["-c", "exec sleep 20"], until), "");
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(said("pwd", &[], Instant::now() + PATIENCE), "/\n");
    }
}
