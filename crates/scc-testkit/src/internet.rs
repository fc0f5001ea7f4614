//! A stand-in for the internet: a network of the engine in a range that no rule about private
//! addresses touches, with a name server, and servers of the test behind it.
//!
//! One container has the address of every host. It answers questions for names, and passes what
//! comes to the ports of the web on to servers of this process.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::wait_for;

const RANGE: &str = "198.51.100.0/24";
/// This machine in it.
const MACHINE: &str = "198.51.100.1";
/// Every host of it, and its name server.
const HOSTS: &str = "198.51.100.10";
const LABEL: &str = "dev.scc.test-internet";
const NAME_SERVER: &str = include_str!("internet/dns.pl");
const GUARD: &str = "/usr/local/lib/scc/guard";
const LIMIT: Duration = Duration::from_secs(60);

/// What is reached at which port of the internet.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// The port there.
    pub outside: u16,
    /// The port at which a server of this process listens, at [`Internet::machine`].
    pub inside: u16,
}

/// The stand-in; it ends with this value.
#[derive(Debug)]
pub struct Internet {
    engine: Engine,
    network: String,
    container: Option<String>,
}

impl Internet {
    /// Makes the network. Only one can be on an engine; what another test has left is removed.
    ///
    /// # Panics
    /// When the engine refuses.
    #[must_use]
    pub fn new(engine: &Engine, namespace: &str) -> Self {
        remove_all(engine);
        remove_stale_bridges(engine);
        let network = format!("scc-test-{namespace}");
        let body = json!({
            "Name": network,
            "Driver": "bridge",
            "IPAM": { "Config": [{ "Subnet": RANGE, "Gateway": MACHINE }] },
            "Labels": { LABEL: "true", "dev.scc.namespace": namespace },
        });
        let (status, said) = engine.request("POST", "/networks/create", Some(&body));
        assert_eq!(status, 201, "{said}");
        Self {
            engine: engine.clone(),
            network,
            container: None,
        }
    }

    /// The address of this machine in it, at which the test's servers listen.
    #[must_use]
    pub fn machine(&self) -> &'static str {
        MACHINE
    }

    /// The address of every host, and of the name server.
    #[must_use]
    pub fn hosts(&self) -> &'static str {
        HOSTS
    }

    /// The engine's network.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Starts its hosts, in a container of this image of scc's. `zone` says which name has which
    /// address: `NAME=ADDRESS`, `NAME=FIRST,LATER`, or `PTR=NAME` for the name of every address.
    ///
    /// # Panics
    /// When the engine refuses.
    pub fn start(&mut self, image: &str, zone: &[String], ports: &[Port]) {
        let mut argv: Vec<String> = Vec::new();
        for port in ports {
            let listen = format!("tcp:0.0.0.0:{}", port.outside);
            let connect = format!("tcp:{MACHINE}:{}", port.inside);
            let words = [
                GUARD,
                "relay",
                "--listen",
                &listen,
                "--connect",
                &connect,
                "--",
            ];
            argv.extend(words.map(str::to_owned));
        }
        argv.extend(["perl", "-e", NAME_SERVER].map(str::to_owned));
        argv.extend(zone.iter().cloned());
        let body = json!({
            "Image": image,
            "Entrypoint": argv,
            "Cmd": [],
            "User": "0:0",
            "Labels": { LABEL: "true" },
            "HostConfig": { "NetworkMode": self.network, "Init": true },
            "NetworkingConfig": { "EndpointsConfig": {
                &self.network: { "IPAMConfig": { "IPv4Address": HOSTS } },
            } },
        });
        let (status, made) = self
            .engine
            .request("POST", "/containers/create", Some(&body));
        assert_eq!(status, 201, "{made}");
        let id = made["Id"].as_str().expect("a container").to_owned();
        let started = self
            .engine
            .request("POST", &format!("/containers/{id}/start"), None);
        assert_eq!(started.0, 204, "{}", started.1);
        self.container = Some(id);
        wait_for("the name server", LIMIT, || {
            let said = self.said();
            said.contains("ready").then_some(()).or_else(|| {
                assert!(!said.contains("bind:"), "{said}");
                None
            })
        });
    }

    /// The questions for names so far, with their types: `a.example 1`.
    #[must_use]
    pub fn questions(&self) -> Vec<String> {
        let said = self.said();
        let lines = said.lines().filter(|line| line.contains(' '));
        lines.map(str::to_owned).collect()
    }

    fn said(&self) -> String {
        let id = self.container.as_deref().unwrap_or_default();
        self.engine.log(id)
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        remove_all(&self.engine);
    }
}

fn remove_all(engine: &Engine) {
    let filters = format!("%7B%22label%22%3A%5B%22{LABEL}%22%5D%7D");
    let containers = engine.get(&format!("/containers/json?all=true&filters={filters}"));
    for container in items(&containers) {
        let id = container["Id"].as_str().unwrap_or_default();
        let _ = engine.request("DELETE", &format!("/containers/{id}?force=true"), None);
    }
    let networks = engine.get(&format!("/networks?filters={filters}"));
    for network in items(&networks) {
        let id = network["Id"].as_str().unwrap_or_default();
        // A proxy of an earlier test may still be joined to it.
        let found = engine.get(&format!("/networks/{id}"));
        let joined = found["Containers"].as_object().cloned().unwrap_or_default();
        for container in joined.keys() {
            let _ = engine.request(
                "DELETE",
                &format!("/containers/{container}?force=true"),
                None,
            );
        }
        let _ = engine.request("DELETE", &format!("/networks/{id}"), None);
    }
}

/// Removes the bridges with this machine's address that a killed engine has left: packets for the
/// range would go there. Where there is no `ip` there is nothing to be done.
fn remove_stale_bridges(engine: &Engine) {
    let ip = |arguments: &[&str]| Command::new("ip").args(arguments).output();
    let Ok(found) = ip(&["-o", "-4", "address", "show", "to", MACHINE]) else {
        return;
    };
    for line in String::from_utf8_lossy(&found.stdout).lines() {
        let device = line.split_whitespace().nth(1).unwrap_or_default();
        let Some(network) = device.strip_prefix("br-") else {
            continue;
        };
        let path = format!("/networks/{network}");
        if engine.request("GET", &path, None).0 == 404 {
            let _ = ip(&["link", "delete", device]);
        }
    }
}

fn items(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}
