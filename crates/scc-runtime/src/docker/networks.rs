//! Networks: between a sandbox and its proxy, and around both.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::Docker;
use bollard::models::{
    EndpointSettings, Ipam, Network as EngineNetwork, NetworkConnectRequest, NetworkCreateRequest,
};
use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions};

use super::failure::{failed, status};
use super::list::label_filter;
use crate::{
    EngineError, JoinedNetworks, NameServers, Network, NetworkSpec, NetworkView, SandboxSpec,
    Surroundings,
};

/// The name by which engines know their default network when a container is made.
const DEFAULT: &str = "default";

/// Gives the bridge no address. Without it the engine's machine can be reached through the network,
/// whatever else is said; engines that know better ways still know this one.
const NO_ADDRESS: &str = "com.docker.network.bridge.inhibit_ipv4";

/// An address at which nobody is (RFC 5737). One of loopback would be the sandbox's own.
const NOBODY: &str = "192.0.2.254";

/// How a network is called when a container is made.
pub(super) fn mode(network: &Network) -> &str {
    match network {
        Network::Open => DEFAULT,
        Network::None => "none",
        Network::Joined(joined) => joined.network.as_deref().unwrap_or(DEFAULT),
    }
}

fn joined(network: &Network) -> Option<&JoinedNetworks> {
    match network {
        Network::Joined(joined) => Some(joined),
        Network::Open | Network::None => None,
    }
}

pub(super) fn name_servers(network: &Network) -> Option<Vec<String>> {
    match &joined(network)?.names {
        NameServers::Engine => None,
        NameServers::At(servers) => Some(servers.iter().map(IpAddr::to_string).collect()),
        NameServers::Nobody => Some(vec![NOBODY.to_owned()]),
    }
}

/// Where nobody answers, waiting for an answer is kept short.
pub(super) fn name_options(network: &Network) -> Option<Vec<String>> {
    let nobody = joined(network)?.names == NameServers::Nobody;
    nobody.then(|| ["timeout:1", "attempts:1"].map(str::to_owned).into())
}

/// Whoever is joined to two networks must not carry packets from one to the other.
pub(super) fn settings(network: &Network) -> Option<HashMap<String, String>> {
    joined(network)?;
    Some([("net.ipv4.ip_forward".to_owned(), "0".to_owned())].into())
}

/// Joins a container that was made, and not started, to its second network: at creation there can
/// be only one.
pub(super) async fn join_further(
    docker: &Docker,
    spec: &SandboxSpec,
    id: &str,
) -> Result<(), EngineError> {
    let further = joined(&spec.network).and_then(|joined| joined.further.as_deref());
    let Some(network) = further else {
        return Ok(());
    };
    let request = NetworkConnectRequest {
        container: id.to_owned(),
        endpoint_config: None,
    };
    docker
        .connect_network(network, request)
        .await
        .map_err(failed(
            "joining the sandbox to a network",
            &format!("the network `{network}`"),
        ))
}

pub(super) async fn create(
    docker: &Docker,
    spec: &NetworkSpec,
) -> Result<NetworkView, EngineError> {
    let request = NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".to_owned()),
        internal: Some(true),
        attachable: Some(false),
        enable_ipv6: Some(false),
        options: Some([(NO_ADDRESS.to_owned(), "true".to_owned())].into()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        ..NetworkCreateRequest::default()
    };
    let action = "making a network";
    let made = docker.create_network(request).await;
    let made = made.map_err(failed(action, "the network driver"))?;
    let found = docker.inspect_network(&made.id, None).await;
    let found = found.map_err(failed(action, "the network"))?;
    Ok(NetworkView {
        id: made.id,
        name: spec.name.clone(),
        labels: spec.labels.clone(),
        address: found.ipam.as_ref().and_then(first_address),
    })
}

pub(super) async fn list(
    docker: &Docker,
    labels: &[(&str, &str)],
) -> Result<Vec<NetworkView>, EngineError> {
    let options = ListNetworksOptions {
        filters: Some(label_filter(labels)),
    };
    let found = all(docker, Some(options)).await?;
    let views = found.into_iter().map(|network| NetworkView {
        address: network.ipam.as_ref().and_then(first_address),
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        labels: network
            .labels
            .unwrap_or_default()
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
    });
    // Podman finds what has any of the labels.
    let has_all = |view: &NetworkView| {
        let has = |(key, value): &(&str, &str)| view.labels.get(*key).is_some_and(|v| v == value);
        labels.iter().all(has)
    };
    Ok(views.filter(has_all).collect())
}

