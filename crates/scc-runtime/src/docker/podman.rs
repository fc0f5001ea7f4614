//! Making a sandbox on Podman, which gives no labels to volumes that it makes for a container, and
//! finds out only at the start that a mount has no source.
//!
//! So volumes are made before the container. In between nothing uses them, and another command that
//! tidies up may take one away; Podman then makes it again with the container, without labels and so
//! never to be tidied up. That is seen afterwards, and everything is made anew.

use bollard::Docker;

use super::create::{Dialect, make};
use super::{helper, lifecycle, sealed, volumes};
use crate::{EngineError, MountSource, SandboxSpec, labels};

/// How often it is tried: more commands than that do not tidy up at the same moment.
const ATTEMPTS: usize = 10;

pub(super) async fn create(
    docker: &Docker,
    spec: &SandboxSpec,
    dialect: &Dialect,
) -> Result<String, EngineError> {
    host_sources_exist(spec)?;
    for _ in 0..ATTEMPTS {
        let made = make_volumes(docker, spec).await?;
        let id = make(docker, spec, dialect).await?;
        let replaced = replaced(docker, &made).await?;
        if replaced.is_empty() {
            return Ok(id);
        }
        lifecycle::remove(docker, &id).await?;
        for volume in replaced {
            volumes::remove(docker, volume).await?;
        }
    }
    Err(EngineError::Refused {
        action: "making the sandbox".to_owned(),
        message: "its volumes were taken away again and again".to_owned(),
    })
}

fn host_sources_exist(spec: &SandboxSpec) -> Result<(), EngineError> {
    for mount in &spec.mounts {
        if let MountSource::Host(path) = &mount.source
            && !path.exists()
        {
            let what = format!("the mount source `{}`", path.display());
            return Err(EngineError::NotFound { what });
        }
    }
    Ok(())
}

/// Makes the volumes that are not there, and returns the names of all that have labels of ours.
async fn make_volumes(docker: &Docker, spec: &SandboxSpec) -> Result<Vec<String>, EngineError> {
    let named = spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { name, labels } => {
            let labels = labels.clone().into_iter().collect();
            Some((name.clone(), labels, false))
        }
        MountSource::Host(_) | MountSource::Own => None,
    });
    let own = helper::own_labels(spec.labels.clone(), labels::ROLE_SEALED);
    let sealed = spec.sealed.iter().map(|directory| {
        let name = sealed::volume_name(directory, &spec.labels);
        (name, own.clone(), true)
    });
    let mut ours = Vec::new();
    for (name, labels, sealed) in named.chain(sealed) {
        let found = volumes::create(docker, &name, labels, sealed).await?;
        if found.contains_key(labels::ROLE) {
            ours.push(name);
        }
    }
    Ok(ours)
}

