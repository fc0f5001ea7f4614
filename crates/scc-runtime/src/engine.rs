//! Finding the engine as the docker command line would.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::EngineError;

/// What decides which engine is used; values of the environment and paths of this user, read by
/// the caller.
#[derive(Debug, Clone, Default)]
pub struct EngineLookup {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY` is set and not empty.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `.docker` in the user's home.
    pub docker_config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// A directory for files that the engine has to read, no sandbox can write and nobody else
    /// should. It is made when it is needed.
    pub scratch: Option<PathBuf>,
}

/// Why an endpoint was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointSource {
    /// `DOCKER_HOST`.
    DockerHost,
    /// A docker context, by `DOCKER_CONTEXT` or the docker configuration.
    Context(String),
    /// A place where engines usually listen.
    WellKnown(&'static str),
}

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEndpoint {
    /// `unix:///path` or `tcp://host:port`.
    pub url: String,
    /// Why this one.
    pub source: EndpointSource,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem` for TLS.
    pub tls: Option<PathBuf>,
}

/// An engine that answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct EngineInfo {
    /// Where it listens.
    pub endpoint: String,
    /// Such as "Docker Engine" or "Podman Engine".
    pub name: String,
    /// Its version.
    pub version: String,
    /// The API version agreed on.
    pub api_version: String,
    /// `linux/amd64` and the like.
    pub platform: String,
}

impl EngineInfo {
    /// Whether this is Podman, which differs from Docker behind the same API.
    pub(crate) fn is_podman(&self) -> bool {
        self.name.starts_with("Podman")
    }
}

impl EndpointSource {
    /// For a human: why the endpoint was tried.
    pub(crate) fn because(&self) -> String {
        match self {
            Self::DockerHost => "`DOCKER_HOST`".to_owned(),
            Self::Context(name) => format!("docker context `{name}`"),
            Self::WellKnown(what) => (*what).to_owned(),
        }
    }
}

/// The endpoints to try, in order. An explicit choice is the only one tried, as the docker command
/// line does: falling back from it would run sandboxes where the user did not want them.
pub(crate) fn candidates(lookup: &EngineLookup) -> Result<Vec<EngineEndpoint>, EngineError> {
    if let Some(host) = set(lookup.docker_host.as_deref()) {
        return Ok(vec![EngineEndpoint {
            url: host.to_owned(),
            source: EndpointSource::DockerHost,
            tls: host_tls(lookup),
        }]);
    }
    match chosen_context(lookup)? {
        Some(name) => Ok(vec![context_endpoint(lookup, name)?]),
        None => Ok(well_known(lookup)),
    }
}

fn set(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn host_tls(lookup: &EngineLookup) -> Option<PathBuf> {
    match &lookup.cert_path {
        Some(path) => Some(path.clone()),
        None if lookup.tls_verify => lookup.docker_config.clone(),
        None => None,
    }
}

/// The context in force, `None` for the default one, which means the usual places.
fn chosen_context(lookup: &EngineLookup) -> Result<Option<String>, EngineError> {
    let name = match set(lookup.docker_context.as_deref()) {
        Some(name) => Some(name.to_owned()),
        None => configured_context(lookup)?,
    };
    Ok(name.filter(|name| name != "default"))
}

#[derive(serde::Deserialize)]
struct DockerConfig {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

fn configured_context(lookup: &EngineLookup) -> Result<Option<String>, EngineError> {
    let Some(directory) = &lookup.docker_config else {
        return Ok(None);
    };
    let path = directory.join("config.json");
    let Ok(text) = std::fs::read(&path) else {
        return Ok(None);
    };
    let config: DockerConfig =
        serde_json::from_slice(&text).map_err(|error| EngineError::BadEndpoint {
            what: format!("`{}`", path.display()),
            reason: error.to_string(),
        })?;
    Ok(Some(config.current_context).filter(|name| !name.is_empty()))
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    endpoints: ContextEndpoints,
}

#[derive(serde::Deserialize)]
struct ContextEndpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    #[serde(default)]
    host: String,
}

fn context_endpoint(lookup: &EngineLookup, name: String) -> Result<EngineEndpoint, EngineError> {
    let bad = |reason: String| EngineError::BadEndpoint {
        what: format!("docker context `{name}`"),
        reason,
    };
    let Some(config) = &lookup.docker_config else {
        return Err(bad("there is no docker configuration directory".to_owned()));
    };
    let hash = hex(&Sha256::digest(name.as_bytes()));
    let path = config.join("contexts/meta").join(&hash).join("meta.json");
    let text = std::fs::read(&path)
        .map_err(|error| bad(format!("cannot read `{}`: {error}", path.display())))?;
    let meta: ContextMeta = serde_json::from_slice(&text)
        .map_err(|error| bad(format!("`{}`: {error}", path.display())))?;
    let host = meta
        .endpoints
        .docker
        .map(|docker| docker.host)
        .unwrap_or_default();
    if host.is_empty() {
        return Err(bad(format!(
            "`{}` names no docker endpoint",
            path.display()
        )));
    }
    let tls = config.join("contexts/tls").join(hash).join("docker");
    Ok(EngineEndpoint {
        url: host,
        tls: tls.is_dir().then_some(tls),
        source: EndpointSource::Context(name),
    })
}

/// Where engines listen when nobody has said otherwise: Docker, rootless Docker, Docker Desktop,
/// rootless Podman, Podman.
fn well_known(lookup: &EngineLookup) -> Vec<EngineEndpoint> {
    let runtime = |path: &str| lookup.runtime_dir.as_ref().map(|dir| dir.join(path));
    let places = [
        (
            "Docker's socket",
            Some(PathBuf::from("/var/run/docker.sock")),
        ),
        ("rootless Docker's socket", runtime("docker.sock")),
        (
            "Docker Desktop's socket",
            lookup
                .home
                .as_ref()
                .map(|dir| dir.join(".docker/run/docker.sock")),
        ),
        ("rootless Podman's socket", runtime("podman/podman.sock")),
        (
            "Podman's socket",
            Some(PathBuf::from("/run/podman/podman.sock")),
        ),
    ];
    let endpoint = |(what, path): (&'static str, Option<PathBuf>)| {
        path.map(|path| EngineEndpoint {
            url: format!("unix://{}", path.display()),
            source: EndpointSource::WellKnown(what),
            tls: None,
        })
    };
    places.into_iter().filter_map(endpoint).collect()
}

/// How an endpoint is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A socket of this machine.
    Unix(PathBuf),
    /// `host:port` without encryption.
    Plain(String),
    /// `host:port` with the certificates in this directory.
    Tls(String, PathBuf),
}

/// What an endpoint's URL means.
pub(crate) fn transport(endpoint: &EngineEndpoint) -> Result<Transport, EngineError> {
    let bad = |reason: String| EngineError::BadEndpoint {
        what: match &endpoint.source {
            EndpointSource::DockerHost => format!("`DOCKER_HOST={}`", endpoint.url),
            source => format!("{}, `{}`", source.because(), endpoint.url),
        },
        reason,
    };
    let Some((scheme, rest)) = endpoint.url.split_once("://") else {
        return Err(bad(
            "a URL such as `unix:///var/run/docker.sock` is needed".to_owned()
        ));
    };
    let address = rest.trim_end_matches('/');
    match (scheme, &endpoint.tls) {
        ("unix", _) if rest.starts_with('/') => Ok(Transport::Unix(PathBuf::from(rest))),
        ("unix", _) => Err(bad("the path of the socket must be absolute".to_owned())),
        ("tcp" | "http" | "https", _) if address.is_empty() || address.contains('/') => {
            Err(bad("a host and a port are needed, and no path".to_owned()))
        }
        ("tcp" | "https", Some(tls)) => Ok(Transport::Tls(with_port(address, 2376), tls.clone())),
        ("https", None) => Err(bad(
            "TLS needs certificates, see `DOCKER_CERT_PATH`".to_owned()
        )),
        ("tcp" | "http", _) => Ok(Transport::Plain(with_port(address, 2375))),
        ("ssh", _) => Err(bad(
            "engines over SSH are not supported; forward the engine's socket with \
             `ssh -L` and name it as `unix://`"
                .to_owned(),
        )),
        _ => Err(bad(format!(
            "`{scheme}` is not supported, only unix, tcp, http and https are"
        ))),
    }
}

