//! Making a sandbox.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType, MountVolumeOptions,
};
use bollard::query_parameters::CreateContainerOptions;
use secrecy::ExposeSecret as _;

use super::failure::{failed, is_name_taken, message};
use super::{helper, networks, podman, sealed};
use crate::{EngineError, EnvValue, MountSource, SandboxSpec, UserIds, labels};

/// The agent's home, which stays writable when the root file system is not.
const HOME: &str = "/home/agent";

/// The accounting period of processor time, in microseconds.
const CPU_PERIOD: i64 = 100_000;

/// The kernel takes no smaller quota.
const LEAST_CPU_QUOTA: f64 = 1_000.0;

/// What differs between engines that speak the same API.
#[derive(Debug, Default)]
pub(super) struct Dialect {
    /// The system call filter as the engine takes it.
    pub(super) seccomp: String,
    pub(super) is_podman: bool,
}

/// Makes the container of a sandbox; its sealed volumes may still be empty afterwards.
pub(super) async fn create(
    docker: &Docker,
    spec: &SandboxSpec,
    dialect: &Dialect,
) -> Result<String, EngineError> {
    match dialect.is_podman {
        true => podman::create(docker, spec, dialect).await,
        false => make(docker, spec, dialect).await,
    }
}

/// Makes the container, and with it the volumes that are not there yet.
pub(super) async fn make(
    docker: &Docker,
    spec: &SandboxSpec,
    dialect: &Dialect,
) -> Result<String, EngineError> {
    let options = CreateContainerOptions {
        name: Some(spec.name.clone()),
        ..CreateContainerOptions::default()
    };
    match docker
        .create_container(Some(options), body(spec, dialect))
        .await
    {
        Ok(made) => Ok(made.id),
        Err(error) if is_name_taken(&error) => Err(EngineError::NameTaken {
            name: spec.name.clone(),
        }),
        Err(error) => Err(match missing_host_source(message(&error)) {
            Some(path) => EngineError::NotFound {
                what: format!("the mount source `{path}`"),
            },
            None => failed("making the sandbox", &format!("the image `{}`", spec.image))(error),
        }),
    }
}

/// The path in the engine's complaint about a bind mount without a source.
fn missing_host_source(message: &str) -> Option<&str> {
    message
        .split_once("bind source path does not exist: ")
        .map(|(_, path)| path.trim_end())
}

fn body(spec: &SandboxSpec, dialect: &Dialect) -> ContainerCreateBody {
    let has_terminal = spec.terminal.is_some();
    let command = || spec.init.iter().chain(&spec.argv);
    let labels = spec
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: Some(spec.hostname.clone()),
        user: Some(user(spec.user)),
        working_dir: Some(spec.working_dir.clone()),
        // As the entry point, so that one of the image does not come before it.
        entrypoint: Some(command().take(1).cloned().collect()),
        cmd: Some(command().skip(1).cloned().collect()),
        env: Some(
            spec.env
                .iter()
                .map(|(name, value)| environment(name, value))
                .collect(),
        ),
        labels: Some(labels),
        tty: Some(has_terminal),
        open_stdin: Some(true),
        // A plain input ends with the connection that feeds it; a terminal outlives a connection,
        // so that one can attach again.
        stdin_once: Some(!has_terminal),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(!has_terminal),
        host_config: Some(host_config(spec, dialect)),
        ..ContainerCreateBody::default()
    }
}

pub(super) fn user(ids: UserIds) -> String {
    format!("{}:{}", ids.uid, ids.gid)
}

fn environment(name: &str, value: &EnvValue) -> String {
    match value {
        EnvValue::Plain(value) => format!("{name}={value}"),
        EnvValue::Secret(value) => format!("{name}={}", value.expose_secret()),
    }
}

/// What every sandbox has, whatever its specification says, and its limits.
fn host_config(spec: &SandboxSpec, dialect: &Dialect) -> HostConfig {
    let memory = i64::try_from(spec.limits.memory_bytes).unwrap_or(i64::MAX);
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        privileged: Some(false),
        security_opt: Some(vec![
            "no-new-privileges".to_owned(),
            format!("seccomp={}", dialect.seccomp),
        ]),
        // Reaps what agents leave behind, and passes signals on.
        init: Some(spec.init.is_empty()),
        ipc_mode: Some("private".to_owned()),
        readonly_rootfs: Some(spec.read_only_root),
        tmpfs: Some(tmpfs(spec, dialect)),
        mounts: Some(mounts(spec)),
        network_mode: Some(networks::mode(&spec.network).to_owned()),
        dns: networks::name_servers(&spec.network),
        dns_options: networks::name_options(&spec.network),
        sysctls: networks::settings(&spec.network),
        pids_limit: Some(i64::from(spec.limits.pids)),
        memory: Some(memory),
        // The same number means no swap at all on top.
        memory_swap: Some(memory),
        cpu_period: Some(CPU_PERIOD),
        cpu_quota: Some(cpu_quota(spec.limits.cpus)),
        log_config: Some(log_config(spec.limits.log_files)),
        console_size: spec
            .terminal
            .map(|size| vec![size.rows.into(), size.columns.into()]),
        ..HostConfig::default()
    }
}

/// By period and quota, because engines refuse a number of processors that they do not have.
#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn cpu_quota(cpus: f64) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "the period is a small number")]
    let quota = cpus * CPU_PERIOD as f64;
    quota.max(LEAST_CPU_QUOTA) as i64
}

/// An agent that prints without end must not fill the engine's disk.
fn log_config(files: u8) -> HostConfigLogConfig {
    let files = files.max(1).to_string();
    let options = [("max-size", "10m"), ("max-file", files.as_str())];
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(
            options
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        ),
    }
}

