//! How a sandbox is joined to the proxy that is its only way out.
//!
//! [`EgressTopology`] is the seam, with two ways behind it. [`Socket`]: the sandbox has no network
//! at all, and shares a socket with the proxy through a volume. [`InternalNetwork`]: both are in a
//! network of their own that leads nowhere, and the proxy is in another one as well. The first
//! leaves nothing to get around; the second is for engines whose sandboxes cannot share a socket.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use scc_relay::address::Address;

use crate::{
    EngineError, JoinedNetworks, Mount, MountSource, NameServers, Network, NetworkSpec,
    SandboxRuntime, labels,
};

/// The directory of the shared socket, on either side.
pub const MEETING: &str = "/run/scc-egress";
const SOCKET: &str = "/run/scc-egress/proxy.sock";
/// The port of the proxy in an internal network.
const PORT: u16 = 3128;

/// The value of [`labels::ROLE`] on a proxy and on what joins a sandbox to it.
pub const ROLE_EGRESS: &str = "egress";

/// One of the ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// [`Socket`].
    #[default]
    Socket,
    /// [`InternalNetwork`].
    InternalNetwork,
}

impl Topology {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::InternalNetwork => "internal-network",
        }
    }
}

impl FromStr for Topology {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Socket, Self::InternalNetwork]
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not one of socket, internal-network"))
    }
}

/// How a proxy gets out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WayOut {
    /// The engine's network, `None` for its default one.
    pub network: Option<String>,
    /// Who is asked for names, instead of whoever the engine asks.
    pub name_servers: Vec<IpAddr>,
}

/// The name of proxy, network and volume that are made for a sandbox of this name.
pub fn egress_name(sandbox: &str) -> String {
    format!("{sandbox}-egress")
}

/// Which sandbox is joined to its proxy.
#[derive(Debug, Clone)]
pub struct Link<'a> {
    /// The sandbox's name.
    pub sandbox: &'a str,
    /// Labels of everything that is made for it, beside role and sandbox.
    pub labels: &'a BTreeMap<String, String>,
    /// How the proxy gets out.
    pub way_out: &'a WayOut,
}

impl Link<'_> {
    /// The name of everything that is made for the sandbox: one, so that two launches of the same
    /// sandbox cannot both have it.
    pub fn name(&self) -> String {
        egress_name(self.sandbox)
    }

    /// The labels of everything that is made for the sandbox.
    pub fn own_labels(&self) -> BTreeMap<String, String> {
        let mut own = self.labels.clone();
        own.insert(labels::ROLE.to_owned(), ROLE_EGRESS.to_owned());
        own.insert(labels::MADE_FOR.to_owned(), self.sandbox.to_owned());
        own
    }

    fn outside(&self, further: Option<String>) -> Network {
        let names = match self.way_out.name_servers.as_slice() {
            [] => NameServers::Engine,
            servers => NameServers::At(servers.to_vec()),
        };
        Network::Joined(JoinedNetworks {
            network: self.way_out.network.clone(),
            further,
            names,
        })
    }
}

/// One end of a link: what a container needs for it, and where the other end is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// The networks.
    pub network: Network,
    /// Where the relay listens on the proxy's side, or connects to on the sandbox's.
    pub address: Address,
}

/// A way to join a sandbox to its proxy and to nothing else.
#[expect(
    async_fn_in_trait,
    reason = "callers are single-threaded and generic over the runtime"
)]
pub trait EgressTopology {
    /// Makes what lies between the two, and says what the proxy needs. The proxy is made after it.
    async fn proxy_end<R: SandboxRuntime>(
        &self,
        runtime: &R,
        link: &Link<'_>,
    ) -> Result<End, EngineError>;

    /// Says what the sandbox needs. Where [`EgressTopology::needs_running_proxy`] says so, the proxy,
    /// whose name is the link's, runs.
    async fn sandbox_end<R: SandboxRuntime>(
        &self,
        runtime: &R,
        link: &Link<'_>,
    ) -> Result<End, EngineError>;