/// The port may be left out; a bare IPv6 address stands in brackets.
fn with_port(address: &str, default: u16) -> String {
    let after_host = address.rsplit_once(']').map_or(address, |(_, rest)| rest);
    if after_host.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:{default}")
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup_in(directory: &std::path::Path) -> EngineLookup {
        EngineLookup {
            docker_config: Some(directory.to_owned()),
            ..EngineLookup::default()
        }
    }

    fn write_context(directory: &std::path::Path, name: &str, meta: &str) -> String {
        let hash = hex(&Sha256::digest(name.as_bytes()));
        let meta_dir = directory.join("contexts/meta").join(&hash);
        std::fs::create_dir_all(&meta_dir).unwrap();
        std::fs::write(meta_dir.join("meta.json"), meta).unwrap();
        hash
    }

    fn endpoint(url: &str, tls: Option<&str>) -> EngineEndpoint {
        EngineEndpoint {
            url: url.to_owned(),
            source: EndpointSource::DockerHost,
            tls: tls.map(PathBuf::from),
        }
    }

    #[test]
    fn docker_host_wins_and_nothing_else_is_tried() {
        let lookup = EngineLookup {
            docker_host: Some("tcp://h:1".to_owned()),
            docker_context: Some("other".to_owned()),
            cert_path: Some(PathBuf::from("/certs")),
            ..EngineLookup::default()
        };
        let found = candidates(&lookup).unwrap();
        assert_eq!(found, [endpoint("tcp://h:1", Some("/certs"))]);
    }

    #[test]
    fn an_empty_variable_is_no_choice() {
        let lookup = EngineLookup {
            docker_host: Some(String::new()),
            docker_context: Some(String::new()),
            ..EngineLookup::default()
        };
        assert_eq!(candidates(&lookup).unwrap().len(), 2);
    }

    #[test]
    fn the_configured_context_is_resolved_with_its_certificates() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("config.json"),
            r#"{"currentContext":"box","auths":{}}"#,
        )
        .unwrap();
        let meta = r#"{"Name":"box","Endpoints":{"docker":{"Host":"tcp://box:2376"}}}"#;
        let hash = write_context(dir.path(), "box", meta);
        let tls = dir.path().join("contexts/tls").join(hash).join("docker");
        std::fs::create_dir_all(&tls).unwrap();
        let found = candidates(&lookup_in(dir.path())).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].url, "tcp://box:2376");
        assert_eq!(found[0].source, EndpointSource::Context("box".to_owned()));
        assert_eq!(found[0].tls, Some(tls));
    }

    #[test]
    fn docker_context_goes_before_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("config.json"),
            r#"{"currentContext":"gone"}"#,
        )
        .unwrap();
        let mut lookup = lookup_in(dir.path());
        lookup.docker_context = Some("default".to_owned());
        assert_eq!(
            candidates(&lookup).unwrap()[0].url,
            "unix:///var/run/docker.sock"
        );
        lookup.docker_context = None;
        let error = candidates(&lookup).unwrap_err();
        assert!(matches!(error, EngineError::BadEndpoint { .. }), "{error}");
        assert!(
            error.to_string().contains("docker context `gone`"),
            "{error}"
        );
    }

    #[test]
    fn usual_places_come_in_order() {
        let lookup = EngineLookup {
            runtime_dir: Some(PathBuf::from("/run/user/7")),
            home: Some(PathBuf::from("/home/u")),
            ..EngineLookup::default()
        };
        let urls: Vec<_> = candidates(&lookup)
            .unwrap()
            .into_iter()
            .map(|e| e.url)
            .collect();
        assert_eq!(
            urls,
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///home/u/.docker/run/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ]
        );
    }

    #[test]
    fn a_damaged_configuration_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), "{").unwrap();
        let error = candidates(&lookup_in(dir.path())).unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
    }

    #[test]
    fn urls_become_transports() {
        let ok = |url, tls| transport(&endpoint(url, tls)).unwrap();
        assert_eq!(
            ok("unix:///a/b.sock", None),
            Transport::Unix(PathBuf::from("/a/b.sock"))
        );
        assert_eq!(ok("tcp://h", None), Transport::Plain("h:2375".to_owned()));
        assert_eq!(
            ok("http://h:80/", None),
            Transport::Plain("h:80".to_owned())
        );
        assert_eq!(
            ok("tcp://[::1]", None),
            Transport::Plain("[::1]:2375".to_owned())
        );
        let secure = Transport::Tls("h:2376".to_owned(), PathBuf::from("/c"));
        assert_eq!(ok("tcp://h", Some("/c")), secure);
    }

    #[test]
    fn what_cannot_be_reached_is_refused_with_a_reason() {
        for (url, reason) in [
            ("ssh://me@h", "SSH"),
            ("ftp://h", "`ftp` is not supported"),
            ("/var/run/docker.sock", "a URL such as"),
            ("unix://rel", "absolute"),
            ("https://h", "certificates"),
            ("tcp://", "a host and a port"),
        ] {
            let error = transport(&endpoint(url, None)).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(error.contains(&format!("`DOCKER_HOST={url}`")), "{error}");
        }
    }
}