async fn all(
    docker: &Docker,
    options: Option<ListNetworksOptions>,
) -> Result<Vec<EngineNetwork>, EngineError> {
    let found = docker.list_networks(options).await;
    found.map_err(failed("listing networks", "the engine"))
}

pub(super) async fn remove(docker: &Docker, id: &str) -> Result<bool, EngineError> {
    match docker.remove_network(id).await {
        Ok(()) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(true),
        // Somebody is joined to it.
        Err(error) if matches!(status(&error), Some(403 | 409)) => Ok(false),
        Err(error) => Err(failed("removing a network", "the network")(error)),
    }
}

pub(super) async fn address_in(
    docker: &Docker,
    id: &str,
    network: &str,
) -> Result<Option<IpAddr>, EngineError> {
    let found = docker.inspect_container(id, None).await.map_err(failed(
        "looking at the sandbox",
        &format!("the sandbox `{id}`"),
    ))?;
    let settings = found.network_settings.unwrap_or_default();
    let networks = settings.networks.unwrap_or_default();
    let endpoint = networks.get(network);
    Ok(endpoint.and_then(|endpoint| address(endpoint.ip_address.as_deref())))
}

pub(super) async fn surroundings(docker: &Docker) -> Result<Surroundings, EngineError> {
    let running = async {
        let found = docker.list_containers(None::<ListContainersOptions>).await;
        found.map_err(failed("listing sandboxes", "the engine"))
    };
    let (networks, running) = tokio::join!(all(docker, None), running);
    let (networks, running) = (networks?, running?);
    let machine = networks
        .iter()
        .filter_map(|network| network.ipam.as_ref())
        .flat_map(own_addresses)
        .collect();
    let endpoints = running
        .into_iter()
        .filter_map(|container| container.network_settings?.networks)
        .flat_map(HashMap::into_values);
    Ok(Surroundings {
        machine,
        containers: endpoints
            .flat_map(|endpoint| addresses(&endpoint))
            .collect(),
    })
}

fn addresses(endpoint: &EndpointSettings) -> Vec<IpAddr> {
    let texts = [&endpoint.ip_address, &endpoint.global_ipv6_address];
    texts
        .into_iter()
        .filter_map(|text| address(text.as_deref()))
        .collect()
}

fn address(text: Option<&str>) -> Option<IpAddr> {
    text?.split('/').next()?.parse().ok()
}

/// The addresses of the engine's machine: those that are named, and the first of each range, which
/// it takes where none is named.
fn own_addresses(ipam: &Ipam) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for config in ipam.config.iter().flatten() {
        let named = address(config.gateway.as_deref());
        found.extend(named.or_else(|| first_in(config.subnet.as_deref()?)));
    }
    found
}

fn first_address(ipam: &Ipam) -> Option<IpAddr> {
    let configs = ipam.config.iter().flatten();
    let mut subnets = configs.filter_map(|config| config.subnet.as_deref());
    subnets.find_map(first_in)
}

/// The first address of a range such as `172.18.0.0/16`.
fn first_in(subnet: &str) -> Option<IpAddr> {
    match address(Some(subnet))? {
        IpAddr::V4(network) => Some(IpAddr::V4((network.to_bits().checked_add(1)?).into())),
        IpAddr::V6(network) => Some(IpAddr::V6((network.to_bits().checked_add(1)?).into())),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::IpamConfig;

    use super::*;

    fn ipam(subnet: &str, gateway: Option<&str>) -> Ipam {
        Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(subnet.to_owned()),
                gateway: gateway.map(str::to_owned),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }
    }

    #[test]
    fn the_machine_has_the_named_address_or_the_first() {
        let text = |ipam: &Ipam| {
            own_addresses(ipam)
                .iter()
                .map(IpAddr::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            text(&ipam("172.18.0.0/16", Some("172.18.0.9"))),
            ["172.18.0.9"]
        );
        assert_eq!(text(&ipam("172.18.0.0/16", None)), ["172.18.0.1"]);
        assert_eq!(text(&ipam("fd00::/64", Some("fd00::1/64"))), ["fd00::1"]);
        assert!(text(&Ipam::default()).is_empty());
    }

    #[test]
    fn only_joined_sandboxes_have_settings_of_their_own() {
        let joined = Network::Joined(JoinedNetworks {
            network: Some("n".to_owned()),
            further: None,
            names: NameServers::Nobody,
        });
        assert_eq!(mode(&joined), "n");
        assert_eq!(name_servers(&joined).unwrap(), [NOBODY]);
        assert_eq!(name_options(&joined).unwrap().len(), 2);
        assert!(settings(&joined).is_some());
        for network in [Network::Open, Network::None] {
            assert!(name_servers(&network).is_none() && settings(&network).is_none());
        }
    }
}