/// Which of these volumes, that had labels, are others now.
async fn replaced<'a>(docker: &Docker, names: &'a [String]) -> Result<Vec<&'a str>, EngineError> {
    let mut replaced = Vec::new();
    for name in names {
        let found = volumes::inspect(docker, name).await?;
        if found.is_none_or(|volume| !volume.labels.contains_key(labels::ROLE)) {
            replaced.push(name.as_str());
        }
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::{Limits, Mount, Network, SealedDirectory, UserIds};

    /// As much of Podman as making a sandbox asks of it. `sweeps` is how often another command takes
    /// all volumes away before a container is made.
    #[derive(Default)]
    struct Engine {
        volumes: BTreeMap<String, Value>,
        containers: usize,
        sweeps: usize,
    }

    impl Engine {
        fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
            let last = path.rsplit('/').next().unwrap_or_default();
            match (method, last) {
                ("POST", "create") if path.ends_with("/volumes/create") => {
                    let name = body["Name"].as_str().unwrap();
                    (201, self.volume(name, &body["Labels"]))
                }
                ("POST", "create") => {
                    if self.sweeps > 0 {
                        self.sweeps -= 1;
                        self.volumes.clear();
                    }
                    for mount in body["HostConfig"]["Mounts"].as_array().unwrap() {
                        self.volume(mount["Source"].as_str().unwrap(), &json!({}));
                    }
                    self.containers += 1;
                    (201, json!({ "Id": "c", "Warnings": [] }))
                }
                ("GET", name) => match self.volumes.get(name) {
                    Some(volume) => (200, volume.clone()),
                    None => (404, json!({ "message": "no such volume" })),
                },
                ("DELETE", "c") => {
                    self.containers -= 1;
                    (204, Value::Null)
                }
                ("DELETE", name) => {
                    self.volumes.remove(name);
                    (204, Value::Null)
                }
                _ => (500, json!({ "message": path })),
            }
        }

        fn volume(&mut self, name: &str, labels: &Value) -> Value {
            let made = json!({
                "Name": name, "Driver": "local", "Mountpoint": "/", "Labels": labels,
                "Scope": "local", "Options": {},
            });
            let volume = self.volumes.entry(name.to_owned()).or_insert(made);
            volume.clone()
        }
    }

    fn serve(socket: &Path, engine: Arc<Mutex<Engine>>) {
        let listener = UnixListener::bind(socket).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                one(stream, &engine);
            }
        });
    }

    fn one(mut stream: UnixStream, engine: &Mutex<Engine>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        let length = head.to_lowercase().lines().find_map(|line| {
            let length = line.strip_prefix("content-length:")?;
            length.trim().parse().ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap();
        let (status, answer) = engine.lock().unwrap().answer(method, path, &body);
        let answer = if status == 204 {
            String::new()
        } else {
            answer.to_string()
        };
        write!(
            stream,
            "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
    }

    fn spec() -> SandboxSpec {
        let labels: BTreeMap<_, _> = [(labels::ROLE.to_owned(), "egress".to_owned())].into();
        SandboxSpec {
            name: "n".to_owned(),
            labels: labels.clone(),
            image: "i".to_owned(),
            argv: vec!["a".to_owned()],
            init: Vec::new(),
            env: BTreeMap::new(),
            working_dir: "/".to_owned(),
            user: UserIds { uid: 7, gid: 8 },
            hostname: "h".to_owned(),
            mounts: vec![Mount {
                source: MountSource::Volume {
                    name: "meeting".to_owned(),
                    labels,
                },
                target: "/run/m".to_owned(),
                read_only: false,
            }],
            sealed: vec![SealedDirectory {
                path: "/etc/x".to_owned(),
                files: BTreeMap::new(),
            }],
            network: Network::None,
            limits: Limits {
                memory_bytes: 1 << 30,
                cpus: 1.0,
                pids: 9,
                log_files: 1,
            },
            read_only_root: true,
            terminal: None,
        }
    }

    /// What comes of making a sandbox while volumes are swept away so often.
    async fn created(sweeps: usize) -> (Result<String, EngineError>, Engine) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let engine = Arc::new(Mutex::new(Engine {
            sweeps,
            ..Engine::default()
        }));
        serve(&socket, Arc::clone(&engine));
        let version = bollard::API_DEFAULT_VERSION;
        let docker = Docker::connect_with_unix(socket.to_str().unwrap(), 10, version).unwrap();
        let dialect = Dialect {
            seccomp: "{}".to_owned(),
            is_podman: true,
        };
        let outcome = create(&docker, &spec(), &dialect).await;
        (outcome, std::mem::take(&mut engine.lock().unwrap()))
    }

    fn have_labels(engine: &Engine) -> bool {
        let mut volumes = engine.volumes.values();
        volumes.all(|volume| volume["Labels"][labels::ROLE].is_string())
    }

    #[tokio::test]
    async fn volumes_that_are_swept_away_are_made_again_with_their_labels() {
        for sweeps in [0, 1, 3] {
            let (outcome, engine) = created(sweeps).await;
            assert_eq!(outcome.unwrap(), "c");
            assert_eq!((engine.volumes.len(), engine.containers), (2, 1));
            assert!(have_labels(&engine), "{:?}", engine.volumes);
        }
    }

    #[tokio::test]
    async fn a_sandbox_whose_volumes_do_not_stay_is_refused() {
        let (outcome, engine) = created(usize::MAX).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("again and again"), "{error}");
        assert_eq!((engine.volumes.len(), engine.containers), (0, 0));
    }
}
