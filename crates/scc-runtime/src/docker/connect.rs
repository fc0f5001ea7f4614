//! Finding an engine that answers.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use futures_util::TryStreamExt as _;
use tokio::time::timeout;

use super::raw::{self, Question};
use super::{REQUEST_LIMIT, failure};
use crate::engine::{Transport, candidates, transport};
use crate::{EndpointSource, EngineEndpoint, EngineError, EngineInfo, EngineLookup, TriedEndpoint};

/// An engine on this machine answers in milliseconds.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Engine 20.10, the oldest that takes all of a sandbox's hardening.
const OLDEST_API: (usize, usize) = (1, 41);
const OLDEST_API_TEXT: &str = "1.41";

/// An engine that answered.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) docker: Docker,
    pub(super) transport: Transport,
    pub(super) info: EngineInfo,
}

/// Why an endpoint did not do.
enum Miss {
    /// Try the next one.
    Silent { outcome: String, denied: bool },
    /// It answered, or its setting is wrong: no other one is tried.
    Final(EngineError),
}

impl Miss {
    fn silent(outcome: impl Into<String>) -> Self {
        Self::Silent {
            outcome: outcome.into(),
            denied: false,
        }
    }
}

/// The first engine that answers.
pub(super) async fn connect(lookup: &EngineLookup) -> Result<Connection, EngineError> {
    let mut tried = Vec::new();
    let mut denied_at = None;
    for endpoint in candidates(lookup)? {
        match reach(&endpoint).await {
            Ok(found) => return Ok(found),
            Err(Miss::Final(error)) => return Err(error),
            Err(Miss::Silent { outcome, denied }) => {
                tracing::debug!(endpoint = endpoint.url, outcome, "no engine");
                if denied {
                    denied_at.get_or_insert_with(|| endpoint.url.clone());
                }
                let because = endpoint.source.because();
                tried.push(TriedEndpoint {
                    endpoint: endpoint.url,
                    because,
                    outcome,
                });
            }
        }
    }
    match denied_at {
        Some(endpoint) => Err(EngineError::PermissionDenied { endpoint }),
        None => Err(EngineError::Unreachable { tried }),
    }
}

async fn reach(endpoint: &EngineEndpoint) -> Result<Connection, Miss> {
    let transport = transport(endpoint).map_err(Miss::Final)?;
    if let Transport::Unix(path) = &transport {
        knock(path).await?;
    }
    let docker = client(&transport, API_DEFAULT_VERSION)
        .map_err(|error| unusable(endpoint, &transport, &error))?;
    let version = match timeout(CONNECT_LIMIT, docker.version()).await {
        Ok(Ok(version)) => version,
        Ok(Err(error)) => return Err(Miss::silent(failure::innermost(&error))),
        Err(_) => return Err(Miss::silent(no_answer())),
    };
    let agreed = agree(endpoint, &version).map_err(Miss::Final)?;
    let docker =
        client(&transport, &agreed).map_err(|error| unusable(endpoint, &transport, &error))?;
    let info = describe(endpoint, version, &agreed);
    if may_be_rootless(&transport, &info) && is_rootless(&docker, &transport).await? {
        let endpoint = endpoint.url.clone();
        return Err(Miss::Final(EngineError::Rootless { endpoint }));
    }
    Ok(Connection {
        docker,
        transport,
        info,
    })
}

/// Opens a socket and closes it again, because this tells a missing file, a refused permission and
/// a dead engine apart, which a failed request does not.
async fn knock(path: &Path) -> Result<(), Miss> {
    match timeout(CONNECT_LIMIT, tokio::net::UnixStream::connect(path)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(match error.kind() {
            ErrorKind::NotFound => Miss::silent("no such file"),
            ErrorKind::ConnectionRefused => Miss::silent("nothing listens there"),
            ErrorKind::PermissionDenied => Miss::Silent {
                outcome: "permission denied".to_owned(),
                denied: true,
            },
            _ => Miss::silent(error.to_string()),
        }),
        Err(_) => Err(Miss::silent(no_answer())),
    }
}

/// Whether to ask: that costs some milliseconds, and Docker's usual socket is the machine's.
fn may_be_rootless(transport: &Transport, info: &EngineInfo) -> bool {
    let of_machine = ["/var/run/docker.sock", "/run/docker.sock"].map(Path::new);
    let is_usual =
        matches!(transport, Transport::Unix(path) if of_machine.contains(&path.as_path()));
    !is_usual || info.is_podman()
}

/// A rootless engine maps the agent's user to another one of the host, and where the kernel does
/// not delegate limits to users it leaves them out in silence.
async fn is_rootless(docker: &Docker, transport: &Transport) -> Result<bool, Miss> {
    let says_so = |options: Option<Vec<String>>| {
        let options = options.unwrap_or_default();
        options.iter().any(|option| option == "name=rootless")
    };
    if !raw::speaks(transport) {
        let info = docker.info().await;
        let info = info.map_err(|error| Miss::silent(failure::innermost(&error)))?;
        return Ok(says_so(info.security_options));
    }
    let question = Question {
        action: "asking the engine about itself",
        what: "the engine's description",
        path: "/info".to_owned(),
        body: String::new(),
    };
    let answer = async {
        let chunks = raw::read(transport, &question).await?;
        let chunks: Vec<_> = chunks.try_collect().await?;
        Ok::<_, EngineError>(chunks.into_iter().flat_map(|chunk| chunk.bytes).collect())
    };
    let bytes: Vec<u8> = answer.await.map_err(Miss::Final)?;
    let found: Description =
        serde_json::from_slice(&bytes).map_err(|error| Miss::silent(error.to_string()))?;
    Ok(found.rootless || says_so(found.security_options))
}