    /// Whether the sandbox's end is known only when the proxy runs.
    fn needs_running_proxy(&self) -> bool;
}

/// The sandbox has no network, and shares a socket with the proxy.
#[derive(Debug, Clone, Copy)]
pub struct Socket;

impl Socket {
    fn mount(link: &Link<'_>, read_only: bool) -> Mount {
        Mount {
            source: MountSource::Volume {
                name: link.name(),
                labels: link.own_labels(),
            },
            target: MEETING.to_owned(),
            // Whoever can only read a volume can still connect to a socket in it.
            read_only,
        }
    }
}

impl EgressTopology for Socket {
    async fn proxy_end<R: SandboxRuntime>(
        &self,
        _: &R,
        link: &Link<'_>,
    ) -> Result<End, EngineError> {
        Ok(End {
            mounts: vec![Self::mount(link, false)],
            network: link.outside(None),
            address: Address::Unix(SOCKET.into()),
        })
    }

    async fn sandbox_end<R: SandboxRuntime>(
        &self,
        _: &R,
        link: &Link<'_>,
    ) -> Result<End, EngineError> {
        Ok(End {
            mounts: vec![Self::mount(link, true)],
            network: Network::None,
            address: Address::Unix(SOCKET.into()),
        })
    }

    fn needs_running_proxy(&self) -> bool {
        false
    }
}

/// Sandbox and proxy are alone in a network that leads nowhere.
#[derive(Debug, Clone, Copy)]
pub struct InternalNetwork;

impl EgressTopology for InternalNetwork {
    async fn proxy_end<R: SandboxRuntime>(
        &self,
        runtime: &R,
        link: &Link<'_>,
    ) -> Result<End, EngineError> {
        let made = runtime
            .create_network(&NetworkSpec {
                name: link.name(),
                labels: link.own_labels(),
            })
            .await?;
        let Some(address) = made.address else {
            return Err(refused("the engine gave the network no range"));
        };
        Ok(End {
            mounts: Vec::new(),
            network: link.outside(Some(made.id)),
            address: Address::Toward(SocketAddr::new(address, PORT)),
        })
    }

    async fn sandbox_end<R: SandboxRuntime>(
        &self,
        runtime: &R,
        link: &Link<'_>,
    ) -> Result<End, EngineError> {
        let name = link.name();
        let address = runtime.address_in(&name, &name).await?;
        let Some(address) = address else {
            return Err(refused("the proxy has no address in the network"));
        };
        Ok(End {
            mounts: Vec::new(),
            network: Network::Joined(JoinedNetworks {
                network: Some(link.name()),
                further: None,
                names: NameServers::Nobody,
            }),
            address: Address::Tcp(SocketAddr::new(address, PORT)),
        })
    }

    fn needs_running_proxy(&self) -> bool {
        true
    }
}

fn refused(message: &str) -> EngineError {
    EngineError::Refused {
        action: "joining the sandbox to its proxy".to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read_and_written() {
        for way in [Topology::Socket, Topology::InternalNetwork] {
            assert_eq!(way.as_str().parse(), Ok(way));
        }
        assert!("open".parse::<Topology>().is_err());
    }

    #[test]
    fn what_is_made_for_a_sandbox_is_known_by_its_labels() {
        let labels = [(labels::NAMESPACE.to_owned(), "n".to_owned())].into();
        let way_out = WayOut::default();
        let link = Link {
            sandbox: "scc-x",
            labels: &labels,
            way_out: &way_out,
        };
        assert_eq!(link.name(), "scc-x-egress");
        let own = link.own_labels();
        assert_eq!(own[labels::ROLE], ROLE_EGRESS);
        assert_eq!(own[labels::MADE_FOR], "scc-x");
        assert_eq!(own[labels::NAMESPACE], "n");
    }
}
