//! A real container engine, spoken to directly, so that tests see what is there and not what scc
//! says is there.

mod containers;
mod logs;

use std::io::{self, BufReader, Read as _, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::http::{read_body, read_head};

/// The engine that the tests use.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
    base_image: String,
}

impl Engine {
    /// The engine named by `DOCKER_HOST`, with the base image named by `SCC_TEST_BASE_IMAGE`.
    ///
    /// # Panics
    /// When there is none: a test that needs an engine does not pass without one.
    #[must_use]
    pub fn required() -> Self {
        let missing = "needs a container engine: run `cargo xtask test`, which finds or starts one";
        let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| panic!("{missing}"));
        let base_image =
            std::env::var("SCC_TEST_BASE_IMAGE").unwrap_or_else(|_| panic!("{missing}"));
        Self::at(&host, base_image)
    }

    /// The engine at a `unix://` address.
    #[must_use]
    pub fn at(host: &str, base_image: String) -> Self {
        let socket = host.strip_prefix("unix://").unwrap_or(host);
        Self {
            socket: socket.into(),
            base_image,
        }
    }

    /// The image that scc's own are to be built on.
    #[must_use]
    pub fn base_image(&self) -> &str {
        &self.base_image
    }

    /// The address of the engine.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Sends a request and returns status and JSON body (`null` if it is none).
    #[must_use]
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (status, body) = self.exchange(method, path, body);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Vec<u8>) {
        let mut stream = UnixStream::connect(&self.socket)
            .unwrap_or_else(|error| panic!("the engine at {}: {error}", self.host()));
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader).unwrap().expect("the engine answers");
        let status = head
            .first_line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok());
        let body = read_body(&head, &mut reader).unwrap();
        (status.expect("a status"), body)
    }

    /// The output of a container from now on, as the engine frames it. Acknowledged when this
    /// returns.
    ///
    /// # Errors
    /// When the engine does not connect it.
    pub fn attach(&self, id: &str) -> io::Result<impl io::Read + use<>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(
            stream,
            "POST /containers/{id}/attach?stream=1&stdout=1 HTTP/1.1\r\nhost: engine\r\n\
             connection: upgrade\r\nupgrade: tcp\r\n\r\n"
        )?;
        let mut reader = BufReader::new(stream);
        match read_head(&mut reader)? {
            Some(head) if head.first_line.contains(" 101 ") => Ok(reader),
            head => Err(io::Error::other(
                head.map_or_else(String::new, |h| h.first_line),
            )),
        }
    }

    /// What the engine sends in answer to this until it closes the connection, in its framing.
    fn stream(&self, path: &str, body: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\n\
             connection: upgrade\r\nupgrade: tcp\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        match head.first_line.contains(" 101 ") {
            true => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            false => Err(io::Error::other(head.first_line)),
        }
    }

    /// The body of a GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        self.request("GET", path, None).1
    }

    /// The address of this machine in the default network of containers. Some engines say it,
    /// others only name the network's range, of which it has the first address.
    #[must_use]
    pub fn gateway(&self) -> String {
        let network = self.get("/networks/bridge");
        let range = &network["IPAM"]["Config"][0];
        if let Some(gateway) = range["Gateway"].as_str() {
            return gateway.to_owned();
        }
        let subnet = range["Subnet"]
            .as_str()
            .expect("the default network has a range");
        let (address, _) = subnet.split_once('/').expect("a range");
        let (network, _) = address.rsplit_once('.').expect("an IPv4 range");
        format!("{network}.1")
    }

    /// All containers of a namespace, whatever their state.
    #[must_use]
    pub fn containers(&self, namespace: &str) -> Vec<Value> {
        let filters = filters(namespace);
        let list = self.get(&format!("/containers/json?all=true&filters={filters}"));
        list.as_array().cloned().unwrap_or_default()
    }

    /// Those that are a session's.
    #[must_use]
    pub fn sessions(&self, namespace: &str) -> Vec<Value> {
        let mut all = self.containers(namespace);
        all.retain(|container| container["Labels"]["dev.scc.role"] == "session");
        all
    }

    /// Names of all volumes of a namespace.
    #[must_use]
    pub fn volumes(&self, namespace: &str) -> Vec<String> {
        let list = self.get(&format!("/volumes?filters={}", filters(namespace)));
        let volumes = list["Volumes"].as_array().cloned().unwrap_or_default();
        volumes
            .iter()
            .filter_map(|v| Some(v["Name"].as_str()?.to_owned()))
            .collect()
    }

    /// Removes all containers, networks and volumes of a namespace.
    pub fn clean(&self, namespace: &str) {
        for container in self.containers(namespace) {
            let id = container["Id"].as_str().unwrap_or_default();
            let _ = self.request(
                "DELETE",
                &format!("/containers/{id}?force=true&v=true"),
                None,
            );
        }
        for network in self.networks(namespace) {
            let _ = self.request("DELETE", &format!("/networks/{network}"), None);
        }
        for volume in self.volumes(namespace) {
            let _ = self.request("DELETE", &format!("/volumes/{volume}"), None);
        }
    }
}

/// A label filter, encoded for a URL.
fn filters(namespace: &str) -> String {
    format!("%7B%22label%22%3A%5B%22dev.scc.namespace%3D{namespace}%22%5D%7D")
}