/// Docker says it among its security options; Podman has a field that Docker's API has not, so
/// that the client library drops it.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    #[serde(default)]
    rootless: bool,
    security_options: Option<Vec<String>>,
}

fn no_answer() -> String {
    format!("no answer within {}s", CONNECT_LIMIT.as_secs())
}

fn client(
    transport: &Transport,
    version: &ClientVersion,
) -> Result<Docker, bollard::errors::Error> {
    let limit = REQUEST_LIMIT.as_secs();
    match transport {
        Transport::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), limit, version),
        Transport::Plain(address) => Docker::connect_with_http(address, limit, version),
        Transport::Tls(address, certificates) => Docker::connect_with_ssl(
            address,
            &certificates.join("key.pem"),
            &certificates.join("cert.pem"),
            &certificates.join("ca.pem"),
            limit,
            version,
        ),
    }
}

/// A client that cannot even be made: unreadable certificates, mostly.
fn unusable(
    endpoint: &EngineEndpoint,
    transport: &Transport,
    error: &bollard::errors::Error,
) -> Miss {
    match transport {
        Transport::Tls(..) => Miss::Final(EngineError::BadEndpoint {
            what: match &endpoint.source {
                EndpointSource::DockerHost => format!("`DOCKER_HOST={}`", endpoint.url),
                source => source.because(),
            },
            reason: error.to_string(),
        }),
        _ => Miss::silent(error.to_string()),
    }
}

/// The newest API version that both sides speak.
fn agree(endpoint: &EngineEndpoint, version: &SystemVersion) -> Result<ClientVersion, EngineError> {
    let found = version.api_version.clone().unwrap_or_default();
    let newest = parse_version(&found);
    if newest < OLDEST_API {
        let endpoint = endpoint.url.clone();
        return Err(EngineError::TooOld {
            endpoint,
            found,
            needed: OLDEST_API_TEXT,
        });
    }
    let ours = (
        API_DEFAULT_VERSION.major_version,
        API_DEFAULT_VERSION.minor_version,
    );
    let (major_version, minor_version) = newest.min(ours);
    Ok(ClientVersion {
        major_version,
        minor_version,
    })
}

/// `1.41` as numbers; what is no version is older than any.
fn parse_version(text: &str) -> (usize, usize) {
    let parts = text
        .split_once('.')
        .map(|(major, minor)| (major.parse(), minor.parse()));
    match parts {
        Some((Ok(major), Ok(minor))) => (major, minor),
        _ => (0, 0),
    }
}

fn describe(endpoint: &EngineEndpoint, version: SystemVersion, api: &ClientVersion) -> EngineInfo {
    let engine = version.components.unwrap_or_default().into_iter().next();
    let (name, number) = match engine {
        Some(component) if component.name == "Engine" => {
            ("Docker Engine".to_owned(), component.version)
        }
        Some(component) => (component.name, component.version),
        None => (
            "Docker Engine".to_owned(),
            version.version.unwrap_or_default(),
        ),
    };
    let os = version.os.unwrap_or_default();
    let arch = version.arch.unwrap_or_default();
    EngineInfo {
        endpoint: endpoint.url.clone(),
        name,
        version: number,
        api_version: api.to_string(),
        platform: format!("{os}/{arch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: String) -> EngineLookup {
        EngineLookup {
            docker_host: Some(url),
            ..EngineLookup::default()
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse_version("1.9") < OLDEST_API);
        assert!(parse_version("1.41") >= OLDEST_API);
        assert!(parse_version("1.100") > OLDEST_API);
        assert_eq!(parse_version("newest"), (0, 0));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_missing_socket_is_reported_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("unix://{}/none.sock", dir.path().display());
        let error = connect(&at(url.clone())).await.unwrap_err();
        let EngineError::Unreachable { tried } = error else {
            panic!("{error}")
        };
        let expected = TriedEndpoint {
            endpoint: url,
            because: "`DOCKER_HOST`".to_owned(),
            outcome: "no such file".to_owned(),
        };
        assert_eq!(tried, [expected]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_dead_socket_is_told_from_a_missing_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let error = connect(&at(format!("unix://{}", path.display())))
            .await
            .unwrap_err();
        let EngineError::Unreachable { tried } = error else {
            panic!("{error}")
        };
        assert_eq!(tried[0].outcome, "nothing listens there");
    }

    /// Answers every request with this version.
    async fn old_engine(version: &'static str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.unwrap();
                let body = format!(r#"{{"ApiVersion":"{version}","Version":"1"}}"#);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                stream
                    .write_all(format!("{head}{body}").as_bytes())
                    .await
                    .unwrap();
            }
        });
        url
    }

    #[test]
    fn engines_of_users_are_asked_whether_they_are_rootless() {
        let unix = |path: &str| Transport::Unix(path.into());
        let named = |name: &str| EngineInfo {
            endpoint: String::new(),
            name: name.to_owned(),
            version: String::new(),
            api_version: String::new(),
            platform: String::new(),
        };
        let docker = named("Docker Engine");
        assert!(!may_be_rootless(&unix("/var/run/docker.sock"), &docker));
        assert!(may_be_rootless(
            &unix("/run/user/1000/docker.sock"),
            &docker
        ));
        assert!(may_be_rootless(
            &unix("/run/podman/podman.sock"),
            &named("Podman Engine")
        ));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_old_engine_is_refused() {
        let error = connect(&at(old_engine("1.40").await)).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("speaks API 1.40, scc needs 1.41"),
            "{error}"
        );
        let found = connect(&at(old_engine("1.44").await)).await.unwrap();
        assert_eq!(found.info.api_version, "1.44");
    }
}
