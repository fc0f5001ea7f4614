//! What is tried from inside a sandbox before its agent starts.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use scc_policy::{Destinations, WEB_PORTS};
use scc_relay::probe::Check;
use scc_runtime::Surroundings;

/// Ports that many machines listen at. A closed one answers too, and that counts.
const PORTS: [u16; 2] = [22, 443];
/// More addresses tell nothing new.
const MOST: usize = 32;
/// A name that nobody can have (RFC 2606), and so no list.
const NOWHERE: &str = "scc-probe.invalid:443";
/// Where clouds answer questions about the machine, credentials included.
const METADATA: [u8; 4] = [169, 254, 169, 254];

/// The checks: addresses of the machine and of other sandboxes, a name, and what the proxy says to
/// hosts that are and are not on the list.
pub(crate) fn checks(
    destinations: &Destinations,
    surroundings: &Surroundings,
    machine: &[IpAddr],
) -> Vec<Check> {
    let around = surroundings.machine.iter().chain(machine);
    let around: BTreeSet<&IpAddr> = around.chain(&surroundings.containers).collect();
    // The sandbox has an own loopback.
    let around = around.into_iter().filter(|address| !address.is_loopback());
    let metadata = IpAddr::from(METADATA);
    let addresses: Vec<IpAddr> = around.copied().take(MOST).chain([metadata]).collect();
    let mut checks: Vec<Check> = addresses
        .iter()
        .flat_map(|address| PORTS.map(|port| Check::Unreachable(SocketAddr::new(*address, port))))
        .collect();
    checks.push(Check::Denied(NOWHERE.to_owned()));
    checks.push(Check::Denied(format!("{metadata}:443")));
    let named = destinations
        .hosts
        .iter()
        .find(|entry| !entry.host.is_wildcard());
    if let Some(entry) = named {
        let (name, [_, tls]) = (entry.host.name(), WEB_PORTS);
        let port = entry.ports.first().copied().unwrap_or(tls);
        checks.push(Check::Unknown(name.to_owned()));
        checks.push(Check::Allowed(format!("{name}:{port}")));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tried_once_and_loopback_never() {
        let surroundings = Surroundings {
            machine: vec!["172.17.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            containers: vec!["172.17.0.2".parse().unwrap()],
        };
        let machine = ["172.17.0.1".parse().unwrap()];
        let none = Destinations {
            hosts: Vec::new(),
            unresolved: Vec::new(),
        };
        let texts: Vec<_> = checks(&none, &surroundings, &machine)
            .iter()
            .map(Check::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "unreachable:172.17.0.1:22",
                "unreachable:172.17.0.1:443",
                "unreachable:172.17.0.2:22",
                "unreachable:172.17.0.2:443",
                "unreachable:169.254.169.254:22",
                "unreachable:169.254.169.254:443",
                "denied:scc-probe.invalid:443",
                "denied:169.254.169.254:443",
            ]
        );
    }
}