/// `exec`, because package managers and test runners run what they put there.
fn tmpfs(spec: &SandboxSpec, dialect: &Dialect) -> HashMap<String, String> {
    let mut tmpfs = HashMap::new();
    tmpfs.insert(
        "/tmp".to_owned(),
        "rw,nosuid,nodev,exec,mode=1777".to_owned(),
    );
    if spec.read_only_root {
        let UserIds { uid, gid } = spec.user;
        let options = match dialect.is_podman {
            // Podman knows no owner of a tmpfs, and in a sandbox there is one user.
            true => "rw,nosuid,nodev,exec,mode=1777".to_owned(),
            false => format!("rw,nosuid,nodev,exec,mode=0755,uid={uid},gid={gid}"),
        };
        tmpfs.insert(HOME.to_owned(), options);
    }
    // A mount of the specification at the same place wins; an engine refuses both.
    tmpfs.retain(|path, _| spec.mounts.iter().all(|mount| mount.target != *path));
    tmpfs
}

fn mounts(spec: &SandboxSpec) -> Vec<Mount> {
    let sealed = spec.sealed.iter().map(|directory| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(sealed::volume_name(directory, &spec.labels)),
        target: Some(directory.path.clone()),
        read_only: Some(true),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(helper::own_labels(spec.labels.clone(), labels::ROLE_SEALED)),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    });
    spec.mounts.iter().map(mount).chain(sealed).collect()
}

fn mount(mount: &crate::Mount) -> Mount {
    let common = Mount {
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Mount::default()
    };
    match &mount.source {
        MountSource::Host(path) => Mount {
            typ: Some(MountType::BIND),
            source: Some(path.to_string_lossy().into_owned()),
            bind_options: Some(MountBindOptions {
                // What is mounted on either side later stays on that side.
                propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
                ..MountBindOptions::default()
            }),
            ..common
        },
        MountSource::Own => Mount {
            typ: Some(MountType::VOLUME),
            ..common
        },
        MountSource::Volume { name, labels } => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            volume_options: Some(MountVolumeOptions {
                labels: Some(labels.clone().into_iter().collect()),
                ..MountVolumeOptions::default()
            }),
            ..common
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn docker() -> Dialect {
        Dialect {
            seccomp: "{}".to_owned(),
            is_podman: false,
        }
    }
    use crate::{Limits, Network, SealedDirectory};

    fn spec() -> SandboxSpec {
        SandboxSpec {
            name: "n".to_owned(),
            labels: BTreeMap::new(),
            image: "i".to_owned(),
            argv: vec!["a".to_owned(), "b".to_owned()],
            init: Vec::new(),
            env: [("S".to_owned(), EnvValue::Secret("x".to_owned().into()))].into(),
            working_dir: "/w".to_owned(),
            user: UserIds { uid: 7, gid: 8 },
            hostname: "h".to_owned(),
            mounts: Vec::new(),
            sealed: vec![SealedDirectory {
                path: "/etc/x".to_owned(),
                files: BTreeMap::new(),
            }],
            network: Network::None,
            limits: Limits {
                memory_bytes: 1 << 30,
                cpus: 64.0,
                pids: 9,
                log_files: 1,
            },
            read_only_root: true,
            terminal: None,
        }
    }

    #[test]
    fn hardening_is_always_there() {
        let config = host_config(&spec(), &docker());
        assert_eq!(config.cap_drop, Some(vec!["ALL".to_owned()]));
        let options = config.security_opt.unwrap();
        assert_eq!(options[0], "no-new-privileges");
        assert!(options[1].starts_with("seccomp={"));
        assert_eq!((config.init, config.privileged), (Some(true), Some(false)));
        assert_eq!(config.memory, config.memory_swap);
        assert_eq!(config.cpu_quota, Some(6_400_000));
        assert_eq!(config.network_mode.as_deref(), Some("none"));
    }

    #[test]
    fn a_read_only_root_leaves_home_writable_by_its_user() {
        let options = tmpfs(&spec(), &docker());
        assert!(options[HOME].ends_with("uid=7,gid=8"), "{options:?}");
        assert!(options.contains_key("/tmp"));
    }

    #[test]
    fn the_command_is_not_the_argument_of_an_entry_point() {
        let body = body(&spec(), &docker());
        assert_eq!(body.entrypoint, Some(vec!["a".to_owned()]));
        assert_eq!(body.cmd, Some(vec!["b".to_owned()]));
        assert_eq!(body.env, Some(vec!["S=x".to_owned()]));
    }

    #[test]
    fn an_init_of_its_own_takes_the_place_of_the_engines() {
        let mut spec = spec();
        spec.init = vec!["i".to_owned(), "--".to_owned()];
        let body = body(&spec, &docker());
        assert_eq!(body.entrypoint, Some(vec!["i".to_owned()]));
        assert_eq!(body.cmd, Some(["--", "a", "b"].map(str::to_owned).into()));
        assert_eq!(body.host_config.unwrap().init, Some(false));
    }

    #[test]
    fn sealed_directories_are_read_only_volumes() {
        let mounts = mounts(&spec());
        assert_eq!(mounts[0].read_only, Some(true));
        assert!(
            mounts[0]
                .source
                .as_ref()
                .unwrap()
                .starts_with("scc-sealed-")
        );
    }

    #[test]
    fn a_missing_source_is_found_in_the_message() {
        let message =
            r#"invalid mount config for type "bind": bind source path does not exist: /no"#;
        assert_eq!(missing_host_source(message), Some("/no"));
        assert_eq!(missing_host_source("something else"), None);
    }
}
